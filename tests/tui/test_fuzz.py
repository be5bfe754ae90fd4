"""Random keys, clicks, sizes and commands: no traceback, no hang, no sentence that admits a bug."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

import emu
from mectui.actions import ACTIONS
from mectui.command_table import COMMANDS
from mectui.progress import RunState
from mectui.screens.debugger import DebuggerScreen
from tests.tui.programs import CALLING, ENDLESS, STORING, factory
from tests.tui.test_app import Person, bundled, debugging

SIZES = [(20, 5), (40, 12), (60, 14), (80, 24), (100, 30), (132, 40), (160, 45), (240, 80), (80, 3), (1, 1)]
LEAVES = {"quit", "start_screen", "screenshot"}
"""Actions that end the test rather than try the screen, or write files."""
KEYS = sorted(
    {key for action in ACTIONS if action.name not in LEAVES for key in action.keys}
    | {"escape", "enter", "delete", "backspace", "f1", "f5", "ctrl+a", "ctrl+z", "a", "0", "9", "slash", "é", "tab"}
)
WORDS = [
    "x0", "sp", "pc", "lr", "_start", "main", "0x40000000", "0x4000_0008", "-1", "1000", "0", "18446744073709551615",
    "SCTLR_EL1", "SCTLR_EL1.M", "MECID_P0_EL2", "[x0]", "[realm:0x40100000]", "((((", "))", "x0+", "=", "x0=5", "if",
    "mecid 5", "owner", "seen", "dark", "light", "mec", "all", "1", "99", "read", "ü", "\"", "{x0}", "0x", "1/0",
    "realm", "svc", "hit", "TLBI", "x" * 300,
]  # fmt: skip
REFUSED = {"quit", "export"}


class Hand:
    """Somebody who presses whatever comes to mind."""

    def __init__(self, person: Person, seed: int) -> None:
        self.person = person
        self.random = random.Random(seed)
        self.done: list[str] = []
        """What was done, for the report of a failure."""

    async def act(self) -> None:
        await self.random.choices(
            [self.press, self.type, self.click, self.scroll, self.resize, self.rest], [60, 15, 12, 5, 3, 5]
        )[0]()

    async def press(self) -> None:
        key = self.random.choice(KEYS)
        self.done.append(f"press {key}")
        await self.person.pilot.press(key)

    async def type(self) -> None:
        names = [spec.name for spec in COMMANDS if spec.name not in REFUSED]
        parts = [self.random.choice(names), *self.random.choices(WORDS, k=self.random.randint(0, 3))]
        text = " ".join(parts)
        self.done.append(f"type {text}")
        screen = self.person.app.screen
        if isinstance(screen, DebuggerScreen):
            screen.execute(text)

    async def click(self) -> None:
        width, height = self.person.app.size
        x, y = self.random.randrange(max(width, 1)), self.random.randrange(max(height, 1))
        times = self.random.choice((1, 1, 2))
        self.done.append(f"click {x},{y} x{times}")
        await self.person.pilot.click(offset=(x, y), times=times)

    async def scroll(self) -> None:
        pane = self.random.choice(list(self.person.screen.board.panes.values()))
        if pane.display and pane.is_mounted:
            self.done.append(f"scroll {pane.pane_name}")
            pane.scroll_relative(y=self.random.choice((-5, 5)), animate=False)

    async def resize(self) -> None:
        size = self.random.choice(SIZES)
        self.done.append(f"resize {size}")
        await self.person.pilot.resize_terminal(*size)

    async def rest(self) -> None:
        await self.person.pilot.pause()
        await asyncio.sleep(0.01)


async def try_hard(build: Callable[[], emu.Machine], seed: int, actions: int) -> None:
    async with debugging(build) as person:
        hand = Hand(person, seed)
        said: list[str] = []
        screen = person.screen
        original = screen.say

        def listening(text: str, is_error: bool = False) -> None:
            said.append(text)
            original(text, is_error)

        screen.say = listening  # type: ignore[method-assign]
        try:
            for _ in range(actions):
                await asyncio.wait_for(hand.act(), 20)
                assert person.app._exception is None
                if person.app.return_code is not None or not person.app.is_running:
                    break
            # Whatever is open, Esc closes it; then the machine pauses and answers.
            for _ in range(4):
                await person.pilot.press("escape")
            person.screen.do_pause()
            await person.until(lambda: person.progress.state is not RunState.RUNNING, 20)
            broken = [pane.view for pane in screen.board.panes.values() if isinstance(pane.view, Exception)]
            assert not broken, broken
            assert not [text for text in said if "bug in" in text]
        except BaseException as error:
            error.add_note("the last of what was done: " + "; ".join(hand.done[-15:]))
            raise


GUESTS: dict[str, Callable[[], Any]] = {
    "calling": lambda: factory(*CALLING),
    "storing": lambda: factory(*STORING),
    "endless": lambda: factory(*ENDLESS, engine="interpreter"),
    "two-realms": lambda: bundled("two-realms"),
    "gpt": lambda: bundled("gpt"),
}


@pytest.mark.parametrize("guest", GUESTS)
async def test_random_hands_break_nothing(guest: str) -> None:
    await try_hard(GUESTS[guest](), seed=hash_of(guest), actions=60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(int(os.environ.get("MECTUI_FUZZ_SEEDS", "12"))))
@pytest.mark.parametrize("guest", GUESTS)
async def test_random_hands_break_nothing_for_long(guest: str, seed: int) -> None:
    await try_hard(GUESTS[guest](), seed, actions=400)


def hash_of(text: str) -> int:
    """The same in every process, unlike `hash`."""
    return int.from_bytes(text.encode(), "little") % 10_007
