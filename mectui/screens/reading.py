"""A text to read above the debugger: a pane without a cursor, whose keys move the text, and / searches in it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding
from textual.events import Key
from textual.geometry import Region

from mectui.actions import ACTIONS
from mectui.panes.pane import Pane

SEARCH = next(action for action in ACTIONS if action.name == "search")
LONGEST = 60
"""Characters that can be searched for."""


class ReadingPane(Pane):
    """Subclasses draw the text; Esc closes the screen it is on."""

    HAS_CURSOR: ClassVar = False
    BINDINGS: ClassVar[list[Any]] = [Binding(",".join(SEARCH.keys), "find", SEARCH.title, show=False, id=SEARCH.id)]

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.view = ()
        self._is_typing = False
        """Keys are what to search for."""

    def summary(self) -> str:
        if self._is_typing:
            return "Enter keeps it, Esc leaves" if self.needle else "/ what to search for; Esc leaves"
        return "" if self.needle else "/ searches, Esc closes"

    def search_summary(self) -> str:
        if not self._is_typing:
            return super().search_summary()
        found = len(self.matches())
        return f"/{self.needle}  {found or 'not'} here "

    def action_find(self) -> None:
        self._is_typing = True
        self.search("")

    def on_key(self, event: Key) -> None:
        """While somebody types what to search for, letters are text; every other key ends that and does its own."""
        if not self._is_typing:
            return
        text = self.needle
        if event.key == "backspace":
            text = text[:-1]
        elif event.character is not None and event.is_printable:
            text = (text + event.character)[:LONGEST]
        else:
            self._is_typing = False
            if event.key not in ("escape", "enter"):
                self.show_borders()
                return
            text = "" if event.key == "escape" else text
        event.stop()
        event.prevent_default()
        self.cursor = self.scroll_offset.y if text != self.needle else self.cursor
        self.search(text)

    def go_to_match(self, line: int) -> None:
        """With what stands around it."""
        self.cursor = line
        self.scroll_to_region(
            Region(0, max(line - self.text_height // 3, 0), 1, self.text_height), animate=False, force=True
        )
        self.refresh()

    def action_cursor_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_cursor_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_page_up(self) -> None:
        self.scroll_relative(y=-self.text_height, animate=False)

    def action_page_down(self) -> None:
        self.scroll_relative(y=self.text_height, animate=False)

    def action_first(self) -> None:
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        self.scroll_end(animate=False)
