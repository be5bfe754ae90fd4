"""Vector floating point on one vector: signs, roots, estimates, comparisons with zero, roundings, conversions."""

from __future__ import annotations

from emu.fp.controls import FRACTION_SHIFT, control
from emu.fp.environment import Rounding
from emu.isa.lanes import SIMD, Lanes, check_access, split
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import A64, Fields, Value
from emu.isa.simd_fp_shapes import FP16, absolute, lanes, negated, two_register, write


def _mask(ops: Ops, condition: Value) -> Value:
    return ops.sub(0, condition)


@two_register("0 1 01111")
def simd_fp_absolute(ops: Ops, width: int, a: Value) -> Value:
    """FABS (vector)."""
    return absolute(ops, width, a)


@two_register("1 1 01111")
def simd_fp_negate(ops: Ops, width: int, a: Value) -> Value:
    """FNEG (vector)."""
    return negated(ops, width, a)


@two_register("1 1 11111")
def simd_fp_square_root(ops: Ops, width: int, a: Value) -> Value:
    """FSQRT (vector)."""
    return ops.fp(Fp.SQRT, width, a)


@two_register("0 1 11101", scalar=True)
def simd_fp_reciprocal_estimate(ops: Ops, width: int, a: Value) -> Value:
    """FRECPE."""
    return ops.fp(Fp.RECIPROCAL_ESTIMATE, width, a)


@two_register("1 1 11101", scalar=True)
def simd_fp_reciprocal_root_estimate(ops: Ops, width: int, a: Value) -> Value:
    """FRSQRTE."""
    return ops.fp(Fp.RECIPROCAL_ROOT_ESTIMATE, width, a)


@two_register("0 1 11111", vector=False, scalar=True)
def simd_fp_reciprocal_exponent(ops: Ops, width: int, a: Value) -> Value:
    """FRECPX."""
    return ops.fp(Fp.RECIPROCAL_EXPONENT, width, a)


@A64.instruction("0 Q:1 root:1 01110 10 10000 11100 10 rn:5 rd:5", static="Q root", feature=SIMD)
def simd_unsigned_reciprocal_estimate(ops: Ops, Q: int, root: int, rn: Value, rd: Value) -> None:
    """URECPE, URSQRTE."""
    v = Lanes(ops, 32)
    operation = Fp.UNSIGNED_RECIPROCAL_ROOT_ESTIMATE if root else Fp.UNSIGNED_RECIPROCAL_ESTIMATE
    v.write(rd, [ops.fp(operation, 32, lane) for lane in v.read(rn, Q)])


@two_register("0 1 01100", scalar=True)
def simd_fp_compare_greater_zero(ops: Ops, width: int, a: Value) -> Value:
    """FCMGT (zero)."""
    return _mask(ops, ops.fp(Fp.GREATER, width, a, 0))


@two_register("0 1 01101", scalar=True)
def simd_fp_compare_equal_zero(ops: Ops, width: int, a: Value) -> Value:
    """FCMEQ (zero)."""
    return _mask(ops, ops.fp(Fp.EQUAL, width, a, 0))


@two_register("0 1 01110", scalar=True)
def simd_fp_compare_less_zero(ops: Ops, width: int, a: Value) -> Value:
    """FCMLT (zero)."""
    return _mask(ops, ops.fp(Fp.GREATER, width, 0, a))


@two_register("1 1 01100", scalar=True)
def simd_fp_compare_greater_equal_zero(ops: Ops, width: int, a: Value) -> Value:
    """FCMGE (zero)."""
    return _mask(ops, ops.fp(Fp.GREATER_OR_EQUAL, width, a, 0))


@two_register("1 1 01101", scalar=True)
def simd_fp_compare_less_equal_zero(ops: Ops, width: int, a: Value) -> Value:
    """FCMLE (zero)."""
    return _mask(ops, ops.fp(Fp.GREATER_OR_EQUAL, width, 0, a))


def _rounds(row: str, name: str, mnemonic: str, rounding: Rounding, *, exact: bool = False) -> None:
    def round_lane(ops: Ops, width: int, a: Value) -> Value:
        return ops.fp(Fp.TO_INTEGRAL_EXACT if exact else Fp.TO_INTEGRAL, width, a, control(rounding=rounding))

    round_lane.__name__, round_lane.__doc__ = f"simd_fp_round_{name}", f"{mnemonic} (vector)."
    two_register(row)(round_lane)


