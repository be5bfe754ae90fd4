"""One instruction that moves much: few accesses, bounds, and the same as ever for whoever looks closely."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import emu
from emu.architecture import Access
from emu.bulk import MOST
from emu.debug.stops import Place, WatchStop
from emu.devices import console
from emu.devices.uart import Uart
from tests.engines.flat import CODE, DATA, flat_machine

HLT, SET_MAIN, COPY_MAIN = 0xD45E_0000, 0x19C0_0400 | 2 << 16 | 1 << 14 | 3 << 5 | 1, 0x1940_0400 | 2 << 16 | 3 << 5 | 1
WRITE0, WRITE, READ = 4, 5, 6
BLOCK = CODE + 0x1000
ALL = (1 << 64) - 1


@pytest.fixture(params=["reference", "interpreter"])
def machine(request: pytest.FixtureRequest) -> emu.Machine:
    return flat_machine(request.param)


def accesses(machine: emu.Machine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(address, size) of the loads and stores of the CPU model from here on."""
    made: list[tuple[int, int]] = []
    for name in ("load", "store"):
        original = getattr(machine.cpu, name)

        def noted(va: int, size: int, *more: Any, original: Any = original, **named: Any) -> Any:
            made.append((va, size))
            return original(va, size, *more, **named)

        monkeypatch.setattr(machine.cpu, name, noted)
    return made


def call(machine: emu.Machine, operation: int, *words: int) -> int:
    """One semihosting call with a block of parameters; what is in X0 behind it."""
    cpu = machine.cpu
    machine.write(CODE, HLT.to_bytes(4, "little"))
    machine.write(BLOCK, b"".join(word.to_bytes(8, "little") for word in words))
    cpu.pc, cpu.x[0], cpu.x[1] = CODE, operation, words[0] if operation == WRITE0 else BLOCK
    machine.run(max_instructions=1)
    return cpu.x[0]


def text_of(size: int) -> bytes:
    return bytes(33 + index % 89 for index in range(size))


