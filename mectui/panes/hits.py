"""The pane of substituted hits: both sides of each, and a jump to where it happened."""

from __future__ import annotations

from typing import ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane
from mectui.queries.hits import HitsView, HitView, hits
from mectui.render import hits as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class HitsPane(Pane):
    TITLE = "substituted hits"
    TAB = "hits"
    SCOPE: ClassVar = Scope.HITS

    def look(self) -> Look:
        return lambda machine, around: hits(machine)

    def draw(self, width: int) -> list[Line]:
        return render.hits(self.view, width, self.chosen)

    def summary(self) -> str:
        return render.summary(self.view)

    @property
    def chosen(self) -> int | None:
        """The number of the hit under the cursor, in a focused pane."""
        found = self.target() if self.has_focus else None
        return int(found.value) if found is not None and found.kind is TargetKind.HIT else None

    def hit(self, number: int) -> HitView | None:
        if not isinstance(self.view, HitsView):
            return None
        return next((item for item in self.view.hits if item.number == number), None)

    def address_here(self) -> Target | None:
        found = self.target()
        item = self.hit(int(found.value)) if found is not None and found.kind is TargetKind.HIT else None
        if item is None:
            return None
        if item.hit.va is not None:
            return Target(TargetKind.VIRTUAL, item.hit.va)
        return Target(TargetKind.PHYSICAL, item.hit.pa)
