"""The pane of stops: breakpoints, watchpoints, catchpoints, and what they logged."""

from __future__ import annotations

from typing import Any, ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.stops import StopsView, StopView, stops
from mectui.render import stops as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class StopsPane(Pane):
    NAME = "stops"
    TITLE = "stops"
    SCOPE: ClassVar = Scope.STOPS
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.STOPS)

    def look(self) -> Look:
        return lambda machine, around: stops(machine)

    def draw(self, width: int) -> list[Line]:
        return render.stops(self.view, width)

    def summary(self) -> str:
        return render.summary(self.view)

    def stop(self, number: int) -> StopView | None:
        if not isinstance(self.view, StopsView):
            return None
        return next((item for item in self.view.stops if item.number == number), None)

    def address_here(self) -> Target | None:
        found = self.target()
        item = self.stop(int(found.value)) if found is not None and found.kind is TargetKind.STOP else None
        if item is None or item.address is None:
            return None
        return Target(TargetKind.PHYSICAL if item.is_physical else TargetKind.VIRTUAL, item.address)

    def action_switch(self) -> None:
        self.choose_as("switch")

    def action_remove(self) -> None:
        self.choose_as("remove")

    def action_edit(self) -> None:
        self.choose_as("edit")
