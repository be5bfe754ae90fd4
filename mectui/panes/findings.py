"""The pane of findings: broken rules, what to do about each, and a jump to where it happened."""

from __future__ import annotations

from typing import ClassVar

from mectui.actions import Scope
from mectui.panes.numbered import NumberedPane
from mectui.queries.findings import FindingsView, FindingView, findings
from mectui.render import findings as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class FindingsPane(NumberedPane):
    NAME = "findings"
    TITLE = "findings"
    SCOPE: ClassVar = Scope.FINDINGS
    KIND = TargetKind.FINDING

    def look(self) -> Look:
        return lambda machine, around: findings(machine)

    def draw(self, width: int) -> list[Line]:
        return render.findings(self.view, width, self.chosen)

    def summary(self) -> str:
        return render.summary(self.view)

    def numbers(self) -> list[int]:
        return [item.number for item in self.view.findings] if isinstance(self.view, FindingsView) else []

    def finding(self, number: int) -> FindingView | None:
        if not isinstance(self.view, FindingsView):
            return None
        return next((item for item in self.view.findings if item.number == number), None)

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
