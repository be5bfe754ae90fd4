"""What operators mean and how tightly they bind: as in C, on unsigned numbers of 64 bits."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu.debug.expressions import ExpressionError, RegisterValues, Vocabulary, compile
from emu.debug.expressions.parser import parse

NAMES = Vocabulary(("x0", "x1", "v0"))
MASK64 = (1 << 64) - 1


def value(text: str, **registers: int) -> int:
    return compile(text, NAMES).evaluate(RegisterValues(registers))


BY_GDB = (
    ("1 + 2 * 3", 0x7),
    ("1 << 2 + 3", 0x20),
    ("0xff & 0xf0 == 0xf0", 0x1),
    ("1 | 6 ^ 3 & 5", 0x7),
    ("10 - 4 - 3", 0x3),
    ("100 / 10 / 5", 0x2),
    ("100 % 30 * 2", 0x14),
    ("7 > 3 == 1", 0x1),
    ("1 || 0 && 0", 0x1),
    ("!0 + 1", 0x2),
    ("~0 >> 60", 0xF),
    ("-1 / 2", 0x7FFFFFFFFFFFFFFF),
    ("-1 > 0", 0x1),
    ("1 ? 2 : 0 ? 3 : 4", 0x2),
    ("0 ? 1 : 0 ? 2 : 3", 0x3),
    ("2 * -3", 0xFFFFFFFFFFFFFFFA),
    ("5 - -5", 0xA),
    ("!5 == 0", 0x1),
    ("~5 & 0xf", 0xA),
    ("1 < 2 < 2", 0x1),
    ("3 > 2 > 1", 0x0),
    ("8 >> 1 << 2", 0x10),
    ("6 & 3 == 3", 0x0),
    ("4 | 1 == 1", 0x5),
    ("2 + 3 << 1", 0xA),
    ("0 - 1 == ~0", 0x1),
    ("1 && 2 | 4", 0x1),
    ("!!7", 0x1),
    ("1 == 1 != 0", 0x1),
    ("0x8000000000000000 >> 63", 0x1),
    ("0xffffffffffffffff * 2", 0xFFFFFFFFFFFFFFFE),
    ("0xffffffffffffffff + 2", 0x1),
    ("17 % 5 - 3 * 2", 0xFFFFFFFFFFFFFFFC),
    ("1 ? 0 || 0 : 5", 0x0),
    ("0 || 0 ? 1 : 2", 0x2),
    ("1 + 1 == 2 && 3 & 4 || 5", 0x1),
    ("0x10 ^ 0x01 == 1", 0x11),
    ("3 <= 3 != 3 >= 4", 0x1),
)
"""What gdb's C makes of these with every number an unsigned long long."""


@pytest.mark.parametrize(("text", "expected"), BY_GDB)
def test_expressions_mean_what_they_mean_in_c(text: str, expected: int) -> None:
    assert value(text) == expected


# The C standard's productions (6.5.5 to 6.5.15), the loosest first: conditional, logical OR, logical AND, inclusive OR,
# exclusive OR, AND, equality, relational, shift, additive, multiplicative; then unary.
LEVELS = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="), ("<<", ">>"), ("+", "-"),
          ("*", "/", "%"))  # fmt: skip
LEVEL = {operator: level for level, operators in enumerate(LEVELS, 1) for operator in operators}
UNARY = len(LEVELS) + 1

numbers = st.integers(0, MASK64) | st.integers(0, 70)
trees = st.recursive(
    numbers,
    lambda inner: (
        st.tuples(st.sampled_from(sorted(LEVEL)), inner, inner)
        | st.tuples(st.sampled_from("-~!"), inner)
        | st.tuples(st.just("?"), inner, inner, inner)
    ),
    max_leaves=12,
)


def level(tree) -> int:  # type: ignore[no-untyped-def]
    if isinstance(tree, int):
        return UNARY + 1
    return 0 if tree[0] == "?" else UNARY if len(tree) == 2 else LEVEL[tree[0]]


def written(tree, *, fully: bool) -> str:  # type: ignore[no-untyped-def]
    """With every bracket, or with only those that the grammar asks for."""

    def operand(inner, least: int) -> str:  # type: ignore[no-untyped-def]
        text = written(inner, fully=fully)
        return f"({text})" if (fully and not isinstance(inner, int)) or level(inner) < least else text

    if isinstance(tree, int):
        return str(tree)
    if tree[0] == "?":
        return f"{operand(tree[1], 1)} ? {operand(tree[2], 0)} : {operand(tree[3], 0)}"
    if len(tree) == 2:
        return f"{tree[0]}{operand(tree[1], UNARY)}"
    at = level(tree)
    return f"{operand(tree[1], at)} {tree[0]} {operand(tree[2], at + 1)}"


def computed(tree) -> int:  # type: ignore[no-untyped-def]
    """By the C standard's rules for unsigned arithmetic; shifts beyond the width give 0. Raises ZeroDivisionError."""
    if isinstance(tree, int):
        return tree
    if tree[0] == "?":
        return computed(tree[2]) if computed(tree[1]) else computed(tree[3])
    if len(tree) == 2:
        a = computed(tree[1])
        return {"-": (1 << 64) - a, "~": MASK64 - a, "!": int(a == 0)}[tree[0]] % (1 << 64)
    operator, a = tree[0], computed(tree[1])
    if operator in ("&&", "||"):
        if bool(a) == (operator == "||"):
            return int(operator == "||")
        return int(computed(tree[2]) != 0)
    b = computed(tree[2])
    return int(
        {
            "|": lambda: a | b, "^": lambda: a ^ b, "&": lambda: a & b, "==": lambda: a == b, "!=": lambda: a != b,
            "<": lambda: a < b, "<=": lambda: a <= b, ">": lambda: a > b, ">=": lambda: a >= b,
            "<<": lambda: a << b if b < 64 else 0, ">>": lambda: a >> b, "+": lambda: a + b, "-": lambda: a - b,
            "*": lambda: a * b, "/": lambda: a // b, "%": lambda: a % b,
        }[operator]()
    ) % (1 << 64)  # fmt: skip


