"""The pane of substituted hits: both sides of each, and a jump to where it happened."""

from __future__ import annotations

from typing import Any, ClassVar

from mectui.actions import Scope
from mectui.panes.numbered import NumberedPane
from mectui.panes.pane import bindings
from mectui.queries.hits import HitsView, HitView, hits
from mectui.render import hits as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class HitsPane(NumberedPane):
    NAME = "hits"
    TITLE = "substituted hits"
    TAB = "hits"
    SCOPE: ClassVar = Scope.HITS
    KIND = TargetKind.HIT
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.HITS)

    def look(self) -> Look:
        return lambda machine, around: hits(machine)

    def draw(self, width: int) -> list[Line]:
        return render.hits(self.view, width, self.chosen, tells_keys=self.has_focus)

    def summary(self) -> str:
        return render.summary(self.view)

    def numbers(self) -> list[int]:
        return [item.number for item in self.view.hits] if isinstance(self.view, HitsView) else []

    def hit(self, number: int) -> HitView | None:
        if not isinstance(self.view, HitsView):
            return None
        return next((item for item in self.view.hits if item.number == number), None)

    def action_writer(self) -> None:
        self.choose_as("writer")

    def action_next_alike(self) -> None:
        self.choose_as("alike")

    def address_here(self) -> Target | None:
        found = self.target()
        item = self.hit(int(found.value)) if found is not None and found.kind is TargetKind.HIT else None
        if item is None:
            return None
        if item.hit.va is not None:
            return Target(TargetKind.VIRTUAL, item.hit.va)
        return Target(TargetKind.PHYSICAL, item.hit.pa)
