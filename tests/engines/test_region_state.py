"""What a region puts off, and leaves out: at every stop and at every fault the state is that of the reference."""

from __future__ import annotations

import itertools
import random

import pytest

import emu
from emu import state
from tests.engines.flat import CODE, DATA
from tests.engines.test_jit import assert_same, machine_with, statistics

_LENGTH = 44
_SCRATCH = range(3, 13)
_CMP, _CMN, _TST, _SUBS, _ADCS = 0x6B00_001F, 0x2B00_001F, 0x6A00_001F, 0x6B00_0000, 0x3A00_0000
_CMP_IMMEDIATE, _CSINC, _CCMP, _B_COND, _CBZ = 0x7100_001F, 0x1A80_0400, 0x7A40_0000, 0x5400_0000, 0xB400_0000
_LOADS = (0xF940_0000, 0xB940_0000, 0x3940_0000, 0x7980_0000, 0xF900_0000, 0xB900_0000, 0x3900_0000)
_PAIRS = (0xA940_0000, 0xA900_0000, 0xAD40_0000, 0xAD00_0000, 0x3DC0_0000, 0x3D80_0000)
_HANDLER = (0xD538_402D, 0x9100_11AD, 0xD518_402D, 0xD69F_03E0)
"""MRS X13, ELR_EL1; ADD X13, X13, #4; MSR ELR_EL1, X13; ERET: past what faulted."""
_RMIF, _CFINV, _FCMP = 0xBA00_0400, 0xD500_401F, 0x1E60_2000


def _word(source: random.Random, index: int) -> int:
    def register() -> int:
        return source.choice(_SCRATCH)

    wide = source.getrandbits(1) << 31
    base = source.choice((0, 1, 1, 1, 2)) << 5
    kind = source.random()
    if kind < 0.22:
        word = source.choice((_CMP, _CMP, _CMN, _TST, _SUBS | register(), _ADCS | register()))
        return word | wide | register() << 5 | source.choice((register(), register(), 31)) << 16
    if kind < 0.32:
        return _CMP_IMMEDIATE | wide | register() << 5 | source.choice((0, 0, 1, 77)) << 10
    if kind < 0.40:
        return _CSINC | wide | register() | register() << 5 | register() << 16 | source.randrange(14) << 12
    if kind < 0.44:
        return _CCMP | wide | register() << 5 | register() << 16 | source.randrange(14) << 12 | source.randrange(16)
    if kind < 0.60:
        distance = source.randrange(-min(index, 9), min(_LENGTH - index, 9))
        return _B_COND | (distance & 0x7FFFF) << 5 | source.randrange(14)
    if kind < 0.64:
        return _CBZ | source.getrandbits(1) << 24 | source.randrange(1, min(_LENGTH - index, 6) + 1) << 5 | register()
    if kind < 0.80:
        return source.choice(_LOADS) | register() | base | source.randrange(8) << 10
    if kind < 0.88:
        word = source.choice(_PAIRS)
        first = source.randrange(3, 12)
        return word | first | base | (0 if word >> 28 == 3 else (first + 1) << 10 | source.randrange(4) << 15)
    if kind < 0.92:
        return source.choice(
            (_RMIF | register() << 5 | source.randrange(16), _CFINV, _FCMP | source.randrange(3, 9) << 5)
        )
    return 0x8B00_0000 | register() | register() << 5 | register() << 16  # ADD


def _random(engine: str, seed: int) -> emu.Machine:
    source = random.Random(seed)
    words = (0xD503_201F,) * (seed & 1) + tuple(_word(source, index) for index in range(_LENGTH))
    machine = machine_with((*words, 0x1400_0000 | -_LENGTH & 0x3FF_FFFF), engine)
    machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
    # The first base is near a border that cannot be crossed, the third one not aligned.
    machine.cpu.x[0], machine.cpu.x[1], machine.cpu.x[2] = DATA + 0x5F_FFE0, DATA + 0x1000, DATA + 0x2004
    for number in _SCRATCH:
        machine.cpu.x[number] = source.choice((0, 1, 0x7FFF_FFFF, 1 << 31, 1 << 63, source.getrandbits(64)))
        machine.cpu.v[number] = source.getrandbits(128)
    machine.write(DATA, source.randbytes(0x3000))
    for offset in (0, 0x200):
        machine.write(CODE + 0x8_0000 + offset, b"".join(word.to_bytes(4, "little") for word in _HANDLER))
    return machine


