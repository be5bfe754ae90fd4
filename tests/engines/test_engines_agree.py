"""The engines agree: random programs leave the same state, memory, owners, hits, exceptions and TLB."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from tests.engines.flat import CODE, DATA, DATA_SIZE, flat_machine
from tests.engines.words import (
    BRANCH_CLASSES,
    DATA_CLASSES,
    EXTENSION_DATA_CLASSES,
    EXTENSION_MEMORY_CLASSES,
    EXTENSION_OWN_CLASSES,
    MEMORY_CLASSES,
    by_name,
    random_operand,
    random_word,
)

_DATA = DATA_CLASSES + EXTENSION_DATA_CLASSES + EXTENSION_OWN_CLASSES[:-1]
_MEMORY = MEMORY_CLASSES[:5] * 3 + MEMORY_CLASSES + EXTENSION_MEMORY_CLASSES

_PROGRAM = 40
_STEPS = 120
_REALM = 1 << 62 | 1 << 49 | 1 << 44 | 1 << 43 | 1 << 10 | 1 << 8 | 1
_NOP = 0xD503_201F

_MRS, _MSR = 0xD530_0000, 0xD510_0000


def _system(base: int, op0: int, op1: int, crn: int, crm: int, op2: int, rt: int) -> int:
    return base | (op0 - 2) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | rt


def _sys(op1: int, crn: int, crm: int, op2: int, rt: int) -> int:
    return 0xD508_0000 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | rt


_MECIDS = [(3, 4, 10, 8, op2) for op2 in range(4)] + [(3, 4, 10, 9, 0), (3, 4, 10, 9, 1)]
_SPECIAL = [
    0xD400_0001,  # SVC #0
    0xD400_0002,  # HVC #0
    0xD420_0000,  # BRK #0
    0x0000_0000,  # UDF
    0xD503_3FDF,  # ISB
    0xD503_3F9F,  # DSB SY
    0xD503_3F5F,  # CLREX
    _sys(4, 8, 7, 0, 31),  # TLBI ALLE2
    _sys(0, 8, 7, 0, 31),  # TLBI VMALLE1
    _sys(3, 7, 4, 1, 1),  # DC ZVA, X1
    _sys(3, 7, 14, 1, 1),  # DC CIVAC, X1
    _sys(4, 7, 8, 0, 1),  # AT S1E2R, X1
    _system(_MRS, 3, 0, 7, 4, 0, 4),  # MRS X4, PAR_EL1
    _system(_MRS, 3, 3, 4, 2, 0, 5),  # MRS X5, NZCV
    _system(_MSR, 3, 3, 4, 2, 0, 6),  # MSR NZCV, X6
    _system(_MRS, 3, 0, 4, 2, 2, 7),  # MRS X7, CurrentEL
    _system(_MRS, 3, 3, 14, 0, 1, 8),  # MRS X8, CNTPCT_EL0
    0xD500_40BF | 1 << 8,  # MSR SPSel, #1
    *[_system(_MSR, *encoding, rt) for encoding in _MECIDS for rt in (26, 27)],
    *[_system(_MSR, *_MECIDS[0], rt) for rt in (26, 27)] * 8,  # MECID_P0_EL2 is the one in use
]


_BASES = (1, 2, 3)
"""Registers that hold data addresses; only writeback moves them."""


def _word(source: random.Random) -> int:
    word = _any_word(source)
    is_branch = word >> 26 & 0b11111 in (0b00101, 0b10101) or word >> 24 & 0xFF == 0x54
    if word & 31 in _BASES and not is_branch and word not in _SPECIAL:
        word += 8  # the destination, in most classes
    return word


def _random(name: str, source: random.Random) -> int:
    word = random_word(by_name(name), source)
    assert word is not None
    return word


def _any_word(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.35:
        return _random(source.choice(_DATA), source)
    if kind < 0.75:
        name = source.choice(_MEMORY)
        word = _random(name, source)
        if name == "load_store_unsigned":
            word &= ~(0x3F0 << 10) & ~(3 << 20)  # small offsets, so that accesses meet
        fields = by_name("load_store_unsigned").fields  # Rn is in the same place in all of them
        word = word & ~(31 << fields["rn"][0]) | source.choice(_BASES) << fields["rn"][0]
        return word
    if kind < 0.85:
        name = source.choice([name for name in BRANCH_CLASSES if name != "branch_register"])
        word = _random(name, source)
        low, width = {"branch_immediate": (0, 26), "test_and_branch": (5, 14)}.get(name, (5, 19))
        offset = source.randrange(1, 6)
        return word & ~(((1 << width) - 1) << low) | offset << low
    if kind < 0.87:
        return source.getrandbits(32)
    return source.choice(_SPECIAL)


def random_machine(engine: str, seed: int, model: str, realm: bool, cache: bool = False) -> emu.Machine:
    source = random.Random(seed)
    machine = flat_machine(engine, el=2 if realm else 1, model=model, cache=cache)
    level = 2 if realm else 1
    cpu, registers = machine.cpu, machine.cpu.sysreg
    if realm:
        registers["SCR_EL3"] = _REALM
        for name in ("TTBR0", "MAIR"):
            registers[f"{name}_EL2"] = registers[f"{name}_EL1"]
        registers["TCR_EL2"] = 25 | 5 << 16
        registers["SCTLR_EL2"] = registers["SCTLR_EL2"] & ~0xE | 1
        registers["SCTLR2_EL2"] = 2
        registers["TCR2_EL2"] = 1 << 12
        for number, name in enumerate(("MECID_P0_EL2", "MECID_A0_EL2", "MECID_P1_EL2", "MECID_A1_EL2")):
            registers[name] = 5 + number
        registers["VMECID_P_EL2"], registers["VMECID_A_EL2"] = 5, 6
        registers["SCTLR_EL1"] = 0
    registers["VBAR_EL2"] = registers["VBAR_EL1"] = CODE + 0x8_0000
    code = b"".join(_word(source).to_bytes(4, "little") for _ in range(_PROGRAM))
    machine.write(CODE, code + _NOP.to_bytes(4, "little") * 400)
    op1 = 4 if realm else 0
    handler = [
        _system(_MRS, 3, op1, 4, 0, 1, 28),
        0x9100_139C,  # ADD X28, X28, #4
        _system(_MSR, 3, op1, 4, 0, 1, 28),
        0xD69F_03E0,  # ERET
    ]
    for offset in range(0, 0x800, 0x80):
        machine.write(CODE + 0x8_0000 + offset, b"".join(w.to_bytes(4, "little") for w in handler))
    machine.write(DATA, bytes(source.randrange(256) for _ in range(DATA_SIZE)))
    for number in range(31):
        cpu.x[number] = random_operand(source)
    for number in _BASES:
        cpu.x[number] = DATA + 0x1000 + source.choice((0, 16, 64, source.randrange(256)))
    cpu.x[26], cpu.x[27] = 5, 6
    cpu.sp, cpu.nzcv = DATA + 0x2000, source.randrange(16)
    assert cpu.el == level
    return machine


def _everything(machine: emu.Machine) -> dict[str, object]:
    cpu = machine.cpu
    pages = {page.pa: (page.pas, page.mecid, page.mixed, page.owned_blocks) for page in machine.mec.pages()}
    return {
        "pc": hex(cpu.pc),
        "x": [hex(cpu.x[number]) for number in range(31)],
        "exceptions": machine.exceptions,
        "hits": machine.mec.hits,
        "state": cpu.architectural_state(),
        "memory": machine.read(CODE, 0x80_0000),
        "pages": pages,
        "writers": {page: copy.writers for page, copy in machine.memory.copy_pages().items() if copy.writers},
        "tlb": machine.tlb.entries(),
    }


def assert_engines_agree(build: Callable[[str], emu.Machine], steps: int = _STEPS) -> None:
    """Machines built for each engine by `build`, run for a while, are the same in everything that can be seen."""
    ours = [build(engine) for engine in ("reference", "interpreter")]
    for machine in ours:
        machine.run(max_instructions=steps)
    expected, got = (_everything(machine) for machine in ours)
    for name, value in expected.items():
        assert got[name] == value, name


@pytest.mark.parametrize("model", ["cipher", "substitute"])
@pytest.mark.parametrize("realm", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_random_programs_end_the_same(model: str, realm: bool, seed: int) -> None:
    assert_engines_agree(lambda engine: random_machine(engine, seed, model, realm))


@pytest.mark.long
@pytest.mark.parametrize("model", ["cipher", "substitute"])
@pytest.mark.parametrize("realm", [False, True])
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_many_random_programs_end_the_same(model: str, realm: bool, seed: int) -> None:
    assert_engines_agree(lambda engine: random_machine(engine, seed, model, realm))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_a_run_in_pieces_ends_where_a_whole_one_does(chunk: int) -> None:
    whole, pieces = (random_machine("interpreter", 1234, "cipher", True) for _ in range(2))
    whole.run(max_instructions=_STEPS)
    while pieces.instructions < _STEPS:
        pieces.run(max_instructions=min(chunk, _STEPS - pieces.instructions))
    assert _everything(pieces) == _everything(whole)


def test_a_program_that_rewrites_its_own_next_instruction_runs_the_new_one() -> None:
    results = []
    for engine in ("reference", "interpreter"):
        machine = flat_machine(engine)
        program = [
            0x5280_0020,  # MOV W0, #1: the loop's body, soon something else
            0xB900_0061,  # STR W1, [X3]
            0xF100_0442,  # SUBS X2, X2, #1
            0x54FF_FFA1,  # B.NE to the first
        ]
        machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in program))
        cpu = machine.cpu
        cpu.x[1], cpu.x[2], cpu.x[3] = 0x5280_0540, 2, CODE  # MOV W0, #42
        machine.run(max_instructions=8)
        results.append(cpu.x[0])
    assert results == [42, 42]
