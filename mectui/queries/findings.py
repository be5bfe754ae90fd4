"""Broken rules as people look at them: each with its place in the guest, and how many of each severity there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.mec.rules import Finding, Severity
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding; `number` counts from 1 in the order of the instructions.

    `where` is the symbol of its place, `other` that of the other moment of the story, if there is one.
    """

    number: int
    finding: Finding
    where: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class FindingsView:
    findings: tuple[FindingView, ...]
    total: int
    """All of them; more than are listed when there are very many."""
    rules: int
    """How many rules were checked."""

    def count(self, severity: Severity) -> int:
        return sum(1 for item in self.findings if item.finding.severity is severity)


def findings(machine: emu.Machine) -> FindingsView:
    """What the chosen rules have found so far, oldest first."""
    views = tuple(
        FindingView(
            number,
            finding,
            label(machine, finding.pc),
            "" if finding.other is None else label(machine, finding.other.pc),
        )
        for number, finding in enumerate(machine.mec.findings, 1)
    )
    return FindingsView(views, machine.mec.finding_count, len(machine.mec.rules))
