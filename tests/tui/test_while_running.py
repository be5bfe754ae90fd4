"""While the guest runs: every key and every command is answered, and what is shown says how old it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import emu
from emu.debug.events import StopReason
from mectui import running
from mectui.actions import ACTIONS, SCREEN_SCOPES, Action, Scope, of_scope
from mectui.command_table import COMMANDS, CommandSpec, Kind
from mectui.layout import Workspace
from mectui.lessons.course import Course
from mectui.lessons.shelf import find_lesson, lessons
from mectui.panes.catalogue import PANES
from mectui.panes.disassembly import DisassemblyPane
from mectui.panes.pane import Pane
from mectui.progress import TRAVELLING, RunState
from mectui.queries.memory import MemoryView
from mectui.resources import guest_path
from mectui.screens.debugger import DebuggerScreen
from mectui.widgets.bars import Header
from tests.tui.programs import ENDLESS, FLOOD, factory
from tests.tui.test_app import Person, debugging

LEAVING = ("quit", "start_screen", "lesson")
"""What leads away from this guest."""
EXAMPLES = {
    Kind.ADDRESS: "0x40081000",
    Kind.COUNT: "2",
    Kind.NUMBER: "1",
    Kind.STEPS: "2",
    Kind.MOMENT: "#3",
    Kind.ASSIGNMENT: "x5=1",
    Kind.SUPPOSITION: "TCR2_EL2.AMEC1=1",
    Kind.EXPRESSION: "x0+1",
    Kind.EYES: "raw",
    Kind.THEME: "light",
    Kind.WORKSPACE: "mec",
    Kind.KEYMAP: "default",
    Kind.TEXT: "1",
    Kind.SHOWN: "x0",
    Kind.ACCESS: "write",
    Kind.BREAKPOINT: "all",
    Kind.REGISTER: "SCTLR_EL2",
    Kind.PLACE: "0x40080000",
    Kind.RANGE: "0x40100000,8",
    Kind.CATCH: "smc",
    Kind.LOGGED: '0x40080000 "x0 {x0}"',
    Kind.IF: "if x0==1",
    Kind.PAST: "exception",
    Kind.EVENT: "hit",
    Kind.CONDITION: "1 x0==1",
    Kind.IGNORE: "1 2",
    Kind.PANE: "tlb",
    Kind.FOLDER: ".",
    Kind.INFO: "registers",
    Kind.LESSON: "next",
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keys and commands write is written there."""
    monkeypatch.chdir(tmp_path)


@cache
def _last() -> int:
    """How many instructions two-realms executes until it exits."""
    machine = _two_realms()
    assert machine.run().reason is StopReason.EXIT
    return machine.instructions


def _two_realms() -> emu.Machine:
    path = guest_path("two-realms")
    assert path is not None
    machine = emu.Machine(engine="interpreter")
    machine.load(path)
    return machine


def never_ending() -> emu.Machine:
    """two-realms, all done, that doesn't exit: it goes on in the loop behind that, with much in every pane."""
    machine = _two_realms()
    machine.run(max_instructions=_last() - 1)
    machine.cpu.pc += 4
    assert machine.fetch_word(machine.cpu.pc) == 0x14000000  # b .
    return machine


async def press(person: Person, key: str) -> None:
    """As a terminal does it. The test's own way waits until the process rests, and a running guest never does."""
    person.app.simulate_key(key)
    await asyncio.sleep(0.02)


