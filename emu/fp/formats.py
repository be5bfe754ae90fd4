"""Floating-point formats: bits to numbers (FPUnpack in the manual), and the values that have fixed bit patterns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from emu.fp.environment import IDC, IOC, Environment


@dataclass(frozen=True, slots=True)
class Format:
    """A binary interchange format."""

    width: int
    exponent_bits: int
    fraction_bits: int

    @property
    def least_exponent(self) -> int:
        """Exponent of the smallest normal number."""
        return 2 - (1 << self.exponent_bits - 1)

    @property
    def exponent_mask(self) -> int:
        """The exponent field of infinities and NaNs."""
        return (1 << self.exponent_bits) - 1

    @property
    def sign_bit(self) -> int:
        return 1 << self.width - 1

    @property
    def quiet_bit(self) -> int:
        return 1 << self.fraction_bits - 1

    @property
    def default_nan(self) -> int:
        return self.exponent_mask << self.fraction_bits | self.quiet_bit

    def zero(self, sign: int) -> int:
        return sign << self.width - 1

    def infinity(self, sign: int) -> int:
        return sign << self.width - 1 | self.exponent_mask << self.fraction_bits

    def largest(self, sign: int) -> int:
        """The finite number of greatest magnitude."""
        return self.infinity(sign) - 1

    def power_of_two(self, exponent: int, sign: int = 0) -> int:
        """2 to a power that is a normal number."""
        return sign << self.width - 1 | exponent - self.least_exponent + 1 << self.fraction_bits


HALF, SINGLE, DOUBLE = Format(16, 5, 10), Format(32, 8, 23), Format(64, 11, 52)
BFLOAT16 = Format(16, 8, 7)
BY_WIDTH = {item.width: item for item in (HALF, SINGLE, DOUBLE)}


class Kind(Enum):
    """What a bit pattern stands for."""

    FINITE = 0
    """Neither zero nor any of the others."""
    ZERO = 1
    INFINITY = 2
    QUIET = 3
    SIGNALING = 4


class Number(NamedTuple):
    """(-1)**sign * mantissa * 2**exponent, where the kind is FINITE or ZERO."""

    kind: Kind
    sign: int
    mantissa: int = 0
    exponent: int = 0

    @property
    def is_nan(self) -> bool:
        return self.kind is Kind.QUIET or self.kind is Kind.SIGNALING

    @property
    def signed_mantissa(self) -> int:
        return -self.mantissa if self.sign else self.mantissa


def unpack(env: Environment, form: Format, bits: int, *, is_conversion: bool = False) -> Number:
    """FPUnpack; with `is_conversion` FPUnpackCV, where FPCR.AHP counts and FPCR.FZ16 does not.

    Raises the input denormal exception when FPCR.FZ flushes the operand; FZ16 flushes without it.
    """
    sign = bits >> form.width - 1 & 1
    field = bits >> form.fraction_bits & form.exponent_mask
    fraction = bits & (1 << form.fraction_bits) - 1
    if field == 0:
        if fraction == 0:
            return Number(Kind.ZERO, sign)
        if form.width == 16:
            if env.flushes_half and not is_conversion:
                return Number(Kind.ZERO, sign)
        elif env.flushes:
            env.flags |= IDC
            return Number(Kind.ZERO, sign)
        return Number(Kind.FINITE, sign, fraction, form.least_exponent - form.fraction_bits)
    if field == form.exponent_mask and not (is_conversion and form is HALF and env.alternative_half):
        if fraction == 0:
            return Number(Kind.INFINITY, sign)
        return Number(Kind.QUIET if fraction & form.quiet_bit else Kind.SIGNALING, sign)
    mantissa = fraction | 1 << form.fraction_bits
    return Number(Kind.FINITE, sign, mantissa, field - 1 + form.least_exponent - form.fraction_bits)


def process_nan(env: Environment, form: Format, bits: int, number: Number) -> int:
    """FPProcessNaN: what an operation makes of a NaN operand."""
    if number.kind is Kind.SIGNALING:
        env.flags |= IOC
    return form.default_nan if env.default_nan else (bits | form.quiet_bit) & (1 << form.width) - 1


def process_nans(env: Environment, form: Format, *operands: tuple[int, Number]) -> int | None:
    """FPProcessNaNs and FPProcessNaNs3: the first signaling NaN, else the first quiet one; None without any."""
    for kind in (Kind.SIGNALING, Kind.QUIET):
        for bits, number in operands:
            if number.kind is kind:
                return process_nan(env, form, bits, number)
    return None


def invalid(env: Environment, form: Format) -> int:
    """The result of an invalid operation: the default NaN and its exception."""
    env.flags |= IOC
    return form.default_nan
