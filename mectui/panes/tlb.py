"""The TLB's pane: its entries, filtered and sorted as somebody likes, or the log of invalidations."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.message import Message

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.tlb import TlbRow, tlb
from mectui.render import tlb as render
from mectui.render.text import Line, Target, TargetKind
from mectui.render.tlb import Only, Order
from mectui.session import Look


class TlbPane(Pane):
    NAME = "tlb"
    TITLE = "TLB"
    SCOPE = Scope.TLB
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.TLB)

    class WalkWanted(Message):
        """Enter on an entry: somebody wants to see the walk of its address."""

        def __init__(self, row: TlbRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.shows_log = False
        self.only = Only.ALL
        self.order = Order.STALE

    def look(self) -> Look:
        shows_log = self.shows_log
        return lambda machine, around: tlb(machine, None if shows_log else 0)

    def draw(self, width: int) -> list[Line]:
        if self.shows_log:
            return render.log(self.view, width)
        return render.entries(self.view, width, self.only, self.order)

    def summary(self) -> str:
        if self.shows_log:
            return render.log_summary(self.view)
        return render.summary(self.view, self.only, self.order)

    def action_table(self) -> None:
        self.shows_log = not self.shows_log
        self.move_cursor(0)
        self.want()

    def action_only(self) -> None:
        choices = list(Only)
        self.only = choices[(choices.index(self.only) + 1) % len(choices)]
        self.shows_log = False
        self.want()

    def action_order(self) -> None:
        choices = list(Order)
        self.order = choices[(choices.index(self.order) + 1) % len(choices)]
        self.shows_log = False
        self.want()

    def row_here(self) -> TlbRow | None:
        """The entry under the cursor."""
        found = self.target()
        if found is None or found.kind is not TargetKind.ENTRY or self.view is None:
            return None
        return render.row_of(self.view, int(found.value))

    def address_here(self) -> Target | None:
        row = self.row_here()
        return super().address_here() if row is None else Target(TargetKind.VIRTUAL, row.va)

    def choose(self, target: Target, how: str = "") -> None:
        row = self.row_here()
        if row is not None and not how:
            self.post_message(self.WalkWanted(row))
        else:
            super().choose(target, how)
