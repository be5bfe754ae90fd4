"""Hints, barriers, system registers and SYS instructions (Arm ARM C4.1: "System instructions" and neighbours)."""

from __future__ import annotations

from emu import state
from emu.isa.ops import Escape, Ops
from emu.isa.pattern import A64, Value


@A64.instruction("11010101000000110010 CRm:4 op2:3 11111", static="CRm op2")
def hint(ops: Ops, CRm: int, op2: int) -> None:
    """NOP, YIELD, WFE, WFI, SEV, SEVL. The rest of the hint space does nothing, as the manual requires."""
    if CRm != 0:
        return
    if op2 == 2:
        ops.escape(Escape.WFE)
    elif op2 == 3:
        ops.escape(Escape.WFI)
    elif op2 in (4, 5):
        ops.set(state.EVENT, 1)


@A64.instruction("11010101000000110011 xxxx 010 11111")
def clear_exclusive(ops: Ops) -> None:
    """CLREX."""
    ops.set(state.EXCLUSIVE, 0)


@A64.instruction("11010101000000110011 CRm:4 1 opc:2 11111", static="CRm opc", allocated=lambda f: f["opc"] != 3)
def barrier(ops: Ops, CRm: int, opc: int) -> None:
    """DSB, DMB, ISB. Memory is sequentially consistent here, so only ISB has work to do: it synchronises context."""
    if opc == 2:
        ops.escape(Escape.ISB)


@A64.instruction("1101010100000 op1:3 0100 CRm:4 op2:3 11111", static="op1 op2")
def move_to_pstate(ops: Ops, op1: int, CRm: Value, op2: int) -> None:
    """MSR (immediate)."""
    ops.escape(Escape.MSR_IMMEDIATE)


@A64.instruction("1101010100 1 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 rt:5")
def move_from_system(ops: Ops, o0: Value, op1: Value, CRn: Value, CRm: Value, op2: Value, rt: Value) -> None:
    """MRS."""
    ops.escape(Escape.MRS)


@A64.instruction("1101010100 0 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 rt:5")
def move_to_system(ops: Ops, o0: Value, op1: Value, CRn: Value, CRm: Value, op2: Value, rt: Value) -> None:
    """MSR (register)."""
    ops.escape(Escape.MSR)


@A64.instruction("1101010100 0 01 op1:3 CRn:4 CRm:4 op2:3 rt:5")
def system_instruction(ops: Ops, op1: Value, CRn: Value, CRm: Value, op2: Value, rt: Value) -> None:
    """SYS: AT, DC, IC, TLBI."""
    ops.escape(Escape.SYS)


@A64.instruction("1101010100 1 01 op1:3 CRn:4 CRm:4 op2:3 rt:5")
def system_instruction_with_result(ops: Ops, op1: Value, CRn: Value, CRm: Value, op2: Value, rt: Value) -> None:
    """SYSL."""
    ops.escape(Escape.SYSL)
