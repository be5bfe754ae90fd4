"""emu.fp against fractions: the nearest pattern, found from the definition of the formats."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from emu.fp.controls import control
from emu.fp.environment import Rounding
from emu.fp.operations import evaluate
from emu.isa.ops import Fp
from tests.fp.exact import DOWN, LAYOUT, infinity, rounded, rounded_integer, value_of

_MANY = settings(max_examples=300, deadline=None)
_WIDTHS = st.sampled_from((16, 32, 64))
_MODES = st.integers(0, 3)


@st.composite
def _finite(draw, width: int) -> int:  # type: ignore[no-untyped-def]
    """A finite pattern; exponents often in the middle, at the ends, or fractions with few bits."""
    exponent_bits, fraction_bits = LAYOUT[width]
    top = (1 << exponent_bits) - 2
    middle = top // 2
    field = draw(st.one_of(st.integers(0, top), st.integers(middle - 3, middle + 3), st.integers(0, 2), st.just(top)))
    fraction = draw(
        st.one_of(
            st.integers(0, (1 << fraction_bits) - 1),
            st.sampled_from((0, 1, (1 << fraction_bits) - 1, 1 << fraction_bits - 1)),
        )
    )
    return draw(st.integers(0, 1)) << width - 1 | field << fraction_bits | fraction


@st.composite
def _operands(draw, count: int):  # type: ignore[no-untyped-def]
    width = draw(_WIDTHS)
    return width, [draw(_finite(width)) for _ in range(count)], draw(_MODES)


def _expect(exact: Fraction, width: int, mode: int, zero_sign: int) -> tuple[int, int]:
    """The rounded result; `zero_sign` for an exact zero."""
    return rounded(exact, width, mode) if exact else (zero_sign << width - 1, 0)


def _numbers(width: int, operands: list[int]) -> list[Fraction]:
    numbers = []
    for bits in operands:
        number = value_of(bits, width)
        assert number is not None
        numbers.append(number)
    return numbers


@_MANY
@given(_operands(2), st.booleans())
def test_sums_and_differences_are_the_nearest_pattern(case, is_difference: bool) -> None:  # type: ignore[no-untyped-def]
    width, (a, b), mode = case
    x, y = _numbers(width, [a, b])
    operation = Fp.SUB if is_difference else Fp.ADD
    sign_b = b >> width - 1 ^ is_difference
    zero_sign = a >> width - 1 if not x and not y and a >> width - 1 == sign_b else int(mode == DOWN)
    expected = _expect(x - y if is_difference else x + y, width, mode, zero_sign)
    assert evaluate(operation, width, a, b, 0, mode << 22) == expected


@_MANY
@given(_operands(2))
def test_products_are_the_nearest_pattern(case) -> None:  # type: ignore[no-untyped-def]
    width, (a, b), mode = case
    x, y = _numbers(width, [a, b])
    assert evaluate(Fp.MUL, width, a, b, 0, mode << 22) == _expect(x * y, width, mode, (a ^ b) >> width - 1)


@_MANY
@given(_operands(2))
def test_quotients_are_the_nearest_pattern(case) -> None:  # type: ignore[no-untyped-def]
    width, (a, b), mode = case
    x, y = _numbers(width, [a, b])
    assume(y != 0)
    assert evaluate(Fp.DIV, width, a, b, 0, mode << 22) == _expect(x / y, width, mode, (a ^ b) >> width - 1)


@_MANY
@given(_operands(3))
def test_fused_products_are_rounded_once(case) -> None:  # type: ignore[no-untyped-def]
    width, (a, b, c), mode = case
    x, y, z = _numbers(width, [a, b, c])
    product_sign = (b ^ c) >> width - 1
    zero_sign = product_sign if not x and not y * z and a >> width - 1 == product_sign else int(mode == DOWN)
    expected = _expect(x + y * z, width, mode, zero_sign)
    assert evaluate(Fp.MULADD, width, a, b, c, mode << 22) == expected


@_MANY
@given(_operands(1))
def test_a_square_root_lies_between_the_squares_around_it(case) -> None:  # type: ignore[no-untyped-def]
    width, (a,), mode = case
    a &= (1 << width - 1) - 1
    (x,) = _numbers(width, [a])
    assume(x != 0)
    bits, flags = evaluate(Fp.SQRT, width, a, 0, 0, mode << 22)
    root, above, below = (value_of(bits + step, width) for step in (0, 1, -1))
    assert root is not None
    assert above is not None
    assert below is not None
    assert flags == (0 if root * root == x else 0x10)
    if root * root != x:
        if mode == 0:
            assert ((root + below) / 2) ** 2 < x < ((root + above) / 2) ** 2
        elif mode == 1:
            assert below * below < x < root * root
        else:
            assert root * root < x < above * above


@_MANY
@given(st.data(), _WIDTHS, _WIDTHS, _MODES)
def test_a_conversion_of_format_is_the_nearest_pattern(data, source: int, target: int, mode: int) -> None:  # type: ignore[no-untyped-def]
    assume(source != target)
    a = data.draw(_finite(source))
    (x,) = _numbers(source, [a])
    expected = _expect(x, target, mode, a >> source - 1)
    assert evaluate(Fp.CONVERT, source, a, control(target), 0, mode << 22) == expected


@_MANY
@given(st.data())
def test_rounding_to_odd_never_rounds_twice(data) -> None:  # type: ignore[no-untyped-def]
    """FCVTXN's purpose: double to single by odd, then to half, is double to half."""
    a = data.draw(_finite(64))
    (x,) = _numbers(64, [a])
    mode = data.draw(_MODES)
    odd, _ = evaluate(Fp.CONVERT, 64, a, control(32, Rounding.TO_ODD), 0, 0)
    assume(odd & 0x7F80_0000 != 0x7F80_0000)
    twice, _ = evaluate(Fp.CONVERT, 32, odd, control(16), 0, mode << 22)
    assert twice == _expect(x, 16, mode, a >> 63)[0]


