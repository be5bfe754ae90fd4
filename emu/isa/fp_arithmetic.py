"""Scalar floating-point data processing with one, two and three sources (Arm ARM C4.1: "Data Processing -- Scalar")."""

from __future__ import annotations

from emu.fp.controls import control
from emu.fp.environment import Rounding
from emu.isa.fp_scalar import read_scalar, scalar, write_scalar
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import Value


def negate(ops: Ops, width: int, value: Value) -> Value:
    """FPNeg: the sign changed, of a NaN too."""
    return ops.xor(value, 1 << width - 1)


@scalar("000 11110 ftype 1 0000 opcode:2 10000 rn:5 rd:5", static="opcode")
def fp_one_source(ops: Ops, width: int, opcode: int, rn: Value, rd: Value) -> None:
    """FMOV (register), FABS, FNEG, FSQRT (opcode 0-3)."""
    value = read_scalar(ops, rn, width)
    if opcode == 1:
        value = ops.and_(value, (1 << width - 1) - 1)
    elif opcode == 2:
        value = negate(ops, width, value)
    elif opcode == 3:
        value = ops.fp(Fp.SQRT, width, value)
    write_scalar(ops, rd, value)


_INTEGRAL = (
    Rounding.TIES_TO_EVEN,
    Rounding.TOWARDS_POSITIVE,
    Rounding.TOWARDS_NEGATIVE,
    Rounding.TOWARDS_ZERO,
    Rounding.TIES_AWAY,
    None,
    Rounding.BY_FPCR,
    Rounding.BY_FPCR,
)


@scalar(
    "000 11110 ftype 1 001 mode:3 10000 rn:5 rd:5",
    static="mode",
    allocated=lambda f: f["mode"] != 5,
    half=lambda f: f["mode"] != 5,
)
def fp_round_to_integral(ops: Ops, width: int, mode: int, rn: Value, rd: Value) -> None:
    """FRINTN, FRINTP, FRINTM, FRINTZ, FRINTA, FRINTX, FRINTI (mode 0-4, 6, 7)."""
    rounding = _INTEGRAL[mode]
    assert rounding is not None
    operation = Fp.TO_INTEGRAL_EXACT if mode == 6 else Fp.TO_INTEGRAL
    write_scalar(ops, rd, ops.fp(operation, width, read_scalar(ops, rn, width), control(rounding=rounding)))


@scalar(
    "000 11110 ftype 1 0100 is64:1 by_fpcr:1 10000 rn:5 rd:5", static="is64 by_fpcr", half=None, feature="FEAT_FRINTTS"
)
def fp_round_within_integer(ops: Ops, width: int, is64: int, by_fpcr: int, rn: Value, rd: Value) -> None:
    """FRINT32Z, FRINT32X, FRINT64Z, FRINT64X."""
    word = control(64 if is64 else 32, Rounding.BY_FPCR if by_fpcr else Rounding.TOWARDS_ZERO)
    write_scalar(ops, rd, ops.fp(Fp.TO_INTEGRAL_WITHIN, width, read_scalar(ops, rn, width), word))


_TWO_SOURCES = (Fp.MUL, Fp.DIV, Fp.ADD, Fp.SUB, Fp.MAX, Fp.MIN, Fp.MAXNM, Fp.MINNM, Fp.MUL)


@scalar(
    "000 11110 ftype 1 rm:5 opcode:4 10 rn:5 rd:5",
    static="opcode",
    allocated=lambda f: f["opcode"] < 9,
    half=lambda f: f["opcode"] < 9,
)
def fp_two_sources(ops: Ops, width: int, rm: Value, opcode: int, rn: Value, rd: Value) -> None:
    """FMUL, FDIV, FADD, FSUB, FMAX, FMIN, FMAXNM, FMINNM, FNMUL (opcode 0-8)."""
    a, b = read_scalar(ops, rn, width), read_scalar(ops, rm, width)
    result = ops.fp(_TWO_SOURCES[opcode], width, a, b)
    write_scalar(ops, rd, negate(ops, width, result) if opcode == 8 else result)


@scalar("000 11111 ftype o1:1 rm:5 o0:1 ra:5 rn:5 rd:5", static="o1 o0")
def fp_three_sources(ops: Ops, width: int, o1: int, rm: Value, o0: int, ra: Value, rn: Value, rd: Value) -> None:
    """FMADD, FMSUB, FNMADD, FNMSUB."""
    addend, a = read_scalar(ops, ra, width), read_scalar(ops, rn, width)
    addend = negate(ops, width, addend) if o1 else addend
    a = negate(ops, width, a) if o0 != o1 else a
    write_scalar(ops, rd, ops.fp(Fp.MULADD, width, addend, a, read_scalar(ops, rm, width)))
