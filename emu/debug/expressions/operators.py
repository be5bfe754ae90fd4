"""What the operators compute: 64-bit arithmetic that wraps, comparisons of unsigned or signed numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable

MASK64 = (1 << 64) - 1
SIGN = 1 << 63
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
WIDE = ("&", "|", "^", ">>")
"""Operators that keep all 128 bits of a V register."""
Operation = Callable[[int, int], int]


def signed(value: int) -> int:
    """A 64-bit value as a signed number."""
    return (value & MASK64 ^ SIGN) - SIGN


def _left(a: int, b: int) -> int:
    return a << b & MASK64 if b < 64 else 0


def _right(a: int, b: int) -> int:
    return a >> b if b < 128 else 0


def _signed_right(a: int, b: int) -> int:
    return signed(a) >> min(b, 63) & MASK64


def _signed_divide(a: int, b: int) -> int:
    """Rounds towards zero, as SDIV and C do."""
    x, y = signed(a), signed(b)
    quotient = abs(x) // abs(y)
    return (quotient if (x < 0) == (y < 0) else -quotient) & MASK64


def _signed_remainder(a: int, b: int) -> int:
    """Has the sign of the dividend, as in C."""
    x, y = signed(a), signed(b)
    remainder = abs(x) % abs(y)
    return (remainder if x >= 0 else -remainder) & MASK64


def _compare(compare: Callable[[int, int], bool], is_signed: bool) -> Operation:
    if is_signed:
        return lambda a, b: int(compare(signed(a), signed(b)))
    return lambda a, b: int(compare(a, b))


_BOTH: dict[str, Operation] = {
    "+": lambda a, b: a + b & MASK64,
    "-": lambda a, b: a - b & MASK64,
    "*": lambda a, b: a * b & MASK64,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": _left,
}
_UNSIGNED: dict[str, Operation] = {
    ">>": _right,
    "/": lambda a, b: a // b & MASK64,
    "%": lambda a, b: a % b & MASK64,
}
_SIGNED: dict[str, Operation] = {">>": _signed_right, "/": _signed_divide, "%": _signed_remainder}
_COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def operation(name: str, is_signed: bool) -> Operation:
    """The meaning of a binary operator. Divisors are not 0."""
    if name in _COMPARE:
        return _compare(_COMPARE[name], is_signed)
    return _BOTH.get(name) or (_SIGNED if is_signed else _UNSIGNED)[name]
