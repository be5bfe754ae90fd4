"""Who may access which system register: the decision, from the table alone, before anything is read or written."""

from __future__ import annotations

from dataclasses import dataclass

from emu.architecture import Security
from emu.registers.file import RegisterFile
from emu.registers.model import UNDEFINED_EC, Encoding, Mode, Operation, Register, Trap, When
from emu.registers.table import BY_NAME
from emu.registers.traps import ZERO_BLOCK

SYSTEM_REGISTER_EC = 0x18
"""Exception class of a trapped MSR, MRS or SYS instruction."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The access goes ahead. `register` is the one it reaches; None for an operation."""

    register: Register | None = None


@dataclass(frozen=True, slots=True)
class Undefined:
    """The instruction is UNDEFINED: exception class 0, taken as any exception of its level."""


@dataclass(frozen=True, slots=True)
class Trapped:
    """The access is trapped to `target_el` with exception class `ec`."""

    target_el: int
    ec: int = SYSTEM_REGISTER_EC


Decision = Allowed | Undefined | Trapped

_UNDEFINED = Undefined()
_OPERATION_ALLOWED = Allowed()


def is_el2_enabled(regs: RegisterFile, el: int, security: Security) -> bool:
    """Whether EL2 exists for the current Security state; at EL3, for the state that SCR_EL3 names."""
    if el == 3:
        return bool(regs.field("SCR_EL3.NS") or regs.field("SCR_EL3.EEL2"))
    return security is not Security.SECURE or bool(regs.field("SCR_EL3.EEL2"))


def decide(regs: RegisterFile, register: Register, el: int, security: Security, is_read: bool) -> Decision:
    """What becomes of an MRS (`is_read`) or MSR of `register` executed at `el` in `security`."""
    lowest = register.el if is_read or register.write_el is None else register.write_el
    if el < lowest or el in register.not_at or not regs.has(register):
        return _UNDEFINED
    if register.mode is (Mode.WO if is_read else Mode.RO):
        return _UNDEFINED
    if not _is_in_state(register.realm_only, register.secure_only, el, security):
        return _UNDEFINED
    el2_enabled = is_el2_enabled(regs, el, security)
    is_e2h = el2_enabled and bool(regs.field("HCR_EL2.E2H"))
    if register.alias_of and not is_e2h:
        return _UNDEFINED
    trapped = _trap(regs, register.traps, el, el2_enabled, "r" if is_read else "w")
    if trapped is not None:
        return trapped
    return Allowed(_reached(regs, register, el, security, el2_enabled, is_e2h))


def decide_traps(regs: RegisterFile, traps: tuple[Trap, ...], el: int, security: Security) -> Decision:
    """What becomes of an instruction executed at `el` in `security` that only these traps keep from going ahead."""
    return _trap(regs, traps, el, is_el2_enabled(regs, el, security), "rw") or _OPERATION_ALLOWED


def decide_operation(regs: RegisterFile, operation: Operation, el: int, security: Security) -> Decision:
    """What becomes of a SYS instruction executed at `el` in `security`."""
    if el < operation.el or not regs.has(operation):
        return _UNDEFINED
    if not _is_in_state(operation.realm_only, False, el, security):
        return _UNDEFINED
    return _trap(regs, operation.traps, el, is_el2_enabled(regs, el, security), "w") or _OPERATION_ALLOWED


def decide_unallocated(regs: RegisterFile, encoding: Encoding, el: int, security: Security) -> Decision:
    """What becomes of an encoding that the table does not have: UNDEFINED.

    The IMPLEMENTATION DEFINED space (CRn 11 and 15, of which this machine uses nothing) is UNDEFINED too, but a
    hypervisor that set HCR_EL2.TIDCP sees EL1's attempts.
    """
    op0, _, crn, _, _ = encoding
    is_implementation_defined = op0 in (1, 3) and crn in (11, 15)
    if is_implementation_defined and el == 1 and is_el2_enabled(regs, el, security) and regs.field("HCR_EL2.TIDCP"):
        return Trapped(2)
    return _UNDEFINED


def zva_prohibited(regs: RegisterFile, el: int, security: Security) -> bool:
    """DCZID_EL0.DZP: whether DC ZVA does not work at this level. The fine-grained trap has no say in it."""
    return not isinstance(decide_traps(regs, ZERO_BLOCK, el, security), Allowed)


def iss_for(encoding: Encoding, rt: int, is_read: bool) -> int:
    """The syndrome (ESR_ELx.ISS) of exception class 0x18 for a trapped instruction; `rt` is its register."""
    op0, op1, crn, crm, op2 = encoding
    return op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | is_read


def _is_in_state(realm_only: bool, secure_only: bool, el: int, security: Security) -> bool:
    """EL3 can reach the registers of every Security state; below it they exist only in their own."""
    if el == 3:
        return True
    return not ((realm_only and security is not Security.REALM) or (secure_only and security is not Security.SECURE))


def _trap(
    regs: RegisterFile, traps: tuple[Trap, ...], el: int, el2_enabled: bool, on: str
) -> Undefined | Trapped | None:
    """The first trap that applies, in table order."""
    for trap in traps:
        if trap.source != el or on not in trap.on:
            continue
        if trap.target == 2 and el < 2 and not el2_enabled:
            continue
        if trap.when is not When.ALWAYS and _is_host(regs, el2_enabled) is not (trap.when is When.HOST):
            continue
        if trap.within is None:
            if not _holds(regs, trap.control, trap.value):
                continue
        elif not trap.within[0] <= regs.effective(trap.control) <= trap.within[1]:
            continue
        if not all(_holds(regs, *pair) for pair in trap.also):
            continue
        if trap.ec == UNDEFINED_EC:
            return _UNDEFINED
        goes_to_el2 = trap.target == 1 and el2_enabled and regs.field("HCR_EL2.TGE")
        return Trapped(2 if goes_to_el2 else trap.target, trap.ec)
    return None


def _holds(regs: RegisterFile, control: str, value: int) -> bool:
    return regs.effective(control) == value and regs.has_field(control)


def _is_host(regs: RegisterFile, el2_enabled: bool) -> bool:
    return el2_enabled and bool(regs.field("HCR_EL2.E2H") and regs.field("HCR_EL2.TGE"))


def _reached(
    regs: RegisterFile, register: Register, el: int, security: Security, el2_enabled: bool, is_e2h: bool
) -> Register:
    """The register behind the name: redirection under E2H, _EL12 names, and the identity EL1 is shown."""
    if register.alias_of:
        return BY_NAME[register.alias_of]
    if register.vhe and ((el == 2 and is_e2h) or (el == 0 and _is_host(regs, el2_enabled))):
        return BY_NAME[register.vhe_secure if register.vhe_secure and security is Security.SECURE else register.vhe]
    if register.virtual and el == 1 and el2_enabled:
        return BY_NAME[register.virtual]
    return register
