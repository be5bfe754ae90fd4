"""Scalar floating-point conversions: between formats, to and from integers and fixed point."""

from __future__ import annotations

from emu import state
from emu.fp.controls import FRACTION_SHIFT, control
from emu.fp.environment import Rounding
from emu.isa.fp_scalar import FP, read_scalar, scalar, write_scalar
from emu.isa.lanes import check_access
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import A64, Fields, Value

_WIDTHS = (32, 64, 0, 16)
"""Format widths by ftype."""


def _convert(ops: Ops, ftype: int, target: int, rn: Value, rd: Value) -> None:
    check_access(ops)
    width = _WIDTHS[ftype]
    write_scalar(ops, rd, ops.fp(Fp.CONVERT, width, read_scalar(ops, rn, width), control(target)))


@A64.instruction(
    "000 11110 ftype:2 1 0001 0 sz:1 10000 rn:5 rd:5",
    static="ftype sz",
    allocated=lambda f: f["ftype"] not in (2, f["sz"]),
    feature=FP,
)
def fp_convert_format(ops: Ops, ftype: int, sz: int, rn: Value, rd: Value) -> None:
    """FCVT to single and double precision."""
    _convert(ops, ftype, 32 << sz, rn, rd)


@A64.instruction("000 11110 0 sz:1 1 0001 11 10000 rn:5 rd:5", static="sz", feature=FP)
def fp_convert_to_half(ops: Ops, sz: int, rn: Value, rd: Value) -> None:
    """FCVT to half precision."""
    _convert(ops, sz, 16, rn, rd)


@A64.instruction("000 11110 01 1 000110 10000 rn:5 rd:5", feature="FEAT_BF16")
def fp_convert_to_bfloat16(ops: Ops, rn: Value, rd: Value) -> None:
    """BFCVT."""
    check_access(ops)
    write_scalar(ops, rd, ops.fp(Fp.TO_BFLOAT16, 32, read_scalar(ops, rn, 32)))


def _to_integer(ops: Ops, width: int, sf: int, U: int, rounding: Rounding, rn: Value, rd: Value) -> None:
    word = control(64 if sf else 32, rounding, is_unsigned=bool(U))
    ops.write_x(rd, ops.fp(Fp.TO_FIXED, width, read_scalar(ops, rn, width), word))


@scalar("sf:1 00 11110 ftype 1 rmode:2 00 U:1 000000 rn:5 rd:5", static="sf rmode U")
def fp_to_integer(ops: Ops, width: int, sf: int, rmode: int, U: int, rn: Value, rd: Value) -> None:
    """FCVTNS, FCVTPS, FCVTMS, FCVTZS (rmode 0-3) and their unsigned forms, to a general register."""
    _to_integer(ops, width, sf, U, Rounding(rmode), rn, rd)


@scalar("sf:1 00 11110 ftype 1 00 10 U:1 000000 rn:5 rd:5", static="sf U")
def fp_to_integer_away(ops: Ops, width: int, sf: int, U: int, rn: Value, rd: Value) -> None:
    """FCVTAS, FCVTAU, to a general register."""
    _to_integer(ops, width, sf, U, Rounding.TIES_AWAY, rn, rd)


@scalar("sf:1 00 11110 ftype 1 00 01 U:1 000000 rn:5 rd:5", static="sf U")
def fp_from_integer(ops: Ops, width: int, sf: int, U: int, rn: Value, rd: Value) -> None:
    """SCVTF, UCVTF, from a general register."""
    word = control(64 if sf else 32, is_unsigned=bool(U))
    write_scalar(ops, rd, ops.fp(Fp.FROM_FIXED, width, ops.read_x(rn), word))


def _scale_fits(fields: Fields) -> bool:
    """At most 32 fraction bits in a W register."""
    return fields["sf"] == 1 or fields["scale"] >= 32


def _with_scale(ops: Ops, word: int, scale: Value) -> Value:
    """A control word with 64 - scale fraction bits."""
    return ops.or_(word, ops.shl(ops.sub(64, scale), FRACTION_SHIFT))


@scalar("sf:1 00 11110 ftype 0 11 00 U:1 scale:6 rn:5 rd:5", static="sf U", allocated=_scale_fits, half=_scale_fits)
def fp_to_fixed(ops: Ops, width: int, sf: int, U: int, scale: Value, rn: Value, rd: Value) -> None:
    """FCVTZS, FCVTZU, to fixed point in a general register."""
    word = control(64 if sf else 32, Rounding.TOWARDS_ZERO, is_unsigned=bool(U))
    value = read_scalar(ops, rn, width)
    ops.write_x(rd, ops.fp(Fp.TO_FIXED, width, value, _with_scale(ops, word, scale)))


@scalar("sf:1 00 11110 ftype 0 00 01 U:1 scale:6 rn:5 rd:5", static="sf U", allocated=_scale_fits, half=_scale_fits)
def fp_from_fixed(ops: Ops, width: int, sf: int, U: int, scale: Value, rn: Value, rd: Value) -> None:
    """SCVTF, UCVTF, from fixed point in a general register."""
    word = control(64 if sf else 32, is_unsigned=bool(U))
    write_scalar(ops, rd, ops.fp(Fp.FROM_FIXED, width, ops.read_x(rn), _with_scale(ops, word, scale)))


@A64.instruction("0 00 11110 01 1 11 110 000000 rn:5 rd:5", feature="FEAT_JSCVT")
def fp_to_javascript_integer(ops: Ops, rn: Value, rd: Value) -> None:
    """FJCVTZS: Z is 1 where the conversion was exact; N, C and V become 0."""
    check_access(ops)
    result = ops.fp(Fp.TO_JAVASCRIPT, 64, ops.read_v(rn, 0))
    ops.write_x(rd, ops.zext(result, 32))
    for slot in (state.N, state.C, state.V):
        ops.set(slot, 0)
    ops.set(state.Z, ops.shr(result, 32))
