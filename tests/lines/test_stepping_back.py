"""Stepping back by lines: the same stops as gdb's own `reverse-next` and `reverse-step`, and the way there undone."""

from __future__ import annotations

from typing import Any

import pytest

import emu
from emu.debug.history import History
from emu.errors import EmuError
from mectui import running, stepping, stepping_back, travelling
from tests.history.guests import compare, everything
from tests.lines.conftest import Built
from tests.lines.programs import needs_ziglang
from tests.lines.test_stepping import TWO_REALMS, at
from tests.tui.test_running import finish, follow


def kept(elf: Any, symbol: str) -> emu.Machine:
    """A machine whose run is kept, from reset on, at a symbol."""
    machine = emu.Machine(memory="16M", engine="interpreter")
    machine.load(elf)
    machine.history = History(machine)
    address = machine.symbols.lookup(symbol)
    assert address is not None
    if machine.cpu.pc != address:
        follow(machine, running.until, address)
    return machine


def beginnings(machine: emu.Machine, end: int, is_over: bool) -> list[int]:
    """Moments before `end`, the latest first, at which a line began: from a list of everything that was executed.

    Over calls: those of the function that runs at `end`, and of those that had called it.
    """
    follow(machine, travelling.beginning)
    places, depths, depth = [], [], 0
    while machine.instructions <= end:
        pc = machine.cpu.pc
        word = machine.fetch_word(pc) or 0
        places.append(pc)
        depths.append(depth)
        depth += (word >> 26 == 0x25) - (word == 0xD65F_03C0)  # BL, RET
        machine.step()
    spots = [machine.lines.at(pc) for pc in places]
    found, lowest = [], depths[end]
    for moment in range(end - 1, 0, -1):
        spot, before, came_back = spots[moment], spots[moment - 1], depths[moment - 1] > depths[moment]
        lowest = min(lowest, depths[moment])
        if (
            came_back
            or spot is None
            or spot.start != places[moment]
            or not spot.is_stmt
            or (is_over and depths[moment] > lowest)
        ):
            continue
        # Over calls, what was executed before in this function or its callers counts.
        if before is None or not spot.is_same_line(before):
            found.append(moment)
    return found


@needs_ziglang
@pytest.mark.parametrize(("name", "symbol", "more"), [("plain", "quiet", 9), ("sections", "work", 60)])
@pytest.mark.parametrize(("plan", "is_over"), [(stepping_back.over_line_back, True),
                                               (stepping_back.step_line_back, False)])  # fmt: skip
def test_lines_back_are_those_of_a_list_of_everything_executed(
    built: Built, name: str, symbol: str, more: int, plan: Any, is_over: bool
) -> None:
    machine = kept(built(name), symbol)
    machine.run(more)
    machine.lines.finish()
    origin = machine.instructions
    wanted = beginnings(machine, origin, is_over)[:25]
    assert len(wanted) >= (3 if is_over else 20)
    follow(machine, travelling.at, origin)
    ours = []
    for _ in wanted:
        assert follow(machine, plan).message == "line"
        ours.append(machine.instructions)
    assert ours == wanted


@pytest.mark.parametrize("forward", [stepping.over_line, stepping.step_line])
def test_the_way_by_lines_is_undone_line_by_line(forward: Any) -> None:
    """As long as no call or exception lies between: each line back is where the one forward had begun."""
    machine = kept(TWO_REALMS, "_start")
    before = []
    for _ in range(9):
        before.append((machine.instructions, everything(machine)))
        assert follow(machine, forward).message == "line"
    back = stepping_back.over_line_back if forward is stepping.over_line else stepping_back.step_line_back
    for number, state in reversed(before):
        stop = follow(machine, back)
        assert stop.message == ("line" if number else "at the beginning")
        assert machine.instructions == number
        compare(everything(machine), state)
    with pytest.raises(EmuError, match="this is the beginning of the run"):
        follow(machine, back)


def test_in_the_middle_of_a_line_back_is_to_its_beginning() -> None:
    machine = kept(TWO_REALMS, "_start")
    follow(machine, stepping.over_line)
    begun = machine.instructions
    machine.run(2)
    spot = machine.lines.at(machine.cpu.pc)
    assert spot is not None
    follow(machine, stepping_back.over_line_back)
    assert machine.instructions == begun
    assert spot.is_same_line(machine.lines.at(machine.cpu.pc))


@needs_ziglang
@pytest.mark.parametrize("name", ["dwarf5", "plain", "sections"])
@pytest.mark.parametrize("plan", [stepping_back.over_line_back, stepping_back.step_line_back])
def test_every_stop_on_the_way_back_is_where_a_line_begins(built: Built, name: str, plan: Any) -> None:
    machine = kept(built(name), "work")
    before = machine.instructions
    for _ in range(60):
        stop = follow(machine, plan)
        assert machine.instructions < before
        before = machine.instructions
        if stop.message != "line":
            break
        spot = machine.lines.at(stop.pc)
        assert spot is not None
        assert spot.start == stop.pc
        assert spot.is_stmt
    assert machine.stops.items() == []


def test_who_is_interrupted_on_the_way_stays_where_they_were() -> None:
    machine = kept(TWO_REALMS, "rmm_start")
    follow(machine, stepping.over_line)
    place = (machine.instructions, machine.cpu.pc)
    plan = stepping_back.over_line_back(machine, running.Pace())
    next(plan)
    plan.close()
    assert (machine.instructions, machine.cpu.pc) == place


def test_without_source_one_instruction_is_a_line() -> None:
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load_raw(bytes.fromhex("1f2003d5") * 4, 0x4000_0000)
    machine.history = History(machine)
    machine.run(2)
    stop, _ = finish(stepping_back.step_line_back(machine, running.Pace()))
    assert (stop.pc, stop.message) == (0x4000_0004, "no source known here: one instruction")
    assert at(TWO_REALMS, "_start").history is None
    with pytest.raises(EmuError, match="nothing of this run was kept"):
        follow(at(TWO_REALMS, "_start"), stepping_back.over_line_back)
