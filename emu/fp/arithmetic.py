"""Addition, multiplication, division, square root and their fused and stepwise forms (FPAdd ... FPRSqrtStepFused)."""

from __future__ import annotations

from math import isqrt

from emu.fp.environment import DZC, Environment
from emu.fp.formats import HALF, SINGLE, Format, Kind, Number, invalid, process_nan, process_nans, unpack
from emu.fp.rounding import exact_sum, round_signed, round_to_format

_INFINITY, _ZERO = Kind.INFINITY, Kind.ZERO


def add(env: Environment, form: Format, a: int, b: int) -> int:
    """FPAdd."""
    return _sum(env, form, a, b, 0)


def subtract(env: Environment, form: Format, a: int, b: int) -> int:
    """FPSub: a NaN operand comes out with its own sign."""
    return _sum(env, form, a, b, 1)


def _sum(env: Environment, form: Format, a: int, b: int, negate: int) -> int:
    x, y = unpack(env, form, a), unpack(env, form, b)
    nan = process_nans(env, form, (a, x), (b, y))
    if nan is not None:
        return nan
    return _add_numbers(env, form, x, y._replace(sign=y.sign ^ negate))


def _add_numbers(env: Environment, form: Format, x: Number, y: Number) -> int:
    if x.kind is _INFINITY or y.kind is _INFINITY:
        if x.kind is y.kind and x.sign != y.sign:
            return invalid(env, form)
        return form.infinity(x.sign if x.kind is _INFINITY else y.sign)
    if x.kind is _ZERO and y.kind is _ZERO and x.sign == y.sign:
        return form.zero(x.sign)
    return round_signed(env, form, *exact_sum(x.signed_mantissa, x.exponent, y.signed_mantissa, y.exponent))


def absolute_difference(env: Environment, form: Format, a: int, b: int) -> int:
    """FABD: FPAbs of FPSub."""
    return subtract(env, form, a, b) & ~form.sign_bit


def multiply(env: Environment, form: Format, a: int, b: int) -> int:
    """FPMul."""
    return _product(env, form, a, b, is_extended=False)


def multiply_extended(env: Environment, form: Format, a: int, b: int) -> int:
    """FPMulX: infinity times zero is two."""
    return _product(env, form, a, b, is_extended=True)


def _product(env: Environment, form: Format, a: int, b: int, *, is_extended: bool) -> int:
    x, y = unpack(env, form, a), unpack(env, form, b)
    nan = process_nans(env, form, (a, x), (b, y))
    if nan is not None:
        return nan
    sign = x.sign ^ y.sign
    if _is_infinity_times_zero(x, y):
        return form.power_of_two(1, sign) if is_extended else invalid(env, form)
    if x.kind is _INFINITY or y.kind is _INFINITY:
        return form.infinity(sign)
    if x.kind is _ZERO or y.kind is _ZERO:
        return form.zero(sign)
    return round_to_format(env, form, sign, x.mantissa * y.mantissa, x.exponent + y.exponent)


def _is_infinity_times_zero(x: Number, y: Number) -> bool:
    return (x.kind is _INFINITY and y.kind is _ZERO) or (x.kind is _ZERO and y.kind is _INFINITY)


def multiply_add(env: Environment, form: Format, addend: int, a: int, b: int) -> int:
    """FPMulAdd: addend + a * b, rounded once."""
    return _fused(env, form, form, addend, a, b)


def multiply_add_widening(env: Environment, addend: int, a: int, b: int) -> int:
    """FPMulAddH: a single-precision addend, half-precision factors, a single-precision result."""
    return _fused(env, SINGLE, HALF, addend, a, b)


