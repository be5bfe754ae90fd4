"""The pane of MECIDs: what each owns, who has it; Enter shows its pages alone in the map."""

from __future__ import annotations

from typing import ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane
from mectui.queries.grid import Owner
from mectui.queries.ledger import LedgerView, ledger
from mectui.render import ledger as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class LedgerPane(Pane):
    NAME = "ledger"
    TITLE = "MECIDs"
    SCOPE: ClassVar = Scope.LEDGER

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.owner: Owner | None = None
        """The row the cursor is on."""

    def look(self) -> Look:
        return lambda machine, around: ledger(machine, around.history)

    def draw(self, width: int) -> list[Line]:
        return render.ledger(self.view, width, self._number() if self.has_focus else None)

    def summary(self) -> str:
        return render.summary(self.view)

    def _number(self) -> int | None:
        rows = self.view.rows if isinstance(self.view, LedgerView) else ()
        return next((at for at, row in enumerate(rows) if row.owner == self.owner), 0 if rows else None)

    def redraw(self) -> None:
        """The cursor stays with its owner when rows come and go."""
        super().redraw()
        number = self._number()
        if number is not None:
            wanted = Target(TargetKind.MECID, number)
            self.cursor = next((at for at, item in enumerate(self.lines) if item.target == wanted), 0)

    def move_cursor(self, to: int) -> None:
        """From row to row: the lines below a row are its own."""
        number = self._number()
        if number is None or not isinstance(self.view, LedgerView):
            return
        targets = [item.target for item in self.lines]
        to = max(0, min(to, len(targets) - 1))
        found = targets[to]
        wanted = number if found is None else int(found.value)
        if wanted == number and to > self.cursor:
            wanted += 1
        elif found is None:
            wanted = 0 if to <= self.cursor else len(self.view.rows) - 1
        self.owner = self.view.rows[max(0, min(wanted, len(self.view.rows) - 1))].owner
        self.redraw()
        super().move_cursor(self.cursor)

    def row_owner(self, number: int) -> Owner | None:
        rows = self.view.rows if isinstance(self.view, LedgerView) else ()
        return rows[number].owner if number < len(rows) else None

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()
