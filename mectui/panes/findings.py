"""The pane of findings: broken rules, what to do about each, and a jump to where it happened."""

from __future__ import annotations

from typing import Any, ClassVar

from mectui.actions import Scope
from mectui.export import markdown
from mectui.export.markdown import Circumstances
from mectui.panes.numbered import NumberedPane
from mectui.panes.pane import bindings
from mectui.queries.findings import FindingsView, FindingView, findings
from mectui.render import findings as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class FindingsPane(NumberedPane):
    NAME = "findings"
    TITLE = "findings"
    SCOPE: ClassVar = Scope.FINDINGS
    KIND = TargetKind.FINDING
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.FINDINGS)

    def look(self) -> Look:
        return lambda machine, around: findings(machine)

    def draw(self, width: int) -> list[Line]:
        return render.findings(self.view, width, self.chosen)

    def markdown(self, around: Circumstances) -> str:
        return super().markdown(around) if self.view is None else markdown.of_findings(self.view, around)

    def summary(self) -> str:
        return render.summary(self.view)

    def numbers(self) -> list[int]:
        return [item.number for item in self.view.findings] if isinstance(self.view, FindingsView) else []

    def finding(self, number: int) -> FindingView | None:
        if not isinstance(self.view, FindingsView):
            return None
        return next((item for item in self.view.findings if item.number == number), None)

    def action_other_moment(self) -> None:
        self.choose_as("other")

    def address_here(self) -> Target | None:
        """The data that it is about, or else the code."""
        found = self.target()
        item = self.finding(int(found.value)) if found is not None and found.kind is TargetKind.FINDING else None
        if item is None:
            return None
        finding = item.finding
        if finding.va is None and finding.pa is not None:
            return Target(TargetKind.PHYSICAL, finding.pa)
        return Target(TargetKind.VIRTUAL, finding.pc if finding.va is None else finding.va)
