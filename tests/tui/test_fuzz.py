"""Random keys, clicks, bytes, sizes and commands: no traceback, no hang, no sentence that admits a bug.

`MECTUI_FUZZ_SEEDS` and `MECTUI_FUZZ_ACTIONS` make the long test longer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Region
from textual.widgets import Input, Static

from mectui.app import MectuiApp
from mectui.lessons.shelf import lessons
from mectui.panes.pane import Pane
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.overlay import Palette
from tests.tui.hands import Clock, Hand
from tests.tui.programs import CALLING, ENDLESS, FLOOD, NOWHERE, POURING, STORING, factory
from tests.tui.test_app import bundled

LONGEST = 3.0
"""Seconds that one key, click or frame may hold the screen."""
SEEDS = int(os.environ.get("MECTUI_FUZZ_SEEDS", "6"))
ACTIONS = int(os.environ.get("MECTUI_FUZZ_ACTIONS", "400"))

App = Callable[[], MectuiApp]


def on_machine(build: Callable[[], Any], **more: Any) -> App:
    return lambda: MectuiApp(machine_factory=build(), title="test.elf", **more)


def on_lesson() -> MectuiApp:
    return MectuiApp(lesson=next(lesson for lesson in lessons() if lesson.guest.is_file()))


APPS: dict[str, App] = {
    "calling": on_machine(lambda: factory(*CALLING)),
    "storing": on_machine(lambda: factory(*STORING)),
    "endless": on_machine(lambda: factory(*ENDLESS, engine="interpreter")),
    "endless-reference": on_machine(lambda: factory(*ENDLESS)),
    "two-realms": on_machine(lambda: bundled("two-realms")),
    "gpt": on_machine(lambda: bundled("gpt")),
    "plain": on_machine(lambda: factory(*CALLING), is_plain=True),
    "vim": on_machine(lambda: factory(*STORING), keymap="vim", theme="sixteen"),
    "lesson": on_lesson,
    "flood": on_machine(lambda: factory(*FLOOD, engine="interpreter")),
    "pouring": on_machine(lambda: factory(*POURING)),
    "nowhere": on_machine(lambda: factory(*NOWHERE, engine="interpreter")),
    "start": MectuiApp,
}


@pytest.fixture(autouse=True)
def _quiet_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is exported goes to a folder of its own."""
    monkeypatch.chdir(tmp_path)


async def try_hard(make: App, seed: int, actions: int) -> Clock:
    app = make()
    said: list[str] = []
    original = DebuggerScreen.say

    def listening(screen: DebuggerScreen, text: str, is_error: bool = False) -> None:
        said.append(text)
        original(screen, text, is_error)

    clock = Clock()
    hand = Hand(app, seed, clock)
    with pytest.MonkeyPatch().context() as patch, clock.running():
        patch.setattr(DebuggerScreen, "say", listening)
        async with app.run_test(size=(160, 45)):
            try:
                await hand.calm_down()
                for _ in range(actions):
                    await asyncio.wait_for(hand.act(), 20)
                    assert app._exception is None
                    if app.return_code is not None or not app.is_running:
                        await _until(lambda: not app.is_running)  # what was pressed meanwhile finds no screen
                        break  # the palette can leave, and so can the start screen
                else:
                    await hand.calm_down()
                    check_panes(hand)
                assert not [text for text in said if "bug in" in text]
            except BaseException as error:
                error.add_note(f"seed {seed}, the last of what was done: {'; '.join(hand.done[-15:])}")
                raise
    assert not clock.slowest or clock.slowest[0].seconds < LONGEST, clock.slowest[:5]
    return clock


def check_panes(hand: Hand) -> None:
    """No pane's question failed, and every pane shows what it would if it were painted anew."""
    if hand.debugger is None:
        return
    for pane in hand.debugger.board.panes.values():
        assert not isinstance(pane.view, Exception), (pane.pane_name, pane.view)
        if pane.display and pane.size:
            assert painted(pane) == painted(pane, anew=True), pane.pane_name


def painted(pane: Pane, anew: bool = False) -> list[str]:
    if anew:
        pane._styles_cache.clear()
    return [strip.text for strip in pane.render_lines(Region(0, 0, *pane.outer_size))]


@pytest.mark.parametrize("app", APPS)
async def test_random_hands_break_nothing(app: str) -> None:
    await try_hard(APPS[app], seed=hash_of(app), actions=80)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("app", APPS)
async def test_random_hands_break_nothing_for_long(app: str, seed: int) -> None:
    await try_hard(APPS[app], seed * 10_007 + hash_of(app), ACTIONS)


def hash_of(text: str) -> int:
    """The same in every process, unlike `hash`."""
    return int.from_bytes(text.encode(), "little") % 10_007


@pytest.mark.parametrize("name", ["x" * 5000, "a\x00b", "~nobody-of-this-name/x", "[red]x[/", "."])
async def test_a_name_that_no_file_has_gets_a_sentence_on_the_start_screen(name: str) -> None:
    app = MectuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await _until(lambda: app.screen.query("#file"))
        app.screen.query_one("#file", Input).post_message(Input.Submitted(app.screen.query_one("#file", Input), name))
        await pilot.pause()
        assert "There is no file" in str(app.screen.query_one("#problem", Static).content)


@pytest.mark.parametrize("overlay", ["question_mark", "J", "ctrl+p"])
async def test_an_overlay_leaves_once_however_often_it_is_told_to(overlay: str) -> None:
    app = APPS["calling"]()
    hand = Hand(app, 0)
    async with app.run_test(size=(160, 45)) as pilot:
        await hand.calm_down()
        hand.key(overlay)
        await pilot.pause()
        assert not isinstance(app.screen, DebuggerScreen)
        for _ in range(4):
            hand.feed("\x1b[<0;1;45M\x1b[<0;1;45m")
            hand.key("escape")
        await pilot.pause()
        hand.key("escape")
        await pilot.pause()
        assert isinstance(app.screen, DebuggerScreen)
        assert app._exception is None


@pytest.mark.parametrize("pane", ["lesson", "disassembly", "memory", "stops", "calls"])
async def test_every_action_of_a_pane_can_be_done_from_the_palette(pane: str) -> None:
    app = APPS["calling"]()
    async with app.run_test(size=(160, 45)) as pilot:
        hand = Hand(app, 0)
        await hand.calm_down()
        assert hand.debugger is not None
        hand.debugger.show_pane(pane, focus=True)
        await pilot.pause()
        own = hand.debugger.board.panes[pane].TAB or hand.debugger.board.panes[pane].TITLE
        commands = [item for item in app.get_system_commands(app.screen) if item.title.startswith(f"{own}: ")]
        assert commands
        for item in commands:
            item.callback()
            await pilot.pause()
            await hand.calm_down()
            assert app._exception is None


async def test_the_palette_opens_while_the_last_one_is_still_on_its_way_out() -> None:
    app = APPS["calling"]()
    hand = Hand(app, 0)
    async with app.run_test(size=(160, 45)) as pilot:
        await hand.calm_down()
        for _ in range(5):
            app.action_command_palette()
            app.pop_screen()
        app.action_command_palette()
        await pilot.pause()
        assert app._exception is None
        assert isinstance(app.screen, Palette)


async def _until(is_so: Callable[[], Any]) -> None:
    for _ in range(2_000):
        if is_so():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("nothing happened")
