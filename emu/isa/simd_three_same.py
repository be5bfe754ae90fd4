"""Advanced SIMD three same: integer operations on two vectors lane by lane, pairwise and bitwise operations."""

from __future__ import annotations

from emu.isa.lanes import ONES, SIMD, Lanes, check_access, read
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_arithmetic import (
    absolute_difference,
    doubling_multiply_high,
    lane_mask,
    maximum,
    minimum,
    polynomial_multiply,
    saturating_add,
    saturating_subtract,
    shift_by_register,
)
from emu.isa.simd_shapes import by_element, has_size, three_same


@three_same("00000", "bhs")
def simd_halving_add(v: Lanes, a: Value, b: Value) -> Value:
    """SHADD, UHADD."""
    return v.ops.shr(v.ops.add(a, b), 1)


@three_same("00001", "bhsd", "bhsd")
def simd_saturating_add(v: Lanes, a: Value, b: Value) -> Value:
    """SQADD, UQADD."""
    return saturating_add(v, a, b)


@three_same("00010", "bhs")
def simd_rounding_halving_add(v: Lanes, a: Value, b: Value) -> Value:
    """SRHADD, URHADD."""
    return v.ops.shr(v.ops.add(v.ops.add(a, b), 1), 1)


@three_same("00100", "bhs")
def simd_halving_subtract(v: Lanes, a: Value, b: Value) -> Value:
    """SHSUB, UHSUB."""
    return v.ops.shr(v.ops.sub(a, b), 1)


@three_same("00101", "bhsd", "bhsd")
def simd_saturating_subtract(v: Lanes, a: Value, b: Value) -> Value:
    """SQSUB, UQSUB."""
    return saturating_subtract(v, a, b)


@three_same("00110", "bhsd", "d")
def simd_compare_greater(v: Lanes, a: Value, b: Value) -> Value:
    """CMGT, CMHI."""
    return lane_mask(v, v.less(b, a))


@three_same("00111", "bhsd", "d")
def simd_compare_greater_equal(v: Lanes, a: Value, b: Value) -> Value:
    """CMGE, CMHS."""
    return v.ops.sub(v.less(a, b), 1)


@three_same("01000", "bhsd", "d")
def simd_shift(v: Lanes, a: Value, b: Value) -> Value:
    """SSHL, USHL."""
    return shift_by_register(v, a, b, rounding=False, saturating=False)


@three_same("01001", "bhsd", "bhsd")
def simd_saturating_shift(v: Lanes, a: Value, b: Value) -> Value:
    """SQSHL, UQSHL (register)."""
    return shift_by_register(v, a, b, rounding=False, saturating=True)


@three_same("01010", "bhsd", "d")
def simd_rounding_shift(v: Lanes, a: Value, b: Value) -> Value:
    """SRSHL, URSHL."""
    return shift_by_register(v, a, b, rounding=True, saturating=False)


@three_same("01011", "bhsd", "bhsd")
def simd_saturating_rounding_shift(v: Lanes, a: Value, b: Value) -> Value:
    """SQRSHL, UQRSHL."""
    return shift_by_register(v, a, b, rounding=True, saturating=True)


@three_same("01100", "bhs")
def simd_maximum(v: Lanes, a: Value, b: Value) -> Value:
    """SMAX, UMAX."""
    return maximum(v, a, b)


@three_same("01101", "bhs")
def simd_minimum(v: Lanes, a: Value, b: Value) -> Value:
    """SMIN, UMIN."""
    return minimum(v, a, b)


@three_same("01110", "bhs")
def simd_absolute_difference(v: Lanes, a: Value, b: Value) -> Value:
    """SABD, UABD."""
    return absolute_difference(v, a, b)


