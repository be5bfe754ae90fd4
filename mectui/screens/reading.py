"""A text to read above the debugger: a pane without a cursor, whose keys move the text."""

from __future__ import annotations

from typing import ClassVar

from mectui.panes.pane import Pane


class ReadingPane(Pane):
    """Subclasses draw the text; Esc closes the screen it is on."""

    HAS_CURSOR: ClassVar = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.view = ()

    def summary(self) -> str:
        return "Esc closes"

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
