"""The calls that a guest has really made: kept beside it while it runs instruction by instruction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import emu
from mectui import running
from tests.tui.test_running import follow

BL, BLR = 0x9400_0000, 0xD63F_0000
RETURNS = (0xD65F_0BFF, 0xD65F_0FFF)
"""RETAA and RETAB."""


def at_main(elf: Path) -> emu.Machine:
    """A machine at the beginning of main."""
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load(elf)
    address = machine.symbols.lookup("main")
    assert address is not None
    follow(machine, running.until, address)
    return machine


Registers = dict[str, int]


def registers(machine: emu.Machine) -> Registers:
    """X0-X30 and SP."""
    return {f"x{number}": machine.cpu.x[number] for number in range(31)} | {"sp": machine.cpu.sp}


def steps(machine: emu.Machine, most: int) -> Iterator[list[int]]:
    """From main on, before every instruction: the return addresses of all calls that are under way, the last first."""
    for made in calls_made(machine, most):
        yield [address for address, _ in made]


def calls_made(machine: emu.Machine, most: int) -> Iterator[list[tuple[int, Registers | None]]]:
    """The same with what the registers held before the call's instruction; None for the call of main."""
    stack: list[tuple[int, Registers | None]] = [(machine.cpu.x[30], None)]
    for _ in range(most):
        yield stack[::-1]
        pc = machine.cpu.pc
        word = machine.fetch_word(pc)
        assert word is not None
        before = registers(machine)
        machine.step()
        if word & 0xFC00_0000 == BL or word & 0xFFFF_FC1F == BLR:
            stack.append((pc + 4, before))
        elif word & 0xFFFF_FC1F == 0xD65F_0000 or word in RETURNS:
            assert stack.pop()[0] == machine.cpu.pc
            if not stack:
                return
