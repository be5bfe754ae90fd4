"""Reciprocal and reciprocal square root estimates: eight bits from the manual's tables (FPRecipEstimate ...)."""

from __future__ import annotations

from math import isqrt

from emu.fp.environment import DZC, IXC, OFC, UFC, Environment, Rounding
from emu.fp.formats import DOUBLE, Format, Kind, invalid, process_nan, unpack

_FRACTION = (1 << 52) - 1
_TOP = 1 << 51


def reciprocal_index(a: int) -> int:
    """RecipEstimate: 256 to 511 in, for 0.5 <= x < 1.0; 256 to 511 out, for 1.0 < 1/x <= 2.0."""
    return ((1 << 19) // (2 * a + 1) + 1) // 2


def reciprocal_root_index(a: int) -> int:
    """RecipSqrtEstimate: 128 to 511 in, for 0.25 <= x < 1.0; 256 to 511 out."""
    a = 2 * a + 1 if a < 256 else (a >> 1 << 1) * 2 + 2
    # The largest b of at least 512 with a * b * b < 2**28.
    b = max(512, isqrt(((1 << 28) - 1) // a))
    return (b + 1) // 2


def reciprocal_estimate(env: Environment, form: Format, bits: int) -> int:
    """FPRecipEstimate."""
    x = unpack(env, form, bits)
    if x.is_nan:
        return process_nan(env, form, bits, x)
    if x.kind is Kind.INFINITY:
        return form.zero(x.sign)
    if x.kind is Kind.ZERO:
        env.flags |= DZC
        return form.infinity(x.sign)
    top = x.mantissa.bit_length() - 1 + x.exponent
    if top < form.least_exponent - 2:
        env.flags |= OFC | IXC
        to_infinity = env.rounding is Rounding.TIES_TO_EVEN or env.rounding is (
            Rounding.TOWARDS_NEGATIVE if x.sign else Rounding.TOWARDS_POSITIVE
        )
        return form.infinity(x.sign) if to_infinity else form.largest(x.sign)
    if top >= -form.least_exponent and (env.flushes_half if form.width == 16 else env.flushes):
        env.flags |= UFC
        return form.zero(x.sign)
    exponent, fraction = _scaled(form, bits)
    if exponent == 0:
        if fraction & _TOP:
            fraction = fraction << 1 & _FRACTION
        else:
            exponent = -1
            fraction = fraction << 2 & _FRACTION
    result_exponent = 2 * (1 - form.least_exponent) - 1 - exponent
    fraction = (reciprocal_index(0x100 | fraction >> 44) & 0xFF) << 44
    if result_exponent == 0:
        fraction = _TOP | fraction >> 1
    elif result_exponent == -1:
        fraction = _TOP >> 1 | fraction >> 2
        result_exponent = 0
    return _assemble(form, x.sign, result_exponent, fraction)


def reciprocal_root_estimate(env: Environment, form: Format, bits: int) -> int:
    """FPRSqrtEstimate."""
    x = unpack(env, form, bits)
    if x.is_nan:
        return process_nan(env, form, bits, x)
    if x.kind is Kind.ZERO:
        env.flags |= DZC
        return form.infinity(x.sign)
    if x.sign:
        return invalid(env, form)
    if x.kind is Kind.INFINITY:
        return form.zero(0)
    exponent, fraction = _scaled(form, bits)
    if exponent == 0:
        shift = 52 - fraction.bit_length()
        exponent -= shift
        fraction = fraction << shift + 1 & _FRACTION
    scaled = 0x80 | fraction >> 45 if exponent & 1 else 0x100 | fraction >> 44
    result_exponent = (3 * (1 - form.least_exponent) - 1 - exponent) // 2
    return _assemble(form, 0, result_exponent, (reciprocal_root_index(scaled) & 0xFF) << 44)


def reciprocal_exponent(env: Environment, form: Format, bits: int) -> int:
    """FPRecpX: the exponent inverted, the fraction dropped."""
    x = unpack(env, form, bits)
    if x.is_nan:
        return process_nan(env, form, bits, x)
    exponent = bits >> form.fraction_bits & form.exponent_mask
    inverted = exponent ^ form.exponent_mask if exponent else form.exponent_mask - 1
    return form.zero(x.sign) | inverted << form.fraction_bits


def unsigned_reciprocal_estimate(value: int) -> int:
    """UnsignedRecipEstimate of a 32-bit fixed-point number."""
    return reciprocal_index(value >> 23) << 23 if value >> 31 else 0xFFFF_FFFF


def unsigned_reciprocal_root_estimate(value: int) -> int:
    """UnsignedRSqrtEstimate of a 32-bit fixed-point number."""
    return reciprocal_root_index(value >> 23) << 23 if value >> 30 else 0xFFFF_FFFF


def _scaled(form: Format, bits: int) -> tuple[int, int]:
    """The exponent field, and the fraction as if it had 52 bits."""
    fraction = bits & (1 << form.fraction_bits) - 1
    return bits >> form.fraction_bits & form.exponent_mask, fraction << DOUBLE.fraction_bits - form.fraction_bits


def _assemble(form: Format, sign: int, exponent: int, fraction: int) -> int:
    return form.zero(sign) | exponent << form.fraction_bits | fraction >> DOUBLE.fraction_bits - form.fraction_bits
