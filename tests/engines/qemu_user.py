"""Cases on `qemu-aarch64`: one static program that runs each word on its operands and writes out what it changed."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.engines.floating import Case, Outcome

QEMU = shutil.which("qemu-aarch64")
"""The emulator, where there is one."""

SCRATCH, POINTER = 27, 28
"""General registers that the program needs for itself."""

_BASE, _HEADER = 0x40_0000, 0x1000
# One record a case: four V registers, two X registers, NZCV, FPCR, FPSR; then the results.
_X, _NZCV, _FPCR, _FPSR, _V_RESULT, _X_RESULT, _RECORD = 0x40, 0x50, 0x58, 0x60, 0x70, 0x80, 0x90
_SYSTEM = ((_NZCV, 0xD51B_4200), (_FPCR, 0xD51B_4400), (_FPSR, 0xD51B_4420))
_READ = 1 << 21  # MRS instead of MSR


def _transfer_x(register: int, offset: int, *, is_load: bool) -> int:
    return 0xF900_0000 | is_load << 22 | offset // 8 << 10 | POINTER << 5 | register


def _transfer_q(register: int, offset: int, *, is_load: bool) -> int:
    return 0x3D80_0000 | is_load << 22 | offset // 16 << 10 | POINTER << 5 | register


def _constant(register: int, value: int) -> list[int]:
    """MOVZ and two MOVKs."""
    words = [(0xF280_0000 if shift else 0xD280_0000, shift) for shift in range(3)]
    return [word | shift << 21 | (value >> 16 * shift & 0xFFFF) << 5 | register for word, shift in words]


def _one(case: Case) -> tuple[list[int], bytes]:
    """The instructions and the record of one case."""
    record = bytearray(_RECORD)
    words = []
    for place, (number, value) in enumerate(case.v):
        record[16 * place : 16 * place + 16] = value.to_bytes(16, "little")
        words.append(_transfer_q(number, 16 * place, is_load=True))
    for (offset, move), value in zip(_SYSTEM, (case.nzcv << 28, case.fpcr, case.fpsr), strict=True):
        record[offset : offset + 8] = value.to_bytes(8, "little")
        words += [_transfer_x(SCRATCH, offset, is_load=True), move | SCRATCH]
    for place, (number, value) in enumerate(item for item in case.x if item[0] != 31):
        record[_X + 8 * place : _X + 8 * place + 8] = value.to_bytes(8, "little")
        words.append(_transfer_x(number, _X + 8 * place, is_load=True))
    rd = case.word & 31
    words += [
        case.word,
        _transfer_q(rd, _V_RESULT, is_load=False),
        _transfer_x(rd, _X_RESULT, is_load=False),
    ]
    for offset, move in (_SYSTEM[0], _SYSTEM[2]):
        words += [move | _READ | SCRATCH, _transfer_x(SCRATCH, offset, is_load=False)]
    words.append(0x9100_0000 | _RECORD << 10 | POINTER << 5 | POINTER)  # ADD: the next record
    return words, bytes(record)


def _program(cases: Sequence[Case]) -> bytes:
    """An executable with one segment: header, code, records."""
    body: list[int] = []
    records = b""
    for case in cases:
        words, record = _one(case)
        body += words
        records += record
    room = -(-(4 * (len(body) + 64)) // 0x1000) * 0x1000
    data = _BASE + _HEADER + room
    svc = [0xD400_0001]
    write = [*_constant(0, 1), *_constant(1, data), *_constant(2, len(records)), *_constant(8, 64), *svc]
    leave = [*_constant(0, 0), *_constant(8, 93), *svc]
    code = b"".join(word.to_bytes(4, "little") for word in [*_constant(POINTER, data), *body, *write, *leave])
    size = _HEADER + room + len(records)
    header = b"\x7fELF" + bytes((2, 1, 1, 0)) + bytes(8)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, _BASE + _HEADER, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 7, 0, _BASE, _BASE, size, size, 0x1000)
    return header.ljust(_HEADER, b"\0") + code.ljust(room, b"\0") + records


def run(cases: Sequence[Case], folder: Path) -> list[Outcome]:
    """What each case leaves behind. A case must name every register that its outcome shows."""
    assert QEMU is not None
    program, output = folder / "cases", folder / "results"
    program.write_bytes(_program(cases))
    program.chmod(0o755)
    with output.open("wb") as results:
        subprocess.run([QEMU, "-cpu", "max", str(program)], stdout=results, check=True)
    written = output.read_bytes()
    assert len(written) == _RECORD * len(cases)
    outcomes = []
    for place, case in enumerate(cases):
        record = written[_RECORD * place : _RECORD * (place + 1)]
        low, x, nzcv, fpsr = (
            int.from_bytes(record[offset : offset + size], "little")
            for offset, size in ((_V_RESULT, 16), (_X_RESULT, 8), (_NZCV, 8), (_FPSR, 8))
        )
        outcomes.append(Outcome(low, 0 if case.word & 31 == 31 else x, nzcv >> 28, fpsr))
    return outcomes
