"""Somebody who presses, clicks, pastes, resizes and types whatever comes to mind, and a clock on the screen's loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import threading
import time
import traceback
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.geometry import Size
from textual.keys import REPLACED_KEYS, _get_unicode_name_from_key

from mectui import keymaps
from mectui.actions import ACTIONS
from mectui.app import MectuiApp
from mectui.command_table import COMMANDS
from mectui.progress import RunState
from mectui.screens.debugger import DebuggerScreen
from mectui.widgets.board import Board

SIZES = [(20, 5), (40, 12), (60, 14), (80, 24), (100, 30), (132, 40), (160, 45), (240, 80), (80, 3), (1, 1), (2, 60),
         (10, 3), (500, 200), (500, 2), (3, 200)]  # fmt: skip
LEAVES = {"quit", "start_screen", "screenshot"}
"""Actions that end the test rather than try the screen, or write files."""
KEYS = sorted(
    {key for action in ACTIONS if action.name not in LEAVES for key in action.keys}
    | {key for keymap in keymaps.PRESETS.values() for keys in keymap.changed.values() for key in keys}
    | {"escape", "enter", "delete", "backspace", "f1", "f5", "ctrl+a", "ctrl+z", "a", "0", "9", "slash", "é", "tab"}
    | {"ctrl+left", "shift+home", "alt+x", "super+a", "ctrl+at", "volume_up", "f24", "🂡", "insert", "ctrl+underscore"}
)
WORDS = [
    "x0", "sp", "pc", "lr", "_start", "main", "0x40000000", "0x4000_0008", "-1", "1000", "0", "18446744073709551615",
    "SCTLR_EL1", "SCTLR_EL1.M", "SCTLR_EL1.", "MECID_P0_EL2", "[x0]", "[realm:0x40100000]", "((((", "))", "x0+", "=",
    "x0=5", "if", "mecid 5", "owner", "seen", "dark", "light", "mec", "all", "1", "99", "read", "ü", "\"", "{x0}", "0x",
    "1/0", "realm", "svc", "hit", "TLBI", "x" * 300, "exception", "finding", "hint", "do", "next", "restart", "step 99",
    "apply", "clear", "[pa:0x40000000].w=5", "1 x0==0", "1 3", "#5", "#1,000", "debug", "translation", "lesson",
    *keymaps.PRESETS, "timeline", "0x40000000,8", "pa:0x40000000,0", "_start \"{x0} {[x0]}\"", "~0", "9" * 400, "٣",
    "(" * 2000, "-" * 999 + "1", "1<<64", "1<<99999999999", "owner(owner(x0))", "'", "'_start", "\x00", "\u202eabc",
    "two-realms.S:100", "'a b.c:1'", "x.c:999999999", "a/b.c:0", "two-realms.S:", "line",
    "\x1b[31mred\x1b[2J", "\x07\x08\x1b]0;title\x07", "\x9b5n\x85\u2028", "ab\rcd\n\v\f", "step 99999999",
    "[realm:", "pa:0xffffffffffffffff,8", "if if if", "e\u0301\u0301\u0301", "msr SCTLR_EL1", "tlbi ALLE2",
]  # fmt: skip
REFUSED = {"quit"}
CHARACTERS = "abxs0159 .,:;=[](){}<>|&^~!?#@'\"\\/_-+*%$\t`éß漢字🂡\u0301\u200b\u202e\u0000\u0007\u007f\u009b"
SEQUENCES = [
    "\x1b", "\x1b[", "\x1b[A", "\x1b[<0;5;5M", "\x1b[<999;0;-1M", "\x1b[200~", "\x1b[201~", "\x1bO", "\x1b[1;5C",
    "\x1b]0;",    "\x1b[?2048;1$y", "\x1b[48;20;80;0;0t", "\x1b[I", "\x1b[O", "\x1b[27;5;9~", "\x1b[99999u",
    "\x1b[1114112u",
    "\x1b[M   ",    "\x1b[?1u", "\x1bPq", "\x9b", "\x1b\x1b\x1b", "\x1b[0;0R",
]  # fmt: skip


class Held(NamedTuple):
    """A callback that kept the screen's loop waiting."""

    seconds: float
    """By the clock on the wall or the processor time of this process, whichever is less, so that other programs
    don't count; by the wall's alone from HANGING on."""
    doing: str
    """What the hand had done."""
    where: str
    """Innermost calls, if it took more than LOOKED_AT."""


