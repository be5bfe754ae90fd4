"""Arithmetic of single lanes that several Advanced SIMD groups share: saturation, rounding, shifts, products."""

from __future__ import annotations

from emu.isa.lanes import ONES, Lanes, negative
from emu.isa.pattern import Value

_HIGHEST = (1 << 63) - 1


def saturating_add(v: Lanes, a: Value, b: Value, esize: int | None = None) -> Value:
    """a + b of lanes of `esize` bits, signed or unsigned as the operation is."""
    ops, esize = v.ops, esize or v.esize
    total = ops.add(a, b)
    if esize < 64:
        return v.clip(total, esize)
    if v.unsigned:
        overflow = ops.ult(total, a)
        v.saturated_if(overflow)
        return ops.select(overflow, ONES, total)
    overflow = ops.shr(ops.and_(ops.xor(a, total), ops.xor(b, total)), 63)
    v.saturated_if(overflow)
    return ops.select(overflow, ops.xor(ops.sar(a, 63), _HIGHEST), total)


def saturating_subtract(v: Lanes, a: Value, b: Value, esize: int | None = None) -> Value:
    """a - b of lanes of `esize` bits, signed or unsigned as the operation is."""
    ops, esize = v.ops, esize or v.esize
    difference = ops.sub(a, b)
    if esize < 64:
        return v.clip(difference, esize, source=0)
    if v.unsigned:
        overflow = ops.ult(a, b)
        v.saturated_if(overflow)
        return ops.select(overflow, 0, difference)
    overflow = ops.shr(ops.and_(ops.xor(a, b), ops.xor(a, difference)), 63)
    v.saturated_if(overflow)
    return ops.select(overflow, ops.xor(ops.sar(a, 63), _HIGHEST), difference)


def absolute_difference(v: Lanes, a: Value, b: Value) -> Value:
    """|a - b|; lanes of 32 bits at most."""
    ops = v.ops
    difference = ops.sub(a, b)
    return ops.select(ops.slt(difference, 0), negative(ops, difference), difference)


def maximum(v: Lanes, a: Value, b: Value) -> Value:
    return v.ops.select(v.less(a, b), b, a)


def minimum(v: Lanes, a: Value, b: Value) -> Value:
    return v.ops.select(v.less(a, b), a, b)


def lane_mask(v: Lanes, condition: Value) -> Value:
    """All ones where the condition, 0 or 1, holds."""
    return negative(v.ops, condition)


def shift_right(
    v: Lanes, value: Value, amount: Value, *, rounding: bool, unsigned: int | None = None, width: int | None = None
) -> Value:
    """value >> amount for a number of `width` bits: the lane's, where it is not given.

    The amount is at least 1 where the result is rounded, and may be as large as an unsigned number of 64 bits.
    Rounding adds the last bit shifted out: the same as adding half a unit before, without the overflow.
    """
    ops = v.ops
    is_unsigned = v.unsigned if unsigned is None else unsigned
    shift = ops.shr if is_unsigned else ops.sar
    # A shift by 63 leaves nothing but the sign, except of an unsigned number of 64 bits.
    may_survive = is_unsigned and (width or v.esize) == 64

    def shifted_by(distance: Value) -> Value:
        beyond = ops.ult(63, distance)
        result = shift(value, ops.select(beyond, 63, distance))
        return ops.select(beyond, 0, result) if may_survive else result

    shifted = shifted_by(amount)
    return ops.add(shifted, ops.and_(shifted_by(ops.sub(amount, 1)), 1)) if rounding else shifted


def shift_left(v: Lanes, value: Value, amount: Value, *, saturating: bool, target: int | None = None) -> Value:
    """value << amount, for an amount from 0 to 127. Saturates to a number that is unsigned where `target` says so."""
    ops, esize = v.ops, v.esize
    target = v.unsigned if target is None else target
    if esize < 64:
        wide = ops.shl(value, ops.select(ops.ult(esize, amount), esize, amount))
        return v.clip(wide, esize, target=target) if saturating else wide
    beyond = ops.ult(63, amount)
    within = ops.select(beyond, 63, amount)
    wide = ops.select(beyond, 0, ops.shl(value, within))
    if not saturating:
        return wide
    if v.unsigned or target:
        back = ops.shr(wide, within)
        limit: Value = ONES
    else:
        back = ops.sar(wide, within)
        limit = ops.xor(ops.sar(value, 63), _HIGHEST)
    overflow = ops.xor(ops.eq(back, value), 1)
    result = ops.select(overflow, limit, wide)
    if target and not v.unsigned:
        is_negative = ops.slt(value, 0)
        overflow = ops.or_(overflow, is_negative)
        result = ops.select(is_negative, 0, result)
    v.saturated_if(overflow)
    return result


def shift_by_register(v: Lanes, value: Value, shift: Value, *, rounding: bool, saturating: bool) -> Value:
    """Left by the signed low byte of `shift`, right where that is negative."""
    ops = v.ops
    amount = ops.sext(shift, 8)
    is_right = ops.slt(amount, 0)
    right = shift_right(v, value, negative(ops, amount), rounding=rounding)
    left = shift_left(v, value, ops.select(is_right, 0, amount), saturating=saturating)
    return ops.select(is_right, right, left)


def doubling_multiply_high(v: Lanes, a: Value, b: Value, *, rounding: bool) -> Value:
    """The high half of 2 * a * b, saturated; lanes of 16 or 32 bits."""
    ops = v.ops
    product = ops.mul(a, b)
    if rounding:
        product = ops.add(product, 1 << (v.esize - 2))
    return v.clip(ops.sar(product, v.esize - 1), v.esize, source=0, target=0)


def doubling_multiply_accumulate_high(v: Lanes, a: Value, b: Value, d: Value, *, subtract: int) -> Value:
    """The high half of (d << esize) +- 2 * a * b, rounded and saturated once; halved so that 64 bits hold it."""
    ops = v.ops
    total = (ops.sub if subtract else ops.add)(ops.shl(d, v.esize - 1), ops.mul(a, b))
    return v.clip(ops.sar(ops.add(total, 1 << (v.esize - 2)), v.esize - 1), v.esize, source=0, target=0)


def doubling_multiply_long(v: Lanes, a: Value, b: Value) -> Value:
    """2 * a * b saturated to twice the lane's width; only the two most negative numbers can overflow it."""
    ops = v.ops
    product = ops.mul(a, b)
    overflow = ops.eq(product, 1 << (2 * v.esize - 2))
    v.saturated_if(overflow)
    return ops.select(overflow, (1 << (2 * v.esize - 1)) - 1, ops.shl(product, 1))


def polynomial_multiply(v: Lanes, a: Value, b: Value, esize: int) -> Value:
    """Products of 8-bit polynomials in every lane of a 64-bit half, cut to `esize` bits a lane.

    Works on the whole half at once: bit i of each lane of b selects a shifted left by i.
    """
    ops = v.ops
    ones = sum(1 << low for low in range(0, 64, esize))
    result: Value = 0
    for i in range(8):
        chosen = ops.mul(ops.and_(ops.shr(b, i), ones), (1 << esize) - 1)
        kept = ones * ((1 << esize) - (1 << i))
        result = ops.xor(result, ops.and_(ops.and_(ops.shl(a, i), kept), chosen))
    return result
