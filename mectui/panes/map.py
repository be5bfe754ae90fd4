"""The MECID map pane: memory by owner, a cursor that walks over it, zoom, jumps to what is unusual."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.events import MouseScrollDown, MouseScrollUp

from emu.architecture import PAGE
from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.grid import Owner
from mectui.queries.mec import SQUARES, MapView, Move, mec_map
from mectui.render import mec as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

WHEEL_ROWS = 3
FAR = 1 << 30


class MapPane(Pane):
    """Shows as many rows as it has room for, and always the cursor's: memory may have millions of pages."""

    NAME = "map"
    TITLE = "MECID map"
    TAB = "map"
    SCOPE = Scope.MAP
    HAS_CURSOR: ClassVar = False
    UNSEARCHABLE = "The map has no text to search; ] and d go to other owners and mismatches, pmem to an address."
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.MAP)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.square = PAGE
        """Bytes that a square stands for."""
        self.place: int | None = None
        """Physical address of the cursor."""
        self.only: Owner | None = None
        """The only owner to show."""
        self._moves: tuple[Move, ...] = ()
        """Steps of the cursor that no view has taken yet."""
        self._taken = 0
        """Steps that the last view had taken, of all."""
        self._top = 0

    def look(self) -> Look:
        columns, square, place, only = render.columns_for(self.text_width), self.square, self.place, self.only
        height, top, moves, taken = render.room(self.text_height).grid, self._top, self._moves, self._taken
        return lambda machine, around: mec_map(
            machine,
            columns,
            square,
            place,
            height=height,
            top=top,
            only=only,
            moves=moves,
            counted=taken,
            history=around.history,
        )

    def accept(self, view: Any) -> None:
        if isinstance(view, MapView):
            new = view.moves - self._taken
            if new < 0:
                return  # an answer from before the cursor was put somewhere else
            self._top, self._taken, self._moves = view.top, view.moves, self._moves[new:]
            if view.cursor is not None and (new or self.place is None):
                self.place = view.cursor.pa
        super().accept(view)

    def draw(self, width: int) -> list[Line]:
        return render.mec_map(self.view, width, self.text_height)

    def summary(self) -> str:
        view = self.view
        return f"{view.problem}  {render.summary(view)}" if view.problem else render.summary(view)

    def address_here(self) -> Target | None:
        return None if self.place is None else Target(TargetKind.PHYSICAL, self.place)

    def target(self) -> Target | None:
        return self.address_here()

    def show(self, pa: int) -> None:
        """Puts the cursor at a physical address."""
        self._taken += len(self._moves) + 1
        self._moves = ()
        self.place = pa
        self.want()

    def show_only(self, owner: Owner | None) -> None:
        """Shows one owner's pages alone, the cursor at the first of them; None shows all."""
        self.only = owner
        if owner is not None:
            self.show(0)
            self.move("owner")
        self.want()

    def move(self, kind: str, by: int = 1) -> None:
        self._moves = (*self._moves, Move(kind, by))
        self.want()

    def action_cell_left(self) -> None:
        self.move("squares", -1)

    def action_cell_right(self) -> None:
        self.move("squares", 1)

    def action_cursor_up(self) -> None:
        self.move("rows", -1)

    def action_cursor_down(self) -> None:
        self.move("rows", 1)

    def action_page_up(self) -> None:
        self.move("rows", -render.room(self.text_height).grid)

    def action_page_down(self) -> None:
        self.move("rows", render.room(self.text_height).grid)

    def action_first(self) -> None:
        self.move("rows", -FAR)

    def action_last(self) -> None:
        self.move("rows", FAR)

    def action_zoom_out(self) -> None:
        self.square = SQUARES[min(SQUARES.index(self.square) + 1, len(SQUARES) - 1)]
        self.want()

    def action_zoom_in(self) -> None:
        self.square = SQUARES[max(SQUARES.index(self.square) - 1, 0)]
        self.want()

    def action_next_owner(self) -> None:
        self.move("owner")

    def action_previous_owner(self) -> None:
        self.move("owner", -1)

    def action_next_mismatch(self) -> None:
        self.move("mismatch")

    def action_next_mixed(self) -> None:
        self.move("mixed")

    def action_all_owners(self) -> None:
        self.show_only(None)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.move("rows", WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.move("rows", -WHEEL_ROWS)

    def clicked(self, x: int, line: int, chain: int) -> None:
        """A click on a square puts the cursor there."""
        if not isinstance(self.view, MapView) or line >= len(self.view.rows):
            return
        row = self.view.rows[line]
        at = x - render.ADDRESS_COLUMNS
        square = at - at // (render.GROUP + 1)
        if row.cells and at >= 0 and at % (render.GROUP + 1) != render.GROUP and square < len(row.cells):
            again = self.place == row.pa + square * self.view.square and chain >= 2
            self.show(row.pa + square * self.view.square)
            if again:
                self.action_choose()
