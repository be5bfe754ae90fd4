"""The rule checker: mistakes in the use of memory encryption contexts, found as a guest makes them."""

from emu.mec.rules.catalogue import BY_ID, CATALOGUE, DEFAULT, choose, choose_stops
from emu.mec.rules.checker import CheckerState, RuleChecker
from emu.mec.rules.model import Finding, Rule, Severity

__all__ = [
    "BY_ID",
    "CATALOGUE",
    "DEFAULT",
    "CheckerState",
    "Finding",
    "Rule",
    "RuleChecker",
    "Severity",
    "choose",
    "choose_stops",
]
