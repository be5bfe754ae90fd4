"""Does a TLB entry still say what the tables say?"""

from __future__ import annotations

from emu.architecture import VA, Access
from emu.translation.records import Fault, Request, Translation
from emu.translation.regimes import RegisterView
from emu.translation.situation import situation_of
from emu.translation.tlb import TlbEntry
from emu.translation.tlbi import Stages
from emu.translation.walk import Walker


def staleness_of(entry: TlbEntry, walker: Walker, regs: RegisterView, vmid: int | None, asid: int | None) -> str | None:
    """The first field in which a fresh walk contradicts an entry; None when it agrees.

    An entry of another VMID or ASID, or of a stage that is off now, has nothing to be compared with: None.
    """
    request = Request(
        VA(entry.base),
        Access.READ,
        entry.regime.el,
        entry.regime,
        entry.security,
        is_at=True,
        ignores_permissions=True,
    )
    situation = situation_of(request, regs)
    if entry.vmid != vmid or entry.asid not in (None, asid):
        return None
    if entry.stages is Stages.STAGE2:
        if not situation.is_stage2_on or entry.ipa_pas is None:
            return None
        mec = walker.mec_controls(entry.security)
        fresh = walker.stage2.translate(entry.security, situation.hcr, mec, entry.base, entry.ipa_pas, None)
    else:
        if not situation.is_stage1_on or situation.is_stage2_on != (entry.stages is Stages.BOTH):
            return None
        fresh = walker.translate(request)
    if isinstance(fresh, Fault):
        return f"a fresh walk faults: {fresh.kind.value} at level {fresh.level}"
    return difference(entry.translation, fresh, entry.base)


def difference(kept: Translation, fresh: Translation, address: int) -> str | None:
    """The first field in which two translations of an address differ, in words."""
    pa = fresh.pa_base + (address - fresh.va_base)
    if kept.pa_base != pa:
        return f"address: a fresh walk gives {pa:#x}"
    if kept.pas != fresh.pas:
        return f"address space: a fresh walk gives {fresh.pas.label}"
    if kept.source is not fresh.source:
        return f"MECID: a fresh walk takes it from {fresh.source.value} ({fresh.why})"
    if kept.is_guarded != fresh.is_guarded:
        return "guarded page"
    if kept.permissions != fresh.permissions or kept.stage2_permissions != fresh.stage2_permissions:
        return "permissions"
    if kept.attributes != fresh.attributes:
        return f"memory type: a fresh walk gives {fresh.attributes.text}"
    if kept.is_global != fresh.is_global:
        return "global: a fresh walk gives " + ("global" if fresh.is_global else "one ASID")
    return None
