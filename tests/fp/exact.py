"""Floating point from its definition: every bit pattern as a fraction, every result the nearest pattern.

Written without a look at `emu.fp`: a value is searched among all patterns of the format by their order, not computed.
"""

from __future__ import annotations

from fractions import Fraction

LAYOUT = {16: (5, 10), 32: (8, 23), 64: (11, 52)}
NEAREST, UP, DOWN, ZERO, AWAY = range(5)


def value_of(bits: int, width: int) -> Fraction | None:
    """The number a pattern stands for; None for infinities and NaNs."""
    exponent_bits, fraction_bits = LAYOUT[width]
    field = bits >> fraction_bits & (1 << exponent_bits) - 1
    fraction = Fraction(bits & (1 << fraction_bits) - 1, 1 << fraction_bits)
    if field == (1 << exponent_bits) - 1:
        return None
    bias = (1 << exponent_bits - 1) - 1
    power = Fraction(2) ** (max(field, 1) - bias)
    magnitude = (fraction + (field != 0)) * power
    return -magnitude if bits >> width - 1 & 1 else magnitude


def infinity(width: int) -> int:
    exponent_bits, fraction_bits = LAYOUT[width]
    return ((1 << exponent_bits) - 1) << fraction_bits


def bracket(value: Fraction, width: int) -> tuple[int, int]:
    """Magnitude patterns of the two neighbours of a value >= 0; the upper one may be infinity's."""
    low, high = 0, infinity(width)
    while high - low > 1:
        middle = (low + high) // 2
        found = value_of(middle, width)
        assert found is not None
        if found <= value:
            low = middle
        else:
            high = middle
    return low, high


def _extended(magnitude: int, width: int) -> Fraction:
    """As if the format had one exponent more: infinity's pattern is the next power of two."""
    found = value_of(magnitude, width)
    if found is not None:
        return found
    below, before = value_of(magnitude - 1, width), value_of(magnitude - 2, width)
    assert below is not None
    assert before is not None
    return below + (below - before)


def rounded(value: Fraction, width: int, mode: int) -> tuple[int, int]:
    """(pattern, FPSR flags) of a value that is not 0, with nothing flushed."""
    _, fraction_bits = LAYOUT[width]
    sign = int(value < 0)
    magnitude = abs(value)
    low, high = bracket(magnitude, width)
    below, above = _extended(low, width), _extended(high, width)
    if below == magnitude:
        return sign << width - 1 | low, 0
    flags = 0x10
    least_normal = value_of(1 << fraction_bits, width)
    assert least_normal is not None
    if magnitude < least_normal:
        flags |= 0x08
    middle = (below + above) / 2
    goes_up = {
        NEAREST: magnitude > middle or (magnitude == middle and low & 1),
        AWAY: magnitude >= middle,
        UP: not sign,
        DOWN: bool(sign),
        ZERO: False,
    }[mode]
    chosen = high if goes_up else low
    # Overflow is when the result rounded to this precision, with any exponent, is too large.
    if high == infinity(width) and (chosen == high or magnitude >= above):
        flags |= 0x04
    return sign << width - 1 | chosen, flags


def rounded_integer(value: Fraction, mode: int) -> int:
    """The integer that a rounding mode chooses."""
    floor = value.numerator // value.denominator
    rest = value - floor
    if not rest:
        return floor
    half = Fraction(1, 2)
    goes_up = {
        NEAREST: rest > half or (rest == half and floor & 1),
        AWAY: rest > half or (rest == half and floor >= 0),
        UP: True,
        DOWN: False,
        ZERO: floor < 0,
    }[mode]
    return floor + bool(goes_up)
