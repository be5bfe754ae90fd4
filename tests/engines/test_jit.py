"""The JIT is the interpreter with regions of native code: the same state at every stop, whatever code becomes."""

from __future__ import annotations

import random
import threading
import time

import pytest

import emu
from tests.engines.flat import CODE, DATA, TABLE, flat_machine
from tests.engines.test_engines_agree import _everything, random_machine

MOVZ_X0_0 = 0xD280_0000
LOOP = (
    0xF840_8403,  # LDR X3, [X0], #8
    0x8B03_0084,  # ADD X4, X4, X3
    0xCA44_1C84,  # EOR X4, X4, X4, LSR #7
    0xF800_8424,  # STR X4, [X1], #8
    0xD100_2021,  # SUB X1, X1, #8
    0xD100_2000,  # SUB X0, X0, #8
    0xF100_0442,  # SUBS X2, X2, #1
    0x54FF_FF21,  # B.NE to the first
)
FOREVER = 1 << 40


def machine_with(words: tuple[int, ...], engine: str = "jit", threshold: int | None = 0) -> emu.Machine:
    machine = flat_machine(engine, jit_threshold=threshold if engine == "jit" else None)
    machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
    cpu = machine.cpu
    cpu.x[0], cpu.x[1], cpu.x[2] = DATA, DATA + 0x1000, FOREVER
    return machine


def statistics(machine: emu.Machine) -> tuple[int, int]:
    """(regions compiled, regions in place)."""
    engine = machine._engine
    assert not engine.failed_regions
    return engine.compiled_regions, len(engine._installed)


def assert_same(ours: emu.Machine, theirs: emu.Machine) -> None:
    expected, got = _everything(theirs), _everything(ours)
    for name, value in expected.items():
        assert got[name] == value, name


