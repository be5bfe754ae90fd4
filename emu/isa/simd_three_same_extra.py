"""Advanced SIMD three same (extra): rounding doubling multiplication that accumulates, dot and matrix products."""

from __future__ import annotations

from collections.abc import Sequence

from emu.isa.lanes import Lanes, element, read, split, split_signed
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_arithmetic import doubling_multiply_accumulate_high
from emu.isa.simd_shapes import by_element, has_size

RDM, DOT, I8MM = "FEAT_RDM", "FEAT_DotProd", "FEAT_I8MM"


@by_element("1101", U="1", accumulate=True, scalar=True, feature=RDM)
def rounding_doubling_multiply_add(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SQRDMLAH."""
    a, b, d = (v.extend(operand, v.esize, 0) for operand in (a, b, d))
    return doubling_multiply_accumulate_high(v, a, b, d, subtract=0)


@by_element("1111", U="1", accumulate=True, scalar=True, feature=RDM)
def rounding_doubling_multiply_subtract(v: Lanes, a: Value, b: Value, d: Value) -> Value:
    """SQRDMLSH."""
    a, b, d = (v.extend(operand, v.esize, 0) for operand in (a, b, d))
    return doubling_multiply_accumulate_high(v, a, b, d, subtract=1)


@A64.instruction(
    "0 Q:1 1 01110 size:2 0 rm:5 1 000 subtract:1 1 rn:5 rd:5",
    static="Q size subtract",
    allocated=has_size("hs"),
    feature=RDM,
)
def rounding_doubling_multiply_accumulate(
    ops: Ops, Q: int, size: int, subtract: int, rm: Value, rn: Value, rd: Value
) -> None:
    """SQRDMLAH, SQRDMLSH (vector)."""
    v = Lanes(ops, 8 << size, 0)
    lanes = zip(v.read(rn, Q), v.read(rm, Q), v.read(rd, Q), strict=True)
    v.write(rd, [doubling_multiply_accumulate_high(v, *lane, subtract=subtract) for lane in lanes])


@A64.instruction(
    "01 1 11110 size:2 0 rm:5 1 000 subtract:1 1 rn:5 rd:5",
    static="size subtract",
    allocated=has_size("hs"),
    feature=RDM,
)
def rounding_doubling_multiply_accumulate_scalar(
    ops: Ops, size: int, subtract: int, rm: Value, rn: Value, rd: Value
) -> None:
    """SQRDMLAH, SQRDMLSH (scalar)."""
    v = Lanes(ops, 8 << size, 0)
    a, b, d = (v.read_scalar(register) for register in (rn, rm, rd))
    v.write_scalar(rd, doubling_multiply_accumulate_high(v, a, b, d, subtract=subtract))


def _bytes(ops: Ops, halves: Sequence[Value], unsigned: int) -> list[Value]:
    return (split if unsigned else split_signed)(ops, halves, 8)


def _dot(ops: Ops, a: Sequence[Value], b: Sequence[Value], total: Value) -> Value:
    """total + a . b"""
    for x, y in zip(a, b, strict=True):
        total = ops.add(total, ops.mul(x, y))
    return total


def _dot_products(
    ops: Ops, Q: int, a: Sequence[Value], b: Sequence[Value], rd: Value, unsigned_a: int, unsigned_b: int
) -> None:
    """In each word of the destination, the dot product of the four bytes of both operands there."""
    v = Lanes(ops, 32)
    x, y, d = _bytes(ops, a, unsigned_a), _bytes(ops, b, unsigned_b), v.read(rd, Q)
    v.write(rd, [_dot(ops, x[4 * i : 4 * i + 4], y[4 * i : 4 * i + 4], total) for i, total in enumerate(d)])


def _element_everywhere(ops: Ops, Q: int, H: Value, L: Value, M: Value, rm: Value) -> list[Value]:
    """The word that H:L chooses of M:Rm, in all words."""
    word = element(ops, ops.or_(rm, ops.shl(M, 4)), ops.or_(ops.shl(H, 1), L), 2)
    return [ops.or_(word, ops.shl(word, 32))] * (1 + Q)


@A64.instruction("0 Q:1 U:1 01110 10 0 rm:5 1 0010 1 rn:5 rd:5", static="Q U", feature=DOT)
def dot_product(ops: Ops, Q: int, U: int, rm: Value, rn: Value, rd: Value) -> None:
    """SDOT, UDOT (vector)."""
    _dot_products(ops, Q, read(ops, rn, Q), read(ops, rm, Q), rd, U, U)


@A64.instruction("0 Q:1 U:1 01111 10 L:1 M:1 rm:4 1110 H:1 0 rn:5 rd:5", static="Q U", feature=DOT)
def dot_product_by_element(
    ops: Ops, Q: int, U: int, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value
) -> None:
    """SDOT, UDOT (by element)."""
    _dot_products(ops, Q, read(ops, rn, Q), _element_everywhere(ops, Q, H, L, M, rm), rd, U, U)


@A64.instruction("0 Q:1 0 01110 10 0 rm:5 1 0011 1 rn:5 rd:5", static="Q", feature=I8MM)
def mixed_dot_product(ops: Ops, Q: int, rm: Value, rn: Value, rd: Value) -> None:
    """USDOT (vector)."""
    _dot_products(ops, Q, read(ops, rn, Q), read(ops, rm, Q), rd, 1, 0)


@A64.instruction("0 Q:1 0 01111 unsigned:1 0 L:1 M:1 rm:4 1111 H:1 0 rn:5 rd:5", static="Q unsigned", feature=I8MM)
def mixed_dot_product_by_element(
    ops: Ops, Q: int, unsigned: int, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value
) -> None:
    """SUDOT, USDOT (by element): `unsigned` says it of the first operand."""
    everywhere = _element_everywhere(ops, Q, H, L, M, rm)
    _dot_products(ops, Q, read(ops, rn, Q), everywhere, rd, unsigned, 1 - unsigned)


@A64.instruction(
    "0 1 U:1 01110 10 0 rm:5 1 010 mixed:1 1 rn:5 rd:5",
    static="U mixed",
    allocated=lambda f: f["U"] + f["mixed"] < 2,
    feature=I8MM,
)
def matrix_multiply(ops: Ops, U: int, mixed: int, rm: Value, rn: Value, rd: Value) -> None:
    """SMMLA, UMMLA, USMMLA: a 2x8 matrix of bytes times the transpose of another, added to one of 2x2 words."""
    v = Lanes(ops, 32)
    a, b = _bytes(ops, read(ops, rn), U | mixed), _bytes(ops, read(ops, rm), U)
    sums = [
        _dot(ops, a[8 * (i // 2) : 8 * (i // 2) + 8], b[8 * (i % 2) : 8 * (i % 2) + 8], total)
        for i, total in enumerate(v.read(rd))
    ]
    v.write(rd, sums)
