"""Scalar floating point and loads and stores of V registers: what decodes, held against capstone's opinion."""

from __future__ import annotations

import random

import capstone
import pytest

from emu.isa.a64 import A64
from emu.isa.pattern import Decoded

_COUNT = 40_000

# (name, bits that are random, bits that are fixed)
_SPACES = {
    "data processing": (0xA1FF_FFFF, 0x1E00_0000),
    "sources": (0x00FF_FFFF, 0x1E00_0000),
    "integers": (0x80FF_FFFF & ~(0x3F << 10), 0x1E00_0000),
    "one source": (0x00FF_83FF, 0x1E00_0000 | 0x4000),
    "single register": (0xC0FF_FFFF | 1 << 24, 0x3C00_0000),
    "literal and pair": (0xC1FF_FFFF | 1 << 29, 0x0C00_0000 | 0x1000_0000),
    "pairs": (0xC1FF_FFFF, 0x2C00_0000),
    "structures": (0x41FF_FFFF, 0x0C00_0000),
    "single structures": (0x407F_FFFF | 1 << 23, 0x0D00_0000),
}


@pytest.mark.parametrize("space", _SPACES)
def test_random_words_decode_here_exactly_when_capstone_knows_them(space: str) -> None:
    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    free, fixed = _SPACES[space]
    source = random.Random(space)
    unexplained = []
    decoded = 0
    for _ in range(_COUNT):
        word = fixed & ~free | source.getrandbits(32) & free
        if not _is_ours(word):
            continue
        ours = A64.decode(word)
        theirs = next(engine.disasm(word.to_bytes(4, "little"), 0), None)
        if theirs is not None and theirs.mnemonic.startswith(("cpy", "set")):
            continue  # FEAT_MOPS has its place among the literals
        decoded += ours is not None
        if (ours is None) != (theirs is None) and not _explained(word, ours):
            name = ours.encoding.name if ours else "UNDEFINED"
            unexplained.append(f"{word:#010x} here {name}, capstone {theirs.mnemonic if theirs else 'nothing'}")
    assert not unexplained, f"{len(unexplained)} of {_COUNT}:\n" + "\n".join(unexplained[:40])
    assert decoded > _COUNT // 100


def _is_ours(word: int) -> bool:
    """Scalar floating point, or a load or store of V registers; not the vector instructions beside them."""
    if word >> 24 & 0x5F in (0x1E, 0x1F):
        return True
    return bool(word >> 25 & 0b0101 == 0b0100 and word >> 26 & 1)


def _explained(word: int, ours: Decoded | None) -> bool:
    """Differences that are capstone's: each with the manual's rule."""
    if ours is None:
        return False
    name, fields = ours.encoding.name, ours.operands
    # Should-be-zero bits do not make a word UNDEFINED: Rm of a comparison with zero.
    if name.startswith("fp_compare") and fields["with_zero"]:
        return True
    # CONSTRAINED UNPREDICTABLE, not UNDEFINED: a pair loaded into one register.
    return name == "simd_load_store_pair" and bool(fields["L"]) and fields["rt"] == fields["rt2"]
