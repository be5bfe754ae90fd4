"""A list that grows at its end."""

from __future__ import annotations

from mectui.panes.pane import Pane


class TailPane(Pane):
    """Shows the end unless somebody scrolled away from it."""

    def redraw(self) -> None:
        was_at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        was_last = self.cursor >= len(self.lines) - 1
        super().redraw()
        if was_at_end:
            self.scroll_end(animate=False, immediate=True, force=True)
        if was_last:
            self.cursor = max(len(self.lines) - 1, 0)
