"""Hints, barriers, system registers and SYS instructions (Arm ARM C4.1: "System instructions" and neighbours)."""

from __future__ import annotations

from emu import state
from emu.isa.ops import Escape, Ops, Query
from emu.isa.pattern import A64, Value


@A64.instruction("11010101000000110010 CRm:4 op2:3 11111", static="CRm op2")
def hint(ops: Ops, CRm: int, op2: int) -> None:
    """NOP, YIELD, WFE, WFI, SEV, SEVL, BTI and pointer authentication of fixed registers.

    BTI has no more to do than to be there when a branch arrives. The rest of the hint space does nothing, as the
    manual requires.
    """
    if CRm == 1 and not op2 & 1:
        _authenticate(ops, 17, ops.read_x(16), Query.AUTHENTICATE_IA if op2 & 4 else Query.SIGN_IA, op2 >> 1 & 1)
    elif CRm == 3:
        modifier = ops.get(state.SP) if op2 & 1 else 0
        _authenticate(ops, 30, modifier, Query.AUTHENTICATE_IA if op2 & 4 else Query.SIGN_IA, op2 >> 1 & 1)
    elif CRm == 0:
        _plain_hint(ops, op2)


def _authenticate(ops: Ops, register: int, modifier: Value, query: Query, b_key: int) -> None:
    ops.write_x(register, ops.ask(Query(query.value + b_key), ops.read_x(register), modifier))


def _plain_hint(ops: Ops, op2: int) -> None:
    if op2 == 2:
        ops.escape(Escape.WFE)
    elif op2 == 3:
        ops.escape(Escape.WFI)
    elif op2 in (4, 5):
        ops.set(state.EVENT, 1)
    elif op2 == 7:
        ops.write_x(30, ops.ask(Query.STRIP_CODE, ops.read_x(30)))


@A64.instruction("11010101000000110011 xxxx 010 11111")
def clear_exclusive(ops: Ops) -> None:
    """CLREX."""
    ops.set(state.EXCLUSIVE, 0)


@A64.instruction("11010101000000110011 xxxx 10 x 11111")
def memory_barrier(ops: Ops) -> None:
    """DSB, DMB. Memory is sequentially consistent here, so there is nothing to wait for."""
    ops.escape_if(ops.and_(ops.get(state.BARRIERS), state.BARRIERS_WANTED), Escape.BARRIER)


@A64.instruction("11010101000000110011 xxxx 110 11111")
def instruction_barrier(ops: Ops) -> None:
    """ISB: a context synchronisation event. Each instruction is fetched when it is due, so there is nothing else."""
    ops.escape_if(ops.get(state.BARRIERS), Escape.ISB)


def _move_to_pstate(op1: str, op2: str, name: str) -> None:
    """Register MSR (immediate) for some op1 and op2. The flag instructions have op1=0 and op2 below 3."""

    @A64.instruction(f"1101010100000 {op1} 0100 CRm:4 {op2} 11111", name=f"move_to_pstate_{name}")
    def move_to_pstate(ops: Ops, CRm: Value) -> None:
        """MSR (immediate)."""
        ops.escape(Escape.MSR_IMMEDIATE)


_move_to_pstate("000", "011", "uao")
_move_to_pstate("000", "1xx", "privileged")
_move_to_pstate("xx1", "xxx", "odd")
_move_to_pstate("x10", "xxx", "two")
_move_to_pstate("100", "xxx", "four")


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
