"""While the guest runs: every key and every command is answered, and what is shown says how old it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import emu
from emu.debug.events import StopReason
from mectui import running
from mectui.actions import ACTIONS, SCREEN_SCOPES, Action, Scope, of_scope
from mectui.command_table import COMMANDS, CommandSpec, Kind
from mectui.layout import Workspace
from mectui.panes.catalogue import PANES
from mectui.panes.pane import Pane
from mectui.progress import RunState
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
    """two-realms, all done, that doesn't exit: it goes on in the loop behind that, where the panes have much to show."""
    machine = _two_realms()
    machine.run(max_instructions=_last() - 1)
    machine.cpu.pc += 4
    assert machine.fetch_word(machine.cpu.pc) == 0x14000000  # b .
    return machine


async def press(person: Person, key: str) -> None:
    """As a terminal does it. The test's own way waits until the process rests, and a running guest never does."""
    person.app.simulate_key(key)
    await asyncio.sleep(0.02)


async def until(is_so: Callable[[], Any], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "nothing happened"
        await asyncio.sleep(0.005)


async def set_going(person: Person) -> None:
    """The guest runs, and has for long enough that the panes say how old they are."""
    screen = person.screen
    while person.app.screen is not screen:
        await press(person, "escape")
    if screen.command_line.is_typing:
        await press(person, "escape")
    if person.progress.state is RunState.ENDED:
        stops = person.progress.stops
        screen.session.restart()
        await until(lambda: person.progress.stops > stops)
    if person.progress.state is not RunState.RUNNING:
        screen.run_plan(running.resume)
        await until(lambda: person.progress.state is RunState.RUNNING)


async def answers(person: Person, what: str) -> None:
    """The machine's thread has done what was asked; nothing of it was a bug, and the screen still paints."""
    done = threading.Event()
    person.screen.session.tell_of(lambda machine: done.set() or "")
    await until(done.is_set, 5)
    await asyncio.sleep(0.02)
    for said in person.screen.command_line.said:
        assert "bug" not in said.text, what
        assert "Traceback" not in said.text, what
        assert "Error" not in said.text, what
        assert not said.is_error or said.text.endswith((".", "?")), (what, said.text)
    for pane in person.screen.board.panes.values():
        assert not isinstance(pane.view, Exception), (what, pane.pane_name, pane.view)


def keys_of(pane: type[Pane]) -> list[Action]:
    own = [] if pane.SCOPE is None else of_scope(pane.SCOPE)
    return [action for action in (*of_scope(Scope.LIST), *of_scope(Scope.SEARCH), *own) if action.keys]


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.NAME)
async def test_every_key_of_a_pane_is_answered_while_the_guest_runs(pane: type[Pane]) -> None:
    async with debugging(never_ending) as person:
        for action in keys_of(pane):
            await set_going(person)
            person.screen.show_pane(pane.NAME, focus=True)
            await press(person, action.keys[0])
            await answers(person, action.name)


async def test_every_key_of_the_screen_is_answered_while_the_guest_runs() -> None:
    async with debugging(never_ending) as person:
        for action in of_scope(*SCREEN_SCOPES):
            if action.keys and action.name not in LEAVING:
                await set_going(person)
                person.screen.show_pane("disassembly", focus=True)
                await press(person, action.keys[0])
                await answers(person, action.name)


def typed(spec: CommandSpec) -> list[str]:
    """A command with what it needs, and with what it may have."""
    name = f"{spec.name}/4x" if spec.name == "x" else spec.name
    short = [name, *(EXAMPLES[kind] for kind in spec.needs)]
    lines = [short, [*short, *(EXAMPLES[kind] for kind in spec.may)]]
    return [" ".join(words) for words in lines[: 1 + bool(spec.may)]]


@pytest.mark.parametrize("which", range(4))
async def test_every_command_is_answered_while_the_guest_runs(which: int) -> None:
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
