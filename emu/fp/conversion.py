"""Conversions between formats, to and from integers and fixed point, and rounding to integral values."""

from __future__ import annotations

from emu.fp.environment import IOC, IXC, Environment, Rounding
from emu.fp.formats import BFLOAT16, DOUBLE, HALF, SINGLE, Format, Kind, Number, process_nan, unpack
from emu.fp.rounding import round_to_format, round_to_integer


def convert(env: Environment, source: Format, target: Format, bits: int, mode: Rounding) -> int:
    """FPConvert: one format to another."""
    x = unpack(env, source, bits, is_conversion=True)
    has_no_nan = target is HALF and env.alternative_half
    if x.is_nan:
        if x.kind is Kind.SIGNALING or has_no_nan:
            env.flags |= IOC
        if has_no_nan:
            return target.zero(x.sign)
        return target.default_nan if env.default_nan else _converted_nan(source, target, bits)
    if x.kind is Kind.INFINITY:
        if has_no_nan:
            env.flags |= IOC
            return target.zero(x.sign) | target.sign_bit - 1
        return target.infinity(x.sign)
    if x.kind is Kind.ZERO:
        return target.zero(x.sign)
    return round_to_format(env, target, x.sign, x.mantissa, x.exponent, mode, is_conversion=True)


def to_bfloat16(env: Environment, bits: int) -> int:
    """FPConvertBF: single precision to BFloat16, rounded as FPCR says."""
    x = unpack(env, SINGLE, bits)
    if x.is_nan:
        if x.kind is Kind.SIGNALING:
            env.flags |= IOC
        return BFLOAT16.default_nan if env.default_nan else _converted_nan(SINGLE, BFLOAT16, bits)
    if x.kind is Kind.INFINITY:
        return BFLOAT16.infinity(x.sign)
    if x.kind is Kind.ZERO:
        return BFLOAT16.zero(x.sign)
    return round_to_format(env, BFLOAT16, x.sign, x.mantissa, x.exponent)


def _converted_nan(source: Format, target: Format, bits: int) -> int:
    """FPConvertNaN: the sign and the leading bits of the payload, made quiet."""
    fraction = bits & (1 << source.fraction_bits) - 1
    shift = target.fraction_bits - source.fraction_bits
    fraction = fraction << shift if shift >= 0 else fraction >> -shift
    return target.infinity(bits >> source.width - 1 & 1) | target.quiet_bit | fraction


def to_fixed(
    env: Environment, form: Format, bits: int, size: int, is_unsigned: bool, fraction_bits: int, mode: Rounding
) -> int:
    """FPToFixed: a saturated integer of `size` bits, of which `fraction_bits` lie behind the point."""
    x = unpack(env, form, bits)
    if x.is_nan:
        env.flags |= IOC
        return 0
    low, high = (0, (1 << size) - 1) if is_unsigned else (-1 << size - 1, (1 << size - 1) - 1)
    if x.kind is Kind.INFINITY:
        env.flags |= IOC
        return (low if x.sign else high) & (1 << size) - 1
    integer, is_inexact = round_to_integer(x.sign, x.mantissa, x.exponent + fraction_bits, mode)
    if not low <= integer <= high:
        env.flags |= IOC
        integer = min(max(integer, low), high)
    elif is_inexact:
        env.flags |= IXC
    return integer & (1 << size) - 1


def from_fixed(
    env: Environment, form: Format, value: int, size: int, is_unsigned: bool, fraction_bits: int, mode: Rounding
) -> int:
    """FixedToFP: an integer of `size` bits, of which `fraction_bits` lie behind the point."""
    value &= (1 << size) - 1
    if not is_unsigned and value >> size - 1:
        value -= 1 << size
    if value == 0:
        return form.zero(0)
    return round_to_format(env, form, int(value < 0), abs(value), -fraction_bits, mode)


def to_javascript_int32(env: Environment, bits: int) -> int:
    """FPToFixedJS: a double modulo 2**32, rounded towards zero; bit 32 is the Z flag, "this was exact"."""
    x = unpack(env, DOUBLE, bits)
    if x.is_nan or x.kind is Kind.INFINITY:
        env.flags |= IOC
        return 0
    integer, is_inexact = round_to_integer(x.sign, x.mantissa, x.exponent, Rounding.TOWARDS_ZERO)
    # Neither -0 nor a denormal that was flushed to zero is the integer 0 exactly.
    is_exact = not is_inexact and not (x.kind is Kind.ZERO and bits)
    if not -(1 << 31) <= integer < 1 << 31:
        env.flags |= IOC
        is_exact = False
    elif is_inexact:
        env.flags |= IXC
    return integer & 0xFFFF_FFFF | is_exact << 32


def to_integral(env: Environment, form: Format, bits: int, mode: Rounding, *, is_exact: bool) -> int:
    """FPRoundInt: an integer in the same format; `is_exact` raises the inexact exception (FRINTX)."""
    x = unpack(env, form, bits)
    if x.is_nan:
        return process_nan(env, form, bits, x)
    if x.kind is Kind.INFINITY:
        return form.infinity(x.sign)
    integer, is_inexact = round_to_integer(x.sign, x.mantissa, x.exponent, mode)
    if is_inexact and is_exact:
        env.flags |= IXC
    return _from_integer(env, form, integer, x)


def to_integral_within(env: Environment, form: Format, bits: int, mode: Rounding, size: int) -> int:
    """FPRoundIntN: as a signed integer of 32 or 64 bits would hold it; all else becomes the least such integer."""
    x = unpack(env, form, bits)
    least = form.power_of_two(size - 1, 1)
    if x.is_nan or x.kind is Kind.INFINITY:
        env.flags |= IOC
        return least
    integer, is_inexact = round_to_integer(x.sign, x.mantissa, x.exponent, mode)
    if not -(1 << size - 1) <= integer < 1 << size - 1:
        env.flags |= IOC
        return least
    if is_inexact:
        env.flags |= IXC
    return _from_integer(env, form, integer, x)


def _from_integer(env: Environment, form: Format, integer: int, x: Number) -> int:
    if integer == 0:
        return form.zero(x.sign)
    return round_to_format(env, form, int(integer < 0), abs(integer), 0, Rounding.TOWARDS_ZERO)
