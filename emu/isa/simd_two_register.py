"""Advanced SIMD two-register miscellaneous (integer), and integer operations across the lanes of one vector."""

from __future__ import annotations

from collections.abc import Callable

from emu.isa.lanes import ONES, SIMD, Lanes, check_access, negative, read
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value
from emu.isa.simd_arithmetic import lane_mask, maximum, minimum
from emu.isa.simd_shapes import narrow, two_register


def _each_half(ops: Ops, Q: int, rn: Value, rd: Value, operation: Callable[[Value], Value]) -> None:
    check_access(ops)
    halves = [operation(half) for half in read(ops, rn, Q)]
    ops.write_v(rd, halves[0], halves[1] if Q else 0)


def _swap(ops: Ops, value: Value, width: int) -> Value:
    """Exchange neighbours of `width` bits each."""
    even = ONES // ((1 << width) + 1)
    return ops.or_(ops.shl(ops.and_(value, even), width), ops.and_(ops.shr(value, width), even))


@A64.instruction(
    "0 Q:1 U:1 01110 size:2 10000 0000 o0:1 10 rn:5 rd:5",
    static="Q U size o0",
    allocated=lambda f: f["U"] + 2 * f["o0"] + f["size"] < 3,
    feature=SIMD,
)
def simd_reverse(ops: Ops, Q: int, U: int, size: int, o0: int, rn: Value, rd: Value) -> None:
    """REV64, REV32, REV16: the order of elements within 64, 32 or 16 bits."""
    widths = [width for width in (8, 16, 32) if 8 << size <= width < 64 >> (U + 2 * o0)]

    def reverse(half: Value) -> Value:
        for width in widths:
            half = _swap(ops, half, width)
        return half

    _each_half(ops, Q, rn, rd, reverse)