def _fused(env: Environment, form: Format, factors: Format, addend: int, a: int, b: int) -> int:
    z, x, y = unpack(env, form, addend), unpack(env, factors, a), unpack(env, factors, b)
    is_invalid = _is_infinity_times_zero(x, y)
    if form is factors:
        nan = process_nans(env, form, (addend, z), (a, x), (b, y))
    else:
        nan = process_nans(env, form, (addend, z), (widened_nan(a, x), x), (widened_nan(b, y), y))
    if nan is not None:
        return invalid(env, form) if z.kind is Kind.QUIET and is_invalid else nan
    if is_invalid:
        return invalid(env, form)
    sign = x.sign ^ y.sign
    if x.kind is _INFINITY or y.kind is _INFINITY:
        product = Number(_INFINITY, sign)
    elif x.kind is _ZERO or y.kind is _ZERO:
        product = Number(_ZERO, sign)
    else:
        product = Number(Kind.FINITE, sign, x.mantissa * y.mantissa, x.exponent + y.exponent)
    return _add_numbers(env, form, z, product)


def widened_nan(bits: int, number: Number) -> int:
    """A half-precision NaN as single precision, still signaling where it was."""
    if not number.is_nan:
        return 0
    return SINGLE.infinity(number.sign) | (bits & 0x3FF) << 13


def divide(env: Environment, form: Format, a: int, b: int) -> int:
    """FPDiv."""
    x, y = unpack(env, form, a), unpack(env, form, b)
    nan = process_nans(env, form, (a, x), (b, y))
    if nan is not None:
        return nan
    if x.kind is y.kind and x.kind in (_INFINITY, _ZERO):
        return invalid(env, form)
    sign = x.sign ^ y.sign
    if x.kind is _INFINITY or y.kind is _ZERO:
        if x.kind is not _INFINITY:
            env.flags |= DZC
        return form.infinity(sign)
    if x.kind is _ZERO or y.kind is _INFINITY:
        return form.zero(sign)
    # A quotient of three bits more than the format has, then a sticky bit.
    more = max(0, form.fraction_bits + 4 + y.mantissa.bit_length() - x.mantissa.bit_length())
    quotient, rest = divmod(x.mantissa << more, y.mantissa)
    return round_to_format(env, form, sign, quotient << 1 | (rest != 0), x.exponent - y.exponent - more - 1)


def square_root(env: Environment, form: Format, a: int) -> int:
    """FPSqrt."""
    x = unpack(env, form, a)
    if x.is_nan:
        return process_nan(env, form, a, x)
    if x.kind is _ZERO:
        return form.zero(x.sign)
    if x.sign:
        return invalid(env, form)
    if x.kind is _INFINITY:
        return form.infinity(0)
    more = 2 * form.fraction_bits + 8
    more += x.exponent - more & 1  # half of an even exponent
    radicand = x.mantissa << more
    root = isqrt(radicand)
    return round_to_format(env, form, 0, root << 1 | (root * root != radicand), (x.exponent - more) // 2 - 1)


def reciprocal_step(env: Environment, form: Format, a: int, b: int) -> int:
    """FPRecipStepFused: 2 - a * b."""
    return _step(env, form, a, b, 2, 0)


def reciprocal_root_step(env: Environment, form: Format, a: int, b: int) -> int:
    """FPRSqrtStepFused: (3 - a * b) / 2."""
    return _step(env, form, a, b, 3, 1)


def _step(env: Environment, form: Format, a: int, b: int, start: int, halvings: int) -> int:
    a ^= form.sign_bit  # before anything else: a NaN comes out with its sign changed
    x, y = unpack(env, form, a), unpack(env, form, b)
    nan = process_nans(env, form, (a, x), (b, y))
    if nan is not None:
        return nan
    sign = x.sign ^ y.sign
    if _is_infinity_times_zero(x, y):
        return form.power_of_two(1) if not halvings else form.power_of_two(0) | form.quiet_bit
    if x.kind is _INFINITY or y.kind is _INFINITY:
        return form.infinity(sign)
    product = x.signed_mantissa * y.signed_mantissa
    mantissa, exponent = exact_sum(start, 0, product, x.exponent + y.exponent)
    return round_signed(env, form, mantissa, exponent - halvings)
