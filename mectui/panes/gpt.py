"""The granule protection table's pane: follows the last data access, or stays at a physical address."""

from __future__ import annotations

from typing import Any, ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.gpt import gpt
from mectui.render import gpt as render
from mectui.render.text import Line
from mectui.session import Look


class GptPane(Pane):
    NAME = "gpt"
    TITLE = "granule protection"
    TAB = "GPT"
    SCOPE = Scope.GPT
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.GPT)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.chosen: int | None = None
        """A physical address to stay at; None follows the last data access."""
        self.kept: int | None = None
        """The address to come back to."""
        self.is_whole = False

    def look(self) -> Look:
        chosen = self.chosen
        return lambda machine, around: gpt(machine, chosen)

    def draw(self, width: int) -> list[Line]:
        return render.gpt(self.view, width, self.is_whole)

    def summary(self) -> str:
        return render.summary(self.view)

    def show(self, pa: int) -> None:
        """Stays at a physical address."""
        self.chosen = self.kept = pa
        self.move_cursor(0)
        self.want()

    def action_follow(self) -> None:
        """The last data access, or the address chosen before (where there is none: the one that is shown)."""
        if self.chosen is None:
            address = getattr(self.view, "address", None)
            self.chosen = self.kept if self.kept is not None else None if address is None else address.pa
        else:
            self.chosen = None
        self.want()

    def action_only(self) -> None:
        self.is_whole = not self.is_whole
        if self.view is not None:
            self.redraw()