@A64.instruction("0 Q:1 0 01110 00 10000 00101 10 rn:5 rd:5", static="Q", feature=SIMD)
def simd_count_ones(ops: Ops, Q: int, rn: Value, rd: Value) -> None:
    """CNT: sums within two, four and then eight bits, in all bytes at once."""

    def count(half: Value) -> Value:
        pairs = ops.sub(half, ops.and_(ops.shr(half, 1), ONES // 3))
        fours = ops.add(ops.and_(pairs, ONES // 5), ops.and_(ops.shr(pairs, 2), ONES // 5))
        return ops.and_(ops.add(fours, ops.shr(fours, 4)), ONES // 17)

    _each_half(ops, Q, rn, rd, count)


@A64.instruction("0 Q:1 1 01110 00 10000 00101 10 rn:5 rd:5", static="Q", feature=SIMD)
def simd_not(ops: Ops, Q: int, rn: Value, rd: Value) -> None:
    """NOT (MVN)."""
    _each_half(ops, Q, rn, rd, lambda half: ops.xor(half, ONES))


@A64.instruction("0 Q:1 1 01110 01 10000 00101 10 rn:5 rd:5", static="Q", feature=SIMD)
def simd_bit_reverse(ops: Ops, Q: int, rn: Value, rd: Value) -> None:
    """RBIT: the bits within each byte."""
    _each_half(ops, Q, rn, rd, lambda half: ops.byte_reverse(ops.bit_reverse(half)))


@A64.instruction(
    "0 Q:1 U:1 01110 size:2 10000 00 accumulate:1 10 10 rn:5 rd:5",
    static="Q U size accumulate",
    allocated=lambda f: f["size"] != 3,
    feature=SIMD,
)
def simd_pairwise_add_long(ops: Ops, Q: int, U: int, size: int, accumulate: int, rn: Value, rd: Value) -> None:
    """SADDLP, UADDLP, SADALP, UADALP."""
    v = Lanes(ops, 8 << size, U)
    lanes = v.read(rn, Q)
    sums = [ops.add(a, b) for a, b in zip(lanes[::2], lanes[1::2], strict=True)]
    if accumulate:
        sums = [ops.add(d, s) for d, s in zip(v.read(rd, Q, 2 * v.esize), sums, strict=True)]
    v.write(rd, sums, 2 * v.esize)


@two_register("00011", "bhsd", "bhsd", accumulate=True)
def simd_saturating_accumulate(v: Lanes, a: Value, d: Value) -> Value:
    """SUQADD, USQADD: the destination of U's signedness, the source of the other one."""
    ops, esize = v.ops, v.esize
    a = v.extend(a, esize, 1 - v.unsigned)
    total = ops.add(d, a)
    if esize < 64:
        return v.clip(total, esize, source=0)
    carry = ops.ult(total, a)
    is_negative = ops.shr(a if v.unsigned else d, 63)
    if v.unsigned:
        overflow = ops.xor(carry, is_negative)
        limit = ops.select(is_negative, 0, ONES)
    else:
        # Past the largest number: two of carry, top bit of the sum, and a destination that is not negative.
        top, positive = ops.shr(total, 63), ops.xor(is_negative, 1)
        overflow = ops.or_(ops.and_(carry, ops.or_(top, positive)), ops.and_(top, positive))
        limit = ONES >> 1
    v.saturated_if(overflow)
    return ops.select(overflow, limit, total)


@two_register("00100", "bhs", U="0")
def simd_count_leading_sign(v: Lanes, a: Value) -> Value:
    """CLS."""
    ops = v.ops
    return ops.sub(ops.clz(ops.xor(a, ops.sar(a, 1))), 65 - v.esize)


@two_register("00100", "bhs", U="1")
def simd_count_leading_zeros(v: Lanes, a: Value) -> Value:
    """CLZ."""
    return v.ops.sub(v.ops.clz(a), 64 - v.esize)


def _signed(v: Lanes, a: Value) -> Value:
    """The lane as a signed number, where U is part of the opcode."""
    return v.extend(a, v.esize, 0)


@two_register("00111", "bhsd", "bhsd")
def simd_saturating_absolute(v: Lanes, a: Value) -> Value:
    """SQABS, SQNEG (U chooses)."""
    ops, lowest = v.ops, 1 << (v.esize - 1)
    signed = _signed(v, a)
    least = ops.eq(v.extend(a, v.esize, 1), lowest)
    v.saturated_if(least)
    minus = negative(ops, signed)
    result = minus if v.unsigned else ops.select(ops.slt(signed, 0), minus, signed)
    return ops.select(least, lowest - 1, result)


@two_register("01000", "bhsd", "d")
def simd_compare_greater_zero(v: Lanes, a: Value) -> Value:
    """CMGT, CMGE (zero; U chooses)."""
    ops, signed = v.ops, _signed(v, a)
    return ops.sub(ops.slt(signed, 0), 1) if v.unsigned else lane_mask(v, ops.slt(0, signed))


@two_register("01001", "bhsd", "d")
def simd_compare_equal_zero(v: Lanes, a: Value) -> Value:
    """CMEQ, CMLE (zero; U chooses)."""
    ops, signed = v.ops, _signed(v, a)
    return ops.sub(ops.slt(0, signed), 1) if v.unsigned else lane_mask(v, ops.eq(signed, 0))


@two_register("01010", "bhsd", "d", U="0")
def simd_compare_less_zero(v: Lanes, a: Value) -> Value:
    """CMLT (zero)."""
    return lane_mask(v, v.ops.slt(a, 0))


@two_register("01011", "bhsd", "d")
def simd_absolute(v: Lanes, a: Value) -> Value:
    """ABS, NEG (U chooses)."""
    ops = v.ops
    minus = negative(ops, a)
    return minus if v.unsigned else ops.select(ops.slt(a, 0), minus, a)


@narrow("10010", U="0")
def simd_extract_narrow(v: Lanes, a: Value) -> Value:
    """XTN."""
    return a


@narrow("10010", U="1", scalar=True)
def simd_saturating_extract_unsigned_narrow(v: Lanes, a: Value) -> Value:
    """SQXTUN."""
    return v.clip(v.extend(a, 2 * v.esize, 0), v.esize, source=0, target=1)


@narrow("10100", scalar=True)
def simd_saturating_extract_narrow(v: Lanes, a: Value) -> Value:
    """SQXTN, UQXTN."""
    return v.clip(a, v.esize)


@A64.instruction(
    "0 Q:1 1 01110 size:2 10000 10011 10 rn:5 rd:5", static="Q size", allocated=lambda f: f["size"] != 3, feature=SIMD
)
def simd_shift_left_long(ops: Ops, Q: int, size: int, rn: Value, rd: Value) -> None:
    """SHLL: each lane doubled in width and moved to its upper half."""
    v = Lanes(ops, 8 << size)
    v.write(rd, [ops.shl(lane, v.esize) for lane in v.read_part(rn, Q)], 2 * v.esize)


def _across(f: Fields) -> bool:
    """At least four lanes, of 32 bits at most."""
    return f["size"] < 2 or (f["size"] == 2 and f["Q"] == 1)


def _fold(lanes: list[Value], operation: Callable[[Value, Value], Value]) -> Value:
    """Halve the lanes until one is left: the operations do not mind their order."""
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [operation(a, b) for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


@A64.instruction(
    "0 Q:1 U:1 01110 size:2 11000 smaller:1 1010 10 rn:5 rd:5",
    static="Q U size smaller",
    allocated=_across,
    feature=SIMD,
)
def simd_extreme_across(ops: Ops, Q: int, U: int, size: int, smaller: int, rn: Value, rd: Value) -> None:
    """SMAXV, UMAXV, SMINV, UMINV."""
    v = Lanes(ops, 8 << size, U)
    better = minimum if smaller else maximum
    v.write_scalar(rd, _fold(v.read(rn, Q), lambda a, b: better(v, a, b)))


@A64.instruction("0 Q:1 U:1 01110 size:2 11000 00011 10 rn:5 rd:5", static="Q U size", allocated=_across, feature=SIMD)
def simd_add_long_across(ops: Ops, Q: int, U: int, size: int, rn: Value, rd: Value) -> None:
    """SADDLV, UADDLV."""
    v = Lanes(ops, 8 << size, U)
    v.write_scalar(rd, _fold(v.read(rn, Q), ops.add), 2 * v.esize)


@A64.instruction("0 Q:1 0 01110 size:2 11000 11011 10 rn:5 rd:5", static="Q size", allocated=_across, feature=SIMD)
def simd_add_across(ops: Ops, Q: int, size: int, rn: Value, rd: Value) -> None:
    """ADDV."""
    v = Lanes(ops, 8 << size)
    v.write_scalar(rd, _fold(v.read(rn, Q), ops.add))