async def until(is_so: Callable[[], Any], seconds: float = 5.0, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"nothing happened {what}"
        await asyncio.sleep(0.005)


async def set_going(person: Person) -> None:
    """The guest runs, and has for long enough that the panes say how old they are."""
    screen = person.screen
    for _ in range(3):  # a list of choices takes the first one for itself
        if person.app.screen is not screen:
            await press(person, "escape")
            await asyncio.sleep(0.2)
    await until(lambda: person.app.screen is screen, what="back")
    if screen.command_line.is_typing:
        await press(person, "escape")
    if person.progress.state is RunState.ENDED:
        stops = person.progress.stops
        screen.session.restart()
        await until(lambda: person.progress.stops > stops)
    if person.progress.state is not RunState.RUNNING:
        screen.session.remove_breakpoint(None)  # a key has set one in the guest's way
        screen.run_plan(running.resume)
        await until(lambda: person.progress.state is RunState.RUNNING, what=f"{person.progress} {person.message}")


async def answers(person: Person, what: str) -> None:
    """The machine's thread has done what was asked; nothing of it was a bug, and the screen still paints."""
    done = threading.Event()
    person.screen.session.tell_of(lambda machine: done.set() or "")
    await until(done.is_set, what=what)
    await asyncio.sleep(0.02)
    for said in person.screen.command_line.said:
        assert "bug" not in said.text, what
        assert "Traceback" not in said.text, what
        assert "Error" not in said.text, what
        assert not said.is_error or said.text.endswith((".", "?")), (what, said.text)
    for pane in person.screen.board.panes.values():
        assert not isinstance(pane.view, Exception), (what, pane.pane_name, pane.view)


@pytest.mark.parametrize("which", range(2))
async def test_every_key_of_the_panes_is_answered_while_the_guest_runs(which: int) -> None:
    async with debugging(never_ending) as person:
        for pane in PANES[which::2]:
            await try_keys(person, pane, () if pane.SCOPE is None else of_scope(pane.SCOPE))


@pytest.mark.long
@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.NAME)
async def test_the_keys_of_all_panes_are_answered_in_each_while_the_guest_runs(pane: type[Pane]) -> None:
    async with debugging(never_ending) as person:
        await try_keys(person, pane, of_scope(Scope.LIST, Scope.SEARCH))


async def try_keys(person: Person, pane: type[Pane], actions: Iterable[Action]) -> None:
    for action in actions:
        if action.keys:
            await set_going(person)
            person.screen.show_pane(pane.NAME, focus=True)
            await press(person, action.keys[0])
            await answers(person, f"{pane.NAME}: {action.name}")


async def test_every_key_of_the_screen_is_answered_while_the_guest_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with debugging(never_ending) as person:
        actions = [action for action in of_scope(*SCREEN_SCOPES) if action.name not in LEAVING]
        await try_keys(person, DisassemblyPane, actions)


def typed(spec: CommandSpec) -> list[str]:
    """A command with what it needs, and with what it may have."""
    name = f"{spec.name}/4x" if spec.name == "x" else spec.name
    short = [name, *(EXAMPLES[kind] for kind in spec.needs)]
    lines = [short, [*short, *(EXAMPLES[kind] for kind in spec.may)]]
    return [" ".join(words) for words in lines[: 1 + bool(spec.may)]]