class Clock:
    """How long single callbacks held the screen's loop: keys wait for that long."""

    NOTED = 0.1
    LOOKED_AT = 0.8
    HANGING = 15.0
    """Whatever else the machine does: nobody would wait for that long."""

    def __init__(self) -> None:
        self.doing = "starting"
        """What the hand does at the moment."""
        self.slowest: list[Held] = []
        """Everything that took more than NOTED, the worst first."""
        self._started: float | None = None
        self._where = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[Clock]:
        original = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            used = time.process_time()
            self._where, self._started = "", time.perf_counter()
            try:
                original(handle)
            finally:
                taken = time.perf_counter() - self._started
                self._started = None
                if taken < self.HANGING:
                    taken = min(taken, time.process_time() - used)
                if taken > self.NOTED:
                    self.slowest.append(Held(taken, self.doing, self._where))

        patch = pytest.MonkeyPatch()
        patch.setattr(asyncio.Handle, "_run", timed)
        over = threading.Event()
        looker = threading.Thread(target=self._look_at, args=(threading.get_ident(), over), daemon=True)
        looker.start()
        try:
            yield self
        finally:
            patch.undo()
            over.set()
            looker.join()
            self.slowest.sort(reverse=True)

    def _look_at(self, thread: int, over: threading.Event) -> None:
        while not over.wait(0.2):
            started = self._started
            if started is not None and not self._where and time.perf_counter() - started > self.LOOKED_AT:
                frames = traceback.extract_stack(sys._current_frames()[thread])[-8:]
                self._where = " > ".join(
                    f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in frames
                )