@three_same("01111", "bhs", accumulate=True)
def simd_absolute_difference_accumulate(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SABA, UABA."""
    return v.ops.add(d, absolute_difference(v, a, b))


@three_same("10000", "bhsd", "d")
def simd_add(v: Lanes, a: Value, b: Value) -> Value:
    """ADD, SUB (U chooses)."""
    return (v.ops.sub if v.unsigned else v.ops.add)(a, b)


@three_same("10001", "bhsd", "d", U="0")
def simd_test(v: Lanes, a: Value, b: Value) -> Value:
    """CMTST: are there bits set in both?"""
    return v.ops.sub(v.ops.eq(v.ops.and_(a, b), 0), 1)


@three_same("10001", "bhsd", "d", U="1")
def simd_compare_equal(v: Lanes, a: Value, b: Value) -> Value:
    """CMEQ (register)."""
    return lane_mask(v, v.ops.eq(a, b))


@three_same("10010", "bhs", U="0", accumulate=True)
@by_element("0000", U="1", accumulate=True)
def simd_multiply_add(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """MLA."""
    return v.ops.add(d, v.ops.mul(a, b))


@three_same("10010", "bhs", U="1", accumulate=True)
@by_element("0100", U="1", accumulate=True)
def simd_multiply_subtract(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """MLS."""
    return v.ops.sub(d, v.ops.mul(a, b))


@three_same("10011", "bhs", U="0")
@by_element("1000", U="0")
def simd_multiply(v: Lanes, a: Value, b: Value) -> Value:
    """MUL."""
    return v.ops.mul(a, b)


@A64.instruction("0 Q:1 1 01110 00 1 rm:5 10011 1 rn:5 rd:5", static="Q", feature=SIMD)
def simd_polynomial_multiply(ops: Ops, Q: int, rm: Value, rn: Value, rd: Value) -> None:
    """PMUL."""
    v = Lanes(ops, 64)
    pairs = zip(read(ops, rn, Q), read(ops, rm, Q), strict=True)
    v.write(rd, [polynomial_multiply(v, a, b, 8) for a, b in pairs])


@three_same("10110", "hs", "hs", U="0")
@by_element("1100", U="0", scalar=True)
def simd_saturating_doubling_multiply_high(v: Lanes, a: Value, b: Value) -> Value:
    """SQDMULH."""
    return doubling_multiply_high(v, a, b, rounding=False)


@three_same("10110", "hs", "hs", U="1")
def simd_saturating_rounding_doubling_multiply_high(v: Lanes, a: Value, b: Value) -> Value:
    """SQRDMULH."""
    # U says which instruction it is; the operands are signed.
    return doubling_multiply_high(v, v.extend(a, v.esize, 0), v.extend(b, v.esize, 0), rounding=True)


@by_element("1101", U="0", scalar=True)
def simd_rounding_doubling_multiply_high(v: Lanes, a: Value, b: Value) -> Value:
    """SQRDMULH (by element)."""
    return doubling_multiply_high(v, a, b, rounding=True)


@A64.instruction(
    "0 Q:1 U:1 01110 size:2 1 rm:5 1010 smaller:1 1 rn:5 rd:5",
    static="Q U size smaller",
    allocated=has_size("bhs"),
    feature=SIMD,
)
def simd_pairwise_extreme(ops: Ops, Q: int, U: int, size: int, smaller: int, rm: Value, rn: Value, rd: Value) -> None:
    """SMAXP, UMAXP, SMINP, UMINP."""
    v = Lanes(ops, 8 << size, U)
    lanes = v.read(rn, Q) + v.read(rm, Q)
    better = minimum if smaller else maximum
    v.write(rd, [better(v, a, b) for a, b in zip(lanes[::2], lanes[1::2], strict=True)])


@A64.instruction(
    "0 Q:1 0 01110 size:2 1 rm:5 10111 1 rn:5 rd:5", static="Q size", allocated=has_size("bhsd"), feature=SIMD
)
def simd_pairwise_add(ops: Ops, Q: int, size: int, rm: Value, rn: Value, rd: Value) -> None:
    """ADDP (vector)."""
    v = Lanes(ops, 8 << size)
    lanes = v.read(rn, Q) + v.read(rm, Q)
    v.write(rd, [ops.add(a, b) for a, b in zip(lanes[::2], lanes[1::2], strict=True)])


@A64.instruction("01 0 11110 11 11000 11011 10 rn:5 rd:5", feature=SIMD)
def simd_pairwise_add_scalar(ops: Ops, rn: Value, rd: Value) -> None:
    """ADDP (scalar)."""
    check_access(ops)
    ops.write_v(rd, ops.add(ops.read_v(rn, 0), ops.read_v(rn, 1)), 0)


def _logical(ops: Ops, U: int, size: int, n: Value, m: Value, d: Value) -> Value:
    if U == 0:
        if size & 1:
            m = ops.xor(m, ONES)
        return (ops.or_ if size & 2 else ops.and_)(n, m)
    if size == 0:
        return ops.xor(n, m)
    # BSL, BIT, BIF: a bit from one of two, chosen by a mask: other ^ ((one ^ other) & mask).
    other, one, mask = ((m, n, d), (d, n, m), (n, d, m))[size - 1]
    return ops.xor(other, ops.and_(ops.xor(one, other), mask))


@A64.instruction("0 Q:1 U:1 01110 size:2 1 rm:5 00011 1 rn:5 rd:5", static="Q U size", feature=SIMD)
def simd_logical(ops: Ops, Q: int, U: int, size: int, rm: Value, rn: Value, rd: Value) -> None:
    """AND, BIC, ORR, ORN (size 0-3), with U: EOR, BSL, BIT, BIF."""
    check_access(ops)
    operands = zip(read(ops, rn, Q), read(ops, rm, Q), read(ops, rd, Q), strict=True)
    halves = [_logical(ops, U, size, n, m, d) for n, m, d in operands]
    ops.write_v(rd, halves[0], halves[1] if Q else 0)
