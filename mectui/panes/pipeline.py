"""The instruction pane: what the next instruction will do, and what the last one did, stage by stage."""

from __future__ import annotations

from typing import Any, ClassVar

from emu.debug.explanation import Explanation
from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.pipeline import PipelineView, pipeline
from mectui.render import pipeline as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class PipelinePane(Pane):
    NAME = "pipeline"
    TITLE = "instruction"
    SCOPE = Scope.PIPELINE
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.PIPELINE)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.opened: set[str] = {"next"}
        self.seen: tuple[Explanation, ...] = ()
        """Explanations of before: after a step one of them tells what has happened."""

    def look(self) -> Look:
        seen = self.seen
        return lambda machine, around: pipeline(machine, seen)

    def accept(self, view: Any) -> None:
        if isinstance(view, PipelineView):
            last = () if view.last is None else (view.last.told,)
            self.seen = (view.next.told, *last)
        super().accept(view)

    def draw(self, width: int) -> list[Line]:
        return render.pipeline(self.view, width, self.opened)

    def summary(self) -> str:
        return render.summary(self.view)

    def action_other(self) -> None:
        """The next instruction in full, or the last one."""
        names = {"next", "last"}
        was = "last" if "last" in self.opened else "next"
        self.opened = (self.opened - names) | (names - {was})
        self.redraw()

    def action_unfold_all(self) -> None:
        self.opened = {"next"} if "*" in self.opened else {"*"}
        if self.view is not None:
            self.redraw()

    def choose(self, target: Target, how: str = "") -> None:
        if target.kind is TargetKind.FOLD:
            if "*" in self.opened:
                self.opened = {"next", "last"}
            self.opened ^= {str(target.value)}
            self.redraw()
        else:
            super().choose(target, how)
