"""The architectural TLB: what each entry holds, who filled it, and whether a fresh walk would contradict it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import MecidSource
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class TlbRow:
    """One entry. `vmid`, `asid` are None where the entry has no such tag; `stale` says which field differs, or ""."""

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


@dataclass(frozen=True, slots=True)
class TlbView:
    rows: tuple[TlbRow, ...]
    capacity: int

    @property
    def stale(self) -> int:
        return sum(1 for row in self.rows if row.stale)


def permissions(allowed: object) -> str:
    """ "rwx" of the privileged side, "rwx" of EL0's: "rw- r--"."""
    parts = []
    for side in ("priv", "unpriv"):
        letters = (("read", "r"), ("write", "w"), ("execute", "x"))
        parts.append("".join(letter if getattr(allowed, f"{side}_{what}") else "-" for what, letter in letters))
    return " ".join(parts)


def tlb(machine: emu.Machine) -> TlbView:
    """Every entry, stale ones marked. Looking changes nothing, not even the order of replacement."""
    rows = []
    for entry in machine.tlb.entries():
        translation = entry.translation
        moment = entry.filled_at
        filled_by = ""
        if moment is not None:
            filled_by = label(machine, moment.pc) or f"{moment.pc:#x}"
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
                permissions=permissions(translation.permissions),
                source=translation.source,
                filled_at=None if moment is None else moment.instruction,
                filled_by=filled_by,
                stale=machine.tlb_staleness(entry) or "",
            )
        )
    rows.sort(key=lambda row: (not row.stale, row.regime, row.va))
    return TlbView(tuple(rows), machine.tlb.capacity)
