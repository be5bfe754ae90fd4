"""Branches and exception generation (Arm ARM C4.1: "Branches, Exception Generating and System instructions")."""

from __future__ import annotations

from emu import state
from emu.isa.arithmetic import ONES, condition_holds
from emu.isa.ops import Escape, Ops
from emu.isa.pattern import A64, Value

LINK = 30


def branch_address(ops: Ops, target: Value) -> Value:
    """The target as the PC holds it: with Top Byte Ignore the tag becomes copies of bit 55, or zeros."""
    low = ops.and_(target, ops.xor(ops.get(state.TAG_CLEAR_LOW), ONES))
    high = ops.and_(target, ops.xor(ops.get(state.TAG_CLEAR_HIGH), ONES))
    high = ops.or_(high, ops.get(state.TAG_SET_HIGH))
    return ops.select(ops.and_(ops.shr(target, 55), 1), high, low)


def branch_indirect(ops: Ops, target: Value, rn: Value, is_call: int) -> None:
    """Go to a target from a register, telling the instruction there by PSTATE.BTYPE what kind of branch it was.

    BTypeNext in the manual: a call is 2, a jump through X16 or X17 is 1; another jump is 3 from a guarded page, else 1.
    """
    guarded = 2 if is_call else ops.select(ops.eq(ops.shr(rn, 1), 8), 1, 3)
    ops.set_branch_type(target, 2 if is_call else 1, guarded)
    ops.branch(target)


@A64.instruction("op:1 00101 imm26:26", static="op", ends_block=True)
def branch_immediate(ops: Ops, op: int, imm26: Value) -> None:
    """B, BL."""
    pc = ops.pc()
    if op:
        ops.write_x(LINK, ops.add(pc, 4))
    ops.branch(ops.add(pc, ops.shl(ops.sext(imm26, 26), 2)))


@A64.instruction("01010100 imm19:19 0 cond:4", static="cond")
def branch_conditional(ops: Ops, imm19: Value, cond: int) -> None:
    """B.cond."""
    target = ops.add(ops.pc(), ops.shl(ops.sext(imm19, 19), 2))
    ops.branch_if(condition_holds(ops, cond), target)


@A64.instruction("sf:1 011010 op:1 imm19:19 rt:5", static="sf op")
def compare_and_branch(ops: Ops, sf: int, op: int, imm19: Value, rt: Value) -> None:
    """CBZ, CBNZ."""
    value = ops.read_x(rt) if sf else ops.zext(ops.read_x(rt), 32)
    is_zero = ops.eq(value, 0)
    target = ops.add(ops.pc(), ops.shl(ops.sext(imm19, 19), 2))
    ops.branch_if(ops.xor(is_zero, 1) if op else is_zero, target)


@A64.instruction("b5:1 011011 op:1 b40:5 imm14:14 rt:5", static="op")
def test_and_branch(ops: Ops, b5: Value, op: int, b40: Value, imm14: Value, rt: Value) -> None:
    """TBZ, TBNZ."""
    bit = ops.and_(ops.shr(ops.read_x(rt), ops.or_(ops.shl(b5, 5), b40)), 1)
    target = ops.add(ops.pc(), ops.shl(ops.sext(imm14, 14), 2))
    ops.branch_if(bit if op else ops.xor(bit, 1), target)


@A64.instruction(
    "1101011 00 opc:2 11111 000000 rn:5 00000", static="opc", allocated=lambda f: f["opc"] < 3, ends_block=True
)
def branch_register(ops: Ops, opc: int, rn: Value) -> None:
    """BR, BLR, RET."""
    target = branch_address(ops, ops.read_x(rn))
    if opc == 2:
        ops.branch(target)
        return
    if opc == 1:
        ops.write_x(LINK, ops.add(ops.pc(), 4))
    branch_indirect(ops, target, rn, opc)


@A64.instruction("1101011 0100 11111 000000 11111 00000", ends_block=True)
def exception_return(ops: Ops) -> None:
    """ERET."""
    ops.escape(Escape.ERET)


@A64.instruction("11010100 000 imm16:16 000 01")
def supervisor_call(ops: Ops, imm16: Value) -> None:
    """SVC."""
    ops.escape(Escape.SVC)


@A64.instruction("11010100 000 imm16:16 000 10")
def hypervisor_call(ops: Ops, imm16: Value) -> None:
    """HVC."""
    ops.escape(Escape.HVC)


@A64.instruction("11010100 000 imm16:16 000 11")
def secure_monitor_call(ops: Ops, imm16: Value) -> None:
    """SMC."""
    ops.escape(Escape.SMC)


@A64.instruction("11010100 001 imm16:16 000 00")
def breakpoint_instruction(ops: Ops, imm16: Value) -> None:
    """BRK."""
    ops.escape(Escape.BRK)


@A64.instruction("11010100 010 imm16:16 000 00")
def halt(ops: Ops, imm16: Value) -> None:
    """HLT: semihosting, or UNDEFINED."""
    ops.escape(Escape.HLT)
