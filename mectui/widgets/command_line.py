"""The command line: a message while nobody types, an input with completion and history while somebody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from mectui.command_table import LONGEST
from mectui.plain import spoken
from mectui.render.text import printable

HISTORY_KEPT = 200

Complete = Callable[[str], Sequence[str]]
"""Whole lines that a text could become."""


class CommandInput(Input):
    """The input itself: Tab completes, up and down go through what was typed before, Esc leaves."""

    BINDINGS: ClassVar = [
        Binding("tab", "complete", "complete", show=False),
        Binding("shift+tab", "complete(-1)", "complete backwards", show=False),
        Binding("up", "older", "older", show=False),
        Binding("down", "newer", "newer", show=False),
        Binding("escape", "leave", "leave", show=False),
    ]

    class Left(Message):
        """Somebody pressed Esc."""

    def __init__(self, complete: Complete) -> None:
        # What is pasted beyond that rings the bell: every key would be slow behind it.
        super().__init__(id="command-input", compact=True, select_on_focus=False, max_length=LONGEST)
        self.display = False
        self.complete = complete
        self._choices: Sequence[str] = ()
        self._chosen = -1
        self._history: list[str] = []
        self._place = 0

    def completions(self) -> Sequence[str]:
        return self.complete(self.value)

    def action_complete(self, by: int = 1) -> None:
        """The next completion; the first one that all have in common where there are several."""
        if self._chosen < 0 or self._chosen >= len(self._choices) or self.value != self._choices[self._chosen]:
            self._choices, self._chosen = self.completions(), -1
        if not self._choices:
            return
        self._chosen = (self._chosen + by) % len(self._choices) if self._chosen >= 0 or by > 0 else -1
        self.value = self._choices[self._chosen]
        self.cursor_position = len(self.value)

    def remember(self, text: str) -> None:
        if text and self._history[-1:] != [text]:
            self._history = [*self._history[1 - HISTORY_KEPT :], text]
        self._place = len(self._history)

    def _recall(self, place: int) -> None:
        self._place = max(0, min(place, len(self._history)))
        self.value = self._history[self._place] if self._place < len(self._history) else ""
        self.cursor_position = len(self.value)

    def action_older(self) -> None:
        self._recall(self._place - 1)

    def action_newer(self) -> None:
        self._recall(self._place + 1)

    def action_leave(self) -> None:
        self.value = ""
        self.post_message(self.Left())


class CommandLine(Horizontal):
    """One row above the footer. A longer message lies over the lower edge of the panes, which stay where they are."""

    DEFAULT_CSS = """
    CommandLine {
        layer: above;
        dock: bottom;
        margin: 0 0 1 0;
        height: auto;
        max-height: 5;
        background: $background;
        padding: 0 1;
        #prompt { width: 2; height: 1; color: $accent; text-style: bold; }
        #command-input { width: 1fr; background: $background; color: $foreground; border: none; }
        #message { width: 1fr; height: auto; max-height: 5; color: $quiet; }
        #message.-error { color: $error; text-style: bold; }
        #message.-fresh { color: $foreground; }
    }
    """

    HINT = "press : to type a command, ? for help"

    def __init__(self, complete: Complete) -> None:
        super().__init__()
        self.complete = complete

    def compose(self) -> ComposeResult:
        yield Static(":", id="prompt")
        yield CommandInput(self.complete)
        yield Static(self.HINT, id="message", markup=False)

    @property
    def input(self) -> CommandInput:
        return self.query_one(CommandInput)

    @property
    def is_typing(self) -> bool:
        return any(item.display for item in self.query(CommandInput))

    def open(self, text: str = "", sign: str = ":") -> None:
        """Takes the focus at once: keys that come right behind are meant for the input."""
        self._sign(sign)
        self._show_input(True)
        self.input.value = text
        self.input.cursor_position = len(text)
        self.screen.set_focus(self.input)

    def shut(self) -> None:
        self._sign(":")
        self.input.value = ""
        self._show_input(False)

    def _sign(self, sign: str) -> None:
        prompt = self.query_one("#prompt", Static)
        if str(prompt.content) != sign:  # an update lays the whole screen out
            prompt.update(sign)

    def _show_input(self, is_shown: bool) -> None:
        self.input.display = is_shown
        self.query_one("#message", Static).display = not is_shown

    def say(self, text: str, is_error: bool = False) -> None:
        message = self.query_one("#message", Static)
        whole = printable(f"✗ {text}" if is_error else text or self.HINT)
        shown = spoken(whole) if self.app.has_class("-plain") else whole
        if shown != self.message:  # an update lays the whole screen out
            message.update(shown)
        message.set_class(is_error, "-error")
        message.set_class(bool(text) and not is_error, "-fresh")

    @property
    def message(self) -> str:
        """What stands there now."""
        return str(self.query_one("#message", Static).content)
