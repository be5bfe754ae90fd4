"""Vector floating point on two vectors: three same, pairwise, by element, and across the lanes of one vector."""

from __future__ import annotations

from emu.isa.lanes import SIMD, check_access, read, split
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_fp_shapes import absolute, by_element, forms, lanes, negated, three_same, write


def _mask(ops: Ops, condition: Value) -> Value:
    return ops.sub(0, condition)


@three_same("0 0 000")
def simd_fp_maximum_number(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMAXNM (vector)."""
    return ops.fp(Fp.MAXNM, width, a, b)


@three_same("0 1 000")
def simd_fp_minimum_number(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMINNM (vector)."""
    return ops.fp(Fp.MINNM, width, a, b)


@three_same("0 0 001", accumulate=True)
@by_element("0", "0001", accumulate=True)
def simd_fp_multiply_add(ops: Ops, width: int, a: Value, b: Value, d: Value) -> Value:
    """FMLA."""
    return ops.fp(Fp.MULADD, width, d, a, b)


@three_same("0 1 001", accumulate=True)
@by_element("0", "0101", accumulate=True)
def simd_fp_multiply_subtract(ops: Ops, width: int, a: Value, b: Value, d: Value) -> Value:
    """FMLS."""
    return ops.fp(Fp.MULADD, width, d, negated(ops, width, a), b)


@three_same("0 0 010")
def simd_fp_add(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FADD (vector)."""
    return ops.fp(Fp.ADD, width, a, b)


@three_same("0 1 010")
def simd_fp_subtract(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FSUB (vector)."""
    return ops.fp(Fp.SUB, width, a, b)


@three_same("0 0 011", scalar=True)
@by_element("1", "1001")
def simd_fp_multiply_extended(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMULX."""
    return ops.fp(Fp.MULX, width, a, b)


@three_same("1 0 011")
@by_element("0", "1001")
def simd_fp_multiply(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMUL (vector and by element)."""
    return ops.fp(Fp.MUL, width, a, b)


@three_same("1 0 111")
def simd_fp_divide(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FDIV (vector)."""
    return ops.fp(Fp.DIV, width, a, b)


@three_same("0 0 110")
def simd_fp_maximum(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMAX (vector)."""
    return ops.fp(Fp.MAX, width, a, b)


@three_same("0 1 110")
def simd_fp_minimum(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMIN (vector)."""
    return ops.fp(Fp.MIN, width, a, b)


@three_same("1 1 010", scalar=True)
def simd_fp_absolute_difference(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FABD."""
    return ops.fp(Fp.ABSOLUTE_DIFFERENCE, width, a, b)


@three_same("0 0 111", scalar=True)
def simd_fp_reciprocal_step(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FRECPS."""
    return ops.fp(Fp.RECIPROCAL_STEP, width, a, b)


@three_same("0 1 111", scalar=True)
def simd_fp_reciprocal_root_step(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FRSQRTS."""
    return ops.fp(Fp.RECIPROCAL_ROOT_STEP, width, a, b)


@three_same("0 0 100", scalar=True)
def simd_fp_compare_equal(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FCMEQ (register)."""
    return _mask(ops, ops.fp(Fp.EQUAL, width, a, b))


@three_same("1 0 100", scalar=True)
def simd_fp_compare_greater_equal(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FCMGE (register)."""
    return _mask(ops, ops.fp(Fp.GREATER_OR_EQUAL, width, a, b))


@three_same("1 1 100", scalar=True)
def simd_fp_compare_greater(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FCMGT (register)."""
    return _mask(ops, ops.fp(Fp.GREATER, width, a, b))


@three_same("1 0 101", scalar=True)
def simd_fp_compare_absolute_greater_equal(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FACGE."""
    return _mask(ops, ops.fp(Fp.GREATER_OR_EQUAL, width, absolute(ops, width, a), absolute(ops, width, b)))


@three_same("1 1 101", scalar=True)
def simd_fp_compare_absolute_greater(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FACGT."""
    return _mask(ops, ops.fp(Fp.GREATER, width, absolute(ops, width, a), absolute(ops, width, b)))


@three_same("1 0 010", pairwise=True)
def simd_fp_pairwise_add(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FADDP (vector)."""
    return ops.fp(Fp.ADD, width, a, b)


@three_same("1 0 000", pairwise=True)
def simd_fp_pairwise_maximum_number(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMAXNMP (vector)."""
    return ops.fp(Fp.MAXNM, width, a, b)


@three_same("1 1 000", pairwise=True)
def simd_fp_pairwise_minimum_number(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMINNMP (vector)."""
    return ops.fp(Fp.MINNM, width, a, b)


@three_same("1 0 110", pairwise=True)
def simd_fp_pairwise_maximum(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMAXP (vector)."""
    return ops.fp(Fp.MAX, width, a, b)


@three_same("1 1 110", pairwise=True)
def simd_fp_pairwise_minimum(ops: Ops, width: int, a: Value, b: Value) -> Value:
    """FMINP (vector)."""
    return ops.fp(Fp.MIN, width, a, b)


_EXTREMES = (Fp.MAXNM, Fp.MINNM, Fp.MAX, Fp.MIN)


def _reduced(ops: Ops, width: int, operation: Fp, values: list[Value]) -> Value:
    """Neighbours first, as the manual's Reduce: which NaN comes out depends on it."""
    while len(values) > 1:
        values = [ops.fp(operation, width, a, b) for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]


def _extreme(plain: int) -> None:
    def across(ops: Ops, width: int, smaller: int, rn: Value, rd: Value, Q: int) -> None:
        """FMAXNMV, FMINNMV, FMAXV, FMINV."""
        write(ops, rd, [_reduced(ops, width, _EXTREMES[2 * plain + smaller], lanes(ops, rn, width, Q))], width)

    def across_single(ops: Ops, smaller: int, rn: Value, rd: Value) -> None:
        """FMAXNMV, FMINNMV, FMAXV, FMINV."""
        check_access(ops)
        across(ops, 32, smaller, rn, rd, 1)

    def pair(ops: Ops, width: int, smaller: int, rn: Value, rd: Value) -> None:
        """FMAXNMP, FMINNMP, FMAXP, FMINP (scalar)."""
        values = split(ops, read(ops, rn), width)[:2]
        write(ops, rd, [_reduced(ops, width, _EXTREMES[2 * plain + smaller], values)], width)

    name = "simd_fp_extreme" if plain else "simd_fp_extreme_number"
    tail = f"11000 011{plain}{plain} 10 rn:5 rd:5"
    A64.instruction(
        f"0 1 1 01110 smaller:1 0 {tail}", static="smaller", name=f"{name}_across", feature=SIMD
    )(across_single)  # fmt: skip
    forms(across, f"{name}_across", static="Q smaller", half=f"0 Q:1 0 01110 smaller:1 0 {tail}")
    forms(
        pair, f"{name}_pair", static="smaller",
        wide=f"01 1 11110 smaller:1 sz:1 {tail}", half=f"01 0 11110 smaller:1 0 {tail}",
    )  # fmt: skip


_extreme(0)
_extreme(1)


def _pair_sum(ops: Ops, width: int, rn: Value, rd: Value) -> None:
    """FADDP (scalar)."""
    a, b = split(ops, read(ops, rn), width)[:2]
    write(ops, rd, [ops.fp(Fp.ADD, width, a, b)], width)


forms(
    _pair_sum, "simd_fp_add_pair",
    wide="01 1 11110 0 sz:1 11000 01101 10 rn:5 rd:5", half="01 0 11110 00 11000 01101 10 rn:5 rd:5",
)  # fmt: skip
