"""The whole run at a glance: where it was in which state, what happened when; any place in it is a click away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.timeline import SHOWN, TimelineView, timeline
from mectui.render import timeline as render
from mectui.render.text import Line, Target, TargetKind

if TYPE_CHECKING:
    import emu
    from mectui.progress import Progress
    from mectui.session import Look, Surroundings

FINEST = 16
"""Instructions that the narrowest window shows, where a run has as many."""
ALL = "all marks"


class TimelinePane(Pane):
    NAME = "timeline"
    TITLE = "timeline"
    SCOPE: ClassVar = Scope.TIMELINE
    HAS_CURSOR: ClassVar = False
    UNSEARCHABLE = "The timeline has no text to search; ← → go from mark to mark, the events pane can be searched."
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.TIMELINE)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.place: int | None = None
        """The instruction count that somebody looks at; None while that is where the machine is."""
        self.window: tuple[int, int] | None = None
        """The first and the last instruction count that are shown; None for the whole run."""
        self.kind: str = ALL
        """The marks that the arrow keys visit."""

    def look(self) -> Look:
        columns, window, place = render.columns_for(self.text_width), self.window, self.place
        room = max(self.text_height - render.ROOMY, 0)
        visited = SHOWN if self.kind == ALL else tuple(kind for kind in SHOWN if kind.value == self.kind)

        def ask(machine: emu.Machine, around: Surroundings) -> TimelineView | None:
            history = machine.history
            if history is None:
                return None
            return timeline(
                machine, history.marks, columns, first=history.first, furthest=history.furthest,
                window=window, cursor=place, visited=visited, most_near=room,
            )  # fmt: skip

        return ask

    def follow(self, progress: Progress) -> None:
        """The machine went somewhere: that is what to look at."""
        self.place = None

    def draw(self, width: int) -> list[Line]:
        return render.timeline(self.view, width, self.text_height)

    def action_choose(self) -> None:
        found = self.target()
        if found is not None:
            self.choose(found)

    def summary(self) -> str:
        visited = "" if self.kind == ALL else f"  ← → {self.kind}s"
        return f"{render.summary(self.view)}{visited}"

    def target(self) -> Target | None:
        view = self.view
        return Target(TargetKind.MOMENT, view.cursor) if isinstance(view, TimelineView) else None

    def address_here(self) -> Target | None:
        """The code of the mark under the cursor."""
        view = self.view
        if not isinstance(view, TimelineView) or not view.here:
            return None
        return Target(TargetKind.VIRTUAL, view.here[0].pc)

    # --- moving ---------------------------------------------------------------------------------------------------

    def show(self, instruction: int) -> None:
        """Look at an instruction count; the window moves with it."""
        view = self.view
        if not isinstance(view, TimelineView):
            return
        self.place = max(view.first, min(instruction, view.furthest))
        if self.window is not None and not self.window[0] <= self.place <= self.window[1]:
            size = self.window[1] - self.window[0]
            self._show_window(self.place - size // 2, size)
        self.want()

    def _show_window(self, start: int, size: int) -> None:
        view = self.view
        total = view.furthest - view.first
        if size >= total:
            self.window = None
            return
        start = max(view.first, min(start, view.furthest - size))
        self.window = start, start + size

    def action_mark_left(self) -> None:
        if isinstance(self.view, TimelineView) and self.view.before is not None:
            self.show(self.view.before)

    def action_mark_right(self) -> None:
        if isinstance(self.view, TimelineView) and self.view.after is not None:
            self.show(self.view.after)

    def _move_by(self, share: int) -> None:
        if isinstance(self.view, TimelineView):
            view = self.view
            size = view.end - view.start + 1
            self.show(view.cursor + (max(size // abs(share), 1) if share > 0 else -max(size // abs(share), 1)))

    def action_moment_left(self) -> None:
        self._move_by(-render.columns_for(self.text_width))

    def action_moment_right(self) -> None:
        self._move_by(render.columns_for(self.text_width))

    def action_page_up(self) -> None:
        self._move_by(-10)

    def action_page_down(self) -> None:
        self._move_by(10)

    def action_first(self) -> None:
        if isinstance(self.view, TimelineView):
            self.show(self.view.first)

    def action_last(self) -> None:
        if isinstance(self.view, TimelineView):
            self.show(self.view.furthest)

    def action_cursor_up(self) -> None:
        self.scroll_up(animate=False)

    def action_cursor_down(self) -> None:
        self.scroll_down(animate=False)

    def action_zoom_in(self) -> None:
        self._zoom(1, 4)

    def action_zoom_out(self) -> None:
        self._zoom(4, 1)

    def _zoom(self, times: int, divided: int) -> None:
        view = self.view
        if not isinstance(view, TimelineView):
            return
        size = max((view.end - view.start) * times // divided, FINEST)
        self._show_window(view.cursor - size // 2, size)
        self.want()

    def action_whole(self) -> None:
        self.window = None
        self.want()

    def action_next_kind(self) -> None:
        kinds = [ALL, *(kind.value for kind in SHOWN)]
        self.kind = kinds[(kinds.index(self.kind) + 1) % len(kinds)]
        self.want()

    def clicked(self, x: int, line: int, chain: int) -> None:
        """A click on a strip, or on a mark's line, goes to that moment."""
        view = self.view
        if not isinstance(view, TimelineView):
            return
        names = render.rows(self.text_height)
        if line >= len(names) or names[line] == render.TOLD:
            found = self.lines[line].target if line < len(self.lines) else None
            if found is not None:
                self.choose(found)
            return
        at = x - render.LABEL
        if 0 <= at < len(view.columns):
            self.choose(Target(TargetKind.MOMENT, render.clicked(view, at, names[line])))
