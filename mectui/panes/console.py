"""The guest's console: what it printed, and what was typed to it."""

from __future__ import annotations

from typing import Any, ClassVar

from mectui.actions import Scope
from mectui.panes.host import host
from mectui.panes.pane import bindings
from mectui.panes.tail import TailPane
from mectui.progress import Progress
from mectui.render import console as render
from mectui.render import numbers
from mectui.render.text import Line
from mectui.session import Look

SHOWN = 1 << 16
"""Characters that the pane keeps drawing: the scrollback."""
TYPED_KEPT = 500


class ConsolePane(TailPane):
    NAME = "console"
    TITLE = "console"
    SCOPE: ClassVar = Scope.CONSOLE
    HAS_CURSOR: ClassVar = False
    GROWS_OLD: ClassVar = False
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.CONSOLE)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.typed: list[tuple[int, str]] = []
        """What was typed, and how many characters the guest had printed by then."""

    def look(self) -> Look:
        return lambda machine, around: machine.console

    def draw(self, width: int) -> list[Line]:
        start = max(len(self.view) - SHOWN, 0)
        typed = [(at - start, text) for at, text in self.typed if at >= start]
        return render.console(self.view[start:], width, typed, is_cut=start > 0)

    def summary(self) -> str:
        printed = numbers.plural(len(self.view), "character") if self.view else ""
        return f"{printed}  i types".strip() if self.has_focus or not printed else printed

    def follow(self, progress: Progress) -> None:
        if len(progress.console) < len(self.view or ""):
            self.typed.clear()  # the guest was started again
        if progress.console != self.view:
            self.accept(progress.console)

    def note_typed(self, text: str) -> None:
        """Shows what somebody typed where the output was at that moment."""
        self.typed = [*self.typed[1 - TYPED_KEPT :], (len(self.view or ""), text)]
        if self.view is None:
            self.view = ""
        self.redraw()

    def action_type(self) -> None:
        host(self).ask_what_to_type()

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
