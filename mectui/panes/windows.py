"""Panes that look at a stretch of a 64-bit address space through a window: code and memory."""

from __future__ import annotations

from textual.events import MouseScrollDown, MouseScrollUp

from mectui.panes.pane import Pane
from mectui.render.text import Line, Target, TargetKind

MASK64 = (1 << 64) - 1
WHEEL_LINES = 3


class WindowPane(Pane):
    """A window on addresses. The cursor is an address; moving past an edge moves the window."""

    DEFAULT_CSS = """
    WindowPane { overflow-y: hidden; scrollbar-gutter: auto; }
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.top = 0
        self.place = 0
        """Address under the cursor."""

    @property
    def text_width(self) -> int:
        return max(self.scrollable_content_region.width - 1, 8)

    @property
    def unit(self) -> int:
        """Bytes in a line: what the cursor moves by."""
        return 4

    @property
    def alignment(self) -> int:
        """What the window's first address is a multiple of."""
        return self.unit

    def redraw(self) -> None:
        super().redraw()
        self.lines = self.cropped(self.lines)
        self._place_cursor()

    def _show_extent(self) -> None:
        """A window shows what fits and no more."""
        self.virtual_size = self.scrollable_content_region.size

    def cropped(self, lines: list[Line]) -> list[Line]:
        """Those of the lines that the window has room for."""
        return lines[: self.text_height]

    def _place_cursor(self) -> None:
        for at, item in enumerate(self.lines):
            if item.target is not None and int(item.target.value) <= self.place < int(item.target.value) + self.unit:
                self.cursor = at
        self.show_place()

    def go(self, lines: int) -> None:
        """Moves the cursor, and the window with it where needed."""
        self.place = max(0, min(self.place + lines * self.unit, MASK64 + 1 - self.unit))
        shown = self.addresses_shown()
        if shown and not shown[0] <= self.place < shown[-1] + self.unit:
            beyond = self.place - (shown[-1] if self.place > shown[-1] else shown[0])
            step = self.alignment
            self._move_window(-(-beyond // step) * step if beyond > 0 else beyond // step * step)
        else:
            self._place_cursor()
            self.refresh()

    def _move_window(self, by: int) -> None:
        self.top = max(0, min(self.top + by, (MASK64 + 1 - self.alignment)))
        self.want()

    def addresses_shown(self) -> list[int]:
        return [
            int(item.target.value)
            for item in self.lines
            if item.target is not None and item.target.kind is TargetKind.VIRTUAL
        ]

    def target(self) -> Target | None:
        return Target(TargetKind.VIRTUAL, self.place)

    def action_cursor_up(self) -> None:
        self.go(-1)

    def action_cursor_down(self) -> None:
        self.go(1)

    def action_page_up(self) -> None:
        self.go(-self.text_height)

    def action_page_down(self) -> None:
        self.go(self.text_height)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._move_window(WHEEL_LINES * self.alignment)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._move_window(-WHEEL_LINES * self.alignment)

    def clicked(self, x: int, line: int, chain: int) -> None:
        found = self.lines[line].target if line < len(self.lines) else None
        if found is not None and found.kind is TargetKind.VIRTUAL:
            again = self.place == found.value and chain >= 2
            self.place = int(found.value)
            self._place_cursor()
            self.refresh()
            if again:
                self.action_choose()
