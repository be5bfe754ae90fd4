"""The log of events: kinds can be hidden, Enter goes to the code of the moment."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.content import Content
from textual.events import Click

from mectui.actions import Scope
from mectui.panes.pane import bindings
from mectui.panes.tail import TailPane
from mectui.queries.events import LISTED, EventsView, with_written
from mectui.render import events as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

SHOWN = 400


class EventsPane(TailPane):
    NAME = "events"
    TITLE = "events"
    SCOPE: ClassVar = Scope.EVENTS
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.EVENTS)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.hidden: frozenset[str] = frozenset()
        self.kind = LISTED[0]
        """The kind that the toggle's key is about."""
        self._parts: list[tuple[int, int, str]] = []
        """(start, end, action) of what can be clicked in the lower border."""

    def look(self) -> Look:
        hidden = self.hidden
        return lambda machine, around: with_written(machine, around.events, hidden, SHOWN)

    def draw(self, width: int) -> list[Line]:
        return render.events(self.view, width)

    def summary(self) -> str:
        return render.summary(self.view)

    def address_here(self) -> Target | None:
        """The code of the event's moment."""
        found = self.target()
        if found is None or not isinstance(self.view, EventsView) or int(found.value) >= len(self.view.rows):
            return None
        return Target(TargetKind.VIRTUAL, self.view.rows[int(found.value)].moment.pc)

    def moment(self, number: int) -> int | None:
        """The instruction count of an event, by its line's number."""
        rows = self.view.rows if isinstance(self.view, EventsView) else ()
        return rows[number].moment.instruction if 0 <= number < len(rows) else None

    def lower_border(self) -> Content:
        """The chosen kind, with what the keys would do to it."""
        if not isinstance(self.view, EventsView) or self.needle:
            return super().lower_border()
        count = dict(self.view.counts).get(self.kind, 0)
        is_hidden = self.kind in self.hidden
        parts = [
            (f"{self.summary()}  " if self.summary() else "", ""),
            ("x shows " if is_hidden else "x hides ", "toggle_kind"),
            ("← ", "kind_left"),
            (f"{self.kind} ({count})", ""),
            (" →", "kind_right"),
        ]
        if self.hidden:
            parts.append((" a all", "all_kinds"))
        self._parts, at = [], 0
        for text, action in parts:
            self._parts.append((at, at + len(text), action))
            at += len(text)
        return Content("".join(text for text, _ in parts))

    def on_click(self, event: Click) -> None:
        if event.y == self.outer_size.height - 1 and self._parts:
            start = self.outer_size.width - 2 - self._parts[-1][1]
            for begin, end, action in self._parts:
                if action and begin <= event.x - start < end:
                    getattr(self, f"action_{action}")()
                    event.stop()
                    event.prevent_default()

    def _choose_kind(self, by: int) -> None:
        self.kind = LISTED[(LISTED.index(self.kind) + by) % len(LISTED)]
        self.show_borders()

    def action_kind_left(self) -> None:
        self._choose_kind(-1)

    def action_kind_right(self) -> None:
        self._choose_kind(1)

    def action_toggle_kind(self) -> None:
        self.hidden ^= {self.kind}
        self.show_borders()
        self.want()

    def action_all_kinds(self) -> None:
        self.hidden = frozenset()
        self.show_borders()
        self.want()
