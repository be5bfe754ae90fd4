"""Vector BFloat16: dot and matrix products, and products added in single precision (FEAT_BF16)."""

from __future__ import annotations

from collections.abc import Sequence

from emu.isa.lanes import check_access, element
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_fp_shapes import lanes, write

BF16 = "FEAT_BF16"


def _dot(ops: Ops, total: Value, a: Sequence[Value], b: Sequence[Value]) -> Value:
    """total + a . b, of words that hold two numbers each, one word after the other."""
    for x, y in zip(a, b, strict=True):
        total = ops.fp(Fp.BFLOAT_DOT, 32, total, x, y)
    return total


@A64.instruction("0 Q:1 1 01110 01 0 rm:5 1 1111 1 rn:5 rd:5", static="Q", feature=BF16)
def simd_bfloat_dot_product(ops: Ops, Q: int, rm: Value, rn: Value, rd: Value) -> None:
    """BFDOT (vector)."""
    check_access(ops)
    operands = zip(*(lanes(ops, register, 32, Q) for register in (rd, rn, rm)), strict=True)
    write(ops, rd, [_dot(ops, d, [a], [b]) for d, a, b in operands], 32)


@A64.instruction("0 Q:1 0 01111 01 L:1 M:1 rm:4 1111 H:1 0 rn:5 rd:5", static="Q", feature=BF16)
def simd_bfloat_dot_product_by_element(
    ops: Ops, Q: int, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value
) -> None:
    """BFDOT (by element)."""
    check_access(ops)
    b = element(ops, ops.or_(rm, ops.shl(M, 4)), ops.or_(ops.shl(H, 1), L), 2)
    operands = zip(lanes(ops, rd, 32, Q), lanes(ops, rn, 32, Q), strict=True)
    write(ops, rd, [_dot(ops, d, [a], [b]) for d, a in operands], 32)


@A64.instruction("0 1 1 01110 01 0 rm:5 1 1101 1 rn:5 rd:5", feature=BF16)
def simd_bfloat_matrix_multiply(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """BFMMLA: a 2x4 matrix times the transpose of another, added to one of 2x2 single-precision numbers."""
    check_access(ops)
    a, b, d = (lanes(ops, register, 32) for register in (rn, rm, rd))
    sums = []
    for i, total in enumerate(d):
        row, column = 2 * (i // 2), 2 * (i % 2)
        sums.append(_dot(ops, total, a[row : row + 2], b[column : column + 2]))
    write(ops, rd, sums, 32)


def _widened(ops: Ops, word: Value, top: int) -> Value:
    """One of the two BFloat16 numbers in a word, in single precision."""
    return ops.and_(word, 0xFFFF_0000) if top else ops.zext(ops.shl(word, 16), 32)


@A64.instruction("0 top:1 1 01110 11 0 rm:5 1 1111 1 rn:5 rd:5", static="top", feature=BF16)
def simd_bfloat_multiply_add_long(ops: Ops, top: int, rm: Value, rn: Value, rd: Value) -> None:
    """BFMLALB, BFMLALT (vector)."""
    check_access(ops)
    operands = zip(*(lanes(ops, register, 32) for register in (rd, rn, rm)), strict=True)
    results = [ops.fp(Fp.MULADD, 32, d, _widened(ops, a, top), _widened(ops, b, top)) for d, a, b in operands]
    write(ops, rd, results, 32)


@A64.instruction("0 top:1 0 01111 11 L:1 M:1 rm:4 1111 H:1 0 rn:5 rd:5", static="top", feature=BF16)
def simd_bfloat_multiply_add_long_by_element(
    ops: Ops, top: int, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value
) -> None:
    """BFMLALB, BFMLALT (by element)."""
    check_access(ops)
    index = ops.or_(ops.or_(ops.shl(H, 2), ops.shl(L, 1)), M)
    b = ops.shl(element(ops, rm, index, 1), 16)
    operands = zip(lanes(ops, rd, 32), lanes(ops, rn, 32), strict=True)
    write(ops, rd, [ops.fp(Fp.MULADD, 32, d, _widened(ops, a, top), b) for d, a in operands], 32)
