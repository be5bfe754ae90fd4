"""Granule protection: does the granule protection table let this physical address space reach this address?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from emu.architecture import PA, PAS, Security
from emu.features import Features
from emu.translation.geometry import OUTPUT_BITS
from emu.translation.records import GpcFailure, GpcResult
from emu.translation.regimes import RegisterView

ReadWord = Callable[[PA, PAS, int], "tuple[int, int] | None"]
"""(pa, pas, mecid) -> (64-bit little-endian word, mismatching owner id or 0), or None where there is no memory."""

GPC_ENABLE = 1 << 16

GPI_NAMES: dict[int, str] = {
    0x0: "no access",
    0x8: "secure",
    0x9: "non-secure",
    0xA: "root",
    0xB: "realm",
    0xD: "non-secure only",
    0xF: "any",
}
"""Granule protection information. 0xD is valid with GPCCR_EL3.NSO; what is not here is invalid (no FEAT_RME_GDI)."""
GPI_OF_PAS: dict[PAS, int] = {PAS.SECURE: 0x8, PAS.NON_SECURE: 0x9, PAS.ROOT: 0xA, PAS.REALM: 0xB}
GPI_NON_SECURE_ONLY = 0xD
GPI_ANY = 0xF
_VALID = frozenset(GPI_NAMES) - {GPI_NON_SECURE_ONLY}

_DISABLED = {PAS.REALM: (1 << 5, "RLPAD"), PAS.NON_SECURE: (1 << 6, "NSPAD"), PAS.SECURE: (1 << 7, "SPAD")}
"""Bits of GPCCR_EL3 that close a whole address space (FEAT_RME_GPC2), and their names."""
_NSO = 1 << 19

PGS: dict[int, int] = {0: 12, 1: 16, 2: 14}
"""GPCCR_EL3.PGS -> log2 of the protection granule."""
L0GPTSZ: dict[int, int] = {0: 30, 4: 34, 6: 36, 9: 39}
"""GPCCR_EL3.L0GPTSZ -> log2 of what one level-0 entry covers."""
_CONTIGUOUS: dict[int, int] = {1: 21, 2: 25, 3: 29}
_INVALIDATE_SIZE: dict[int, int] = {0: 12, 1: 14, 2: 16, 3: 21, 4: 25, 5: 29, 6: 30, 7: 34, 8: 36, 9: 39}


_FEW = 4
"""Pages whose checks are forgotten one by one."""
_EVERYWHERE = 1 << 64


@dataclass(frozen=True, slots=True)
class GptConfig:
    """GPCCR_EL3 and GPTBR_EL3 decoded (mec-reference.md 3.4)."""

    problem: str
    """Which fields are inconsistent, or ""."""
    limit: int
    """First address beyond the protected size."""
    granule: int
    """log2 of the protection granule."""
    block: int
    """log2 of what a level-0 entry covers."""
    base: int
    """Address of the level-0 table."""
    valid: frozenset[int]
    """GPIs that a table may hold."""


@lru_cache(maxsize=64)
def decode_config(gpccr: int, gptbr: int, pa_bits: int) -> GptConfig:
    """Decode both registers and apply the consistency test."""
    pps, pgs, sh = gpccr & 7, gpccr >> 14 & 3, gpccr >> 12 & 3
    problem = ""
    if pps == 7 or OUTPUT_BITS[pps] > pa_bits:
        problem = "GPCCR_EL3.PPS is reserved or beyond the implemented PA size"
    elif pgs == 3:
        problem = "GPCCR_EL3.PGS is reserved"
    elif sh == 1:
        problem = "GPCCR_EL3.SH is reserved"
    elif gpccr >> 8 & 0xF == 0 and sh != 2:
        problem = "GPCCR_EL3.SH must be outer shareable when IRGN and ORGN are Non-cacheable"
    bits = OUTPUT_BITS[pps]
    block = L0GPTSZ.get(gpccr >> 20 & 0xF, 30)
    align = max(12, bits - block + 3)
    base = (gptbr & ((1 << 40) - 1)) << 12 & ~((1 << align) - 1)
    valid = _VALID | {GPI_NON_SECURE_ONLY} if gpccr & _NSO else _VALID
    return GptConfig(problem, 1 << bits, PGS.get(pgs, 12), block, base, valid)


class GranuleInfo(NamedTuple):
    """What a GPT entry says about a range of addresses."""

    gpi: int
    level: int
    size: int
    """log2 of the range, which is aligned to it."""


class _WalkFailure(NamedTuple):
    failure: GpcFailure
    level: int
    reason: str


Entries = list[tuple[int, int, int]]


def walk_gpt(config: GptConfig, pa: int, read: ReadWord, entries: Entries) -> GranuleInfo | _WalkFailure:
    """Steps 5 to 9 of the check (mec-reference.md 3.6): from the tables to the GPI. What is read goes to `entries`."""
    if config.base >= config.limit:
        return _WalkFailure(GpcFailure.ADDRESS_SIZE, 0, "GPTBR_EL3.BADDR is beyond GPCCR_EL3.PPS")
    address = config.base + ((pa & (config.limit - 1)) >> config.block) * 8
    found = read(PA(address), PAS.ROOT, 0)
    if found is None:
        return _WalkFailure(GpcFailure.EXTERNAL, 0, f"external abort on the level 0 GPT entry at {address:#x}")
    entry = found[0]
    entries.append((0, address, entry))
    meaning = level0_entry(config, entry)
    if isinstance(meaning, int):
        return _walk_level1(config, pa, meaning, read, entries)
    if meaning.failure is not None or meaning.gpi is None:
        return _WalkFailure(meaning.failure or GpcFailure.WALK, 0, meaning.reason)
    return GranuleInfo(meaning.gpi, 0, config.block)


class EntryMeaning(NamedTuple):
    """What an entry says by itself. A `gpi` of None without a failure: sixteen granules have one each."""

    gpi: int | None
    size: int = 0
    """log2 of the range that `gpi` is for."""
    failure: GpcFailure | None = None
    reason: str = ""


def level0_entry(config: GptConfig, entry: int) -> EntryMeaning | int:
    """A level 0 entry: a block, or the address of a level 1 table."""
    kind = entry & 0xF
    if kind == 1:
        gpi = entry >> 4 & 0xF
        if entry >> 8 or gpi not in config.valid:
            return EntryMeaning(None, 0, GpcFailure.WALK, f"invalid level 0 GPT block {entry:#x}")
        return EntryMeaning(gpi, config.block)
    table_bits = config.block - config.granule - 1
    base = entry & ((1 << 52) - (1 << 12))
    if kind != 3 or entry & 0xFF0 or entry >> 52 or base & ((1 << table_bits) - 1):
        return EntryMeaning(None, 0, GpcFailure.WALK, f"invalid level 0 GPT entry {entry:#x}")
    if base >= config.limit:
        return EntryMeaning(None, 0, GpcFailure.ADDRESS_SIZE, "level 1 GPT is beyond GPCCR_EL3.PPS")
    return base


def level1_entry(config: GptConfig, entry: int) -> EntryMeaning:
    """A level 1 entry: a contiguous run, or sixteen granules."""
    if entry & 0xF == 1:
        gpi, size = entry >> 4 & 0xF, _CONTIGUOUS.get(entry >> 8 & 3)
        if entry >> 10 or size is None or gpi not in config.valid:
            return EntryMeaning(None, 0, GpcFailure.WALK, f"invalid contiguous GPT entry {entry:#x}")
        return EntryMeaning(gpi, size)
    if any(entry >> shift & 0xF not in config.valid for shift in range(0, 64, 4)):
        return EntryMeaning(None, 0, GpcFailure.WALK, f"level 1 GPT entry {entry:#x} holds an invalid GPI")
    return EntryMeaning(None)


def _walk_level1(config: GptConfig, pa: int, base: int, read: ReadWord, entries: Entries) -> GranuleInfo | _WalkFailure:
    offset = pa & ((1 << config.block) - 1)
    address = base + (offset >> (config.granule + 4)) * 8
    found = read(PA(address), PAS.ROOT, 0)
    if found is None:
        return _WalkFailure(GpcFailure.EXTERNAL, 1, f"external abort on the level 1 GPT entry at {address:#x}")
    entry = found[0]
    entries.append((1, address, entry))
    meaning = level1_entry(config, entry)
    if meaning.failure is not None:
        return _WalkFailure(meaning.failure, 1, meaning.reason)
    if meaning.gpi is not None:
        return GranuleInfo(meaning.gpi, 1, meaning.size)
    return GranuleInfo(entry >> ((pa >> config.granule & 0xF) * 4) & 0xF, 1, config.granule)


def is_permitted(gpi: int, pas: PAS, security: Security) -> bool:
    """Step 10: whether a GPI lets an access of a Security state to an address space through.

    "Non-secure only" (FEAT_RME_GPC2) is Non-secure memory that Secure and Realm state may not reach.
    """
    if gpi == GPI_NON_SECURE_ONLY:
        return pas == PAS.NON_SECURE and security in (Security.NON_SECURE, Security.ROOT)
    return gpi == GPI_ANY or gpi == GPI_OF_PAS[pas]


class GptCache:
    """The check of every access and descriptor fetch, with the GPT information that a TLB may hold.

    Information found by `check` stays until a TLBI by PA covers it, whatever the table says by then; it is unbounded,
    so what a run sees does not depend on replacement. The control registers themselves are not cached.
    A forgiving one reads the tables at every check, and keeps what it found to be looked at only.
    """

    def __init__(self, regs: RegisterView, read: ReadWord, features: Features, *, is_forgiving: bool = False) -> None:
        self._regs = regs
        self._is_forgiving = is_forgiving
        self._read = read
        self._pa_bits = features.pa_bits
        self._cached: dict[int, dict[int, GranuleInfo]] = {}
        self._passed: dict[int, int] = {}
        """By page: a bit for each address space and Security state whose check has passed."""
        self._passed_under = 0
        self.forgotten = 0, 0
        """Addresses from the one to before the other, whose checks have to be made again since the last TLBI."""
        self.on_forgotten: Callable[[int, int], None] | None = None
        """Told that checks of addresses from the one to before the other, which have passed, must be made again."""

    def passes(self, pa: int, pas: PAS, security: Security = Security.ROOT) -> bool:
        """The check's yes or no, fast. `security` is the state that makes the access."""
        gpccr = self._regs["GPCCR_EL3"]
        if not gpccr & GPC_ENABLE:
            return True
        if self._is_forgiving:
            return self.check(pa, pas, security).failure is None
        if gpccr != self._passed_under:
            self._passed.clear()
            self._passed_under = gpccr
        page, bit = pa >> 12, 1 << (pas << 2 | security)
        known = self._passed.get(page, 0)
        if known & bit:
            return True
        if self.check(pa, pas, security).failure is not None:
            return False
        self._passed[page] = known | bit
        return True

    def check(self, pa: int, pas: PAS, security: Security = Security.ROOT) -> GpcResult:
        """One granule protection check, through what is cached and caching what it finds."""
        return self._check(pa, pas, security, uses=not self._is_forgiving, fills=True)

    def look(self, pa: int, pas: PAS, security: Security = Security.ROOT, *, as_cached: bool) -> GpcResult:
        """The same check without changing what is cached: as an access would find it, or by the tables as they are."""
        return self._check(pa, pas, security, uses=as_cached and not self._is_forgiving, fills=False)

    def cached(self, pa: int) -> GranuleInfo | None:
        """What is cached for an address."""
        for size, infos in self._cached.items():
            info = infos.get(pa >> size)
            if info is not None:
                return info
        return None

    def _check(self, pa: int, pas: PAS, security: Security, *, uses: bool, fills: bool) -> GpcResult:
        address = PA(pa)
        gpccr = self._regs["GPCCR_EL3"]
        if not gpccr & GPC_ENABLE:
            return GpcResult(address, pas, enabled=False, reason="GPCCR_EL3.GPC=0")
        config = decode_config(gpccr, self._regs["GPTBR_EL3"], self._pa_bits)
        if config.problem:
            return GpcResult(address, pas, True, 0, None, GpcFailure.WALK, (), config.problem)
        closed, name = _DISABLED.get(pas, (0, ""))
        if gpccr & closed:
            return GpcResult(address, pas, True, 0, None, GpcFailure.FAIL, (), f"GPCCR_EL3.{name}=1")
        if pa >= config.limit:
            if pas == PAS.NON_SECURE:
                return GpcResult(address, pas, True, reason="beyond GPCCR_EL3.PPS: non-secure accesses pass")
            reason = f"beyond GPCCR_EL3.PPS: only non-secure accesses pass, this is {pas.label}"
            return GpcResult(address, pas, True, 0, None, GpcFailure.FAIL, (), reason)
        entries: Entries = []
        info = self.cached(pa) if uses else None
        if info is None:
            found = walk_gpt(config, pa, self._read, entries)
            if isinstance(found, _WalkFailure):
                return GpcResult(address, pas, True, found.level, None, found.failure, tuple(entries), found.reason)
            info = found
            if fills:
                self._cached.setdefault(info.size, {})[pa >> info.size] = info
        reason = f"granule is {GPI_NAMES[info.gpi]} (GPI {info.gpi:#x}), the access is {pas.label}"
        if info.gpi == GPI_NON_SECURE_ONLY and pas == PAS.NON_SECURE:
            reason += f" of {security.label} state"
        failure = None if is_permitted(info.gpi, pas, security) else GpcFailure.FAIL
        return GpcResult(address, pas, True, info.level, info.gpi, failure, tuple(entries), reason)

    def invalidate(self, operation: str, operand: int) -> int:
        """TLBI PAALL, PAALLOS, RPAOS or RPALOS; returns how many cached ranges it removed.

        Tables are never cached apart from what their entries say, so RPAOS (any level) and RPALOS (last level) do
        the same. A reserved SIZE covers one granule (mec-reference.md 3.8).
        """
        return self.invalidate_span(*self.span(operation, operand))

    def invalidate_span(self, start: int, end: int) -> int:
        """The same for physical addresses from `start` to before `end`."""
        removed, forgotten = 0, (start, end)
        for size, infos in self._cached.items():
            first, last = start >> size, (end - 1) >> size
            if last - first < len(infos):
                keys = [key for key in range(first, last + 1) if key in infos]
            else:
                keys = [key for key in infos if first <= key <= last]
            for key in keys:
                del infos[key]
            if keys:
                # What one range said of other granules has to be asked again too.
                forgotten = min(forgotten[0], min(keys) << size), max(forgotten[1], max(keys) + 1 << size)
                removed += len(keys)
        self.forgotten = forgotten
        self._forget_passed(*forgotten)
        return removed

    def span(self, operation: str, operand: int) -> tuple[int, int]:
        """Physical addresses [start, end) that a TLBI by PA is about."""
        if operation.startswith("PAALL"):
            return 0, _EVERYWHERE
        return invalidated_range(operand, PGS.get(self._regs["GPCCR_EL3"] >> 14 & 3, 12))

    def state(self) -> dict[int, dict[int, GranuleInfo]]:
        """What is cached, for a snapshot: log2 of the range's size -> range number -> information."""
        return {size: dict(infos) for size, infos in self._cached.items()}

    def restore(self, state: dict[int, dict[int, GranuleInfo]]) -> None:
        """Go back to what `state` returned; an empty one is what a reset leaves."""
        self._cached = {size: dict(infos) for size, infos in state.items()}
        self._forget_passed()

    def _forget_passed(self, start: int = 0, end: int = _EVERYWHERE) -> None:
        if end - start > _FEW << 12:
            self._passed.clear()
        else:
            for page in range(start >> 12, end >> 12):
                self._passed.pop(page, None)
        if self.on_forgotten is not None:
            self.on_forgotten(start, end)


def invalidated_range(operand: int, granule: int) -> tuple[int, int]:
    """Addresses [start, end) that the operand of TLBI RPAOS and RPALOS names."""
    size = max(_INVALIDATE_SIZE.get(operand >> 44 & 0xF, granule), granule)
    start = (operand & ((1 << 40) - 1)) << 12 & ~((1 << size) - 1)
    return start, start + (1 << size)


def is_pa_operation(operation: str) -> bool:
    """Whether a TLBI operation is about GPT information."""
    return operation in ("PAALL", "PAALLOS", "RPAOS", "RPALOS")
