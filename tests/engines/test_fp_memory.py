"""Loads and stores of V registers: literals, alignment checks, and faults halfway."""

from __future__ import annotations

import pytest

import emu
from emu.isa.a64 import A64
from tests.engines.flat import CODE, DATA, flat_machine

CLASSES = [encoding for encoding in A64.classes if encoding.semantics.__module__ == "emu.isa.simd_memory"]


def fp_machine(engine: str) -> emu.Machine:
    machine = flat_machine(engine)
    machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
    return machine


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def machine(request: pytest.FixtureRequest) -> emu.Machine:
    return fp_machine(request.param)


@pytest.mark.parametrize("opc", [0, 1, 2])
def test_a_literal_is_loaded_from_beside_the_code(opc: int, machine: emu.Machine) -> None:
    cpu = machine.cpu
    literal = bytes(range(0xA0, 0xB0))
    machine.write(CODE + 0x1000, (opc << 30 | 0x1C00_0000 | 0x100 << 5 | 7).to_bytes(4, "little"))
    machine.write(CODE + 0x1400, literal)
    cpu.v[7] = (1 << 128) - 1
    cpu.pc = CODE + 0x1000
    machine.run(max_instructions=1)
    assert cpu.v[7] == int.from_bytes(literal[: 4 << opc], "little")


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize(
    ("word", "faults_at"),
    [
        (0x3DC0_0020, (1, 2, 4, 8, 12)),  # LDR Q0, [X1]: aligned to 16
        (0x3D80_0020, (1, 8)),  # STR Q0, [X1]
        (0xFD40_0020, (1, 4)),  # LDR D0, [X1]: aligned to 8
        (0xAD40_0820, (8, 1)),  # LDP Q0, Q2, [X1]: aligned to 16 each
        (0x6D40_0820, (4, 1)),  # LDP D0, D2, [X1]: aligned to 8 each
        (0x4C40_7820, (1, 2)),  # LD1 {V0.4S}, [X1]: aligned to the element
        (0x4D40_8020, (1, 2)),  # LD1 {V0.S}[2], [X1]
    ],
)
def test_alignment_is_checked_where_sctlr_asks_for_it(engine: str, word: int, faults_at: tuple[int, ...]) -> None:
    for offset in (0, *faults_at, 16, 32):
        machine = fp_machine(engine)
        cpu = machine.cpu
        cpu.sysreg["SCTLR_EL1"] = cpu.sysreg["SCTLR_EL1"] | 2
        machine.write(CODE, word.to_bytes(4, "little"))
        cpu.x[1], cpu.pc = DATA + offset, CODE
        machine.run(max_instructions=1)
        if offset in faults_at:
            assert cpu.sysreg["ESR_EL1"] & 0xFC00_003F == 0x25 << 26 | 0x21, offset
            assert cpu.sysreg["FAR_EL1"] == DATA + offset
        else:
            assert int(cpu.pc) == CODE + 4, offset


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("word", [0xADC1_0821, 0x4CDF_2020, 0x4CDF_0020, 0x4DFF_E020, 0x3CC1_0C20])
def test_a_load_that_faults_halfway_leaves_its_registers_alone(engine: str, word: int) -> None:
    machine = fp_machine(engine)
    cpu = machine.cpu
    machine.write(CODE, word.to_bytes(4, "little"))
    before = [0x1111 * number for number in range(32)]
    for number, value in enumerate(before):
        cpu.v[number] = value
    edge = CODE + 0x80_0000  # the end of what is mapped
    start = {0xADC1_0821: edge - 0x30, 0x3CC1_0C20: edge - 0x18, 0x4DFF_E020: edge - 1}.get(word, edge - 0x20)
    cpu.x[1], cpu.pc = start, CODE
    machine.run(max_instructions=1)
    assert cpu.sysreg["ESR_EL1"] >> 26 == 0x25
    assert [cpu.v[number] for number in range(32)] == before
    assert cpu.x[1] == start
    assert edge - 16 <= cpu.sysreg["FAR_EL1"] <= edge