BINARY = [operator for operators in LEVELS for operator in operators]


@pytest.mark.parametrize("second", BINARY)
@pytest.mark.parametrize("first", BINARY)
def test_of_two_operators_the_tighter_or_else_the_left_one_goes_first(first: str, second: str) -> None:
    brackets = f"1 {first} (2 {second} 3)" if LEVEL[second] > LEVEL[first] else f"(1 {first} 2) {second} 3"
    assert parse(f"1 {first} 2 {second} 3") == parse(brackets)


@pytest.mark.parametrize("operator", BINARY)
def test_a_prefix_goes_before_and_a_condition_behind_any_operator(operator: str) -> None:
    assert parse(f"-1 {operator} ~2") == parse(f"(-1) {operator} (~2)")
    assert parse(f"1 {operator} 2 ? 3 : 4 {operator} 5") == parse(f"(1 {operator} 2) ? 3 : (4 {operator} 5)")
    assert parse(f"1 {operator} 2[3:1]") == parse(f"1 {operator} (2[3:1])")


@given(trees)
def test_brackets_that_the_grammar_implies_may_be_left_out(tree) -> None:  # type: ignore[no-untyped-def]
    assert parse(written(tree, fully=False)) == parse(written(tree, fully=True))


@given(trees)
def test_arithmetic_is_modulo_two_to_the_64(tree) -> None:  # type: ignore[no-untyped-def]
    text = written(tree, fully=False)
    try:
        expected = computed(tree)
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="nothing can be divided by 0"):
            value(text)
    else:
        assert value(text) == expected


words = st.integers(0, MASK64) | st.integers(0, 20) | st.integers(MASK64 - 20, MASK64)


@given(words, words)
@example(MASK64 - 6, 2)
@example(7, MASK64 - 1)
def test_signed_numbers_compare_divide_and_shift_as_signed(a: int, b: int) -> None:
    x, y = (each - (1 << 64) if each >> 63 else each for each in (a, b))
    assert value("s(x0) < x1", x0=a, x1=b) == (x < y)
    assert value("x0 >= s(x1)", x0=a, x1=b) == (x >= y)
    assert value("s(x0) >> 3", x0=a) == (x >> 3) & MASK64
    assert value("abs(x0)", x0=a) == abs(x)
    assert value("max(s(x0), x1)", x0=a, x1=b) == max(x, y) & MASK64
    assert value("min(x0, x1)", x0=a, x1=b) == min(a, b)
    if y:
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        assert value("s(x0) / x1", x0=a, x1=b) == quotient & MASK64
        assert value("s(x0) % x1", x0=a, x1=b) == (x - y * quotient) & MASK64


def test_a_sign_is_where_the_value_has_its_highest_bit() -> None:
    assert value("s(w0) == -1", x0=0xFFFF_FFFF)
    assert value("s(x0[7:0]) == -128", x0=0x80)
    assert not value("s(x0) < 0", x0=0xFFFF_FFFF)


@given(st.integers(0, MASK64), st.integers(0, 63), st.integers(0, 63))
def test_bits_are_named_from_the_highest_down(number: int, one: int, other: int) -> None:
    high, low = max(one, other), min(one, other)
    digits = f"{number:064b}"[63 - high : 64 - low]
    assert value(f"x0[{high}:{low}]", x0=number) == int(digits, 2)
    assert value(f"x0[{high}]", x0=number) == int(digits[0])


@given(st.integers(0, MASK64), st.integers(0, MASK64), st.integers(0, MASK64))
def test_a_range_has_its_first_and_not_its_last(number: int, low: int, high: int) -> None:
    assert value(f"x0 in {low}..{high}", x0=number) == (number in range(low, high))


def test_a_v_register_has_128_bits_until_arithmetic_takes_64() -> None:
    v0 = 0x1122_3344_5566_7788_99AA_BBCC_DDEE_FF00
    assert value("v0", v0=v0) == v0
    assert value("v0[127:64]", v0=v0) == value("v0 >> 64", v0=v0) == 0x1122_3344_5566_7788
    assert value("(x0 | v0)[127:64]", x0=1, v0=v0) == 0x1122_3344_5566_7788
    assert value("v0 == 0x99aabbccddeeff00", v0=v0) == 0
    assert value("v0 + 1", v0=v0) == 0x99AA_BBCC_DDEE_FF01


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4K", 4096),
        ("2m", 2 << 20),
        ("1G", 1 << 30),
        ("0x1K", 1024),
        ("0b1010_1010", 0xAA),
        ("0o17", 15),
        ("1_000", 1000),
    ],
)
def test_numbers_have_bases_underscores_and_sizes(text: str, expected: int) -> None:
    assert value(text) == expected


def test_shifts_by_giants_are_cheap() -> None:
    assert value("1 << 0xffff_ffff_ffff_ffff") == 0
    assert value("1 >> 0xffff_ffff_ffff_ffff") == 0
    assert value("s(-1) >> 0xffff_ffff_ffff_ffff") == MASK64


def test_logical_operators_leave_out_what_decides_nothing() -> None:
    assert value("0 && 1 / 0") == 0
    assert value("1 || 1 / 0") == 1
    assert value("1 ? 2 : 1 / 0") == 2


def test_the_vectors_have_every_operator() -> None:
    used = set(re.findall(r"\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%~!&|^<>?]", " ".join(text for text, _ in BY_GDB)))
    assert used == {*LEVEL, "~", "!", "?"}
