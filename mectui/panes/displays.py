"""The pane of expressions that are shown at every stop."""

from __future__ import annotations

from typing import Any, ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.displays import Shown, displays
from mectui.render import displays as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class DisplaysPane(Pane):
    NAME = "displays"
    TITLE = "displays"
    SCOPE: ClassVar = Scope.DISPLAYS
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.DISPLAYS)

    def look(self) -> Look:
        return lambda machine, around: displays(machine, around.displays)

    def draw(self, width: int) -> list[Line]:
        return render.displays(self.view, width)

    def summary(self) -> str:
        return render.summary(self.view)

    def shown(self, number: int) -> Shown | None:
        if not isinstance(self.view, tuple):
            return None
        return next((item for item in self.view if item.number == number), None)

    def address_here(self) -> Target | None:
        found = self.target()
        item = self.shown(int(found.value)) if found is not None and found.kind is TargetKind.DISPLAY else None
        if item is None or item.value is None:
            return None
        return Target(TargetKind.VIRTUAL, item.value & (1 << 64) - 1)

    def action_add(self) -> None:
        self.post_message(self.Prefilled("display "))

    def action_remove(self) -> None:
        self.choose_as("remove")

    def action_edit(self) -> None:
        self.choose_as("edit")

    def action_format(self) -> None:
        self.choose_as("format")