_rounds("0 0 11000", "to_even", "FRINTN", Rounding.TIES_TO_EVEN)
_rounds("0 0 11001", "down", "FRINTM", Rounding.TOWARDS_NEGATIVE)
_rounds("0 1 11000", "up", "FRINTP", Rounding.TOWARDS_POSITIVE)
_rounds("0 1 11001", "to_zero", "FRINTZ", Rounding.TOWARDS_ZERO)
_rounds("1 0 11000", "away", "FRINTA", Rounding.TIES_AWAY)
_rounds("1 0 11001", "exact", "FRINTX", Rounding.BY_FPCR, exact=True)
_rounds("1 1 11001", "by_fpcr", "FRINTI", Rounding.BY_FPCR)


def _rounds_within(row: str, size: int, rounding: Rounding, mnemonic: str) -> None:
    def round_lane(ops: Ops, width: int, a: Value) -> Value:
        return ops.fp(Fp.TO_INTEGRAL_WITHIN, width, a, control(size, rounding))

    kind = "exact" if rounding is Rounding.BY_FPCR else "to_zero"
    round_lane.__name__, round_lane.__doc__ = f"simd_fp_round_within_{size}_{kind}", f"{mnemonic} (vector)."
    two_register(row, half=False, feature="FEAT_FRINTTS")(round_lane)


_rounds_within("0 0 11110", 32, Rounding.TOWARDS_ZERO, "FRINT32Z")
_rounds_within("0 0 11111", 64, Rounding.TOWARDS_ZERO, "FRINT64Z")
_rounds_within("1 0 11110", 32, Rounding.BY_FPCR, "FRINT32X")
_rounds_within("1 0 11111", 64, Rounding.BY_FPCR, "FRINT64X")


def _to_integer(row: str, name: str, mnemonic: str, rounding: Rounding) -> None:
    for U in (0, 1):

        def convert(ops: Ops, width: int, a: Value, is_unsigned: bool = bool(U)) -> Value:
            return ops.fp(Fp.TO_FIXED, width, a, control(width, rounding, is_unsigned=is_unsigned))

        convert.__name__ = f"simd_fp_to_{'unsigned' if U else 'signed'}_{name}"
        convert.__doc__ = f"{mnemonic}{'SU'[U]} (vector)."
        two_register(f"{U} {row}", scalar=True)(convert)


_to_integer("0 11010", "to_even", "FCVTN", Rounding.TIES_TO_EVEN)
_to_integer("0 11011", "down", "FCVTM", Rounding.TOWARDS_NEGATIVE)
_to_integer("0 11100", "away", "FCVTA", Rounding.TIES_AWAY)
_to_integer("1 11010", "up", "FCVTP", Rounding.TOWARDS_POSITIVE)
_to_integer("1 11011", "to_zero", "FCVTZ", Rounding.TOWARDS_ZERO)


@two_register("0 0 11101", scalar=True)
def simd_fp_from_signed(ops: Ops, width: int, a: Value) -> Value:
    """SCVTF (vector, integer)."""
    return ops.fp(Fp.FROM_FIXED, width, a, control(width))


@two_register("1 0 11101", scalar=True)
def simd_fp_from_unsigned(ops: Ops, width: int, a: Value) -> Value:
    """UCVTF (vector, integer)."""
    return ops.fp(Fp.FROM_FIXED, width, a, control(width, is_unsigned=True))


def _any(_: Fields) -> bool:
    return True


def _is_full(f: Fields) -> bool:
    return f["Q"] == 1


