"""What decodes and what is UNDEFINED, held against GNU objdump, which knows newer instructions than capstone does."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from emu.features import ISA_MAX
from emu.isa.a64 import A64
from emu.isa.pattern import Decoded
from tests.engines.words import random_word

OBJDUMP = shutil.which("aarch64-linux-gnu-objdump")
pytestmark = pytest.mark.skipif(OBJDUMP is None, reason="aarch64-linux-gnu-objdump is not installed")

ABSENT: dict[str, tuple[str, ...]] = {
    "FEAT_MTE": (
        "irg", "gmi", "subp", "subps", "addg", "subg", "stg", "stzg", "st2g", "stz2g", "stgp", "ldg", "ldgm", "stgm",
        "stzgm",
    ),
    "FEAT_MTE and FEAT_MOPS": ("setg",),
    "FEAT_LOR": ("ldlar", "stllr"),
    "FEAT_TME": ("tstart", "tcommit", "tcancel", "ttest"),
    "FEAT_LS64": ("ld64b", "st64b"),
    "Debug state": ("dcps", "drps"),
    "UDF": ("udf",),
    "FEAT_LSE128": ("ldclrp", "ldsetp", "swpp"),
    "FEAT_THE": ("rcw",),
    "FEAT_LRCPC3": ("ldiapp", "stilp", "ldap1", "stl1"),
    "FEAT_D128": ("mrrs", "msrr", "sysp", "tlbip"),
    "FEAT_GCS": ("gcs",),
    "FEAT_RPRFM": ("rprfm",),
    "FEAT_SPE": ("psb",),
    "FEAT_CPA": ("addpt", "subpt", "maddpt", "msubpt"),
    "FEAT_FAMINMAX, FEAT_FP8, FEAT_LUT": ("famax", "famin", "fscale", "f1cvt", "f2cvt", "bf1cvt", "bf2cvt", "luti"),
    "FEAT_CMPBR": ("cbgt", "cbge", "cbhi", "cbhs", "cbeq", "cbne", "cblt", "cble", "cblo", "cbls", "cbb", "cbh"),
    "FEAT_LSUI": ("ldtadd", "ldtclr", "ldtset", "ldtxr", "ldatxr", "sttxr", "stltxr", "ldtp", "sttp", "ldtnp", "sttnp",
                  "cast", "casat", "casalt", "caslt", "caspt", "caspat", "caspalt", "casplt", "swpt"),
    "FEAT_PAuth_LR": ("autiasppc", "autibsppc", "paciasppc", "pacibsppc", "pacnb", "retaasppc", "retabsppc", "pacm"),
}  # fmt: skip
"""Instructions that this machine lacks: feature, and how their mnemonics begin."""
_PREFIXES = tuple(prefix for prefixes in ABSENT.values() for prefix in prefixes)


def _disassembled(words: list[int], folder: Path) -> list[str]:
    assert OBJDUMP is not None
    file = folder / "words"
    file.write_bytes(b"".join(word.to_bytes(4, "little") for word in words))
    command = [OBJDUMP, "-D", "-z", "-b", "binary", "-m", "aarch64", "-M", "no-aliases", "--no-show-raw-insn"]
    output = subprocess.run([*command, str(file)], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^\s*[0-9a-f]+:\t(.*)$", output, re.MULTILINE)
    assert len(lines) == len(words)
    return lines


def _is_explained(word: int, ours: Decoded | None, text: str) -> bool:
    """Differences one by one, each with the manual's rule."""
    if ours is None:
        # op0 of MSR and MRS is 2 or 3; words with 0 that are no hint, barrier or PSTATE field are unallocated.
        is_plain_move = word >> 22 == 0b1101010100 and word >> 19 & 3 < 2
        # FMLAL, FMLSL and their second halves have sz=0; objdump takes 1 too.
        is_wide_fmlal = text.startswith(("fmlal", "fmlsl")) and word & 0x9F60_C400 == 0x0E60_C400
        # CPY* and SET* whose registers overlap or are 31: UNDEFINED is one of the manual's choices.
        registers = (word >> 16 & 31, word >> 5 & 31, word & 31)
        is_copy = word & 0xFB20_0C00 == 0x1900_0400 and (len(set(registers)) < 3 or 31 in registers)
        return is_plain_move or is_wide_fmlal or is_copy or text.startswith(_PREFIXES)
    name, fields = ours.encoding.name, ours.operands
    # Bits that should be one do not make a word UNDEFINED: the unused registers of LDAR and STLR.
    if name == "load_acquire_store_release":
        return word & 0x1F_7C00 != 0x1F_7C00
    # CONSTRAINED UNPREDICTABLE: a pair loaded into one register, a base that is loaded or stored and written back.
    if name == "load_store_pair":
        is_written_back = bool(fields["index"] & 1) and fields["rn"] in (fields["rt"], fields["rt2"])
        return is_written_back or fields["rt"] == fields["rt2"]
    return False


def _words(source: random.Random, count: int) -> list[int]:
    """Any words outside the spaces of SVE and SME, and words of every class with up to two bits changed."""
    words: list[int] = []
    while len(words) < count:
        if source.random() < 0.5:
            word = source.getrandbits(32)
        else:
            near = random_word(source.choice(A64.classes), source)
            assert near is not None
            word = near
            for _ in range(source.choice((0, 1, 1, 2))):
                word ^= 1 << source.randrange(32)
        if word >> 25 & 15 not in (0, 2):
            words.append(word)
    return words


def _unexplained(words: list[int], folder: Path) -> list[str]:
    found = []
    for word, text in zip(words, _disassembled(words, folder), strict=True):
        decoded = A64.decode(word)
        ours = decoded is not None and (not decoded.encoding.feature or decoded.encoding.feature in ISA_MAX)
        theirs = not text.startswith(".inst")
        if ours != theirs and not _is_explained(word, decoded if ours else None, text):
            found.append(f"{word:#010x} here {decoded.encoding.name if decoded else 'UNDEFINED'}, objdump {text}")
    return found


def test_words_decode_here_exactly_when_objdump_knows_them(tmp_path: Path) -> None:
    found = _unexplained(_words(random.Random(2029), 40_000), tmp_path)
    assert not found, f"{len(found)}:\n" + "\n".join(found[:40])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_million_words_decode_here_exactly_when_objdump_knows_them(seed: int, tmp_path: Path) -> None:
    found = _unexplained(_words(random.Random(seed), 300_000), tmp_path)
    assert not found, f"{len(found)}:\n" + "\n".join(found[:40])
