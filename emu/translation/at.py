"""Address translation instructions: what each asks for, and PAR_EL1 (mec-reference.md 4.12)."""

from __future__ import annotations

from dataclasses import dataclass

from emu.architecture import PAS, VA, Access, Regime, Security
from emu.translation.faults import fault_status, is_gpc_exception
from emu.translation.records import Fault, FaultKind, Request, Translation
from emu.translation.regimes import (
    HCR_E2H,
    HCR_GPF,
    HCR_TGE,
    RegisterView,
    hcr_of,
    is_el2_enabled,
    regime_of,
    security_below_el3,
)


@dataclass(frozen=True, slots=True)
class AtOperation:
    """One AT instruction. `both_stages` is S12; `pan` is the P of S1E1RP."""

    el: int
    access: Access
    both_stages: bool = False
    pan: bool = False
    ignores_permissions: bool = False


AT_OPERATIONS: dict[str, AtOperation] = {
    "S1E1R": AtOperation(1, Access.READ),
    "S1E1W": AtOperation(1, Access.WRITE),
    "S1E0R": AtOperation(0, Access.READ),
    "S1E0W": AtOperation(0, Access.WRITE),
    "S1E1RP": AtOperation(1, Access.READ, pan=True),
    "S1E1WP": AtOperation(1, Access.WRITE, pan=True),
    "S1E1A": AtOperation(1, Access.READ, ignores_permissions=True),
    "S1E2R": AtOperation(2, Access.READ),
    "S1E2W": AtOperation(2, Access.WRITE),
    "S1E2A": AtOperation(2, Access.READ, ignores_permissions=True),
    "S12E1R": AtOperation(1, Access.READ, both_stages=True),
    "S12E1W": AtOperation(1, Access.WRITE, both_stages=True),
    "S12E0R": AtOperation(0, Access.READ, both_stages=True),
    "S12E0W": AtOperation(0, Access.WRITE, both_stages=True),
    "S1E3R": AtOperation(3, Access.READ),
    "S1E3W": AtOperation(3, Access.WRITE),
    "S1E3A": AtOperation(3, Access.READ, ignores_permissions=True),
}


def at_request(operation: AtOperation, va: VA, regs: RegisterView, pan: bool) -> Request | None:
    """The access that an AT instruction translates; None where it is UNDEFINED."""
    el, regime = operation.el, Regime.EL3
    security: Security | None = Security.ROOT
    if el < 3:
        security = security_below_el3(regs)
        if security is None or (el == 2 and not is_el2_enabled(security, regs)):
            return None
        hcr = hcr_of(security, regs)
        if el == 1 and hcr & HCR_E2H and hcr & HCR_TGE and not operation.both_stages:
            el = 2
        regime = regime_of(el, regs, security)
    assert security is not None
    return Request(
        va,
        operation.access,
        el,
        regime,
        security,
        is_at=True,
        honours_pan=operation.pan and pan,
        ignores_permissions=operation.ignores_permissions,
    )


def is_taken(fault: Fault, el: int, security: Security, regs: RegisterView) -> bool:
    """Whether a failed AT executed at `el` is an exception instead of a PAR_EL1 value."""
    if fault.kind in (FaultKind.EXTERNAL, FaultKind.EXTERNAL_WALK):
        return True
    if el == 1 and fault.s1ptw:
        return True
    if is_gpc_exception(fault, el, regs["SCR_EL3"]):
        return True
    return fault.gpc is not None and el == 1 and bool(hcr_of(security, regs) & HCR_GPF)


def encode_failure(fault: Fault) -> int:
    """PAR_EL1 with F=1: FST, PTW (stage-2 fault on a stage-1 walk), S (stage 2), bit 11 RES1."""
    return 1 | fault_status(fault) << 1 | int(fault.s1ptw) << 8 | int(fault.second_stage) << 9 | 1 << 11


def encode_success(translation: Translation, output: int, request: Request) -> int:
    """PAR_EL1 with F=0. NS tells Secure from Non-secure and Realm from Non-secure output, NSE only for EL3.

    Where the architecture leaves NS UNKNOWN (Non-secure state, and stage 1 of Realm EL1&0) it is 0. The MECID of
    the output is not reported.
    """
    pas, attributes = translation.pas, translation.attributes
    par = attributes.shareability << 7 | (output & ((1 << 56) - (1 << 12))) | attributes.mair << 56
    if request.regime is Regime.EL3:
        return par | (pas & 1) << 9 | (pas >> 1) << 11
    if request.security is Security.NON_SECURE:
        return par
    return par | int(pas == PAS.NON_SECURE) << 9
