"""Plans that go back in time: each undoes what its forward twin did, and leads nowhere without moving the machine."""

from __future__ import annotations

from typing import Any

import pytest

import emu
from emu import StopReason
from emu.debug.history import History
from emu.debug.stops import CatchKind, CatchStop, CodeStop, Place
from emu.errors import EmuError
from mectui import running, travelling
from tests.history.guests import bundled, compare, everything
from tests.tui.programs import START
from tests.tui.test_running import ENGINES, RECURSIVE, finish, machine_of


def follow(machine: emu.Machine, plan: Any, *arguments: Any) -> emu.Stop:
    return finish(plan(machine, running.Pace(), *arguments))[0]


def recursive(engine: str, depth: int) -> emu.Machine:
    machine = machine_of(engine, *RECURSIVE)
    machine.cpu.x[0] = depth
    machine.symbols.add([("f", START + 8, 0x1C)])
    machine.history = History(machine)
    return machine


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_back_undo_steps(engine: str) -> None:
    machine = recursive(engine, 2)
    before = []
    for _ in range(20):
        before.append(everything(machine))
        machine.step()
    for kept in reversed(before):
        follow(machine, travelling.step_back)
        compare(everything(machine), kept)
    with pytest.raises(EmuError, match="beginning"):
        follow(machine, travelling.step_back)
    machine.run(15)
    stop = follow(machine, travelling.step_back, 10)
    assert (machine.instructions, stop.message) == (5, "back 10")
    assert follow(machine, travelling.step_back, 100).message == "at the beginning"


@pytest.mark.parametrize("engine", ENGINES)
def test_over_back_passes_whole_calls_recursion_included(engine: str) -> None:
    machine = recursive(engine, 3)
    follow(machine, running.over)
    assert machine.cpu.pc == START + 4
    stop = follow(machine, travelling.over_back)
    assert (stop.message, machine.instructions, machine.cpu.pc) == ("back over the call", 0, START)
    # Within the second visit, behind its own call.
    machine.run(8)  # bl; push, cbz, sub, bl; push, cbz, sub
    call = (machine.cpu.pc, machine.cpu.sp, machine.instructions)
    assert call[0] == START + 0x14
    machine.stops.add(CodeStop(place=Place(START + 0x18), condition=f"sp == {call[1]:#x}"))
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.cpu.x[1] == 2  # the two visits further in are over
    follow(machine, travelling.over_back)
    assert (machine.cpu.pc, machine.cpu.sp, machine.instructions) == call


