"""Comparisons, maximum and minimum (FPCompare, FPCompareEQ ..., FPMax, FPMaxNum ...)."""

from __future__ import annotations

from emu.fp.environment import IOC, Environment
from emu.fp.formats import Format, Kind, Number, process_nans, unpack

_LESS, _EQUAL, _GREATER, _UNORDERED = 0b1000, 0b0110, 0b0010, 0b0011


def _order(x: Number, y: Number) -> int:
    """-1, 0 or 1 for numbers that are not NaNs."""
    if x.kind is Kind.ZERO and y.kind is Kind.ZERO:
        return 0
    left, right = _rank(x), _rank(y)
    if left != right:
        return -1 if left < right else 1
    if x.kind is not Kind.FINITE:
        return 0
    exponent = min(x.exponent, y.exponent)
    a, b = x.signed_mantissa << x.exponent - exponent, y.signed_mantissa << y.exponent - exponent
    return (a > b) - (a < b)


def _rank(x: Number) -> int:
    """Infinities outside, numbers by sign, zeros in the middle."""
    if x.kind is Kind.ZERO:
        return 0
    distance = 2 if x.kind is Kind.INFINITY else 1
    return -distance if x.sign else distance


def _compare(env: Environment, form: Format, a: int, b: int, *, signals: bool) -> int | None:
    """The order of two values; None when there is none, with the exception that calls for."""
    x, y = unpack(env, form, a), unpack(env, form, b)
    if x.is_nan or y.is_nan:
        if signals or Kind.SIGNALING in (x.kind, y.kind):
            env.flags |= IOC
        return None
    return _order(x, y)


def compare(env: Environment, form: Format, a: int, b: int) -> int:
    """FPCompare: the four condition flags; only signaling NaNs are invalid."""
    return _condition(_compare(env, form, a, b, signals=False))


def compare_signaling(env: Environment, form: Format, a: int, b: int) -> int:
    """FPCompare of FCMPE: every NaN is invalid."""
    return _condition(_compare(env, form, a, b, signals=True))


def _condition(order: int | None) -> int:
    if order is None:
        return _UNORDERED
    return (_LESS, _EQUAL, _GREATER)[order + 1]


def is_equal(env: Environment, form: Format, a: int, b: int) -> int:
    """FPCompareEQ: 0 or 1."""
    return int(_compare(env, form, a, b, signals=False) == 0)


def is_greater_or_equal(env: Environment, form: Format, a: int, b: int) -> int:
    """FPCompareGE: 0 or 1."""
    order = _compare(env, form, a, b, signals=True)
    return int(order is not None and order >= 0)


def is_greater(env: Environment, form: Format, a: int, b: int) -> int:
    """FPCompareGT: 0 or 1."""
    return int(_compare(env, form, a, b, signals=True) == 1)


def maximum(env: Environment, form: Format, a: int, b: int) -> int:
    """FPMax: a NaN wins; +0 is greater than -0."""
    return _extreme(env, form, a, b, 1)


def minimum(env: Environment, form: Format, a: int, b: int) -> int:
    """FPMin: a NaN wins; -0 is less than +0."""
    return _extreme(env, form, a, b, -1)


def maximum_number(env: Environment, form: Format, a: int, b: int) -> int:
    """FPMaxNum: a quiet NaN loses against a number."""
    return maximum(env, form, *_without_quiet(env, form, a, b, form.infinity(1)))


def minimum_number(env: Environment, form: Format, a: int, b: int) -> int:
    """FPMinNum: a quiet NaN loses against a number."""
    return minimum(env, form, *_without_quiet(env, form, a, b, form.infinity(0)))


def _without_quiet(env: Environment, form: Format, a: int, b: int, neutral: int) -> tuple[int, int]:
    """A quiet NaN becomes the infinity that never wins, unless both operands are quiet NaNs."""
    x, y = unpack(env, form, a), unpack(env, form, b)
    if x.kind is Kind.QUIET and y.kind is not Kind.QUIET:
        return neutral, b
    if y.kind is Kind.QUIET and x.kind is not Kind.QUIET:
        return a, neutral
    return a, b


def _extreme(env: Environment, form: Format, a: int, b: int, wanted: int) -> int:
    x, y = unpack(env, form, a), unpack(env, form, b)
    nan = process_nans(env, form, (a, x), (b, y))
    if nan is not None:
        return nan
    order = _order(x, y)
    if order == 0 and x.kind is Kind.ZERO:
        return form.zero(x.sign & y.sign if wanted > 0 else x.sign | y.sign)
    bits, number = (a, x) if order == wanted or order == 0 else (b, y)
    return form.zero(number.sign) if number.kind is Kind.ZERO else bits & (1 << form.width) - 1
