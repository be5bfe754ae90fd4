"""Small extensions of branches and hints: BC.cond, SB, WFET and WFIT."""

from __future__ import annotations

from emu.isa.branch import branch_conditional
from emu.isa.ops import Escape, Ops
from emu.isa.pattern import A64, Value


@A64.instruction("01010100 imm19:19 1 cond:4", static="cond", feature="FEAT_HBC")
def branch_conditional_hinted(ops: Ops, imm19: Value, cond: int) -> None:
    """BC.cond: B.cond with a hint that it will go the same way again."""
    branch_conditional(ops, imm19, cond)


@A64.instruction("11010101000000110011 0000 111 11111", feature="FEAT_SB")
def speculation_barrier(ops: Ops) -> None:
    """SB. Nothing is speculative here."""


@A64.instruction("11010101000000110001 0000 00 op2:1 rd:5", static="op2", feature="FEAT_WFxT")
def wait_with_timeout(ops: Ops, op2: int, rd: Value) -> None:
    """WFET, WFIT."""
    ops.escape(Escape.WFIT if op2 else Escape.WFET)
