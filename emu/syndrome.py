"""Exception classes and syndromes: what ESR_ELx says about an exception (Arm ARM, ESR_ELx; mec-reference 4.11)."""

from __future__ import annotations

from enum import IntEnum

from emu.isa.pattern import Decoded
from emu.translation.faults import fault_status
from emu.translation.records import Fault, FaultKind


class EC(IntEnum):
    """Exception class, ESR_ELx bits [31:26]. For aborts the value is that from a lower EL; the same EL adds 1."""

    UNKNOWN = 0x00
    WFX = 0x01
    FP_ACCESS = 0x07
    PAC = 0x09
    BRANCH_TARGET = 0x0D
    ILLEGAL_STATE = 0x0E
    SVC = 0x15
    HVC = 0x16
    SMC = 0x17
    SYSTEM_REGISTER = 0x18
    ERET = 0x1A
    PAC_FAIL = 0x1C
    GPC = 0x1E
    INSTRUCTION_ABORT = 0x20
    PC_ALIGNMENT = 0x22
    DATA_ABORT = 0x24
    SP_ALIGNMENT = 0x26
    MEMORY_COPY = 0x27
    BREAKPOINT = 0x30
    SOFTWARE_STEP = 0x32
    WATCHPOINT = 0x34
    BRK = 0x3C


DEBUG_EXCEPTION = 0b10_0010
"""IFSC and DFSC of Breakpoint, Software Step and Watchpoint exceptions."""
UNCONDITIONAL = 1 << 24 | 0xE << 20
"""CV and COND of a syndrome that has them: A64 instructions are unconditional."""

EC_TEXT = {
    0x00: "Undefined instruction",
    0x01: "Trapped WFI or WFE",
    0x07: "Trapped FP or SIMD access",
    0x09: "Trapped pointer authentication",
    0x0D: "Branch target exception",
    0x0E: "Illegal execution state",
    0x15: "SVC",
    0x16: "HVC",
    0x17: "SMC",
    0x18: "Trapped system register access",
    0x1A: "Trapped ERET",
    0x1C: "Pointer authentication failure",
    0x1E: "Granule protection check exception",
    0x20: "Instruction abort from a lower EL",
    0x21: "Instruction abort",
    0x22: "PC alignment fault",
    0x24: "Data abort from a lower EL",
    0x25: "Data abort",
    0x26: "SP alignment fault",
    0x27: "Memory copy or set with the registers of another option",
    0x30: "Breakpoint from a lower EL",
    0x31: "Breakpoint",
    0x32: "Software step from a lower EL",
    0x33: "Software step",
    0x34: "Watchpoint from a lower EL",
    0x35: "Watchpoint",
    0x3C: "BRK",
}


def gpc_iss(fault: Fault, *, is_fetch: bool, is_write: bool, is_maintenance: bool) -> int:
    """ISS of EC 0x1E (mec-reference 3.7)."""
    assert fault.gpc is not None
    assert fault.gpc.failure is not None
    gpcsc = fault.gpc.failure.value << 1 | (fault.gpc.level & 1)
    s2ptw = fault.kind is FaultKind.GPC_WALK and fault.second_stage
    return (
        int(s2ptw) << 21
        | int(is_fetch) << 20
        | gpcsc << 14
        | int(is_maintenance) << 8
        | int(fault.s1ptw) << 7
        | int(is_write) << 6
        | fault_status(fault)
    )


def abort_iss(fault: Fault, *, is_fetch: bool, is_write: bool, is_maintenance: bool, decoded: Decoded | None) -> int:
    """ISS of an Instruction or Data Abort."""
    iss = int(fault.s1ptw) << 7 | fault_status(fault)
    if is_fetch:
        return iss
    iss |= int(is_maintenance) << 8 | int(is_write) << 6
    if fault.second_stage and not fault.s1ptw and not is_maintenance and decoded is not None:
        iss |= instruction_syndrome(decoded)
    return iss


def instruction_syndrome(decoded: Decoded) -> int:
    """ISV, SAS, SSE, SRT, SF and AR for loads and stores of one register without writeback; 0 for all others."""
    fields, name = decoded.operands, decoded.encoding.name
    acquire = 0
    if name == "load_literal":
        size, sign, sixty_four = (2, int(fields["opc"] == 2), int(fields["opc"] != 0))
        size = 3 if fields["opc"] == 1 else 2
    elif name in ("load_store_unsigned", "load_store_register") or (
        name == "load_store_imm9" and not fields["index"] & 1
    ):
        size = fields["size"]
        sign = int(fields["opc"] >= 2)
        sixty_four = int(fields["opc"] == 2 or (not sign and size == 3))
    elif name in ("load_acquire_store_release", "load_acquire_rcpc"):
        size, sign, acquire = fields["size"], 0, 1
        sixty_four = int(size == 3)
    elif name == "load_acquire_store_release_unscaled":
        size, sign, acquire = fields["size"], int(fields["opc"] >= 2), 1
        sixty_four = int(fields["opc"] == 2 or (not sign and size == 3))
    else:
        return 0
    return 1 << 24 | size << 22 | sign << 21 | fields["rt"] << 16 | sixty_four << 15 | acquire << 14