class Hand:
    """Acts on an app as a terminal does: keys by name or as bytes, with hardly a pause between them."""

    def __init__(self, app: MectuiApp, seed: int, clock: Clock | None = None) -> None:
        self.app = app
        self.random = random.Random(seed)
        self.clock = clock or Clock()
        self.done: list[str] = []
        """What was done, for the report of a failure."""
        self._terminal = XTermParser()

    ACTIONS: tuple[tuple[str, int], ...] = (
        ("press", 50), ("command", 14), ("typing", 6), ("paste", 2), ("rubbish", 3), ("click", 12), ("drag", 3),
        ("hover", 4), ("scroll", 5), ("resize", 3), ("run", 3), ("overlay", 3), ("rest", 5), ("swarm", 2), ("shake", 2),
    )  # fmt: skip

    async def act(self) -> None:
        name = self.random.choices([name for name, _ in self.ACTIONS], [weight for _, weight in self.ACTIONS])[0]
        action: Callable[[], Awaitable[None]] = getattr(self, name)
        await action()
        await asyncio.sleep(self.random.choice((0, 0, 0, 0.001, 0.02)))

    def note(self, text: str) -> None:
        self.done.append(text)
        self.clock.doing = text

    @property
    def debugger(self) -> DebuggerScreen | None:
        """The debugger where it is there at all, whatever lies above it."""
        found = [screen for screen in self.app.screen_stack if isinstance(screen, DebuggerScreen)]
        return found[0] if found and found[0].is_mounted and found[0].query(Board) else None

    # --- what the terminal sends ---

    def key(self, key: str) -> None:
        try:
            character: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
        except KeyError:
            character = key if len(key) == 1 else None
        self.send(events.Key(key, character))

    def send(self, message: events.Event) -> None:
        if self.app._driver is not None:
            self.app._driver.process_message(message)

    def feed(self, text: str) -> None:
        """Bytes from a terminal, through Textual's own parser of them."""
        for message in self._terminal.feed(text):
            if not isinstance(message, events.Resize):  # sizes are `resize`'s
                self.send(message)  # type: ignore[arg-type]

    def place(self) -> tuple[int, int]:
        """Somewhere on the screen, as terminals count."""
        width, height = self.app.size
        return self.random.randint(1, max(width, 1)), self.random.randint(1, max(height, 1))

    # --- what it does ---

    async def press(self) -> None:
        key = self.random.choice(KEYS)
        self.note(f"press {key}")
        self.key(key)

    async def command(self) -> None:
        names = [spec.name for spec in COMMANDS if spec.name not in REFUSED]
        text = " ".join([self.random.choice(names), *self.random.choices(WORDS, k=self.random.randint(0, 3))])
        if text.startswith("export") and "/" in text:
            text = "export kept.md"
        self.note(f"command {text[:60]!a}")
        screen = self.debugger
        if screen is not None:
            screen.execute(text)

    async def typing(self) -> None:
        """Into the command line, one character after the other; not always to the end."""
        spec = self.random.choice(COMMANDS)
        pieces = [spec.name if spec.name not in REFUSED else "", " ", *self.random.choices(WORDS, k=2)]
        text = "".join(pieces)[:60] + "".join(self.random.choices(CHARACTERS, k=self.random.randint(0, 12)))
        self.note(f"typing {text!a}")
        self.key(self.random.choice(("colon", "colon", "slash", "g", "m")))
        for character in text:
            self.key(character) if ord(character) > 0x7F or character.isalnum() else self.feed(character)
            await asyncio.sleep(0)
        self.key(self.random.choice(("enter", "escape", "tab", "shift+tab", "up")))

    async def paste(self) -> None:
        text = self.random.choice((*WORDS, "a\nb\nquit?\r\n", "x" * 100_000, "".join(CHARACTERS)))
        self.note(f"paste {text[:60]!a}")
        self.send(events.Paste(text))

    async def rubbish(self) -> None:
        text = "".join(self.random.choices([*SEQUENCES, *"5;<>MmR~\x1b"], k=self.random.randint(1, 6)))
        self.note(f"rubbish {text!a}")
        with contextlib.suppress(Exception):  # what Textual's parser does not take never reaches the screen
            self.feed(text)
        self._terminal = XTermParser()

    async def click(self) -> None:
        x, y = self.place()
        times, button = self.random.choice((1, 1, 2, 3)), self.random.choice((0, 0, 0, 1, 2))
        self.note(f"click {x},{y} x{times}")
        for _ in range(times):
            self.feed(f"\x1b[<{button};{x};{y}M\x1b[<{button};{x};{y}m")

    async def drag(self) -> None:
        (x, y), (to_x, to_y) = self.place(), self.place()
        self.note(f"drag {x},{y} to {to_x},{to_y}")
        self.feed(f"\x1b[<0;{x};{y}M")
        for part in range(4):
            self.feed(f"\x1b[<32;{x + (to_x - x) * part // 3};{y + (to_y - y) * part // 3}M")
            await asyncio.sleep(0)
        if self.random.random() < 0.9:
            self.feed(f"\x1b[<0;{to_x};{to_y}m")

    async def hover(self) -> None:
        x, y = self.place()
        self.note(f"hover {x},{y}")
        self.feed(f"\x1b[<35;{x};{y}M")
        if self.random.random() < 0.2:
            await asyncio.sleep(0.35)  # a tooltip appears

    async def scroll(self) -> None:
        x, y = self.place()
        self.note(f"scroll {x},{y}")
        for _ in range(self.random.choice((1, 5, 30))):
            self.feed(f"\x1b[<{self.random.choice((64, 65))};{x};{y}M")

    async def resize(self) -> None:
        size = Size(*self.random.choice(SIZES))
        self.note(f"resize {size}")
        self.app._driver._size = size  # type: ignore[union-attr]
        self.app.post_message(events.Resize(size, size))

    async def swarm(self) -> None:
        """Many events of the mouse, on the screen and beyond its edges, buttons that never come up again included."""
        count = self.random.choice((20, 100, 400))
        self.note(f"swarm of {count}")
        width, height = self.app.size
        for _ in range(count):
            button = self.random.choice((0, 1, 2, 3, 32, 34, 35, 64, 65, 66, 67, 4, 8, 16, 128, 255))
            x, y = self.random.randint(0, width + 9), self.random.randint(0, height + 9)
            self.feed(f"\x1b[<{button};{x};{y}{self.random.choice('Mm')}")
            if self.random.random() < 0.1:
                await asyncio.sleep(0)

    async def shake(self) -> None:
        """A window's edge being dragged: one size after the other, the guest running or not."""
        self.note("shake")
        if self.debugger is not None and self.random.random() < 0.5:
            self.debugger.do_resume()
        for _ in range(self.random.choice((3, 12))):
            await self.resize()
            if self.random.random() < 0.5:
                await asyncio.sleep(0)

    async def run(self) -> None:
        """The guest at full speed, whatever comes next."""
        self.note("run")
        screen = self.debugger
        if screen is not None:
            screen.do_resume()

    async def overlay(self) -> None:
        key = self.random.choice(("question_mark", "ctrl+p", "J", "colon", "slash"))
        self.note(f"overlay {key}")
        self.key(key)

    async def rest(self) -> None:
        await asyncio.sleep(0.01)

    # --- and in the end ---

    async def calm_down(self, seconds: float = 20) -> None:
        """Whatever is open, Esc closes it; then the machine pauses and answers."""
        self.note("calming down")
        self._terminal = XTermParser()
        self.app._driver._size = Size(160, 45)  # type: ignore[union-attr]
        self.app.post_message(events.Resize(Size(160, 45), Size(160, 45)))
        for _ in range(5):
            self.key("escape")
            await asyncio.sleep(0.02)
        screen = self.debugger
        if screen is None:
            return
        deadline = time.monotonic() + seconds
        screen.do_pause()
        while screen.progress.state in (RunState.RUNNING, RunState.STARTING):
            assert time.monotonic() < deadline, f"still {screen.progress.state.value}"
            await asyncio.sleep(0.01)
            screen.do_pause()
        await asyncio.sleep(0.1)
