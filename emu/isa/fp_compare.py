"""Scalar floating-point comparisons and conditional select."""

from __future__ import annotations

from emu import state
from emu.isa.arithmetic import condition_holds
from emu.isa.fp_scalar import read_scalar, scalar, write_scalar
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import Value


def _comparison(signals: int) -> Fp:
    return Fp.COMPARE_SIGNALING if signals else Fp.COMPARE


def _set_flags(ops: Ops, nzcv: Value) -> None:
    for slot, bit in ((state.N, 3), (state.Z, 2), (state.C, 1), (state.V, 0)):
        ops.set(slot, ops.and_(ops.shr(nzcv, bit), 1))


@scalar("000 11110 ftype 1 rm:5 00 1000 rn:5 signals:1 with_zero:1 000", static="signals with_zero")
def fp_compare(ops: Ops, width: int, rm: Value, rn: Value, signals: int, with_zero: int) -> None:
    """FCMP, FCMPE, of two registers or of one with zero."""
    b = 0 if with_zero else read_scalar(ops, rm, width)
    _set_flags(ops, ops.fp(_comparison(signals), width, read_scalar(ops, rn, width), b))


@scalar("000 11110 ftype 1 rm:5 cond:4 01 rn:5 signals:1 nzcv:4", static="cond signals")
def fp_conditional_compare(ops: Ops, width: int, rm: Value, cond: int, rn: Value, signals: int, nzcv: Value) -> None:
    """FCCMP, FCCMPE."""
    holds = condition_holds(ops, cond)
    # Where the condition fails zeros are compared, which raises no exception.
    a, b = (ops.select(holds, read_scalar(ops, register, width), 0) for register in (rn, rm))
    _set_flags(ops, ops.select(holds, ops.fp(_comparison(signals), width, a, b), nzcv))


@scalar("000 11110 ftype 1 rm:5 cond:4 11 rn:5 rd:5", static="cond")
def fp_conditional_select(ops: Ops, width: int, rm: Value, cond: int, rn: Value, rd: Value) -> None:
    """FCSEL."""
    a, b = read_scalar(ops, rn, width), read_scalar(ops, rm, width)
    write_scalar(ops, rd, ops.select(condition_holds(ops, cond), a, b))
