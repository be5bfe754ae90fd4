"""Floating point on the host's own unit, where its result and the flags are certain to be the guest's.

The host computes with IEEE 754, ties to even. So does the guest while FPCR.RMode is 0, as long as nothing comes near
the places where the two differ or where FPSR would change: NaNs, infinities and denormals go to `emu.fp`, and so does
an inexact result while FPSR.IXC is still clear. FPCR.FZ and DN have no say in what is left.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import llvmlite.binding as llvm
import llvmlite.ir as ir

from emu import state
from emu.fp.controls import parts
from emu.fp.environment import FZ, IXC, RMODE_SHIFT, Rounding
from emu.fp.formats import BY_WIDTH, Format
from emu.isa.ops import Fp
from emu.isa.pattern import Value

if TYPE_CHECKING:
    from emu.engine.lower import Lower

I64, I32, I1 = ir.IntType(64), ir.IntType(32), ir.IntType(1)
_FLOATS = {32: ir.FloatType(), 64: ir.DoubleType()}
_COMPARISONS = (Fp.COMPARE, Fp.COMPARE_SIGNALING, Fp.EQUAL, Fp.GREATER_OR_EQUAL, Fp.GREATER)
_EXTREMES = {Fp.MAX: ">", Fp.MAXNM: ">", Fp.MIN: "<", Fp.MINNM: "<"}
_SUMS = (Fp.ADD, Fp.SUB, Fp.ABSOLUTE_DIFFERENCE)


class Attempt(NamedTuple):
    """A result, and an i1 that says whether it may be used."""

    is_certain: ir.Value | Callable[[], ir.Value]
    """Where it is a function, it emits what has to be looked at where `is_usual` does not hold."""
    result: ir.Value
    is_usual: ir.Value | None = None
    """A condition that says the same in fewer instructions, and nearly always."""


_ROUNDING_INTRINSICS = {
    Rounding.TIES_TO_EVEN: "llvm.roundeven",
    Rounding.TOWARDS_POSITIVE: "llvm.ceil",
    Rounding.TOWARDS_NEGATIVE: "llvm.floor",
    Rounding.TOWARDS_ZERO: "llvm.trunc",
    Rounding.TIES_AWAY: "llvm.round",
    Rounding.BY_FPCR: "llvm.roundeven",
}


def _host_has(feature: str) -> bool:
    """Whether the host has instructions that an intrinsic needs: without them LLVM would call a library."""
    return platform.machine() in ("aarch64", "arm64") or bool(llvm.get_host_cpu_features().get(feature, False))


def attempt(lower: Lower, operation: Fp, width: int, a: Value, b: Value, c: Value) -> Attempt | None:
    """Emit the operation natively; None where it is always left to Python."""
    if width not in _FLOATS:
        return None
    unit = _Unit(lower, width)
    if operation in (*_SUMS, Fp.MUL, Fp.DIV):
        return unit.binary(operation, lower.value(a), lower.value(b))
    if operation is Fp.SQRT:
        return unit.square_root(lower.value(a))
    if operation is Fp.MULADD and _host_has("fma"):
        return unit.multiply_add(lower.value(a), lower.value(b), lower.value(c))
    if operation in _COMPARISONS:
        return unit.compare(operation, lower.value(a), lower.value(b))
    if operation in _EXTREMES:
        return unit.extreme(_EXTREMES[operation], lower.value(a), lower.value(b))
    if not isinstance(b, int):
        return None  # a number of fraction bits known only at run time
    size, is_unsigned, rounding, fraction_bits = parts(b)
    if operation is Fp.CONVERT and size in _FLOATS and rounding == Rounding.BY_FPCR:
        return unit.convert(lower.value(a), size)
    if operation is Fp.FROM_FIXED and not fraction_bits and rounding == Rounding.BY_FPCR and size >= 32:
        return unit.from_integer(lower.value(a), size, is_unsigned)
    if rounding != Rounding.TOWARDS_ZERO and not _host_has("sse4.1"):
        return None
    if operation is Fp.TO_FIXED and not fraction_bits and size >= 32:
        return unit.to_integer(lower.value(a), size, is_unsigned, Rounding(rounding))
    if operation in (Fp.TO_INTEGRAL, Fp.TO_INTEGRAL_EXACT) and _host_has("sse4.1"):
        return unit.to_integral(lower.value(a), Rounding(rounding), operation is Fp.TO_INTEGRAL_EXACT)
    return None


class _Unit:
    """Emits for one format."""

    def __init__(self, lower: Lower, width: int) -> None:
        self._lower = lower
        self._b = lower.b
        self._width = width
        self._form = BY_WIDTH[width]

    # Bits and numbers.

    def _number(self, bits: ir.Value, width: int) -> ir.Value:
        narrow = bits if width == 64 else self._b.trunc(bits, I32)
        return self._b.bitcast(narrow, _FLOATS[width])

    def _bits(self, number: ir.Value, width: int) -> ir.Value:
        bits = self._b.bitcast(number, ir.IntType(width))
        return bits if width == 64 else self._b.zext(bits, I64)

    def _magnitude(self, bits: ir.Value, form: Format) -> ir.Value:
        return self._b.and_(bits, I64(form.sign_bit - 1))

    def _is_zero(self, bits: ir.Value, form: Format) -> ir.Value:
        return self._b.icmp_unsigned("==", self._magnitude(bits, form), I64(0))

    def _is_no_denormal(self, bits: ir.Value) -> ir.Value:
        """Zero passes too: it wraps around."""
        less = self._b.sub(self._magnitude(bits, self._form), I64(1))
        return self._b.icmp_unsigned(">=", less, I64((1 << self._form.fraction_bits) - 1))

    def _exponent(self, bits: ir.Value, form: Format) -> ir.Value:
        return self._b.lshr(self._magnitude(bits, form), I64(form.fraction_bits))

    def _is_normal(self, bits: ir.Value, form: Format, least: int = 2) -> ir.Value:
        """Finite, and not even tiny before rounding: the least normal exponent is left out."""
        above = self._b.sub(self._exponent(bits, form), I64(least))
        return self._b.icmp_unsigned("<", above, I64(form.exponent_mask - least))

    def _precision(self, bits: ir.Value) -> ir.Value:
        """Significant bits of a normal number."""
        b, form = self._b, self._form
        implicit = 1 << form.fraction_bits
        significand = b.or_(b.and_(bits, I64(implicit - 1)), I64(implicit))
        return b.sub(I64(form.fraction_bits + 1), b.cttz(significand, I1(1)))

    def _fits(self, *operands: ir.Value) -> ir.Value:
        """Whether the product of these numbers has no more bits than the format."""
        total = self._precision(operands[0])
        for operand in operands[1:]:
            total = self._b.add(total, self._precision(operand))
        return self._b.icmp_unsigned("<=", total, I64(self._form.fraction_bits + 1))

    # FPCR and FPSR.

    def _rounds_to_nearest(self) -> ir.Value:
        mode = self._b.and_(self._lower.get(state.FPCR), I64(3 << RMODE_SHIFT))
        return self._b.icmp_unsigned("==", mode, I64(0))

    def _may_be_inexact(self) -> ir.Value:
        return self._b.icmp_unsigned("!=", self._b.and_(self._lower.get(state.FPSR), I64(IXC)), I64(0))

    def _is_plain(self) -> ir.Value:
        """Whether FPCR rounds to nearest and flushes nothing."""
        unusual = self._b.and_(self._lower.get(state.FPCR), I64(3 << RMODE_SHIFT | FZ))
        return self._b.icmp_unsigned("==", unusual, I64(0))

    def _usually(self, result: ir.Value) -> ir.Value:
        """A normal result can raise nothing but an inexact exception, whatever the operands, and that one is set."""
        return self._all(self._is_plain(), self._may_be_inexact(), self._is_normal(result, self._form))

    def _all(self, *conditions: ir.Value) -> ir.Value:
        result = conditions[0]
        for condition in conditions[1:]:
            result = self._b.and_(result, condition)
        return result

    def _certain(
        self, result: ir.Value, is_exact: ir.Value, is_exact_zero: ir.Value, operands: tuple[ir.Value, ...]
    ) -> ir.Value:
        b, form = self._b, self._form
        flags_stay = b.or_(self._may_be_inexact(), is_exact)
        is_usual = b.and_(self._is_normal(result, form), flags_stay)
        is_right = b.or_(is_usual, b.and_(is_exact_zero, self._is_zero(result, form)))
        return self._all(is_right, self._rounds_to_nearest(), *(self._is_no_denormal(item) for item in operands))

    # Operations.

    def binary(self, operation: Fp, a: ir.Value, c: ir.Value) -> Attempt:
        b, width, form = self._b, self._width, self._form
        x, y = self._number(a, width), self._number(c, width)
        if operation in _SUMS:
            if operation is not Fp.ADD:
                y = b.fneg(y)
            number = b.fadd(x, y)
        else:
            number = (b.fmul if operation is Fp.MUL else b.fdiv)(x, y)
        result = self._bits(number, width)

        def certain() -> ir.Value:
            if operation in _SUMS:
                # The rounding error of a sum is a number again (Knuth): it is zero when the sum is exact. Far enough
                # from the least exponent it is no denormal either.
                rest = b.fsub(number, x)
                error = b.fadd(b.fsub(x, b.fsub(number, rest)), b.fsub(y, rest))
                is_exact = b.fcmp_ordered("==", error, ir.Constant(_FLOATS[width], 0.0))
                is_exact = b.and_(is_exact, self._is_normal(result, form, 2 * form.fraction_bits + 2))
                is_zero: ir.Value = I1(1)
            elif operation is Fp.MUL:
                is_exact = self._fits(a, c)
                is_zero = b.or_(self._is_zero(a, form), self._is_zero(c, form))
            else:
                is_exact = b.and_(self._fits(result, c), b.fcmp_ordered("==", b.fmul(number, y), x))
                is_zero = self._is_zero(a, form)
            return self._certain(result, is_exact, is_zero, (a, c))

        given = self._magnitude(result, form) if operation is Fp.ABSOLUTE_DIFFERENCE else result
        return Attempt(certain, given, self._usually(result))

    def _intrinsic(self, name: str, *operands: ir.Value) -> ir.Value:
        kind = _FLOATS[self._width]
        signature = ir.FunctionType(kind, [kind] * len(operands))
        return self._b.call(self._b.module.declare_intrinsic(name, [kind], signature), operands)

    def square_root(self, a: ir.Value) -> Attempt:
        b, width = self._b, self._width
        x = self._number(a, width)
        number = self._intrinsic("llvm.sqrt", x)
        result = self._bits(number, width)

        def certain() -> ir.Value:
            is_exact = b.and_(self._fits(result, result), b.fcmp_ordered("==", b.fmul(number, number), x))
            return self._certain(result, is_exact, self._is_zero(a, self._form), (a,))

        return Attempt(certain, result, self._usually(result))

    def multiply_add(self, addend: ir.Value, a: ir.Value, c: ir.Value) -> Attempt:
        operands = (a, c, addend)
        number = self._intrinsic("llvm.fma", *(self._number(item, self._width) for item in operands))
        result = self._bits(number, self._width)
        return Attempt(lambda: self._certain(result, I1(0), I1(0), operands), result, self._usually(result))

    def compare(self, operation: Fp, a: ir.Value, c: ir.Value) -> Attempt:
        b, width = self._b, self._width
        x, y = self._number(a, width), self._number(c, width)
        ordered = b.fcmp_ordered("ord", x, y)
        usual = b.and_(self._is_plain(), ordered)

        def certain() -> ir.Value:
            return self._all(ordered, self._is_no_denormal(a), self._is_no_denormal(c))

        if operation in (Fp.COMPARE, Fp.COMPARE_SIGNALING):
            unlike = b.select(b.fcmp_ordered("<", x, y), I64(0b1000), I64(0b0010))
            return Attempt(certain, b.select(b.fcmp_ordered("==", x, y), I64(0b0110), unlike), usual)
        relation = {Fp.EQUAL: "==", Fp.GREATER_OR_EQUAL: ">=", Fp.GREATER: ">"}[operation]
        return Attempt(certain, b.zext(b.fcmp_ordered(relation, x, y), I64), usual)

    def extreme(self, relation: str, a: ir.Value, c: ir.Value) -> Attempt:
        b, width, form = self._b, self._width, self._form
        x, y = self._number(a, width), self._number(c, width)
        certain = self._all(
            b.fcmp_ordered("ord", x, y),
            self._is_no_denormal(a),
            self._is_no_denormal(c),
            b.not_(b.and_(self._is_zero(a, form), self._is_zero(c, form))),
        )
        return Attempt(certain, self._bits(b.select(b.fcmp_ordered(relation, x, y), x, y), width))

    def convert(self, a: ir.Value, size: int) -> Attempt | None:
        b, width = self._b, self._width
        x = self._number(a, width)
        if size == width:
            return None
        if size > width:
            number = b.fpext(x, _FLOATS[size])
            certain = b.and_(b.fcmp_ordered("ord", x, x), self._is_no_denormal(a))
            return Attempt(certain, self._bits(number, size))
        number = b.fptrunc(x, _FLOATS[size])
        result, form = self._bits(number, size), BY_WIDTH[size]
        is_exact = b.fcmp_ordered("==", b.fpext(number, _FLOATS[width]), x)
        is_right = b.and_(self._is_normal(result, form), b.or_(self._may_be_inexact(), is_exact))
        is_right = b.or_(is_right, self._is_zero(a, self._form))
        return Attempt(b.and_(is_right, self._rounds_to_nearest()), result)

    def from_integer(self, a: ir.Value, size: int, is_unsigned: bool) -> Attempt:
        b, form = self._b, self._form
        if size == 32:
            a = self._lower.zext(a, 32) if is_unsigned else self._lower.sext(a, 32)
        number = (b.uitofp if is_unsigned else b.sitofp)(a, _FLOATS[self._width])
        result = self._bits(number, self._width)
        if size <= form.fraction_bits:
            return Attempt(I1(1), result)
        magnitude = a if is_unsigned else b.select(b.icmp_signed("<", a, I64(0)), b.neg(a), a)
        # Significant bits: from the first one to the last one.
        spread = b.sub(b.sub(I64(64), b.ctlz(magnitude, I1(0))), b.cttz(magnitude, I1(0)))
        is_exact = b.icmp_signed("<=", spread, I64(form.fraction_bits + 1))
        rounded = b.and_(self._may_be_inexact(), self._rounds_to_nearest())
        return Attempt(b.or_(is_exact, rounded), result)

    def to_integer(self, a: ir.Value, size: int, is_unsigned: bool, mode: Rounding) -> Attempt:
        b, kind = self._b, _FLOATS[self._width]
        x = self._number(a, self._width)
        whole = x if mode is Rounding.TOWARDS_ZERO else self._intrinsic(_ROUNDING_INTRINSICS[mode], x)
        # Bounds that both formats have exactly; what lies between them and the integer's own goes to Python.
        low, high = (-1.0, 2.0 ** min(size, 63)) if is_unsigned else (-(2.0 ** (size - 1)), 2.0 ** (size - 1))
        above = b.fcmp_ordered(">" if is_unsigned else ">=", whole, ir.Constant(kind, low))
        fits = b.and_(above, b.fcmp_ordered("<", whole, ir.Constant(kind, high)))
        integer = b.fptosi(b.select(fits, whole, ir.Constant(kind, 0.0)), I64)
        is_exact = b.fcmp_ordered("==", b.sitofp(integer, kind), x)
        certain = self._all(fits, self._is_no_denormal(a), b.or_(self._may_be_inexact(), is_exact))
        if mode is Rounding.BY_FPCR:
            certain = b.and_(certain, self._rounds_to_nearest())
        return Attempt(certain, integer if size == 64 else self._lower.zext(integer, 32))

    def to_integral(self, a: ir.Value, mode: Rounding, raises_inexact: bool) -> Attempt:
        b = self._b
        x = self._number(a, self._width)
        number = self._intrinsic(_ROUNDING_INTRINSICS[mode], x)
        certain = b.and_(b.fcmp_ordered("ord", x, x), self._is_no_denormal(a))
        if raises_inexact:
            certain = b.and_(certain, b.or_(self._may_be_inexact(), b.fcmp_ordered("==", number, x)))
        if mode is Rounding.BY_FPCR:
            certain = b.and_(certain, self._rounds_to_nearest())
        return Attempt(certain, self._bits(number, self._width))
