"""The operations that only vector instructions use, against unicorn: estimates, steps, FMULX, FABD, comparisons.

The words are written down here, so that emu.fp is tested by itself, whatever our decoder knows.
"""

from __future__ import annotations

import random

import pytest

from emu.fp.controls import control
from emu.fp.environment import Rounding
from emu.fp.operations import evaluate
from emu.isa.ops import Fp
from tests.engines.floating import Case, Peer, random_float, random_fpcr
from tests.engines.words import SCALE

_COUNT = 1000 * SCALE
_D, _N, _M = 0, 1, 2


def _three(U: int, high: int, opcode: int) -> dict[int, int]:
    """Words of a scalar instruction with two sources, by width; half precision has an encoding of its own."""
    wide = 0x5E20_0400 | U << 29 | high << 23 | opcode << 11 | _M << 16 | _N << 5 | _D
    half = 0x5E40_0400 | U << 29 | high << 23 | (opcode & 7) << 11 | _M << 16 | _N << 5 | _D
    return {16: half, 32: wide, 64: wide | 1 << 22}


def _two(U: int, opcode: int) -> dict[int, int]:
    wide = 0x5EA0_0800 | U << 29 | opcode << 12 | _N << 5 | _D
    return {16: 0x5EF8_0800 | U << 29 | opcode << 12 | _N << 5 | _D, 32: wide, 64: wide | 1 << 22}


_SCALAR = {
    Fp.MULX: _three(0, 0, 0b11011),
    Fp.EQUAL: _three(0, 0, 0b11100),
    Fp.RECIPROCAL_STEP: _three(0, 0, 0b11111),
    Fp.RECIPROCAL_ROOT_STEP: _three(0, 1, 0b11111),
    Fp.GREATER_OR_EQUAL: _three(1, 0, 0b11100),
    Fp.GREATER: _three(1, 1, 0b11100),
    Fp.ABSOLUTE_DIFFERENCE: _three(1, 1, 0b11010),
    Fp.RECIPROCAL_ESTIMATE: _two(0, 0b11101),
    Fp.RECIPROCAL_EXPONENT: _two(0, 0b11111),
    Fp.RECIPROCAL_ROOT_ESTIMATE: _two(1, 0b11101),
}
_MASKS = (Fp.EQUAL, Fp.GREATER, Fp.GREATER_OR_EQUAL)


@pytest.fixture(scope="module")
def peer() -> Peer:
    return Peer()


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("operation", _SCALAR, ids=lambda operation: operation.name)
def test_an_operation_gives_what_unicorn_gives(operation: Fp, width: int, peer: Peer) -> None:
    source = random.Random(f"{operation.name}{width}")
    for _ in range(_COUNT):
        a, b = random_float(source, width), random_float(source, width)
        if source.random() < 0.3:
            b = source.choice((a, a ^ 1, a ^ 1 << width - 1))
        fpcr = random_fpcr(source)
        outcome = peer.run(Case(_SCALAR[operation][width], ((_N, a), (_M, b)), (), 0, fpcr, 0))
        result, flags = evaluate(operation, width, a, b, 0, fpcr)
        if operation in _MASKS:
            result *= (1 << width) - 1
        assert (result, flags) == (outcome.v, outcome.fpsr), f"{a:#x} {b:#x} fpcr={fpcr:#x} unicorn {outcome}"


@pytest.mark.parametrize("operation", [Fp.UNSIGNED_RECIPROCAL_ESTIMATE, Fp.UNSIGNED_RECIPROCAL_ROOT_ESTIMATE])
def test_estimates_of_fixed_point_numbers(operation: Fp, peer: Peer) -> None:
    word = 0x0EA1_C800 | (operation is Fp.UNSIGNED_RECIPROCAL_ROOT_ESTIMATE) << 29 | _N << 5 | _D
    source = random.Random(operation.name)
    for _ in range(_COUNT):
        a, b = source.getrandbits(32) | source.getrandbits(2) << 30, source.getrandbits(source.randrange(1, 33))
        results = [evaluate(operation, 32, value, 0, 0, 0)[0] for value in (a, b)]
        outcome = peer.run(Case(word, ((_N, a | b << 32),), (), 0, 0, 0))
        assert outcome.v == results[0] | results[1] << 32, f"{a:#x} {b:#x}"
        assert outcome.fpsr == 0


def test_every_estimate_in_the_tables(peer: Peer) -> None:
    for index in range(512):
        for operation in (Fp.RECIPROCAL_ESTIMATE, Fp.RECIPROCAL_ROOT_ESTIMATE):
            a = 0x3F00_0000 + (index << 15)  # two exponents, every leading fraction
            outcome = peer.run(Case(_SCALAR[operation][32], ((_N, a),), (), 0, 0, 0))
            assert evaluate(operation, 32, a, 0, 0, 0) == (outcome.v, outcome.fpsr)


def test_double_to_single_rounds_to_odd(peer: Peer) -> None:
    """FCVTXN."""
    source = random.Random("fcvtxn")
    for _ in range(_COUNT):
        a, fpcr = random_float(source, 64), random_fpcr(source)
        outcome = peer.run(Case(0x7E61_6800 | _N << 5 | _D, ((_N, a),), (), 0, fpcr, 0))
        got = evaluate(Fp.CONVERT, 64, a, control(32, Rounding.TO_ODD), 0, fpcr)
        assert got == (outcome.v, outcome.fpsr), f"{a:#x} fpcr={fpcr:#x}"


def test_products_of_halves_are_added_to_singles(peer: Peer) -> None:
    """FMLAL."""
    source = random.Random("fmlal")
    for _ in range(_COUNT):
        a, b, addend = random_float(source, 16), random_float(source, 16), random_float(source, 32)
        fpcr = random_fpcr(source)
        case = Case(0x0E20_EC00 | _M << 16 | _N << 5 | _D, ((_N, a), (_M, b), (_D, addend)), (), 0, fpcr, 0)
        outcome = peer.run(case)
        result, flags = evaluate(Fp.MULADD_WIDENING, 16, addend, a, b, fpcr)
        assert (result, flags) == (outcome.v & 0xFFFF_FFFF, outcome.fpsr), (
            f"{addend:#x} {a:#x} {b:#x} fpcr={fpcr:#x} unicorn {outcome}"
        )


@pytest.mark.parametrize(
    ("bits", "expected", "flags"),
    [
        (0x3F80_8000, 0x3F80, 0x10),  # a tie goes to even
        (0x3F81_8000, 0x3F82, 0x10),
        (0x3F80_8001, 0x3F81, 0x10),
        (0x7F7F_FFFF, 0x7F80, 0x14),
        (0x7F80_0001, 0x7FC0, 0x01),
        (0xFFFF_0000, 0xFFFF, 0x00),
        (0x0000_8001, 0x0001, 0x18),
        (0x8000_0000, 0x8000, 0x00),
    ],
)
def test_bfloat16_is_single_precision_cut_after_rounding(bits: int, expected: int, flags: int) -> None:
    """FPConvertBF; unicorn has no BFCVT."""
    assert evaluate(Fp.TO_BFLOAT16, 32, bits, 0, 0, 0) == (expected, flags)
