"""The header line: where the machine is and what MEC is doing."""

from __future__ import annotations

from mectui.queries.status import StatusView
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import Line, Span, width


def mec_text(view: StatusView) -> str:
    """ "MEC on (EL2 EL3)" names the levels whose EMEC is in effect."""
    levels = " ".join(f"EL{el}" for el in view.mec_at)
    unknown = " ".join(f"EL{el}" for el in view.mec_unknown)
    if levels:
        return f"MEC on ({levels}{f', {unknown} not set up' if unknown else ''})"
    return "MEC not set up yet" if unknown else "MEC off"


ROOMY = 100
"""Columns from which the whole story of a moment in the past is told."""


def moment(view: StatusView, columns: int) -> list[Span]:
    """ "#22,072", or "#12,345 of 22,072 (in the past)"."""
    now = Span(f"#{numbers.count(view.instructions)}", "header")
    if view.furthest <= view.instructions:
        return [now]
    furthest = f" of {numbers.count(view.furthest)}" if columns >= ROOMY else ""
    return [now, Span(f"{furthest} (in the past)", "header warning")]


def status(view: StatusView | None, guest: str, state: str, state_style: str, columns: int) -> Line:
    """The whole line in exactly `columns` columns; what matters least leaves first where they don't all fit."""
    left = [Span(" mectui ", "header strong"), Span(f" {guest}  ", "header")]
    tail = [Span(f" {state} ", f"header {state_style}")]
    parts: list[list[Span]] = []
    if view is not None:
        space = space_style(view.security.label)
        parts.append([Span(f"EL{view.el} {view.security.label}", f"header {space} strong")])
        is_past = view.furthest > view.instructions
        if is_past:
            parts.append(moment(view, columns))
        parts.append([Span(mec_text(view), "header ok" if view.mec_at else "header muted")])
        where = view.pc_label or numbers.address(view.pc)
        parts.append([Span("pc ", "header muted"), Span(where, "header symbol")])
        if view.source:
            parts.append([Span(view.source, "header")])
        if not is_past:
            parts.append(moment(view, columns))
        if view.hits:
            parts.append([Span(numbers.plural(view.hits, "hit"), "header hit")])
        if view.findings:
            parts.append([Span(numbers.plural(view.findings, "finding"), "header warning")])
        for name, number in view.mecids:
            parts.append([Span(f"{name}=", "header muted"), Span(str(number), f"header {mecid_style(number)}")])
    room = columns - width(Line((*left, *tail)))
    spans = list(left)
    for part in parts:
        length = width(Line(tuple(part))) + 2
        if length > room:
            continue
        spans += [*part, Span("  ", "header")]
        room -= length
    spans.append(Span(" " * max(room, 0), "header"))
    spans += tail
    used = width(Line(tuple(spans)))
    if used > columns:
        return Line((Span(f" {state}"[:columns].ljust(columns), f"header {state_style}"),))
    return Line(tuple(spans))
