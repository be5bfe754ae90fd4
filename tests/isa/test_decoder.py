"""What decodes and what is UNDEFINED, held against capstone's opinion of the same words."""

from __future__ import annotations

import random

import capstone
import pytest

from emu.isa.a64 import A64

_COUNT = 60_000

# Mnemonics of extensions that this machine does not have. capstone knows no feature switches, so a word of one of
# these may decode there and must not here.
_ABSENT_PREFIXES = (
    "cas", "swp", "ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "stadd", "stclr",
    "steor", "stset", "stsmax", "stsmin", "stumax", "stumin", "ldapr", "ldapur", "stlur", "ldlar", "stllr", "crc32",
    "pac", "aut", "xpac", "braa", "brab", "blraa", "blrab", "retaa", "retab", "eretaa", "eretab", "ldraa", "ldrab",
    "rmif", "setf", "cfinv", "axflag", "xaflag", "irg", "gmi", "subp", "addg", "subg", "stg", "ldg", "stz", "st2g",
    "stgp", "ldgm", "stgm", "stzgm", "wfet", "wfit", "st64b", "ld64b", "tstart", "tcommit", "tcancel", "ttest",
    "bc.", "cpy", "setp", "setm", "sete", "setgp", "setgm", "setge", "dcps", "drps", "bti", "udf", "cfp", "dvp",
    "cpp", "smstart", "smstop", "ssbb", "pssbb",
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
        knows = theirs is not None and theirs.mnemonic != "sb" and not theirs.mnemonic.startswith(_ABSENT_PREFIXES)
        if (ours is not None) != knows and not _explained(word, ours is not None):
            name = ours.encoding.name if ours else "UNDEFINED"
            unexplained.append(f"{word:#010x} here {name}, capstone {theirs.mnemonic if theirs else 'nothing'}")
    assert not unexplained, f"{len(unexplained)} of {_COUNT}:\n" + "\n".join(unexplained[:40])
    assert decoded > _COUNT // 3


def _explained(word: int, is_ours: bool) -> bool:
    """Differences that are capstone's: each with the manual's rule."""
    # System instructions: which registers and SYS operations exist is decided when they execute.
    if word >> 22 == 0b1101010100:
        return True
    # CONSTRAINED UNPREDICTABLE register choices and reserved should-be-one bits: capstone refuses some of them.
    exclusive = word >> 24 & 0x3F == 0b001000
    if exclusive and is_ours:
        return True
    pair = word >> 27 & 7 == 0b101 and not word >> 26 & 1
    # capstone refuses Rt = Rn for all forms with an index, though only writeback makes that unpredictable.
    indexed = word >> 27 & 7 == 0b111 and word >> 24 & 3 == 0 and not word >> 21 & 1 and word >> 10 & 3 != 0
    return is_ours and (pair or (indexed and word & 31 == word >> 5 & 31))


@pytest.mark.parametrize(
    ("word", "what"),
    [
        (0x0000_0000, "UDF"),
        (0x1E60_2820, "FADD: no floating point here"),
        (0x4EA1_1C20, "MOV V: no SIMD here"),
        (0xF8E0_0020, "LDADDAL: no LSE here"),
        (0xC8A0_7C41, "CAS: no LSE here"),
        (0x9AC0_4C00, "CRC32X: not here"),
        (0xD73F_0BFF, "BLRAAZ: no PAuth here"),
        (0xD65F_0BFF, "RETAA: no PAuth here"),
        (0xF880_0C20, "PRFM has no pre-index form"),
        (0x1240_0000, "a logical immediate of 32 bits with N=1"),
        (0xD440_0001, "HLT with its low bits set"),
    ],
)
def test_a_word_of_an_absent_instruction_is_undefined(word: int, what: str) -> None:
    assert A64.decode(word) is None, what
