"""Advanced SIMD three different: lengthening, widening and narrowing integer operations, and their by-element forms."""

from __future__ import annotations

from emu.isa.lanes import SIMD, Lanes
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_arithmetic import (
    absolute_difference,
    doubling_multiply_long,
    polynomial_multiply,
    saturating_add,
    saturating_subtract,
)
from emu.isa.simd_shapes import by_element, has_size, three_different


@three_different("0000")
def simd_add_long(v: Lanes, a: Value, b: Value) -> Value:
    """SADDL, UADDL."""
    return v.ops.add(a, b)


@three_different("0001", wide=True)
def simd_add_wide(v: Lanes, a: Value, b: Value) -> Value:
    """SADDW, UADDW."""
    return v.ops.add(a, b)


@three_different("0010")
def simd_subtract_long(v: Lanes, a: Value, b: Value) -> Value:
    """SSUBL, USUBL."""
    return v.ops.sub(a, b)


@three_different("0011", wide=True)
def simd_subtract_wide(v: Lanes, a: Value, b: Value) -> Value:
    """SSUBW, USUBW."""
    return v.ops.sub(a, b)


@three_different("0101", accumulate=True)
def simd_absolute_difference_accumulate_long(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SABAL, UABAL."""
    return v.ops.add(d, absolute_difference(v, a, b))


@three_different("0111")
def simd_absolute_difference_long(v: Lanes, a: Value, b: Value) -> Value:
    """SABDL, UABDL."""
    return absolute_difference(v, a, b)


@three_different("1000", accumulate=True)
@by_element("0010", accumulate=True, long=True)
def simd_multiply_add_long(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SMLAL, UMLAL."""
    return v.ops.add(d, v.ops.mul(a, b))


@three_different("1010", accumulate=True)
@by_element("0110", accumulate=True, long=True)
def simd_multiply_subtract_long(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SMLSL, UMLSL."""
    return v.ops.sub(d, v.ops.mul(a, b))


@three_different("1100")
@by_element("1010", long=True)
def simd_multiply_long(v: Lanes, a: Value, b: Value) -> Value:
    """SMULL, UMULL."""
    return v.ops.mul(a, b)


@three_different("1001", "hs", U="0", accumulate=True, scalar=True)
@by_element("0011", U="0", accumulate=True, long=True, scalar=True)
def simd_doubling_multiply_add_long(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SQDMLAL."""
    return saturating_add(v, d, doubling_multiply_long(v, a, b), 2 * v.esize)


@three_different("1011", "hs", U="0", accumulate=True, scalar=True)
@by_element("0111", U="0", accumulate=True, long=True, scalar=True)
def simd_doubling_multiply_subtract_long(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SQDMLSL."""
    return saturating_subtract(v, d, doubling_multiply_long(v, a, b), 2 * v.esize)


@three_different("1101", "hs", U="0", scalar=True)
@by_element("1011", U="0", long=True, scalar=True)
def simd_doubling_multiply_long(v: Lanes, a: Value, b: Value) -> Value:
    """SQDMULL."""
    return doubling_multiply_long(v, a, b)


@A64.instruction(
    "0 Q:1 rounding:1 01110 size:2 1 rm:5 01 subtract:1 0 00 rn:5 rd:5",
    static="Q rounding size subtract",
    allocated=has_size("bhs"),
    feature=SIMD,
)
def simd_add_high_narrow(
    ops: Ops, Q: int, rounding: int, size: int, subtract: int, rm: Value, rn: Value, rd: Value
) -> None:
    """ADDHN, RADDHN, SUBHN, RSUBHN: the upper halves of the results."""
    v = Lanes(ops, 8 << size)
    wide = 2 * v.esize
    lanes = []
    for a, b in zip(v.read(rn, 1, wide), v.read(rm, 1, wide), strict=True):
        total = (ops.sub if subtract else ops.add)(a, b)
        if rounding:
            total = ops.add(total, 1 << (v.esize - 1))
        lanes.append(ops.shr(total, v.esize))
    v.write_part(rd, Q, lanes)


@A64.instruction("0 Q:1 0 01110 00 1 rm:5 1110 00 rn:5 rd:5", static="Q", feature=SIMD)
def simd_polynomial_multiply_long(ops: Ops, Q: int, rm: Value, rn: Value, rd: Value) -> None:
    """PMULL of bytes."""
    v = Lanes(ops, 8)
    a, b = v.read_part(rn, Q), v.read_part(rm, Q)
    halves = []
    for lanes in (slice(0, 4), slice(4, 8)):
        wide_a, wide_b = (_widened(ops, operand[lanes]) for operand in (a, b))
        halves.append(polynomial_multiply(v, wide_a, wide_b, 16))
    v.write(rd, halves, 64)


def _widened(ops: Ops, lanes: list[Value]) -> Value:
    """Four bytes as four halfwords of one half."""
    result: Value = 0
    for index, lane in enumerate(lanes):
        result = ops.or_(result, ops.shl(lane, 16 * index))
    return result
