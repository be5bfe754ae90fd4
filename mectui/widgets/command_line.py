"""The command line: a message while nobody types, an input with completion and history while somebody does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.events import Click, Resize
from textual.message import Message
from textual.widgets import Input, Static

from mectui.actions import ACTIONS
from mectui.command_table import LONGEST
from mectui.plain import spoken
from mectui.render.text import cell_width, crop, line, printable, wrap

if TYPE_CHECKING:
    from mectui.app import MectuiApp

HISTORY_KEPT = 200
SAID_KEPT = 200
ROWS = 2
"""Rows of a message at most: the second one lies over the lower edge of the panes, and hides none of their lines."""
AROUND = 4
"""Columns beside a message: the prompt, and a margin on either side."""

Complete = Callable[[str], Sequence[str]]
"""Whole lines that a text could become."""


def shared_start(texts: Sequence[str]) -> str:
    """What all of some texts begin with."""
    first, last = min(texts, default=""), max(texts, default="")
    return first[: next((at for at in range(len(first)) if first[at] != last[at]), len(first))]


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

    @property
    def is_choosing(self) -> bool:
        """Whether what stands there is one of several completions that Tab goes through."""
        return 0 <= self._chosen < len(self._choices) and self.value == self._choices[self._chosen]

    def choices(self) -> tuple[Sequence[str], int]:
        """The completions that Tab goes through, and which of them stands there."""
        return self._choices, self._chosen

    def action_complete(self, by: int = 1) -> None:
        """As far as all completions agree, as in a shell; where they part at once, one after the other."""
        if not self.is_choosing:
            self._choices, self._chosen = self.completions(), -1
            shared = shared_start(self._choices)
            is_more = len(shared) > len(self.value) and shared.lower().startswith(self.value.lower())
            if len(self._choices) > 1 and is_more:
                self._take(shared)
                return
        if not self._choices:
            return
        if self._chosen < 0 and by < 0:
            self._chosen = 0  # backwards from where nothing is chosen: the last one
        self._chosen = (self._chosen + by) % len(self._choices)
        self._take(self._choices[self._chosen])

    def _take(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

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


class Said(NamedTuple):
    """A sentence for the person at the screen, or a few."""

    text: str
    is_error: bool = False

    @property
    def whole(self) -> str:
        return f"✗ {self.text}" if self.is_error else self.text


def shortened(text: str, columns: int, more: str) -> str:
    """A message in two rows; where it has more, `more` at the end of the second says where the rest is."""
    folded = [item.text for item in wrap(text, columns)]
    if len(folded) > ROWS:
        room = max(columns - cell_width(more) - 1, 0)
        last = crop(line(" ".join(folded[ROWS - 1 :])), room).text
        folded = [*folded[: ROWS - 1], f"{last} {more}".strip()]
    return "\n".join(crop(line(each), columns).text for each in folded)


class CommandLine(Horizontal):
    """One row above the footer. A longer message has a second one, over the lower edge of the panes, which stay where
    they are; what does not fit there is a key or a click away.
    """

    DEFAULT_CSS = """
    CommandLine {
        layer: above;
        dock: bottom;
        margin: 0 0 1 0;
        height: auto;
        max-height: 2;
        background: $background;
        padding: 0 1;
        #prompt { width: 2; height: 1; color: $accent; text-style: bold; }
        #command-input { width: 1fr; background: $background; color: $foreground; border: none; }
        #message { width: 1fr; height: auto; max-height: 2; color: $quiet; }
        #message.-error { color: $error; text-style: bold; }
        #message.-fresh { color: $foreground; }
    }
    """

    HINT = "press : to type a command, ? for help"

    class Clicked(Message):
        """Somebody clicked the message, to read all of it."""

    def __init__(self, complete: Complete) -> None:
        super().__init__()
        self.complete = complete
        self.said: deque[Said] = deque(maxlen=SAID_KEPT)
        """The latest messages, the last one at the end."""
        self._now = Said(self.HINT)

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
        self._now = Said(printable(text) or self.HINT, is_error)
        if text and list(self.said)[-1:] != [self._now]:
            self.said.append(self._now)
        self._show()
        message = self.query_one("#message", Static)
        message.set_class(is_error, "-error")
        message.set_class(bool(text) and not is_error, "-fresh")

    def _show(self) -> None:
        width = self.app.size.width - AROUND
        shown = shortened(self.message, max(width, 10), self._more)
        message = self.query_one("#message", Static)
        if shown != str(message.content):  # an update lays the whole screen out
            message.update(shown)

    @property
    def _more(self) -> str:
        """What stands behind a message that is cut short: the key that shows the rest."""
        app: MectuiApp = self.app  # type: ignore[assignment]
        key = app.keymap.shown_key(next(action for action in ACTIONS if action.name == "messages"))
        return f"{key or ':messages'} shows all"

    def on_resize(self, event: Resize) -> None:
        if self.is_mounted:
            self._show()

    def on_click(self, event: Click) -> None:
        if not self.is_typing:
            self.post_message(self.Clicked())

    @property
    def message(self) -> str:
        """What was said last, all of it."""
        return spoken(self._now.whole) if self.app.has_class("-plain") else self._now.whole