def _fixed_point(width: int, immediate: str, to_fixed: bool) -> None:
    """Conversions with a number of fraction bits, encoded as twice the width minus it."""
    operation = Fp.TO_FIXED if to_fixed else Fp.FROM_FIXED
    rounding = Rounding.TOWARDS_ZERO if to_fixed else Rounding.BY_FPCR

    def converted(ops: Ops, U: int, imm: Value, values: list[Value]) -> list[Value]:
        word = control(width, rounding, is_unsigned=bool(U))
        described = ops.or_(word, ops.shl(ops.sub(width, imm), FRACTION_SHIFT))
        return [ops.fp(operation, width, value, described) for value in values]

    def vector(ops: Ops, Q: int, U: int, imm: Value, rn: Value, rd: Value) -> None:
        """SCVTF and UCVTF, or FCVTZS and FCVTZU (vector, fixed point)."""
        check_access(ops)
        write(ops, rd, converted(ops, U, imm, lanes(ops, rn, width, Q)), width)

    def single(ops: Ops, U: int, imm: Value, rn: Value, rd: Value) -> None:
        """SCVTF and UCVTF, or FCVTZS and FCVTZU (scalar in a V register, fixed point)."""
        check_access(ops)
        write(ops, rd, converted(ops, U, imm, lanes(ops, rn, width, 0)[:1]), width)

    feature = FP16 if width == 16 else SIMD
    name = f"simd_fp_{'to' if to_fixed else 'from'}_fixed_point_{width}"
    tail = f"{immediate} {'11111' if to_fixed else '11100'} 1 rn:5 rd:5"
    allocated = _is_full if width == 64 else _any
    A64.instruction(f"0 Q:1 U:1 011110 {tail}", static="Q U", allocated=allocated, name=name, feature=feature)(vector)
    A64.instruction(f"01 U:1 111110 {tail}", static="U", name=f"{name}_scalar", feature=feature)(single)


for _to_fixed in (False, True):
    _fixed_point(16, "001 imm:4", _to_fixed)
    _fixed_point(32, "01 imm:5", _to_fixed)
    _fixed_point(64, "1 imm:6", _to_fixed)


@A64.instruction("0 Q:1 0 01110 0 sz:1 10000 10111 10 rn:5 rd:5", static="Q sz", feature=SIMD)
def simd_fp_convert_long(ops: Ops, Q: int, sz: int, rn: Value, rd: Value) -> None:
    """FCVTL, FCVTL2."""
    check_access(ops)
    width = 16 << sz
    values = split(ops, [ops.read_v(rn, Q)], width)
    write(ops, rd, [ops.fp(Fp.CONVERT, width, value, control(2 * width)) for value in values], 2 * width)


def _narrowed(ops: Ops, Q: int, width: int, rn: Value, rd: Value, operation: Fp, word: int) -> None:
    v = Lanes(ops, width)
    values = v.read(rn, 1, 2 * width)
    v.write_part(rd, Q, [ops.fp(operation, 2 * width, value, word) for value in values])


@A64.instruction("0 Q:1 0 01110 0 sz:1 10000 10110 10 rn:5 rd:5", static="Q sz", feature=SIMD)
def simd_fp_convert_narrow(ops: Ops, Q: int, sz: int, rn: Value, rd: Value) -> None:
    """FCVTN, FCVTN2."""
    _narrowed(ops, Q, 16 << sz, rn, rd, Fp.CONVERT, control(16 << sz))


@A64.instruction("0 Q:1 0 01110 10 10000 10110 10 rn:5 rd:5", static="Q", feature="FEAT_BF16")
def simd_fp_convert_narrow_to_bfloat16(ops: Ops, Q: int, rn: Value, rd: Value) -> None:
    """BFCVTN, BFCVTN2."""
    _narrowed(ops, Q, 16, rn, rd, Fp.TO_BFLOAT16, 0)


@A64.instruction("0 Q:1 1 01110 01 10000 10110 10 rn:5 rd:5", static="Q", feature=SIMD)
def simd_fp_convert_narrow_to_odd(ops: Ops, Q: int, rn: Value, rd: Value) -> None:
    """FCVTXN, FCVTXN2."""
    _narrowed(ops, Q, 32, rn, rd, Fp.CONVERT, control(32, Rounding.TO_ODD))


@A64.instruction("01 1 11110 01 10000 10110 10 rn:5 rd:5", feature=SIMD)
def simd_fp_convert_narrow_to_odd_scalar(ops: Ops, rn: Value, rd: Value) -> None:
    """FCVTXN (scalar)."""
    check_access(ops)
    ops.write_v(rd, ops.fp(Fp.CONVERT, 64, ops.read_v(rn, 0), control(32, Rounding.TO_ODD)), 0)
