"""The MECID map pane: pages by owner, a cursor that walks over them, zoom."""

from __future__ import annotations

from typing import Any, ClassVar

from emu.architecture import PAGE
from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.mec import MapView, mec_map
from mectui.render import mec as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

ZOOMS = (1, 4, 16, 64, 256, 1024, 4096)
"""Pages in a square."""


class MapPane(Pane):
    NAME = "map"
    TITLE = "MECID map"
    TAB = "map"
    SCOPE = Scope.MAP
    HAS_CURSOR: ClassVar = False
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.MAP)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.zoom = 1
        self.place: int | None = None
        """Physical address of the cursor's page."""

    def look(self) -> Look:
        columns, zoom, place = render.columns_for(self.text_width), self.zoom, self.place
        return lambda machine, around: mec_map(machine, columns, zoom, place)

    def accept(self, view: Any) -> None:
        if isinstance(view, MapView) and self.place is None and view.rows:
            self.place = first_owned(view)
            self.want()
        super().accept(view)
        self._show_cursor()

    def draw(self, width: int) -> list[Line]:
        return render.mec_map(self.view, width)

    def summary(self) -> str:
        return render.summary(self.view)

    def _show_cursor(self) -> None:
        row = self._cursor_row()
        if row is not None:
            self.move_cursor(row)

    def _cursor_row(self) -> int | None:
        if not isinstance(self.view, MapView) or self.place is None:
            return None
        span = PAGE * self.view.zoom * self.view.columns
        for at, row in enumerate(self.view.rows):
            if row.cells and row.pa <= self.place < row.pa + span:
                return at
        return None

    def address_here(self) -> Target | None:
        return None if self.place is None else Target(TargetKind.PHYSICAL, self.place)

    def target(self) -> Target | None:
        return self.address_here()

    def go(self, squares: int) -> None:
        if self.place is not None:
            square = PAGE * self.zoom
            self.place = max(self.place - self.place % square + squares * square, 0)
            self.want()

    def go_rows(self, rows: int) -> None:
        """To the same column of another row that has owners in it."""
        if not isinstance(self.view, MapView) or self.place is None:
            return
        filled = [row.pa for row in self.view.rows if row.cells]
        span = PAGE * self.view.zoom * self.view.columns
        if not filled:
            return
        start = self.place - self.place % span
        at = min(range(len(filled)), key=lambda index: abs(filled[index] - start))
        wanted = filled[max(0, min(at + rows, len(filled) - 1))]
        self.place = wanted + self.place % span
        self.want()

    def action_cell_left(self) -> None:
        self.go(-1)

    def action_cell_right(self) -> None:
        self.go(1)

    def action_cursor_up(self) -> None:
        self.go_rows(-1)

    def action_cursor_down(self) -> None:
        self.go_rows(1)

    def action_page_up(self) -> None:
        self.go_rows(-self.text_height)

    def action_page_down(self) -> None:
        self.go_rows(self.text_height)

    def action_first(self) -> None:
        self.go_rows(-(1 << 30))

    def action_last(self) -> None:
        self.go_rows(1 << 30)

    def action_zoom_out(self) -> None:
        self.zoom = ZOOMS[min(ZOOMS.index(self.zoom) + 1, len(ZOOMS) - 1)]
        self.want()

    def action_zoom_in(self) -> None:
        self.zoom = ZOOMS[max(ZOOMS.index(self.zoom) - 1, 0)]
        self.want()

    def clicked(self, x: int, line: int, chain: int) -> None:
        """A click on a square puts the cursor there."""
        if not isinstance(self.view, MapView) or line >= len(self.view.rows):
            return
        row = self.view.rows[line]
        at = x - render.ADDRESS_COLUMNS
        square = at - at // (render.GROUP + 1)
        if row.cells and at >= 0 and at % (render.GROUP + 1) != render.GROUP and square < len(row.cells):
            again = self.place == row.pa + square * PAGE * self.view.zoom and chain >= 2
            self.place = row.pa + square * PAGE * self.view.zoom
            self.want()
            if again:
                self.action_choose()


def first_owned(view: MapView) -> int | None:
    for row in view.rows:
        for at, item in enumerate(row.cells):
            if item.owner is not None:
                return row.pa + at * PAGE * view.zoom
    return None