def _assert_same(ours: emu.Machine, theirs: emu.Machine) -> None:
    assert_same(ours, theirs)
    for slot in (state.LAST_ACCESS_VA, state.LAST_ACCESS_INFO):
        assert ours.cpu.slots[slot] == theirs.cpu.slots[slot]


@pytest.mark.parametrize("seed", range(16))
def test_programs_full_of_flags_and_branches_stop_anywhere_in_the_same_state(seed: int) -> None:
    jit, reference = _random("jit", seed), _random("reference", seed)
    source = random.Random(seed)
    for _ in range(9):
        count = source.randrange(1, 120)
        for machine in (jit, reference):
            machine.run(max_instructions=count)
        _assert_same(jit, reference)
    assert statistics(jit)[0] > 0


_SETTERS = {
    "SUBS X9, X4, X5": 0xEB05_0089, "SUBS W9, W4, W5": 0x6B05_0089, "ANDS X9, X4, X5": 0xEA05_0089,
    "ANDS W9, W4, W5": 0x6A05_0089, "SUBS X9, X4, #0": 0xF100_0089, "SUBS W9, W4, #0": 0x7100_0089,
    "ADDS W9, W4, W5": 0x2B05_0089,
}  # fmt: skip
_NUMBERS = (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def _both(words: tuple[int, ...]) -> list[emu.Machine]:
    return [machine_with((*words, 0x1400_0000 | -len(words) & 0x3FF_FFFF), engine) for engine in ("jit", "reference")]


@pytest.mark.parametrize("setter", _SETTERS)
def test_flags_that_nothing_reads_are_there_at_the_exit(setter: str) -> None:
    both = _both((0x9100_0484, _SETTERS[setter]))  # ADD X4, X4, #1
    for a, b in itertools.product(_NUMBERS, repeat=2):
        for machine in both:
            machine.cpu.x[4], machine.cpu.x[5] = a, b
            machine.run(max_instructions=6)
        assert both[0].cpu.architectural_state() == both[1].cpu.architectural_state(), (a, b)
    assert statistics(both[0])[0] > 0


@pytest.mark.parametrize("setter", _SETTERS)
def test_flags_pass_a_block_that_neither_sets_nor_reads_them(setter: str) -> None:
    words = (
        0x9100_0484,  # ADD X4, X4, #1
        _SETTERS[setter],
        0xB400_0046,  # CBZ X6, to the second next
        0x1400_0004,  # B, past what reads the flags
        0x9100_04A5,  # ADD X5, X5, #1
        0x1400_0001,  # B, to the next
        0x9A9F_B7E7,  # CSINC X7, XZR, XZR, LT
        0xD240_00C6,  # EOR X6, X6, #1
    )
    both = _both(words)
    for machine in both:
        machine.cpu.x[4], machine.cpu.x[5] = (1 << 63) - 4, 3
    for count in (*range(1, 14), *range(100, 109)):
        for machine in both:
            machine.run(max_instructions=count)
        _assert_same(*both)
    assert statistics(both[0])[0] > 0


# Across the end of what is mapped: LDP, STP of X4 and X5, of Q4 and Q5; LDR, STR of Q4.
@pytest.mark.parametrize(
    ("word", "before"),
    [
        (0xA940_1404, 8), (0xA900_1404, 8), (0xAD40_1404, 16), (0xAD00_1404, 16), (0x3DC0_0004, 8), (0x3D80_0004, 8),
    ],
)  # fmt: skip
def test_the_second_half_of_a_pair_faults_by_itself(word: int, before: int) -> None:
    both = _both((0xF940_0008, 0xF900_0008, 0x9100_0463, word, 0x9100_0463))  # LDR X8, [X0]; STR; ADD X3, X3, #1; ADD
    for machine in both:
        machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
        for offset in (0, 0x200):
            machine.write(CODE + 0x8_0000 + offset, b"".join(each.to_bytes(4, "little") for each in _HANDLER))
        machine.cpu.x[0] = DATA + 0x60_0000 - before
        machine.run(max_instructions=60)
    assert both[1].exceptions
    _assert_same(*both)


def test_a_called_handler_reads_registers_that_the_region_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.engine.region.BEST", 0)
    monkeypatch.setattr("emu.engine.jit.QUICK", 0)
    # ADD X2, X2, #1; DUP V4.2D, X2; INS V5.D[1], X2
    words = (0x9100_0442, 0x4E08_0C44, 0x4E18_1C45, 0x1400_0000 | -3 & 0x3FF_FFFF)
    both = []
    for engine in ("jit", "reference"):
        machine = machine_with(words, engine)
        machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
        machine.run(max_instructions=40)  # the last of them in the region, too
        both.append(machine)
    assert statistics(both[0])[0] > 0
    assert_same(*both)


# Floating point: numbers near every border, with the inexact flag set and clear.

# With S0 and S1, into S2.
_OPERATIONS = {
    "FADD": 0x1E21_2802, "FSUB": 0x1E21_3802, "FMUL": 0x1E21_0802, "FDIV": 0x1E21_1802, "FNMUL": 0x1E21_8802,
    "FABD": 0x7EA1_D402, "FSQRT": 0x1E21_C002, "FMADD": 0x1F01_0402, "FCMP": 0x1E21_2000, "FCMPE": 0x1E21_2010,
}  # fmt: skip


def _borders(width: int) -> tuple[int, ...]:
    fraction, sign = (23, 1 << 31) if width == 32 else (52, 1 << 63)
    top = sign - (1 << fraction)  # infinity
    least = 1 << fraction
    one = (top >> 1) + (least >> 1) & ~(least - 1)
    found = (
        0,
        1,
        least - 1,
        least,
        least + 1,
        2 * least,
        one,
        one + 1,
        one // 3,
        top - 1,
        top,
        top + 1,
        top | 1 << fraction - 1,
    )
    return (*found, *(value | sign for value in (0, 1, least, one + 1, top - 1, top)))


@pytest.mark.parametrize("width", [32, 64])
@pytest.mark.parametrize("name", _OPERATIONS)
def test_results_and_flags_near_every_border(name: str, width: int) -> None:
    step = width // 8
    word = _OPERATIONS[name] | (1 << 22 if width == 64 else 0)
    load, store = (0xBC40_4400, 0xBC00_4422) if width == 32 else (0xFC40_8400, 0xFC00_8422)
    words = (
        load, load | 1,  # LDR S0, [X0], #4; LDR S1, [X0], #4
        0xD51B_4427,  # MSR FPSR, X7
        word,
        0xD53B_4425,  # MRS X5, FPSR
        store,  # STR S2, [X1], #4
        0xF800_8425,  # STR X5, [X1], #8
        0xD53B_4206,  # MRS X6, NZCV
        0xF800_8426,  # STR X6, [X1], #8
        0x1400_0000 | -9 & 0x3FF_FFFF,
    )  # fmt: skip
    pairs = list(itertools.product(_borders(width), repeat=2))
    data = b"".join(value.to_bytes(step, "little") for pair in pairs for value in pair)
    for fpcr, fpsr in ((0, 0x10), (0, 0), (1 << 24, 0x10), (2 << 22, 0x10)):
        results = []
        for engine in ("reference", "jit", "interpreter"):
            machine = machine_with(words, engine)
            machine.write(DATA, data)
            machine.cpu.x[1], machine.cpu.x[7] = DATA + 0x2_0000, fpsr
            machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
            machine.cpu.sysreg["FPCR"] = fpcr
            machine.run(max_instructions=10 * len(pairs))
            results.append(machine.read(DATA + 0x2_0000, (step + 16) * len(pairs)))
        assert results[1] == results[0]
        assert results[2] == results[0]
