"""Stepping by lines: the same stops as gdb's own `next` and `step`, and what only this machine's guests do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import emu
from emu.debug.stops import CodeStop, Place
from mectui import running, stepping
from tests.lines.conftest import Built
from tests.lines.programs import BUNDLED, GDB, needs_gdb, needs_ziglang
from tests.tui.test_running import finish, follow

TWO_REALMS = next(path for path in BUNDLED if path.stem == "two-realms")


def at(elf: Path, symbol: str, engine: str = "interpreter") -> emu.Machine:
    """A machine that has come to a symbol."""
    machine = emu.Machine(memory="16M", engine=engine)
    machine.load(elf)
    address = machine.symbols.lookup(symbol)
    assert address is not None
    if machine.cpu.pc != address:
        follow(machine, running.until, address)
    assert machine.cpu.pc == address
    return machine


def gdb_steps(elf: Path, command: str, count: int) -> list[int]:
    """Where gdb stops from main on; its server is this debugger's, its stepping its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "mectui", "gdbserver", str(elf), "--once", "--port", "0", "--memory", "16M"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        port = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
        assert port is not None
        assert GDB is not None
        # What it says of a step is not looked at: only where it led.
        steps = ["tbreak *main", "continue", *[command, 'printf "<%#lx>\\n", $pc'] * count]
        typed = ["set confirm off", "set pagination off", f"target remote 127.0.0.1:{port[1]}", *steps, "kill"]
        arguments = [part for each in typed for part in ("-ex", each)]
        done = subprocess.run(
            [GDB, "-nx", "-batch", *arguments, str(elf)], capture_output=True, text=True, timeout=120, check=False
        )
        return [int(found, 16) for found in re.findall(r"<(0x[0-9a-f]+)>", done.stdout)]
    finally:
        server.kill()
        server.communicate()


@needs_gdb
@needs_ziglang
@pytest.mark.parametrize(
    ("command", "plan", "name", "count"),
    [("next", stepping.over_line, "plain", 7), ("step", stepping.step_line, "plain", 40)],
)
def test_lines_end_where_they_do_for_gdb(built: Built, command: str, plan: Any, name: str, count: int) -> None:
    elf = built(name)
    machine = at(elf, "main")
    ours = [follow(machine, plan).pc for _ in range(count)]
    theirs = gdb_steps(elf, command, count)

    def lines(places: list[int]) -> list[str]:
        return [machine.lines.at(pc).name for pc in places]  # type: ignore[union-attr]

    if command == "step":  # gdb runs to behind what a function does before its first line
        ours, theirs = ([pc for pc in places if not _opens(machine, pc)] for places in (ours, theirs))
        count = min(len(ours), len(theirs))
    assert len(theirs) >= count
    assert lines(ours[:count]) == lines(theirs[:count])
    assert len(set(lines(ours))) > 5


def _opens(machine: emu.Machine, pc: int) -> bool:
    """Whether an instruction is in the line that its function begins with."""
    name = machine.symbols.nearest(pc)
    spot = machine.lines.at(pc)
    assert name is not None
    assert spot is not None
    first = machine.lines.at(pc - name[1])
    following = None if first is None else machine.lines.at(first.end)
    return spot.is_same_line(first) or (following is not None and spot.start == following.start)


@needs_ziglang
@pytest.mark.parametrize("name", ["dwarf5", "plain"])
@pytest.mark.parametrize("plan", [stepping.over_line, stepping.step_line])
def test_every_stop_is_where_another_line_begins(built: Built, name: str, plan: Any) -> None:
    machine = at(built(name), "main")
    before = machine.lines.at(machine.cpu.pc)
    for _ in range(60):
        stop = follow(machine, plan)
        spot = machine.lines.at(stop.pc)
        assert spot is not None
        if stop.message != "line":
            break
        assert spot.start == stop.pc
        assert spot.is_stmt
        assert not spot.is_same_line(before) or plan is stepping.step_line
        before = spot
    assert machine.stops.items() == []
    assert machine.cpu.code_stops is None  # nothing of the plan's own is left


def test_lines_of_a_guest_lead_through_its_worlds() -> None:
    """A monitor call is one line of its caller; a return to another world ends in that world's line."""
    machine = at(TWO_REALMS, "_start")
    names = []
    while (stop := follow(machine, stepping.over_line)).message == "line":
        spot = machine.lines.at(stop.pc)
        assert spot is not None
        names.append(spot.line)
    source = TWO_REALMS.with_suffix(".S").read_text().splitlines()
    calls = [number for number, line in enumerate(source, 1) if line.split()[:2] == ["bl", "rmm_enter_realm"]]
    assert set(calls) & set(names)
    assert stop.reason is emu.StopReason.EXIT
    assert "blocks that hold A's secret" in machine.console


def test_a_breakpoint_within_a_line_ends_it() -> None:
    machine = at(TWO_REALMS, "_start")
    spot = machine.lines.at(machine.cpu.pc) if machine.lines.begin() else None
    assert spot is not None
    machine.stops.add(CodeStop(place=Place(machine.cpu.pc + 8)))
    stop = follow(machine, stepping.over_line)
    assert (stop.reason, stop.pc) == (emu.StopReason.BREAKPOINT, spot.start + 8)


def test_an_exception_within_a_line_is_seen() -> None:
    """gpt faults in the middle of a macro: the step ends at the vector, as one by instructions would."""
    machine = emu.Machine(engine="interpreter")
    machine.load(next(path for path in BUNDLED if path.stem == "gpt"))
    taken = len(machine.exceptions)
    while len(machine.exceptions) == taken or machine.exceptions[-1].ec in (0x15, 0x16, 0x17):
        stop = follow(machine, stepping.over_line)
        assert stop.message == "line", stop
    assert machine.exceptions[-1].ec == 0x1E
    assert machine.cpu.el == 3


def test_where_there_is_no_source_one_instruction_is_a_line() -> None:
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load_raw(bytes.fromhex("1f2003d5") * 4, 0x4000_0000)
    stop = follow(machine, stepping.over_line)
    assert (stop.pc, stop.message) == (0x4000_0004, "no source known here: one instruction")


def test_running_to_a_line_of_the_source() -> None:
    machine = at(TWO_REALMS, "_start")
    stop, _ = finish(running.until_line(machine, running.Pace(), "two-realms.S:104"))
    assert stop.message == "arrived"
    spot = machine.lines.at(machine.cpu.pc)
    assert spot is not None
    assert (spot.line, spot.start) == (104, machine.cpu.pc)
