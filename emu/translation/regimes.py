"""Which translation regime and Security state an access belongs to, and which of its stages are on."""

from __future__ import annotations

from typing import Protocol

from emu.architecture import Regime, Security


class RegisterView(Protocol):
    """System registers by the manual's name, as raw 64-bit values. A plain dict will do."""

    def __getitem__(self, name: str, /) -> int: ...


class ReservedSecurityStateError(ValueError):
    """SCR_EL3.{NSE,NS} = {1,0} names no Security state, yet something claims to execute below EL3."""


SCR_NS = 1 << 0
SCR_SIF = 1 << 9
SCR_EEL2 = 1 << 18
SCR_NSE = 1 << 62

HCR_VM = 1 << 0
HCR_PTW = 1 << 2
HCR_DC = 1 << 12
HCR_TGE = 1 << 27
HCR_E2H = 1 << 34
HCR_FWB = 1 << 46
HCR_GPF = 1 << 48

_SCTLR = {Regime.EL3: "SCTLR_EL3", Regime.EL2: "SCTLR_EL2", Regime.EL20: "SCTLR_EL2", Regime.EL10: "SCTLR_EL1"}


def security_below_el3(regs: RegisterView) -> Security | None:
    """Security state of EL0 to EL2 (SCR_EL3.{NSE,NS}); None for the reserved encoding {1,0}."""
    scr = regs["SCR_EL3"]
    code = (2 if scr & SCR_NSE else 0) | (scr & SCR_NS)
    return None if code == Security.ROOT else Security(code)


def security_of(el: int, regs: RegisterView) -> Security:
    """Security state of code at an exception level (Arm ARM D1, RME): EL3 is Root.

    Raises ReservedSecurityStateError below EL3 for the reserved encoding: nothing can execute there, and AT and
    TLBI at EL3 must ask `security_below_el3` instead.
    """
    if el == 3:
        return Security.ROOT
    security = security_below_el3(regs)
    if security is None:
        raise ReservedSecurityStateError("SCR_EL3.{NSE,NS} is the reserved {1,0}: no code can run below EL3")
    return security


def is_el2_enabled(security: Security, regs: RegisterView) -> bool:
    """Whether EL2 exists for this Security state: Secure EL2 needs SCR_EL3.EEL2, Realm EL2 is always there."""
    return security != Security.SECURE or bool(regs["SCR_EL3"] & SCR_EEL2)


def hcr_of(security: Security, regs: RegisterView) -> int:
    """HCR_EL2 as it acts on a Security state: 0 where EL2 is not enabled."""
    return regs["HCR_EL2"] if is_el2_enabled(security, regs) else 0


def regime_of(el: int, regs: RegisterView, security: Security | None = None) -> Regime:
    """Translation regime of code at an exception level (mec-reference.md 4.1).

    `security` is that of the code where it is known, else SCR_EL3 tells; for its reserved encoding EL2 is taken to be
    enabled.
    """
    if el == 3:
        return Regime.EL3
    if security is None:
        security = security_below_el3(regs)
    if security is None:
        security = Security.NON_SECURE
    hcr = hcr_of(security, regs)
    if el == 2:
        return Regime.EL20 if hcr & HCR_E2H else Regime.EL2
    if el == 0 and hcr & HCR_E2H and hcr & HCR_TGE:
        return Regime.EL20
    return Regime.EL10


def sctlr_name(regime: Regime) -> str:
    """The SCTLR_ELx that controls a regime."""
    return _SCTLR[regime]


def is_stage1_enabled(regime: Regime, sctlr: int, hcr: int) -> bool:
    """Whether stage 1 translates: SCTLR_ELx.M, and for EL1&0 neither HCR_EL2.DC nor TGE. `hcr` from `hcr_of`."""
    if not sctlr & 1:
        return False
    return regime is not Regime.EL10 or not hcr & (HCR_DC | HCR_TGE)


def is_stage2_enabled(regime: Regime, hcr: int) -> bool:
    """Whether stage 2 translates: EL1&0 with HCR_EL2.VM or DC. `hcr` from `hcr_of`."""
    return regime is Regime.EL10 and bool(hcr & (HCR_VM | HCR_DC))
