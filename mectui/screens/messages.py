"""What was said on the message line, whole: the last message first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import ModalScreen

from mectui.render.text import BLANK, Line, wrap
from mectui.screens.overlay import Overlay
from mectui.screens.reading import ReadingPane
from mectui.widgets.command_line import Said

NOTHING = "Nothing has been said yet. What stands above the footer is kept here, whole, the last message first."


def message_lines(said: Sequence[Said], width: int) -> list[Line]:
    """Every message, the last one first, with an empty line between two."""
    if not said:
        return wrap(NOTHING, width, "muted")
    lines: list[Line] = []
    for at, item in enumerate(reversed(said)):
        style = "fault" if item.is_error else "strong" if at == 0 else "text"
        lines += [*([BLANK] if lines else []), *wrap(item.whole, width, style, indent="  ")]
    return lines


class MessagesPane(ReadingPane):
    """The messages, drawn as every other pane's text."""

    TITLE = "messages"

    def __init__(self, said: Sequence[Said]) -> None:
        super().__init__("messages")
        self._said = said

    def draw(self, width: int) -> list[Line]:
        return message_lines(self._said, width)


class MessagesScreen(Overlay, ModalScreen[None]):
    """Over the debugger; Esc, q or the key that opened it closes it."""

    CSS = """
    MessagesScreen { align: center bottom; background: $background 60%; }
    MessagesScreen MessagesPane {
        position: relative; width: 100%; max-width: 120; height: 60%; background: $surface;
    }
    """
    BINDINGS: ClassVar = [("escape,q,exclamation_mark", "dismiss", "close")]

    def __init__(self, said: Sequence[Said]) -> None:
        super().__init__()
        self._said = said

    def compose(self) -> ComposeResult:
        yield MessagesPane(self._said)

    def on_mount(self) -> None:
        for pane in self.query(MessagesPane):  # none where the next key has closed it already
            pane.redraw()
            pane.focus()
