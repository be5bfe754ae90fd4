"""Whether a translation that a TLB kept was made under another EMEC or AMEC than acts now (mec-reference.md 1.6)."""

from __future__ import annotations

from emu.architecture import PAS, Regime, Security
from emu.mec.selection import MecControls, is_amec_fault
from emu.translation.records import Request, Translation


def stale_control(controls: MecControls, request: Request, translation: Translation) -> tuple[str, int, int] | None:
    """(control, value it had when the translation was made, value now) of the first that differs; None where none does.

    Only what leads to Realm memory matters: for everything else the MECID is 0 either way.
    """
    if translation.pas is not PAS.REALM:
        return None
    if request.regime is Regime.EL3:
        is_on, name = controls.is_el3_on, "SCTLR2_EL3.EMEC"
    elif request.security is Security.REALM:
        is_on, name = controls.is_el2_on, "SCTLR2_EL2.EMEC"
    else:
        return None
    if translation.emec != is_on:
        return name, int(translation.emec), int(is_on)
    upper = request.regime.has_two_ranges and bool(request.va >> 55 & 1)
    if is_amec_fault(controls, request.regime, translation.pas, upper, translation.amec):
        return f"TCR2_EL2.AMEC{int(upper and request.regime is Regime.EL20)}", 1, 0
    return None
