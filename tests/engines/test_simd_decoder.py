"""What decodes in the floating-point and SIMD data-processing space, held against capstone on the same words."""

from __future__ import annotations

import random

import capstone
import pytest

from emu.features import ISA_MAX
from emu.isa.a64 import A64
from tests.engines.words import random_word

_SPACE = 0b111 << 25
"""Bits 27:25 of every word in "Data Processing -- Scalar Floating-Point and Advanced SIMD"."""

_CLASSES = [encoding for encoding in A64.classes if encoding.mask & encoding.value & _SPACE == _SPACE]


def _near_words(source: random.Random) -> list[int]:
    """Words of every class with one or two bits changed: the borders of what is allocated."""
    words = []
    for encoding in _CLASSES:
        for _ in range(40):
            word = random_word(encoding, source)
            assert word is not None
            for _ in range(source.choice((0, 1, 2))):
                word ^= 1 << source.choice([bit for bit in range(10, 32) if bit not in (25, 26, 27)])
            words.append(word)
    return words


def _unexplained(words: list[int]) -> list[str]:
    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    differences = []
    for word in words:
        decoded = A64.decode(word)
        ours = decoded is not None and (not decoded.encoding.feature or decoded.encoding.feature in ISA_MAX)
        theirs = next(engine.disasm(word.to_bytes(4, "little"), 0), None)
        if ours != (theirs is not None):
            name = decoded.encoding.name if decoded else "UNDEFINED"
            differences.append(f"{word:#010x} here {name}, capstone {theirs.mnemonic if theirs else 'nothing'}")
    return differences


def test_random_words_decode_here_exactly_when_capstone_knows_them() -> None:
    source = random.Random(2027)
    differences = _unexplained([source.getrandbits(32) | _SPACE for _ in range(60_000)])
    assert not differences, f"{len(differences)}:\n" + "\n".join(differences[:40])


def test_words_beside_every_class_decode_here_exactly_when_capstone_knows_them() -> None:
    differences = _unexplained(_near_words(random.Random(2028)))
    assert not differences, f"{len(differences)}:\n" + "\n".join(differences[:40])


@pytest.mark.long
def test_a_million_words_decode_here_exactly_when_capstone_knows_them() -> None:
    for seed in range(20):
        source = random.Random(seed)
        differences = _unexplained([source.getrandbits(32) | _SPACE for _ in range(40_000)] + _near_words(source))
        assert not differences, f"{len(differences)}:\n" + "\n".join(differences[:40])
