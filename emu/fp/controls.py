"""Control words: what a conversion needs to know beside its operand, packed in one value."""

from __future__ import annotations

from typing import NamedTuple

from emu.fp.environment import Rounding

FRACTION_SHIFT = 16
"""Where a control word holds the number of fraction bits; instructions add it at run time."""
_UNSIGNED, _ROUNDING_SHIFT = 1 << 8, 9


class Control(NamedTuple):
    """The parts of a control word. `size` is in bits: of an integer, or of a target format."""

    size: int
    is_unsigned: bool
    rounding: int
    fraction_bits: int


def control(
    size: int = 0, rounding: Rounding = Rounding.BY_FPCR, *, is_unsigned: bool = False, fraction_bits: int = 0
) -> int:
    """Pack a control word."""
    word = size | rounding << _ROUNDING_SHIFT | fraction_bits << FRACTION_SHIFT
    return word | _UNSIGNED if is_unsigned else word


def parts(word: int) -> Control:
    """Unpack a control word."""
    return Control(word & 0xFF, bool(word & _UNSIGNED), word >> _ROUNDING_SHIFT & 7, word >> FRACTION_SHIFT & 0xFF)
