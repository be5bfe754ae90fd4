"""A list of numbered stories of several lines each; the one under the cursor is told in full."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Region

from mectui.panes.pane import Pane
from mectui.render.text import Line, Target, TargetKind


class NumberedPane(Pane):
    """The cursor moves from story to story."""

    KIND: ClassVar[TargetKind]
    """What its lines stand for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.number = 0
        """The story the cursor is on."""
        self._has_room = False

    def numbers(self) -> list[int]:
        """The numbers of all stories, oldest first."""
        raise NotImplementedError

    @property
    def chosen(self) -> int | None:
        """The number of the story that is told in full: the one under the cursor, in a pane that has the focus or is
        so high that nothing is lost by it."""
        return self.number if self.has_focus or self._has_room else None

    def redraw(self) -> None:
        """The chosen story is the newest one until the cursor moves."""
        present = self.numbers()
        if present and self.number not in present:
            self.number = present[-1]
        self._has_room = False
        if present and not self.has_focus:
            self._has_room = True
            self._has_room = len(self.draw(self.text_width)) <= self.text_height
        super().redraw()
        self.cursor = next((at for at, item in enumerate(self.lines) if self._is_of(item, self.number)), 0)

    def _is_of(self, item: Line, number: int) -> bool:
        return item.target == Target(self.KIND, number)

    def move_cursor(self, to: int) -> None:
        to = max(0, min(to, len(self.lines) - 1))
        found = self.lines[to].target if self.lines else None
        if found is None:
            return
        if found.value == self.number and to > self.cursor:
            # Past the rest of this story's own lines.
            later = [item.target for item in self.lines[to:] if not self._is_of(item, self.number)]
            found = later[0] if later and later[0] is not None else found
        self.number = int(found.value)
        self.redraw()
        own = [at for at, item in enumerate(self.lines) if self._is_of(item, self.number)]
        self.scroll_to_region(Region(0, own[0], 1, len(own)), animate=False, force=True)

    def go_to_match(self, line: int) -> None:
        """A line of another story: that story is told, and the line is found in it again."""
        found = self.lines[line].target
        if found is not None and found.value != self.number:
            self.number = int(found.value)
            self.redraw()
        again = [at for at in self.matches() if self._is_of(self.lines[at], self.number)]
        self.cursor = again[0] if again else self.cursor
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()
