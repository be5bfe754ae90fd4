"""Findings as lines: for `mectui check`, and for the pane beside the hits."""

from __future__ import annotations

from collections.abc import Iterable

from emu.mec.rules import DEFAULT, Rule, Severity
from mectui.queries.findings import FindingsView, FindingView
from mectui.render import numbers
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, empty_pane, wrap

STYLES = {Severity.ERROR: "fault", Severity.WARNING: "warning", Severity.INFO: "muted"}
_INDENT = 9


def counted(view: FindingsView) -> str:
    """ "2 errors, 1 warning", or "no findings"."""
    parts = [
        numbers.plural(view.count(severity), noun)
        for severity, noun in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
        if view.count(severity)
    ]
    return ", ".join(parts) or "no findings"


def summary(view: FindingsView) -> str:
    """For the border of the pane."""
    return counted(view) if view.findings else ""


def sentence(text: str) -> str:
    """With a capital letter, and a full stop where it has no other end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def indented(text: str, width: int, style: str, indent: int, hanging: int = 0) -> list[Line]:
    """A paragraph below a heading."""
    space = " " * indent
    return [
        Line((Span(space + " " * (hanging if index else 0)), *part.spans))
        for index, part in enumerate(wrap(text, width - indent - hanging, style))
    ]


def place(item: FindingView) -> str:
    """ "#12,787  2 times  EL1 realm  realm_b_search_secret"."""
    finding = item.finding
    moment = finding.moment
    where = item.where or numbers.address(moment.pc)
    times = f"  {numbers.count(finding.count)} times" if finding.count > 1 else ""
    return f"#{numbers.count(moment.instruction)}{times}  EL{moment.el} {moment.security.label}  {where}"


def report(view: FindingsView, width: int) -> list[Line]:
    """What `mectui check` prints: every finding in full, oldest first."""
    lines: list[Line] = []
    for item in view.findings:
        finding = item.finding
        style = STYLES[finding.severity]
        lines.append(Line((column(finding.severity.value, _INDENT, style), Span(finding.rule, "strong"))))
        lines += indented(place(item), width, "muted", _INDENT)
        lines += indented(sentence(numbers.written_alike(finding.message)), width, "text", _INDENT)
        lines += indented(f"fix: {finding.fix}", width, "ok", _INDENT, hanging=5)
        lines.append(BLANK)
    if view.total > len(view.findings):
        lines += [
            *wrap(f"The first {numbers.count(len(view.findings))} of {numbers.count(view.total)} findings.", width)
        ]
    return lines


def catalogue(rules: Iterable[type[Rule]], width: int) -> list[Line]:
    """What `mectui check --list` prints."""
    lines: list[Line] = []
    for rule in rules:
        marks = "" if rule.id in DEFAULT else "  (with --rules all)"
        lines.append(
            Line(
                (
                    column(rule.severity.value, _INDENT, STYLES[rule.severity]),
                    Span(rule.id, "strong"),
                    Span(marks, "muted"),
                )
            )
        )
        lines += indented(sentence(rule.title), width, "text", _INDENT)
        lines += indented(rule.why, width, "muted", _INDENT)
        lines += indented(f"fix: {rule.fix}", width, "ok", _INDENT, hanging=5)
        lines.append(BLANK)
    return lines


def moments(item: FindingView, width: int) -> list[Line]:
    """Both moments of the story, in the order in which they happened, and the place it is about."""
    finding = item.finding
    known = [("here   ", finding.moment, item.where)]
    if finding.other is not None:
        known.append(
            (
                "earlier" if finding.other.instruction <= finding.moment.instruction else "later  ",
                finding.other,
                item.other,
            )
        )
    known.sort(key=lambda moment: moment[1].instruction)
    lines = []
    for word, moment, name in known:
        where = name or numbers.address(moment.pc)
        text = f"{word}  #{numbers.count(moment.instruction)} EL{moment.el} {moment.security.label} {where}"
        lines.append(Line((Span("     "), Span(text, "symbol"))))
    if finding.pa is not None or finding.va is not None:
        va = f"VA {numbers.address(finding.va)} " if finding.va is not None else ""
        pa = f"PA {numbers.address(finding.pa)}" if finding.pa is not None else ""
        lines.append(Line((Span("     about    ", "muted"), Span(f"{va}{pa}".strip(), "address"))))
    return lines


def findings(view: FindingsView, width: int, chosen: int | None = None) -> list[Line]:
    """Newest first: two lines each; the `chosen` one (by number) in full, with what to do."""
    if not view.findings:
        watching = f"{numbers.plural(view.rules, 'rule')} are being checked." if view.rules else "No rule is checked."
        return empty_pane(f"No broken rule so far. {watching}", width)
    lines: list[Line] = []
    for item in reversed(view.findings):
        finding, target = item.finding, Target(TargetKind.FINDING, item.number)
        message = sentence(numbers.written_alike(finding.message))
        heading = (
            Span(f"{item.number:>3}  ", "muted"),
            Span(f"{finding.severity.value} ", STYLES[finding.severity]),
            Span(finding.rule, "strong"),
            Span(f"  {place(item)}", "muted"),
        )
        if item.number == chosen:
            text = indented(message, width, "text", 5)
            text += moments(item, width)
            text += indented(f"fix: {finding.fix}", width, "ok", 5, hanging=5)
            keys = "Enter shows the code" + (", W that of the earlier moment" if finding.other is not None else "")
            text += indented(keys, width, "muted", 5)
        else:
            text = [Line((Span(" " * 5), Span(message, "text")))]  # cut where the room ends, not at a long name
        lines += [crop(Line(part.spans, target), width) for part in (Line(heading), *text)]
    return lines
