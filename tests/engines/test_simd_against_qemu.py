"""Instructions that unicorn lacks, FEAT_BF16 and FEAT_I8MM, against qemu-aarch64 where it is installed."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass
from tests.engines.floating import DN, FZ, random_float
from tests.engines.test_simd import NO_PEER, Registers, ours, random_vector, simd_machine
from tests.engines.words import random_word

_QEMU = shutil.which("qemu-aarch64")
pytestmark = pytest.mark.skipif(_QEMU is None, reason="qemu-aarch64 is not installed")

_BASE = 0x40_0000
_CASES = 200
_RM, _RN, _RD = 2, 1, 0
CLASSES = [encoding for encoding in A64.classes if encoding.feature in NO_PEER]

Case = tuple[int, tuple[int, int, int], int]
"""A word on V0-V2, their values, FPCR."""


def _move(register: int, value: int) -> list[int]:
    return [0xD280_0000 | (value & 0xFFFF) << 5 | register, 0xF2A0_0000 | (value >> 16) << 5 | register]


def _program(cases: list[Case]) -> bytes:
    """A static ELF file that runs every word and writes V0 and FPSR behind each other to its output."""
    count = len(cases)
    code_words = 4 + 12 * count + 10
    data = _BASE + 120 + 4 * code_words + 8 & ~15
    output = data + 64 * count
    code = [*_move(0, data), *_move(1, output)]
    for word, _, _ in cases:
        code += [
            0xF940_0000 | 6 << 10 | 3,  # LDR X3, [X0, #48]
            0xD51B_4403,  # MSR FPCR, X3
            0xD51B_443F,  # MSR FPSR, XZR
            *(0x3DC0_0000 | i << 10 | i for i in range(3)),  # LDR Qi, [X0, #16 * i]
            word,
            0x3D80_0020,  # STR Q0, [X1]
            0xD53B_4424,  # MRS X4, FPSR
            0xF900_0000 | 2 << 10 | 1 << 5 | 4,  # STR X4, [X1, #16]
            0x9100_0000 | 64 << 10,  # ADD X0, X0, #64
            0x9100_0000 | 32 << 10 | 1 << 5 | 1,  # ADD X1, X1, #32
        ]
    # write(1, output, 32 * count), exit(0)
    code += [0xD280_0020, *_move(1, output), *_move(2, 32 * count), 0xD280_0808, 0xD400_0001]
    code += [0xD280_0000, 0xD280_0BA8, 0xD400_0001]
    assert len(code) == code_words
    image = b"".join(word.to_bytes(4, "little") for word in code).ljust(data - _BASE - 120, b"\0")
    for _, operands, fpcr in cases:
        image += b"".join(value.to_bytes(16, "little") for value in (*operands, fpcr))
    image += bytes(32 * count)
    size = 120 + len(image)
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, _BASE + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 7, 0, _BASE, _BASE, size, size, 0x1000)
    return header + image


def _theirs(cases: list[Case], folder: Path) -> list[tuple[int, int]]:
    program = folder / "program"
    program.write_bytes(_program(cases))
    program.chmod(0o755)
    assert _QEMU is not None
    result = subprocess.run([_QEMU, "-cpu", "max", str(program)], capture_output=True, check=True, timeout=60).stdout
    assert len(result) == 32 * len(cases)
    return [
        (int.from_bytes(result[i : i + 16], "little"), int.from_bytes(result[i + 16 : i + 24], "little"))
        for i in range(0, len(result), 32)
    ]


def _bfloats(source: random.Random) -> int:
    return int.from_bytes(b"".join((random_float(source, 32) >> 16).to_bytes(2, "little") for _ in range(8)), "little")


def _singles(source: random.Random) -> int:
    return int.from_bytes(b"".join(random_float(source, 32).to_bytes(4, "little") for _ in range(4)), "little")


def _cases(encoding: EncodingClass, source: random.Random) -> list[Case]:
    cases = []
    for _ in range(_CASES):
        word = random_word(encoding, source)
        assert word is not None
        registers = {"rd": _RD, "rn": _RN, "rm": _RM}
        for name, number in registers.items():
            if name in encoding.fields:
                low, width = encoding.fields[name]
                word = word & ~((1 << width) - 1 << low) | number << low
        if "M" in encoding.fields and "multiply_add_long" not in encoding.name:
            word &= ~(1 << encoding.fields["M"][0])  # M is the top bit of the register's number
        decoded = A64.decode(word)
        assert decoded is not None
        assert decoded.encoding is encoding
        operands = tuple(source.choice((random_vector, _bfloats, _bfloats, _singles))(source) for _ in range(3))
        fpcr = source.choice((0, DN, FZ, DN | FZ)) | source.randrange(4) << 22
        cases.append((word, operands, fpcr))
    return cases  # type: ignore[return-value]


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def machine(request):  # type: ignore[no-untyped-def]
    return simd_machine(request.param)


@pytest.mark.parametrize("encoding", CLASSES, ids=lambda encoding: encoding.name)
def test_a_class_does_what_qemu_does(encoding: EncodingClass, machine, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(encoding.name)
    cases = _cases(encoding, source)
    for (word, operands, fpcr), (value, fpsr) in zip(cases, _theirs(cases, tmp_path), strict=True):
        before = Registers((0,) * 31, (*operands, *[0] * 29), 0, fpcr)
        after = ours(machine, [word], before)
        assert (after.v[0], after.fpsr) == (value, fpsr), (
            f"{word:#010x} {encoding.name} {[hex(v) for v in operands]} FPCR {fpcr:#x}:"
            f" here {after.v[0]:#x} {after.fpsr:#x}, qemu {value:#x} {fpsr:#x}"
        )