@pytest.mark.parametrize("which", range(4))
async def test_every_command_is_answered_while_the_guest_runs(
    which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some of them write files where they are
    async with debugging(never_ending) as person:
        for spec in COMMANDS[which::4]:
            if spec.name not in LEAVING:
                for text in typed(spec):
                    await set_going(person)
                    person.screen.execute(text)
                    await answers(person, text)


def test_the_keys_that_lead_away_are_tried_below() -> None:
    assert {action.name for action in ACTIONS} >= set(LEAVING[:2])


@pytest.mark.parametrize("key", [action.keys[0] for action in ACTIONS if action.name in LEAVING and action.keys])
async def test_a_running_guest_can_be_left(key: str) -> None:
    async with debugging(never_ending) as person:
        session = person.screen.session
        await set_going(person)
        await press(person, key)
        await until(lambda: not isinstance(person.app.screen, DebuggerScreen) or not person.app.is_running)
    session.join(5)
    assert not session._thread.is_alive()


# --- how old what is shown is ---


def shown_age(person: Person, name: str) -> str:
    """What the lower border says of the moment that a pane shows."""
    below = person.pane(name)._border_subtitle
    return "" if below is None else next((part for part in below.plain.split("  ") if part[:5] in ("as of", "old")), "")


async def run_on(person: Person) -> None:
    """The guest runs, after everything was looked at where it stood, and the panes say so."""
    await person.pilot.pause()
    await until(lambda: not any(pane.is_outdated for pane in person.screen.board.in_front()))
    await answers(person, "the views at the stop")
    person.screen.run_plan(running.resume)
    await until(lambda: person.progress.state is RunState.RUNNING and shown_age(person, "disassembly"))


async def test_panes_say_what_moment_they_show_while_the_guest_runs_and_no_longer_than_that() -> None:
    async with debugging(factory(*ENDLESS, engine="interpreter")) as person:
        assert all(not shown_age(person, pane.pane_name) for pane in person.screen.board.in_front())
        await run_on(person)
        for name in ("disassembly", "registers", "walk"):
            assert shown_age(person, name) == "as of #0", name
        assert shown_age(person, "memory") == "old"  # for want of room
        assert not shown_age(person, "console")  # that one is live
        stops = person.progress.stops
        person.screen.session.pause()
        await until(lambda: person.progress.stops > stops)
        assert all(not shown_age(person, name) for name in person.screen.board.panes)


async def test_a_step_makes_nothing_old() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        seen = []
        person.pane("registers").grow_old = seen.append  # type: ignore[method-assign]
        for _ in range(5):
            await person.stop_after("s")
        assert set(seen) == {None}


async def test_a_pane_that_comes_forward_while_the_guest_runs_shows_that_moment() -> None:
    async with debugging(never_ending, commands=["workspace translation"]) as person:
        await until(lambda: person.pane("tlb").lines)
        before = person.progress.status.instructions
        await run_on(person)
        assert shown_age(person, "tlb") == f"as of #{before:,}"
        press_at = person.progress.status.instructions
        await press(person, "1")
        await until(lambda: person.screen.board.workspace is Workspace.DEBUG)
        pane = person.pane("registers")
        await until(lambda: pane.as_of is not None and pane.as_of >= press_at)
        assert len(person.pane("tlb").view.rows) == len(person.screen.session._machine.tlb.entries())


async def test_a_window_of_another_size_is_filled_while_the_guest_runs() -> None:
    async with debugging(factory(*ENDLESS, engine="interpreter"), (100, 30)) as person:
        await run_on(person)
        pane = person.pane("disassembly")
        rows = len(pane.lines)
        await person.pilot.resize_terminal(160, 60)
        await until(lambda: len(pane.lines) > rows and len(pane.lines) >= pane.text_height)
        assert (pane.as_of or 0) > 0
        assert all(len(item.text) <= pane.text_width for item in pane.lines)


async def test_the_machine_is_not_looked_at_on_its_way_through_time() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        screen = person.screen
        asked = []
        screen.session.look = asked.append  # type: ignore[method-assign]
        screen.progress = replace(person.progress, state=RunState.RUNNING, reason=TRAVELLING)
        screen.look(screen.board.in_front())
        assert not asked
        screen.progress = replace(screen.progress, reason="running")
        screen.look(screen.board.in_front())
        assert asked


async def test_a_lesson_is_checked_where_the_guest_stops_and_not_on_the_way() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        pane = person.screen.lesson_pane
        assert pane.looks_while_running
        person.screen.begin_lesson(Course(find_lesson(lessons()[0].name)))
        assert not pane.looks_while_running


async def test_memory_is_compared_with_the_last_stop_and_not_with_a_look_on_the_way() -> None:
    async with debugging(factory(*FLOOD, engine="interpreter")) as person:
        pane = person.pane("memory")
        await until(lambda: isinstance(pane.view, MemoryView))
        await run_on(person)
        assert pane.as_of == 0
        at_stop = pane.view
        pane.want()
        await until(lambda: (pane.as_of or 0) > 0)
        assert pane.view is not at_stop
        stops = person.progress.stops
        person.screen.session.pause()
        await until(lambda: person.progress.stops > stops)
        assert pane._before is at_stop


async def test_a_stop_that_is_set_while_the_guest_runs_is_shown() -> None:
    async with debugging(factory(*ENDLESS, engine="interpreter")) as person:
        await run_on(person)
        person.screen.execute("break 0x40000008")
        await until(lambda: "●" in person.text("disassembly"))
        assert person.progress.state is RunState.RUNNING
        assert "running" in person.screen.query_one(Header).line(160).text