@_MANY
@given(st.data(), _WIDTHS, st.integers(0, 4), st.sampled_from((16, 32, 64)), st.booleans(), st.integers(0, 64))
def test_integers_and_fixed_point_saturate(  # type: ignore[no-untyped-def]
    data, width: int, mode: int, size: int, is_unsigned: bool, fraction_bits: int
) -> None:
    a = data.draw(_finite(width))
    (x,) = _numbers(width, [a])
    low, high = (0, (1 << size) - 1) if is_unsigned else (-(1 << size - 1), (1 << size - 1) - 1)
    scaled = x * 2**fraction_bits
    integer = rounded_integer(scaled, mode)
    flags = 1 if not low <= integer <= high else 0x10 if integer != scaled else 0
    expected = min(max(integer, low), high) & (1 << size) - 1
    word = control(size, Rounding(mode), is_unsigned=is_unsigned, fraction_bits=fraction_bits)
    assert evaluate(Fp.TO_FIXED, width, a, word, 0, 0) == (expected, flags)


@_MANY
@given(st.integers(0, (1 << 64) - 1), _WIDTHS, _MODES, st.sampled_from((32, 64)), st.booleans(), st.integers(0, 64))
def test_fixed_point_becomes_the_nearest_pattern(
    value: int, width: int, mode: int, size: int, is_unsigned: bool, fraction_bits: int
) -> None:
    number = value & (1 << size) - 1
    if not is_unsigned and number >> size - 1:
        number -= 1 << size
    word = control(size, is_unsigned=is_unsigned, fraction_bits=fraction_bits)
    expected = _expect(Fraction(number, 1 << fraction_bits), width, mode, 0)
    assert evaluate(Fp.FROM_FIXED, width, value, word, 0, mode << 22) == expected


@_MANY
@given(st.data(), _WIDTHS, st.integers(0, 4))
def test_rounding_to_integral_keeps_the_sign_of_zero(data, width: int, mode: int) -> None:  # type: ignore[no-untyped-def]
    a = data.draw(_finite(width))
    (x,) = _numbers(width, [a])
    bits, flags = evaluate(Fp.TO_INTEGRAL_EXACT, width, a, control(rounding=Rounding(mode)), 0, 0)
    assert value_of(bits, width) == rounded_integer(x, mode)
    assert bits >> width - 1 == a >> width - 1
    assert flags == (0 if value_of(bits, width) == x else 0x10)
    assert evaluate(Fp.TO_INTEGRAL, width, a, control(rounding=Rounding(mode)), 0, 0) == (bits, 0)


