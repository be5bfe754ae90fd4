"""Panes that are plain lists: the TLB, the console, the events."""

from __future__ import annotations

from typing import ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane
from mectui.queries.events import events
from mectui.queries.tlb import tlb
from mectui.render import console as render_console
from mectui.render import events as render_events
from mectui.render import numbers
from mectui.render import tlb as render_tlb
from mectui.render.text import Line
from mectui.session import Look, Progress

CONSOLE_SHOWN = 1 << 16
"""Characters of the console that the pane keeps drawing."""
EVENTS_SHOWN = 400


class TlbPane(Pane):
    NAME = "tlb"
    TITLE = "TLB"
    SCOPE = Scope.TLB

    def look(self) -> Look:
        return lambda machine, around: tlb(machine)

    def draw(self, width: int) -> list[Line]:
        return render_tlb.tlb(self.view, width)

    def summary(self) -> str:
        return render_tlb.summary(self.view)


class TailPane(Pane):
    """A list that grows at its end; shows the end unless somebody scrolled away from it."""

    def redraw(self) -> None:
        was_at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        was_last = self.cursor >= len(self.lines) - 1
        super().redraw()
        if was_at_end:
            self.scroll_end(animate=False, immediate=True, force=True)
        if was_last:
            self.cursor = max(len(self.lines) - 1, 0)


class ConsolePane(TailPane):
    NAME = "console"
    TITLE = "console"
    HAS_CURSOR: ClassVar = False

    def look(self) -> Look:
        return lambda machine, around: machine.console

    def draw(self, width: int) -> list[Line]:
        return render_console.console(self.view[-CONSOLE_SHOWN:], width)

    def summary(self) -> str:
        return numbers.plural(len(self.view), "character") if self.view else ""

    def follow(self, progress: Progress) -> None:
        if progress.console != self.view:
            self.accept(progress.console)


class EventsPane(TailPane):
    NAME = "events"
    TITLE = "events"

    def look(self) -> Look:
        return lambda machine, around: events(machine, around.events[-EVENTS_SHOWN:])

    def draw(self, width: int) -> list[Line]:
        return render_events.events(self.view, width)

    def summary(self) -> str:
        if not self.view:
            return ""
        return f"{'last ' if len(self.view) == EVENTS_SHOWN else ''}{numbers.plural(len(self.view), 'event')}"