@pytest.mark.parametrize("realm", [False, True])
@pytest.mark.parametrize("model", ["cipher", "substitute"])
def test_random_programs_end_as_on_the_reference(model: str, realm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_the_jit(engine: str, **named: object) -> emu.Machine:
        return flat_machine("jit", jit_threshold=0, **named)  # type: ignore[arg-type]

    for seed in range(3):
        reference = random_machine("reference", seed, model, realm)
        with monkeypatch.context() as patched:
            patched.setattr("tests.engines.test_engines_agree.flat_machine", on_the_jit)
            jit = random_machine("jit", seed, model, realm)
        for machine in (reference, jit):
            machine.run(max_instructions=120)
        assert statistics(jit)[0] > 0
        assert_same(jit, reference)


# SWPAL X30, X30, [X1] with an address that is a multiple of 4 only: what the region compares must not hide it.
def test_an_atomic_access_that_is_not_aligned_faults_inside_a_region() -> None:
    for offset in (0, 1, 2, 4, 8):
        both = []
        for engine in ("jit", "reference"):
            machine = machine_with((0xD503_201F, 0xF8FE_803E, 0x17FF_FFFE), engine)
            machine.cpu.x[1] = DATA + 0x10
            machine.run(max_instructions=30)
            machine.cpu.x[1] = DATA + 0x10 + offset
            machine.run(max_instructions=2)
            both.append(machine)
        assert_same(*both)


@pytest.mark.parametrize("word", [0x4C40_7000, 0x0C40_7000, 0x3DC0_0000, 0xF940_0000])
def test_a_load_over_two_owners_is_seen_inside_a_region(word: int) -> None:
    """LD1 {V0.16B}, LD1 {V0.8B}, LDR Q0, LDR X0, of which the first two need no alignment at all."""
    both = []
    for engine in ("jit", "reference"):
        machine = machine_with((0xAA01_03E0, word, 0x17FF_FFFE), engine)  # MOV X0, X1; the load; B to the first
        machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
        encrypted, offset = machine.memory.encrypted, machine.memory.ram_offset(DATA + 0x110)
        assert offset is not None
        encrypted.store(offset, 16, 0x1122_3344_5566_7788, encrypted.owner_id(emu.PAS.NON_SECURE, 0))
        machine.cpu.x[1] = DATA + 0x80
        machine.run(max_instructions=90)
        for address in (DATA + 0x100, DATA + 0x10C, DATA + 0xFF9, DATA + 0x109):
            machine.cpu.x[1] = address
            machine.run(max_instructions=6)
        both.append(machine)
    assert both[0].mec.hits
    assert_same(*both)


def test_a_run_ends_at_exactly_the_instruction_asked_for() -> None:
    jit, other = machine_with(LOOP), machine_with(LOOP, "interpreter")
    for count in (1, 1, 2, 3, 5, 7, 8, 9, 100, 1001, 12_345):
        for machine in (jit, other):
            stop = machine.run(max_instructions=count)
            assert stop.reason == "limit"
        assert jit.instructions == other.instructions
        assert_same(jit, other)
    assert statistics(jit)[1] > 0


def test_hot_code_is_compiled_in_the_background_and_put_in_place() -> None:
    jit, other = machine_with(LOOP, threshold=50), machine_with(LOOP, "interpreter")
    deadline = time.monotonic() + 30
    while not statistics(jit)[1] and time.monotonic() < deadline:
        jit.run(max_instructions=100_000)
    assert statistics(jit)[1] == 1
    jit.run(max_instructions=1_000_000)
    other.run(max_instructions=jit.instructions)
    assert_same(jit, other)


def test_code_that_is_stored_to_is_compiled_anew() -> None:
    # 0: ADD X5, X5, #1; 4: STR W6, [X7]; 8: ADD X8, X8, #1; 12: B 0. X7 points at the instruction at 8.
    words = (0x9100_04A5, 0xB900_00E6, 0x9100_0508, 0x17FF_FFFD)
    both = []
    for engine in ("jit", "reference"):
        machine = machine_with(words, engine)
        cpu = machine.cpu
        cpu.x[6], cpu.x[7] = words[2], DATA  # somewhere harmless at first
        machine.run(max_instructions=400)
        cpu.x[6], cpu.x[7] = 0x9100_0908, CODE + 8  # ADD X8, X8, #2
        machine.run(max_instructions=401)
        both.append(machine)
    assert both[0].cpu.x[8] == both[1].cpu.x[8] > 250
    assert_same(*both)


def test_a_breakpoint_inside_a_region_stops_before_its_instruction() -> None:
    machine = machine_with(LOOP)
    machine.run(max_instructions=8 * 100)
    assert statistics(machine)[1] > 0
    number = machine.breakpoints.add(CODE + 12)
    stop = machine.run(max_instructions=1000)
    assert (stop.reason, stop.pc, machine.instructions) == ("breakpoint", CODE + 12, 803)
    machine.breakpoints.remove(number)
    assert machine.run(max_instructions=8 * 100).reason == "limit"
    assert machine.instructions == 1603


def test_another_address_of_the_same_page_has_its_own_program_counter() -> None:
    """ADR's result is an address: a region made for one address of a page must not serve another."""
    words = (0x1000_0003, 0xD61F_0140)  # ADR X3, 0; BR X10
    both = []
    for engine in ("jit", "reference"):
        machine = machine_with(words, engine)
        machine.write(TABLE + 0x1000 + 8 * 4, machine.read(TABLE + 0x1000, 8))  # the first 2 MiB once more, at 8 MiB
        machine.cpu.x[10] = CODE
        machine.run(max_instructions=41)
        machine.cpu.x[10] = CODE + 0x80_0000
        machine.run(max_instructions=40)
        assert machine.cpu.x[3] == CODE + 0x80_0000
        both.append(machine)
    assert_same(*both)


def test_a_pause_is_answered_inside_a_region() -> None:
    machine = machine_with(LOOP)
    machine.run(max_instructions=800)
    stops: list[emu.Stop] = []
    runner = threading.Thread(target=lambda: stops.append(machine.run()))
    runner.start()
    while machine.cpu.slots[0] == 0:
        time.sleep(0.001)
    time.sleep(0.05)
    machine.pause()
    runner.join(10)
    assert stops
    assert stops[0].reason == "paused"


@pytest.mark.long
def test_compiling_and_dropping_for_ever_keeps_memory_bounded() -> None:
    """Code that is rewritten again and again, compiled each time before it runs."""
    machine = machine_with((0x9100_04A5, 0x17FF_FFFF))
    source = random.Random(0)

    def cycle() -> None:
        machine.write(CODE, (0x9100_0000 | source.randrange(4096) << 10 | 5 << 5 | 5).to_bytes(4, "little"))
        machine.run(max_instructions=50)

    for _ in range(200):
        cycle()
    before = _resident()
    for _ in range(2_000):
        cycle()
    assert statistics(machine)[0] > 2_000
    assert statistics(machine)[1] < 10
    assert _resident() - before < 40 << 20


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
