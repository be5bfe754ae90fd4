"""Exact numbers to bits: FPRound of the manual, and rounding to integers."""

from __future__ import annotations

from emu.fp.environment import IOC, IXC, OFC, UFC, Environment, Rounding
from emu.fp.formats import HALF, Format


def _goes_up(mode: Rounding, sign: int, is_odd: bool, rest: int, half: int) -> bool:
    """Whether a magnitude that was cut off by `rest` (half a unit is `half`) is rounded away from zero."""
    if mode is Rounding.TIES_TO_EVEN:
        return rest > half or (rest == half and is_odd)
    if mode is Rounding.TIES_AWAY:
        return rest >= half
    if mode is Rounding.TOWARDS_POSITIVE:
        return not sign and rest != 0
    if mode is Rounding.TOWARDS_NEGATIVE:
        return bool(sign) and rest != 0
    return False


def _cut(mantissa: int, shift: int) -> tuple[int, int, int]:
    """(mantissa >> shift, what was cut off, half of the last place that is left), for any sign of the shift."""
    if shift <= 0:
        return mantissa << -shift, 0, 1
    # Far below the last place only "something is there" matters; a huge shift must not build a huge number.
    if shift > mantissa.bit_length() + 1:
        return 0, 1, 2
    return mantissa >> shift, mantissa & (1 << shift) - 1, 1 << shift - 1


def round_to_format(
    env: Environment,
    form: Format,
    sign: int,
    mantissa: int,
    exponent: int,
    mode: Rounding | None = None,
    *,
    is_conversion: bool = False,
) -> int:
    """FPRound of (-1)**sign * mantissa * 2**exponent, mantissa > 0; with `is_conversion` FPRoundCV.

    Tininess is detected before rounding. A mantissa that stands for an infinite expansion must be longer than the
    format's by three bits at least and have a last bit of 1 ("sticky").
    """
    mode = env.rounding if mode is None else mode
    top = mantissa.bit_length() - 1 + exponent
    is_tiny = top < form.least_exponent
    if is_tiny and (env.flushes_half and not is_conversion if form is HALF else env.flushes):
        env.flags |= UFC
        return form.zero(sign)
    last_place = max(top, form.least_exponent) - form.fraction_bits
    kept, rest, half = _cut(mantissa, last_place - exponent)
    if rest:
        if is_tiny:
            env.flags |= UFC
        if mode is Rounding.TO_ODD:
            kept |= 1
        elif _goes_up(mode, sign, bool(kept & 1), rest, half):
            kept += 1
    # A carry out of the mantissa moves into the exponent field by itself.
    magnitude = kept if is_tiny else (top - form.least_exponent << form.fraction_bits) + kept
    if form is HALF and is_conversion and env.alternative_half:
        if magnitude >> form.width - 1:
            env.flags |= IOC
            return form.zero(sign) | form.sign_bit - 1
    elif magnitude >> form.fraction_bits >= form.exponent_mask:
        env.flags |= OFC | IXC
        to_infinity = mode in (Rounding.TIES_TO_EVEN, Rounding.TIES_AWAY) or (
            mode is (Rounding.TOWARDS_NEGATIVE if sign else Rounding.TOWARDS_POSITIVE)
        )
        return form.infinity(sign) if to_infinity else form.largest(sign)
    if rest:
        env.flags |= IXC
    return form.zero(sign) | magnitude


def round_to_integer(sign: int, mantissa: int, exponent: int, mode: Rounding) -> tuple[int, bool]:
    """(the nearest integer as `mode` says, whether it differs) of (-1)**sign * mantissa * 2**exponent."""
    kept, rest, half = _cut(mantissa, -exponent)
    if _goes_up(mode, sign, bool(kept & 1), rest, half):
        kept += 1
    return -kept if sign else kept, rest != 0


def exact_sum(a: int, a_exponent: int, b: int, b_exponent: int) -> tuple[int, int]:
    """(mantissa, exponent) of a * 2**a_exponent + b * 2**b_exponent, signed."""
    exponent = min(a_exponent, b_exponent)
    return (a << a_exponent - exponent) + (b << b_exponent - exponent), exponent


def round_signed(env: Environment, form: Format, mantissa: int, exponent: int) -> int:
    """FPRound of a signed number; an exact zero has the sign that the rounding mode gives it."""
    if mantissa == 0:
        return form.zero(int(env.rounding is Rounding.TOWARDS_NEGATIVE))
    return round_to_format(env, form, int(mantissa < 0), abs(mantissa), exponent)
