"""The pane of substituted hits: both sides of each, and a jump to where it happened."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Region

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

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.number = 0
        """The hit the cursor is on."""

    def look(self) -> Look:
        return lambda machine, around: hits(machine)

    def draw(self, width: int) -> list[Line]:
        return render.hits(self.view, width, self.chosen)

    def summary(self) -> str:
        return render.summary(self.view)

    @property
    def chosen(self) -> int | None:
        """The number of the hit under the cursor, in a focused pane."""
        return self.number if self.has_focus else None

    def redraw(self) -> None:
        """The chosen hit is the newest one until the cursor moves."""
        if isinstance(self.view, HitsView) and self.view.hits and self.hit(self.number) is None:
            self.number = self.view.hits[-1].number
        super().redraw()
        self.cursor = next((at for at, item in enumerate(self.lines) if self._is_of(item, self.number)), 0)

    def _is_of(self, item: Line, number: int) -> bool:
        return item.target == Target(TargetKind.HIT, number)

    def move_cursor(self, to: int) -> None:
        """The cursor moves from hit to hit; the one it is on says what is probably missing."""
        to = max(0, min(to, len(self.lines) - 1))
        found = self.lines[to].target if self.lines else None
        if found is None:
            return
        if found.value == self.number and to > self.cursor:
            # Past the rest of this hit's own lines.
            later = [item.target for item in self.lines[to:] if not self._is_of(item, self.number)]
            found = later[0] if later and later[0] is not None else found
        self.number = int(found.value)
        self.redraw()
        own = [at for at, item in enumerate(self.lines) if self._is_of(item, self.number)]
        self.scroll_to_region(Region(0, own[0], 1, len(own)), animate=False, force=True)

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

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
