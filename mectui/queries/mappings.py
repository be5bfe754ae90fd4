"""Which MECID the mappings in the TLB would use for which pages: compared with the owners, they tell of trouble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAS, MecidSource
from emu.mec.selection import mecid_value
from mectui.queries.history import History

if TYPE_CHECKING:
    import emu

_VMECIDS = (MecidSource.VP, MecidSource.VA)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A TLB entry for Realm memory: the physical pages it covers and the MECID an access through it would use."""

    pa: int
    size: int
    mecid: int
    source: MecidSource
    va: int
    regime: str
    vmid: int | None


def mappings(machine: emu.Machine, history: History | None = None) -> tuple[Mapping, ...]:
    """Every TLB entry that leads to Realm memory.

    A VMECID register belongs to the VMID that runs now. For another one's entry it is what the register held when
    that VMID was last entered; without a `history` that tells, the entry is left out.
    """
    cpu = machine.cpu
    if not cpu.features.has_mec:
        return ()
    running = cpu.acting["VTTBR_EL2"] >> 48
    found = []
    for entry in machine.tlb.entries():
        translation = entry.translation
        if translation.pas is not PAS.REALM:
            continue
        source = translation.source
        mecid: int | None = mecid_value(cpu.acting, source, cpu.features)
        if source in _VMECIDS and entry.vmid is not None and entry.vmid != running:
            mecid = None if history is None else history.mecid_of(entry.vmid, source.value)
        if mecid is not None:
            found.append(
                Mapping(
                    translation.pa_base,
                    translation.size,
                    mecid,
                    source,
                    translation.va_base,
                    entry.regime.value,
                    entry.vmid,
                )
            )
    return tuple(found)
