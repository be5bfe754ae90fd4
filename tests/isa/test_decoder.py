"""What decodes and what is UNDEFINED, held against capstone's opinion of the same words."""

from __future__ import annotations

import random

import capstone
import pytest

from emu.isa.a64 import A64
from emu.isa.pattern import Decoded

_COUNT = 60_000

# Mnemonics of extensions that this machine does not have. capstone knows no feature switches, so a word of one of
# these may decode there and must not here.
_ABSENT_PREFIXES = (
    "ldlar", "stllr", "irg", "gmi", "subp", "addg", "subg", "stg", "ldg", "stz", "st2g",
    "stgp", "ldgm", "stgm", "stzgm", "st64b", "ld64b", "tstart", "tcommit", "tcancel", "ttest",
    "setgp", "setgm", "setge", "dcps", "drps", "udf", "smstart", "smstop", "ssbb", "pssbb",
)  # fmt: skip


def _integer_word(source: random.Random) -> int:
    """A word outside the FP, SIMD, SVE and SME spaces, which are absent as a whole."""
    while True:
        word = source.getrandbits(32)
        op0 = word >> 25 & 0xF
        if op0 in (0b1000, 0b1001, 0b1010, 0b1011, 0b0101, 0b1101):
            return word
        if op0 in (0b0100, 0b0110, 0b1100, 0b1110) and not word >> 26 & 1:
            return word


def test_random_words_decode_here_exactly_when_capstone_knows_a_base_instruction() -> None:
    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    source = random.Random(2026)
    unexplained = []
    decoded = 0
    for _ in range(_COUNT):
        word = _integer_word(source)
        ours = A64.decode(word)
        theirs = next(engine.disasm(word.to_bytes(4, "little"), 0), None)
        decoded += ours is not None
        knows = theirs is not None and not theirs.mnemonic.startswith(_ABSENT_PREFIXES)
        if (ours is not None) != knows and not _explained(word, ours):
            name = ours.encoding.name if ours else "UNDEFINED"
            unexplained.append(f"{word:#010x} here {name}, capstone {theirs.mnemonic if theirs else 'nothing'}")
    assert not unexplained, f"{len(unexplained)} of {_COUNT}:\n" + "\n".join(unexplained[:40])
    assert decoded > _COUNT // 3


def _explained(word: int, ours: Decoded | None) -> bool:
    """Differences that are capstone's: each with the manual's rule."""
    is_ours = ours is not None
    # Extensions newer than capstone 5.
    if ours is not None and ours.encoding.feature in ("FEAT_CSSC", "FEAT_HBC", "FEAT_WFxT", "FEAT_MOPS"):
        return True
    # CPY* and SET* whose registers overlap, or whose size or address is XZR: UNDEFINED is one of the manual's choices.
    copy = word & 0xFB20_0C00 == 0x1900_0400
    registers = (word >> 16 & 31, word >> 5 & 31, word & 31)
    if copy and not is_ours and (len(set(registers)) < 3 or 31 in registers):
        return True
    # System instructions: which registers and SYS operations exist is decided when they execute.
    if word >> 22 == 0b1101010100:
        return True
    # CONSTRAINED UNPREDICTABLE register choices and reserved should-be-one bits: capstone refuses some of them.
    exclusive = word >> 24 & 0x3F == 0b001000
    if exclusive and is_ours:
        return True
    pair = word >> 27 & 7 == 0b101 and not word >> 26 & 1
    # capstone refuses Rt = Rn for all forms with an index, though only writeback makes that unpredictable.
    indexed = word >> 27 & 7 == 0b111 and word >> 24 & 3 == 0 and word >> 10 & 3 != 0
    return is_ours and (pair or (indexed and word & 31 == word >> 5 & 31))


@pytest.mark.parametrize(
    ("word", "what"),
    [
        (0x0000_0000, "UDF"),
        (0x0821_7C41, "CASP of an odd register"),
        (0xF820_3020 | 1 << 14 | 1 << 15, "an atomic that does not exist"),
        (0x1AC0_4C00, "CRC32X of a 32-bit register"),
        (0xD61F_0BE0, "BRAAZ with a modifier"),
        (0xD503_30BF & ~0x1F, "a barrier with a register"),
        (0xF880_0C20, "PRFM has no pre-index form"),
        (0x1240_0000, "a logical immediate of 32 bits with N=1"),
        (0xD440_0001, "HLT with its low bits set"),
    ],
)
def test_a_word_of_an_absent_instruction_is_undefined(word: int, what: str) -> None:
    assert A64.decode(word) is None, what
