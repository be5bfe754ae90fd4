"""Fault status codes (mec-reference.md 4.11): what ESR_ELx.DFSC/IFSC and PAR_EL1.FST say about a fault."""

from __future__ import annotations

from emu.translation.records import Fault, FaultKind, GpcFailure

FSC_BASE: dict[FaultKind, int] = {
    FaultKind.ADDRESS_SIZE: 0b000000,
    FaultKind.TRANSLATION: 0b000100,
    FaultKind.ACCESS_FLAG: 0b001000,
    FaultKind.PERMISSION: 0b001100,
    FaultKind.EXTERNAL: 0b010000,
    FaultKind.EXTERNAL_WALK: 0b010100,
    FaultKind.ALIGNMENT: 0b100001,
    FaultKind.GPC_WALK: 0b100100,
    FaultKind.GPC: 0b101000,
}
_LEVEL_MINUS_1: dict[FaultKind, int] = {
    FaultKind.ADDRESS_SIZE: 0b101001,
    FaultKind.TRANSLATION: 0b101011,
    FaultKind.EXTERNAL_WALK: 0b010011,
    FaultKind.GPC_WALK: 0b100011,
}
"""Level -1 has codes of its own; nothing is a leaf there, so no other kind of fault happens."""
_WITHOUT_LEVEL = frozenset((FaultKind.EXTERNAL, FaultKind.ALIGNMENT, FaultKind.GPC))


def fault_status(fault: Fault) -> int:
    """The 6-bit fault status code."""
    if fault.level == -1:
        return _LEVEL_MINUS_1[fault.kind]
    base = FSC_BASE[fault.kind]
    return base if fault.kind in _WITHOUT_LEVEL else base | (fault.level & 3)


def is_gpc_exception(fault: Fault, el: int, scr_el3: int) -> bool:
    """Whether a fault is a GPC exception (EC 0x1E, to EL3) rather than an abort (mec-reference.md 3.7).

    A failed check is one only below EL3 with SCR_EL3.GPF=1; a check that could not be made always is.
    """
    if fault.gpc is None or fault.gpc.failure is None:
        return False
    if fault.gpc.failure is GpcFailure.FAIL:
        return el < 3 and bool(scr_el3 >> 48 & 1)
    return True


def describe(fault: Fault) -> str:
    """A fault in one clause: kind, stage, level, reason."""
    where = "" if fault.kind in _WITHOUT_LEVEL else f" at level {fault.level}"
    stage = "stage-2 " if fault.second_stage else ""
    walk = " for a stage-1 table" if fault.s1ptw else ""
    text = f"{stage}{fault.kind.value}{where}{walk}: {fault.reason}"
    return text[0].upper() + text[1:]
