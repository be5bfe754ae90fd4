"""FEAT_I8MM against numpy: unicorn lacks these instructions. Words as the Arm manual encodes them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.engines.test_simd import Registers, ours, random_registers, simd_machine


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def machine(request):  # type: ignore[no-untyped-def]
    return simd_machine(request.param)


def _bytes(value: int, unsigned: bool) -> np.ndarray:
    return np.frombuffer(value.to_bytes(16, "little"), np.uint8 if unsigned else np.int8).astype(np.int64)


def _words(value: int) -> np.ndarray:
    return np.frombuffer(value.to_bytes(16, "little"), np.uint32).astype(np.int64)


def _packed(words: np.ndarray) -> int:
    return int.from_bytes((words & 0xFFFF_FFFF).astype(np.uint32).tobytes(), "little")


def _run(machine, word: int, before: Registers) -> int:  # type: ignore[no-untyped-def]
    after = ours(machine, [word], before)
    expected = list(before.v)
    rd = word & 31
    expected[rd] = after.v[rd]
    assert after.v == tuple(expected), "only the destination changes"
    assert after.x == before.x
    return after.v[rd]


def _registers(source: random.Random) -> tuple[int, int, int]:
    rd, rn, rm = source.sample(range(32), 3)
    return rd, rn, rm


@pytest.mark.parametrize(
    ("base", "unsigned_n", "unsigned_m"),
    [(0x4E80_A400, False, False), (0x6E80_A400, True, True), (0x4E80_AC00, True, False)],
    ids=["SMMLA", "UMMLA", "USMMLA"],
)
def test_matrix_multiply_adds_the_product_with_the_transpose(base, unsigned_n, unsigned_m, machine) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(base)
    for _ in range(100):
        rd, rn, rm = _registers(source)
        before = random_registers(source)
        a = _bytes(before.v[rn], unsigned_n).reshape(2, 8)
        b = _bytes(before.v[rm], unsigned_m).reshape(2, 8)
        expected = _packed(_words(before.v[rd]) + (a @ b.T).reshape(4))
        assert _run(machine, base | rm << 16 | rn << 5 | rd, before) == expected


@pytest.mark.parametrize("Q", [0, 1])
def test_usdot_multiplies_unsigned_by_signed_bytes(Q: int, machine) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(Q)
    for _ in range(100):
        rd, rn, rm = _registers(source)
        before = random_registers(source)
        products = _bytes(before.v[rn], True) * _bytes(before.v[rm], False)
        expected = _packed(_words(before.v[rd]) + products.reshape(4, 4).sum(axis=1))
        if not Q:
            expected &= (1 << 64) - 1
        assert _run(machine, 0x0E80_9C00 | Q << 30 | rm << 16 | rn << 5 | rd, before) == expected


@pytest.mark.parametrize("Q", [0, 1])
@pytest.mark.parametrize(("base", "unsigned_n"), [(0x0F00_F000, False), (0x0F80_F000, True)], ids=["SUDOT", "USDOT"])
def test_a_dot_product_with_an_element_uses_its_four_bytes(base: int, unsigned_n: bool, Q: int, machine) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(base | Q)
    for index in list(range(4)) * 25:
        rd, rn, rm = _registers(source)
        before = random_registers(source)
        element = _bytes(before.v[rm], not unsigned_n)[4 * index : 4 * index + 4]
        sums = _bytes(before.v[rn], unsigned_n).reshape(4, 4) @ element
        expected = _packed(_words(before.v[rd]) + sums)
        if not Q:
            expected &= (1 << 64) - 1
        word = base | Q << 30 | (index & 1) << 21 | (index >> 1) << 11 | rm << 16 | rn << 5 | rd
        assert _run(machine, word, before) == expected
