"""The granule protection table: what it says of one address, run by run of all, and what is cached of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.architecture import PA, PAS, Security
from emu.errors import AddressError
from emu.rme.gpt import GPI_NAMES, GPI_NON_SECURE_ONLY, EntryMeaning, GptConfig, level0_entry, level1_entry
from emu.rme.gpt_table import GptRun, GptTable, read_table
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry on the way to an address."""

    level: int
    address: int
    value: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an access to an address space passes, made from Root state."""

    pas: PAS
    passes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CachedRange:
    """GPT information that the TLB holds, whatever the table says by now."""

    start: int
    end: int
    gpi: int
    level: int
    is_stale: bool
    """The table says something else of its first address."""


@dataclass(frozen=True, slots=True)
class AddressView:
    """What the table says of one physical address."""

    pa: int
    symbol: str
    entries: tuple[EntryView, ...]
    gpi: int | None
    level: int
    problem: str
    """Why the table cannot be read there, or ""."""
    verdicts: tuple[Verdict, ...]
    cached: CachedRange | None


@dataclass(frozen=True, slots=True)
class GptView:
    """`follow` says whose address it is; `address` is None where there is none yet."""

    follow: str
    is_enabled: bool
    config: GptConfig
    address: AddressView | None
    runs: tuple[GptRun, ...]
    cached: tuple[CachedRange, ...]

    @property
    def runs_are_meant(self) -> bool:
        """Whether somebody has made a table, though checks may still be off."""
        return self.is_enabled or any(run.gpi is not None for run in self.runs)

    @property
    def stale(self) -> int:
        return sum(1 for item in self.cached if item.is_stale)


def gpi_name(gpi: int | None) -> str:
    """ "realm", "no access"; what no table may hold is "invalid"."""
    return "invalid" if gpi is None else GPI_NAMES.get(gpi, "invalid")


def table(machine: emu.Machine) -> GptTable:
    """The whole table, read as the checks read it. Changes nothing."""

    def read(pa: int, size: int) -> bytes | None:
        try:
            return machine.mec.view_as(pa, size, PAS.ROOT, 0)
        except AddressError:
            return None

    return read_table(machine.cpu.acting, read, machine.features.pa_bits)


def gpt(machine: emu.Machine, pa: int | None = None) -> GptView:
    """The table, and what it says of `pa`: of the last data access where none is given."""
    follow = "chosen address" if pa is not None else "last data access"
    if pa is None and machine.last_access is not None:
        pa = machine.explain(machine.last_access).pa
    found = table(machine)
    cached = tuple(cached_ranges(machine))
    address = None if pa is None else at(machine, pa, found.config, cached)
    return GptView(follow, found.is_enabled, found.config, address, found.runs, cached)


def at(machine: emu.Machine, pa: int, config: GptConfig, cached: tuple[CachedRange, ...]) -> AddressView:
    granules = machine.cpu.mmu.granules
    with machine.memory.unobserved():
        looks = [granules.look(PA(pa), pas, Security.ROOT, as_cached=False) for pas in PAS]
    fullest = max(looks, key=lambda look: (len(look.entries), look.gpi is not None))
    entries = tuple(EntryView(level, where, value, meaning(config, level, value, pa)) for level, where, value in
                    fullest.entries)  # fmt: skip
    verdicts = tuple(Verdict(look.pas, look.failure is None, look.reason) for look in looks)
    problem = "" if fullest.gpi is not None or not fullest.enabled else fullest.reason
    held = next((item for item in cached if item.start <= pa < item.end), None)
    return AddressView(pa, label(machine, pa), entries, fullest.gpi, fullest.level, problem, verdicts, held)


def meaning(config: GptConfig, level: int, value: int, pa: int) -> str:
    """An entry in words."""
    found = level0_entry(config, value) if level == 0 else level1_entry(config, value)
    if not isinstance(found, EntryMeaning):
        return f"level 1 table at {found:#x}"
    if found.failure is not None:
        return found.reason
    if found.gpi is not None:
        kind = "block" if level == 0 else "contiguous"
        return f"{kind}: {gpi_name(found.gpi)}"
    number = pa >> config.granule & 0xF
    return f"granule {number} of 16: {gpi_name(value >> 4 * number & 0xF)}"


def cached_ranges(machine: emu.Machine) -> list[CachedRange]:
    """What is cached, by address; stale where a check of the table as it is would find another GPI."""
    granules = machine.cpu.mmu.granules
    found = []
    with machine.memory.unobserved():
        for size, infos in granules.state().items():
            for number, info in infos.items():
                start = number << size
                fresh = granules.look(PA(start), PAS.ROOT, Security.ROOT, as_cached=False)
                is_stale = fresh.enabled and fresh.gpi != info.gpi
                found.append(CachedRange(start, start + (1 << size), info.gpi, info.level, is_stale))
    return sorted(found, key=lambda item: item.start)


def remark(view: AddressView) -> str:
    """What the verdicts alone do not say."""
    if view.gpi == GPI_NON_SECURE_ONLY:
        return "non-secure only: accesses of secure and realm state fail even to the non-secure space"
    return ""


# --- JSON ---------------------------------------------------------------------------------------------------------


def gpt_json(view: GptView) -> dict[str, Any]:
    """What `mectui gpt --json` prints; names here are a contract."""
    config, address = view.config, view.address
    return {
        "schema": 1,
        "enabled": view.is_enabled,
        "problem": config.problem or None,
        "base": f"{config.base:#x}",
        "protected_size": config.limit,
        "granule": 1 << config.granule,
        "level0_covers": 1 << config.block,
        "address": None if address is None else _address_json(address),
        "runs": [
            {
                "start": f"{run.start:#x}",
                "end": f"{run.end:#x}",
                "gpi": None if run.gpi is None else gpi_name(run.gpi),
                "kind": run.kind,
                "problem": run.problem or None,
            }
            for run in view.runs
        ],
        "cached": [_cached_json(item) for item in view.cached],
    }


def _address_json(address: AddressView) -> dict[str, Any]:
    return {
        "pa": f"{address.pa:#x}",
        "symbol": address.symbol,
        "gpi": None if address.gpi is None else gpi_name(address.gpi),
        "level": address.level,
        "problem": address.problem or None,
        "entries": [
            {"level": item.level, "address": f"{item.address:#x}", "value": f"{item.value:#x}", "meaning": item.meaning}
            for item in address.entries
        ],
        "passes": {item.pas.label: item.passes for item in address.verdicts},
        "cached": None if address.cached is None else _cached_json(address.cached),
    }


def _cached_json(item: CachedRange) -> dict[str, Any]:
    return {
        "start": f"{item.start:#x}",
        "end": f"{item.end:#x}",
        "gpi": gpi_name(item.gpi),
        "level": item.level,
        "stale": item.is_stale,
    }
