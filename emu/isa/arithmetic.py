"""Pieces that several encoding classes share: adders, flags, conditions, shifted and extended registers."""

from __future__ import annotations

from emu import state
from emu.isa.ops import Ops
from emu.isa.pattern import Value

ONES = (1 << 64) - 1


def write_result(ops: Ops, sf: int, rd: Value, result: Value) -> None:
    """Write to Xd, or to Wd with the upper half zero."""
    ops.write_x(rd, result if sf else ops.zext(result, 32))


def set_flags_logical(ops: Ops, sf: int, result: Value) -> None:
    """N and Z from a result already cut to its width; C and V become 0."""
    ops.set(state.N, ops.shr(result, 63 if sf else 31))
    ops.set(state.Z, ops.eq(result, 0))
    ops.set(state.C, 0)
    ops.set(state.V, 0)


def add_with_carry(
    ops: Ops, sf: int, a: Value, b: Value, *, subtract: int, set_flags: int, carry: Value | None = None
) -> Value:
    """a + b or a - b, with the carry flag's value where one is given (AddWithCarry in the manual).

    Returns the sum; for a 32-bit operation only its low half means anything. Sets NZCV when asked to.
    """
    if not sf:
        a, b = ops.zext(a, 32), ops.zext(b, 32)
    if carry is None and subtract:
        result = ops.sub(a, b)
        out = ops.xor(ops.ult(a, b), 1)
    elif carry is None:
        result = ops.add(a, b)
        out = ops.ult(result, a) if sf else ops.shr(result, 32)
    else:
        if subtract:
            b = ops.xor(b, ONES) if sf else ops.zext(ops.xor(b, ONES), 32)
        partial = ops.add(a, b)
        result = ops.add(partial, carry)
        out = ops.or_(ops.ult(partial, a), ops.ult(result, partial)) if sf else ops.shr(result, 32)
    if set_flags:
        top = 63 if sf else 31
        narrow = result if sf else ops.zext(result, 32)
        if subtract and carry is None:
            overflow = ops.and_(ops.xor(a, b), ops.xor(a, narrow))
        else:
            overflow = ops.and_(ops.xor(a, narrow), ops.xor(b, narrow))
        ops.set(state.N, ops.shr(narrow, top))
        ops.set(state.Z, ops.eq(narrow, 0))
        ops.set(state.C, out)
        ops.set(state.V, ops.and_(ops.shr(overflow, top), 1))
    return result


def condition_holds(ops: Ops, cond: int) -> Value:
    """ConditionHolds: 0 or 1. `cond` is a plain int."""
    kind = cond >> 1
    if kind == 0:
        holds = ops.get(state.Z)
    elif kind == 1:
        holds = ops.get(state.C)
    elif kind == 2:
        holds = ops.get(state.N)
    elif kind == 3:
        holds = ops.get(state.V)
    elif kind == 4:
        holds = ops.and_(ops.get(state.C), ops.xor(ops.get(state.Z), 1))
    elif kind == 5:
        holds = ops.eq(ops.get(state.N), ops.get(state.V))
    elif kind == 6:
        holds = ops.and_(ops.eq(ops.get(state.N), ops.get(state.V)), ops.xor(ops.get(state.Z), 1))
    else:
        return 1
    return ops.xor(holds, 1) if cond & 1 else holds


def shift_register(ops: Ops, sf: int, value: Value, kind: int, amount: Value) -> Value:
    """ShiftReg: LSL, LSR, ASR, ROR (0-3) by an amount below the register width."""
    if sf:
        if kind == 3:
            left = ops.and_(ops.sub(64, amount), 63)
            return ops.or_(ops.shr(value, amount), ops.shl(value, left))
        return (ops.shl, ops.shr, ops.sar)[kind](value, amount)
    if kind == 0:
        return ops.zext(ops.shl(value, amount), 32)
    if kind == 2:
        return ops.zext(ops.sar(ops.sext(value, 32), amount), 32)
    narrow = ops.zext(value, 32)
    if kind == 1:
        return ops.shr(narrow, amount)
    left = ops.and_(ops.sub(32, amount), 31)
    return ops.zext(ops.or_(ops.shr(narrow, amount), ops.shl(narrow, left)), 32)


def extend_register(ops: Ops, value: Value, option: int, shift: Value) -> Value:
    """ExtendReg: UXTB, UXTH, UXTW, UXTX, SXTB, SXTH, SXTW, SXTX (0-7), then a left shift of 0 to 4."""
    width = 8 << (option & 3)
    if width < 64:
        value = ops.sext(value, width) if option & 4 else ops.zext(value, width)
    return ops.shl(value, shift)