def test_a_megabyte_is_printed_by_few_accesses(machine: emu.Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(MOST)
    machine.write(DATA + 5, text)
    made = accesses(machine, monkeypatch)
    assert call(machine, WRITE, 2, DATA + 5, MOST) == 0
    assert machine.console.encode() == text
    assert len(made) < MOST // 4096 + 9
    assert sum(size for _, size in made) == MOST + 24
    access = machine.last_access
    assert access is not None
    assert (access.va, access.size, access.access) == (DATA + 5 + MOST - 1, 1, Access.READ)


@pytest.mark.parametrize("length", [MOST + 1, 1 << 40, ALL])
def test_more_than_that_is_told_as_not_written(machine: emu.Machine, length: int) -> None:
    assert call(machine, WRITE, 2, DATA, length) == length - MOST
    assert len(machine.console) == MOST


def test_a_text_without_an_end_is_cut(machine: emu.Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write(DATA, b"x" * (3 << 20))
    made = accesses(machine, monkeypatch)
    call(machine, WRITE0, DATA + 1)
    assert machine.console == "x" * MOST
    assert len(made) < MOST // 4096 + 9


@pytest.mark.parametrize("size", [0, 1, 15, 16, 63, 64, 4090, 4091, 4092, 9000])
def test_what_lies_behind_the_end_of_a_text_is_not_read(
    machine: emu.Machine, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write(DATA + 5, text_of(size))
    made = accesses(machine, monkeypatch)
    call(machine, WRITE0, DATA + 5)
    assert machine.console.encode() == text_of(size)
    assert max(va + length for va, length in made) == DATA + 5 + size + 1


def test_input_is_stored_by_few_accesses_and_the_rest_waits(
    machine: emu.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_of(MOST + 100)
    machine.write_console_input(text)
    made = accesses(machine, monkeypatch)
    assert call(machine, READ, 1, DATA + 3, 2 * MOST) == MOST
    assert machine.read(DATA + 3, MOST) == text[:MOST]
    assert machine.unread_input == text[MOST:]
    assert len(made) < MOST // 4096 + 9


def test_input_that_could_not_be_stored_is_still_there(machine: emu.Machine) -> None:
    machine.write_console_input(b"typed text")
    call(machine, READ, 1, CODE + (8 << 20) - 4, 10)  # nothing is mapped behind the fourth byte
    assert (machine.cpu.sysreg["FAR_EL1"], machine.cpu.pc) == (CODE + (8 << 20), CODE + 0x8_0200)
    assert machine.read(CODE + (8 << 20) - 4, 4) == b"type"
    assert machine.unread_input == b"typed text"


@pytest.mark.parametrize("operation", [WRITE, WRITE0])
def test_a_fault_is_told_at_its_byte_and_nothing_is_printed(machine: emu.Machine, operation: int) -> None:
    end = CODE + (8 << 20)
    machine.write(end - 100, b"x" * 100)
    call(machine, operation, *((2, end - 100, 5000) if operation == WRITE else (end - 100,)))
    assert machine.cpu.sysreg["FAR_EL1"] == end
    assert machine.console == ""


def test_a_watchpoint_in_the_middle_hears_of_it(machine: emu.Machine) -> None:
    machine.stops.add(WatchStop(place=Place(DATA + 0x2008), size=8, reads=True, writes=True))
    machine.write(DATA, b"x" * 0x4000)
    machine.write(BLOCK, b"".join(word.to_bytes(8, "little") for word in (2, DATA, 0x4000)))
    machine.write(CODE, HLT.to_bytes(4, "little"))
    machine.cpu.x[0], machine.cpu.x[1] = WRITE, BLOCK
    stop = machine.run(max_instructions=5)
    assert (stop.reason, stop.pc) == ("watchpoint", CODE + 4)
    assert stop.message is not None
    assert f"{DATA + 0x2000:#x}" in stop.message.replace("_", "")
    assert len(stop.message) < 300
    assert machine.console == "x" * 0x4000


def test_devices_are_read_a_byte_at_a_time_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = emu.Machine(memory="8M", engine="reference")
    assert isinstance(machine.memory.devices[0], Uart)
    machine.load_raw(HLT.to_bytes(4, "little"), CODE)
    made = accesses(machine, monkeypatch)
    left = call(machine, WRITE, 2, machine.memory.devices[0].base, 1 << 16)
    assert 0 < left < 1 << 16
    assert set(made[-100:]) == {(va, 1) for va, _ in made[-100:]}
    assert len(made) < 5000


def test_output_without_end_does_not_fill_the_memory(machine: emu.Machine) -> None:
    output = machine._console
    for number in range(40):
        output.print(bytes((number,)) * MOST)
    assert console.KEPT <= len(output.printed) <= 2 * console.KEPT
    assert output.printed[-MOST:] == bytes((39,)) * MOST


@pytest.mark.parametrize("word", [SET_MAIN, COPY_MAIN])
def test_setting_and_copying_gigabytes_goes_on_piece_by_piece(word: int) -> None:
    """The PC stays, the registers tell what is left, a limit is kept: as if it was interrupted (Arm ARM C6.2)."""
    left: dict[str, list[tuple[int, ...]]] = {}
    for engine in ("reference", "interpreter", "jit"):
        machine = flat_machine(engine)
        machine.write(CODE, word.to_bytes(4, "little"))
        cpu, size = machine.cpu, 2 << 20
        cpu.x[1], cpu.x[2], cpu.x[3] = DATA + size, DATA + size, -size & ALL
        for _ in range(4):
            stop = machine.run(max_instructions=2)
            assert (stop.reason, cpu.pc) == ("limit", CODE)
            left.setdefault(engine, []).append((-cpu.x[3] & ALL, machine.instructions))
    assert left["reference"] == left["interpreter"] == left["jit"]
    amounts = [size] + [amount for amount, _ in left["reference"]]
    assert all(0 < before - after <= 1 << 16 for before, after in itertools.pairwise(amounts))
