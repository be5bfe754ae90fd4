"""The architectural TLB: what each entry holds, who filled it, whether a fresh walk contradicts it; and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.architecture import MecidSource, Regime
from emu.mec.selection import mecid_value
from emu.translation.staleness import permissions_text
from emu.translation.tlbi import Stages
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu
    from emu.debug.events import Moment
    from emu.translation.invalidations import Invalidation

LOG_SHOWN = 8
"""Invalidations that the pane lists."""


@dataclass(frozen=True, slots=True)
class TlbRow:
    """One entry. `vmid`, `asid` are None where the entry has no such tag; `stale` says what differs and why, or ""."""

    stage: str
    regime: str
    security: str
    vmid: int | None
    asid: int | None
    va: int
    size: int
    pa: int
    pas: str
    permissions: str
    source: MecidSource
    filled_at: int | None
    """Instruction count when it was filled."""
    filled_by: str
    """Symbol (or address) of the instruction that filled it."""
    stale: str
    age: int | None = None
    """Instructions executed since it was filled."""
    incomparable: str = ""
    """Why it cannot be compared with the tables now, or ""."""
    removers: tuple[str, ...] = ()
    """TLBI operations that remove it, the narrowest first, with operands."""
    differences: tuple[tuple[str, str, str], ...] = ()
    """(field, what the entry holds, what a fresh walk gives) of a stale one."""
    fault: str = ""
    """The fault that a fresh walk of a stale one takes, or ""."""
    causes: tuple[str, ...] = ()
    """Control bits that have changed since it was made."""
    mecid: int | None = None
    """What the register that supplies its MECID gives now; None where no register does."""
    number: int = 0
    """Its place in the order of filling, from 0."""
    is_walkable: bool = True
    """Whether its address is one that a walk can begin with: an IPA is only while stage 1 is off."""

    hits: int | None = None
    """Accesses and walks that it has answered; None on engines that do not ask it for each."""
    is_used: bool | None = None
    """Whether it was made, or has answered, in the time that is watched (`TlbView.when`); None where nobody watched."""

    @property
    def is_current(self) -> bool:
        """Whether the present context can use it."""
        return not self.incomparable


@dataclass(frozen=True, slots=True)
class InvalidationRow:
    """One TLBI of the log."""

    instruction: int
    by: str
    """Symbol (or address) of the TLBI."""
    el: int
    security: str
    operation: str
    operand: int
    text: str
    """The operand and the context in words."""
    removed: tuple[str, ...]
    """The entries that it removed: "EL1&0 0x4020_0000 stage 1+2"."""
    removed_granules: int


@dataclass(frozen=True, slots=True)
class TlbView:
    rows: tuple[TlbRow, ...]
    capacity: int
    log: tuple[InvalidationRow, ...] = ()
    """The last invalidations, oldest first."""
    invalidations: int = 0
    """How many the log holds."""
    is_forgiving: bool = False
    when: str = "in the last step or run"
    """The time that `TlbRow.is_used` is about."""

    @property
    def stale(self) -> int:
        return sum(1 for row in self.rows if row.stale)


def tlb(machine: emu.Machine, shown: int | None = LOG_SHOWN) -> TlbView:
    """Every entry, stale ones marked, and the last invalidations (None: all that are remembered).

    Looking changes nothing, not even the order of replacement.
    """
    rows = []
    acting, features = machine.cpu.acting, machine.features
    is_stage1_on = machine.translate(0, el=1, regime=Regime.EL10).stage1_enabled
    hits, used = machine.tlb.hits(), machine.tlb.used()
    for number, entry in enumerate(machine.tlb.entries()):
        translation = entry.translation
        moment = entry.filled_at
        compared = machine.tlb_comparison(entry)
        rows.append(
            TlbRow(
                stage=f"stage {entry.stage}",
                regime=entry.regime.value,
                security=entry.security.label,
                vmid=entry.vmid,
                asid=entry.asid,
                va=translation.va_base,
                size=translation.size,
                pa=translation.pa_base,
                pas=translation.pas.label,
                permissions=permissions_text(translation.permissions),
                source=translation.source,
                filled_at=None if moment is None else moment.instruction,
                filled_by="" if moment is None else _by(machine, moment),
                stale=compared.text,
                age=None if moment is None else machine.instructions - moment.instruction,
                incomparable=compared.incomparable,
                removers=tuple(_command(*remover) for remover in machine.tlb.removers(entry)),
                differences=tuple((each.field, each.kept, each.fresh) for each in compared.differences),
                fault=compared.fault,
                causes=compared.causes,
                mecid=None
                if translation.source is MecidSource.ZERO
                else mecid_value(acting, translation.source, features, translation.mecen),
                number=number,
                is_walkable=entry.stages is not Stages.STAGE2 or not is_stage1_on,
                hits=None if hits is None else hits[number],
                is_used=None if used is None else used[number],
            )
        )
    rows.sort(key=lambda row: (not row.stale, row.regime, row.va))
    return TlbView(
        tuple(rows),
        machine.tlb.capacity,
        tuple(_invalidation(machine, item) for item in machine.tlb.log(shown)),
        machine.tlb.logged,
        machine.tlb.is_forgiving,
    )


def _by(machine: emu.Machine, moment: Moment) -> str:
    return label(machine, moment.pc) or f"{moment.pc:#x}"


def _command(operation: str, operand: int | None) -> str:
    return f"TLBI {operation}" if operand is None else f"TLBI {operation}, {operand:#x}"


def _invalidation(machine: emu.Machine, item: Invalidation) -> InvalidationRow:
    moment = item.moment
    return InvalidationRow(
        moment.instruction,
        _by(machine, moment),
        moment.el,
        moment.security.label,
        item.operation,
        item.operand,
        item.text,
        tuple(f"{entry.regime.value} {entry.base:#x} stage {entry.stage}" for entry in item.removed),
        item.removed_granules,
    )


def tlb_json(view: TlbView) -> dict[str, Any]:
    """What `mectui tlb --json` prints; names here are a contract."""
    return {
        "schema": 1,
        "capacity": view.capacity,
        "mode": "forgiving" if view.is_forgiving else "strict",
        "entries": [
            {
                "stage": row.stage.removeprefix("stage "),
                "regime": row.regime,
                "security": row.security,
                "vmid": row.vmid,
                "asid": row.asid,
                "va": f"{row.va:#x}",
                "size": row.size,
                "pa": f"{row.pa:#x}",
                "pas": row.pas,
                "permissions": row.permissions,
                "source": row.source.value,
                "filled_at": row.filled_at,
                "filled_by": row.filled_by,
                "age": row.age,
                "mecid": row.mecid,
                "hits": row.hits,
                "used": row.is_used,
                "differences": [
                    {"field": name, "entry": kept, "tables": fresh} for name, kept, fresh in row.differences
                ],
                "stale": row.stale or None,
                "incomparable": row.incomparable or None,
                "removed_by": list(row.removers),
            }
            for row in view.rows
        ],
        "invalidations": [
            {
                "instruction": row.instruction,
                "by": row.by,
                "el": row.el,
                "security": row.security,
                "operation": row.operation,
                "operand": f"{row.operand:#x}",
                "meaning": row.text,
                "removed": list(row.removed),
                "removed_granules": row.removed_granules,
            }
            for row in view.log
        ],
    }