@_MANY
@given(_operands(2))
def test_comparisons_order_numbers(case) -> None:  # type: ignore[no-untyped-def]
    width, (a, b), _ = case
    x, y = _numbers(width, [a, b])
    nzcv = 0b1000 if x < y else 0b0110 if x == y else 0b0010
    for operation in (Fp.COMPARE, Fp.COMPARE_SIGNALING):
        assert evaluate(operation, width, a, b, 0, 0) == (nzcv, 0)
    assert evaluate(Fp.GREATER, width, a, b, 0, 0) == (int(x > y), 0)
    assert evaluate(Fp.GREATER_OR_EQUAL, width, a, b, 0, 0) == (int(x >= y), 0)
    assert evaluate(Fp.EQUAL, width, a, b, 0, 0) == (int(x == y), 0)


@_MANY
@given(_operands(1))
def test_estimates_are_within_one_part_in_256(case) -> None:  # type: ignore[no-untyped-def]
    """The manual's promise for FRECPE and FRSQRTE, where the result is a normal number."""
    width, (a,), _ = case
    a &= (1 << width - 1) - 1
    (x,) = _numbers(width, [a])
    assume(x != 0)
    _, fraction_bits = LAYOUT[width]
    bits, _ = evaluate(Fp.RECIPROCAL_ESTIMATE, width, a, 0, 0, 0)
    estimate = value_of(bits, width)
    if estimate is not None and bits >> fraction_bits:
        assert abs(estimate * x - 1) < Fraction(1, 256)
    root = value_of(evaluate(Fp.RECIPROCAL_ROOT_ESTIMATE, width, a, 0, 0, 0)[0], width)
    assert root is not None
    assert abs(root * root * x - 1) < Fraction(2, 256) + Fraction(1, 1 << 16)


@pytest.mark.parametrize("width", [16, 32, 64])
def test_tininess_is_detected_before_rounding(width: int) -> None:
    """A result that only rounding makes normal has underflowed (FPRound: "exponent < minimum_exp")."""
    _, fraction_bits = LAYOUT[width]
    least_normal = 1 << fraction_bits
    below_one = (((1 << LAYOUT[width][0] - 1) - 1) << fraction_bits) - 1
    assert evaluate(Fp.MUL, width, least_normal, below_one, 0, 0) == (least_normal, 0x18)


@pytest.mark.parametrize("width", [16, 32, 64])
def test_infinity_is_what_only_some_rounding_modes_overflow_to(width: int) -> None:
    largest = infinity(width) - 1
    sign = 1 << width - 1
    results = [evaluate(Fp.ADD, width, largest, largest, 0, mode << 22)[0] for mode in range(4)]
    assert results == [largest + 1, largest + 1, largest, largest]
    results = [evaluate(Fp.ADD, width, largest | sign, largest | sign, 0, mode << 22)[0] for mode in range(4)]
    assert results == [largest + 1 | sign, largest | sign, largest + 1 | sign, largest | sign]


@pytest.mark.parametrize(
    ("bits", "is_exact", "flags"),
    [
        (0, True, 0),
        (1 << 63, False, 0),  # -0 is no integer of JavaScript's
        (1, False, 0x80),  # flushed: its fraction still says that it was not 0
        (1 << 63 | 1, False, 0x80),
        (0x3FF0_0000_0000_0000, True, 0),
    ],
)
def test_a_flushed_denormal_is_not_exactly_the_integer_zero(bits: int, is_exact: bool, flags: int) -> None:
    """FPToFixedJS: Z is 0 for -0, and for a value of zero whose fraction is not."""
    flush = 1 << 24
    result, raised = evaluate(Fp.TO_JAVASCRIPT, 64, bits, 0, 0, flush)
    assert (result >> 32, raised) == (int(is_exact), flags)