@pytest.mark.parametrize("engine", ENGINES)
def test_out_back_goes_to_the_call_of_this_very_visit(engine: str) -> None:
    machine = recursive(engine, 3)
    machine.run(11)  # ... bl; push, cbz: in the third visit
    assert machine.cpu.pc == START + 0x10
    calls = []
    for _ in range(3):
        assert follow(machine, travelling.out_back).message == "back at the call"
        calls.append((machine.cpu.pc, machine.instructions))
    assert calls == [(START + 0x14, 8), (START + 0x14, 4), (START, 0)]
    with pytest.raises(EmuError):
        follow(machine, travelling.out_back)
    assert machine.instructions == 0
    # Behind the inner calls the stack is where those visits began: they are over, and not this one.
    outermost = machine.cpu.sp - 16
    point = machine.stops.add(CodeStop(place=Place(START + 0x18), condition=f"sp == {outermost:#x}"))
    assert machine.run().reason is StopReason.BREAKPOINT
    follow(machine, travelling.out_back)
    assert (machine.cpu.pc, machine.instructions) == (START, 0)
    machine.stops.remove(point)
    machine.stops.add(CodeStop(place=Place(START + 0x20)))
    for _ in range(4):
        machine.run()
    assert machine.cpu.pc == START + 0x20  # the RET of the outermost visit
    follow(machine, travelling.out_back)
    assert (machine.cpu.pc, machine.instructions) == (START, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_resume_back_goes_from_stop_to_stop_and_then_to_the_beginning(engine: str) -> None:
    machine = bundled("two-realms", engine=engine)()
    machine.history = History(machine)
    numbers = [
        machine.stops.add(stop).number
        for stop in (
            CatchStop(kind=CatchKind.EXCEPTION),
            CodeStop(place=Place(machine.symbols.lookup("realm_b_search_secret") or 0), ignore=7),
            CodeStop(place=Place(machine.symbols.lookup("realm_b_count_blocks") or 0), log="only written down"),
        )
    ]
    machine.stops.enable(numbers[0])
    seen = []
    machine.stops.set_ignore(numbers[1], 0)
    while (stop := follow(machine, running.resume)).reason is not StopReason.EXIT:
        seen.append((machine.instructions, stop.number, stop.pc))
    hits = [point.hits for point in machine.stops.items()]
    assert len(seen) > 4
    for expected in reversed(seen):
        stop = follow(machine, travelling.resume_back)
        assert (machine.instructions, stop.number, stop.pc) == expected
    stop = follow(machine, travelling.resume_back)
    assert (machine.instructions, stop.message) == (0, "at the beginning: no stop before")
    assert [point.hits for point in machine.stops.items()] == hits
    machine.stops.clear()
    machine.run(10)
    assert follow(machine, travelling.resume_back).message == "at the beginning: no stops are set"


@pytest.mark.parametrize("engine", ENGINES)
def test_until_back_goes_from_visit_to_visit(engine: str) -> None:
    machine = recursive(engine, 3)
    visits = []
    while machine.instructions < 30:
        if machine.cpu.pc == START + 0x14:
            visits.append(machine.instructions)
        machine.step()
    assert len(visits) > 2
    for expected in reversed(visits):
        assert follow(machine, travelling.until_back, START + 0x14).message == "back there"
        assert machine.instructions == expected
    with pytest.raises(EmuError, match="has not come by"):
        follow(machine, travelling.until_back, START + 0x14)
    assert machine.instructions == visits[0]


PAIRS = (
    (running.to_exception, travelling.to_exception),
    (running.to_level, travelling.to_level),
    (running.to_security, travelling.to_security),
    (running.to_hit, travelling.to_hit),
    (running.to_finding, travelling.to_finding),
)


@pytest.mark.parametrize(("forward", "backward"), PAIRS, ids=lambda plan: plan.__name__)
@pytest.mark.parametrize("is_searched", [False, True], ids=["by the marks", "by a search"])
def test_back_to_stops_where_running_to_did(
    forward: Any, backward: Any, is_searched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_searched:  # as where there were more than are written down
        monkeypatch.setattr(travelling, "is_complete", lambda machine, kind: False)
    machine = bundled("two-realms")()
    machine.history = History(machine)
    seen = []
    while len(seen) < 12 and follow(machine, forward).reason is StopReason.CATCHPOINT:
        seen.append(machine.instructions)
    assert seen
    machine.run(1)
    for expected in reversed(seen):
        follow(machine, backward)
        assert machine.instructions == expected
    here = everything(machine)
    with pytest.raises(EmuError, match="there was no"):
        follow(machine, backward)
    compare(everything(machine), here)


def test_what_was_never_reached_cannot_be_gone_to() -> None:
    machine = bundled("hello")()
    machine.history = History(machine)
    machine.run(20)
    with pytest.raises(EmuError, match="from #0 to #20 so far, not at #21"):
        follow(machine, travelling.at, 21)
    assert follow(machine, travelling.at, 7).message == "at #7"
    assert follow(machine, travelling.furthest).message == "as far as the run has come"
    machine.history = None
    with pytest.raises(EmuError, match="nothing of this run"):
        follow(machine, travelling.at, 7)


def test_a_guest_that_ended_ends_again_where_it_did() -> None:
    machine = bundled("hello")()
    history = machine.history = History(machine)
    stop = follow(machine, running.resume)
    history.marks.stopped(stop)
    follow(machine, travelling.step_back)
    assert follow(machine, travelling.furthest).reason is StopReason.EXIT
    assert follow(machine, travelling.furthest).reason is StopReason.EXIT  # without moving, too
