"""The list of calls as lines: number, function, line of the source, where it goes on, how that is known."""

from __future__ import annotations

from mectui.queries.calls import Call, CallsView
from mectui.render import numbers
from mectui.render.text import Line, Span, Target, TargetKind, cell_width, column, crop, wrap

UNSURE = "?"
"""Stands before a call that was found by something that is likely and not certain."""
WITH_LINES, WITH_HOW, WITH_PC, WITH_FRAME = 44, 62, 84, 110
"""Columns from which more is told of each call."""
GAP = 2


def summary(view: CallsView) -> str:
    """For the border."""
    return f"{numbers.plural(len(view.calls), 'call')}{' and more' if view.is_cut else ''}"


def name(call: Call) -> str:
    return call.label or numbers.address(call.pc)


def how(call: Call) -> str:
    """By what it was found, in words."""
    return numbers.written_alike(call.found)


def frame(call: Call) -> str:
    return "" if call.frame is None else f"frame {numbers.address(call.frame)}"


def calls(view: CallsView, width: int) -> list[Line]:
    """Every call, the innermost first; between them exceptions; then why there are no more."""
    room = max(cell_width(name(call)) for call in view.calls)
    source = max(cell_width(call.line) for call in view.calls)
    widest = max(width - 6 - (source + GAP if source and width >= WITH_LINES else 0), 12)
    lines = []
    for call in view.calls:
        if call.exception:
            target = Target(TargetKind.CALL, call.number)
            text = numbers.written_alike(call.exception)
            lines += wrap(f"-- {text}", max(width, 12), "warning", "   ", target)
        lines.append(crop(one(call, width, min(room, widest), source), width))
    lines += wrap(f"No more: {numbers.written_alike(view.end)}.", width, "hit" if view.is_foreign else "muted")
    if any(not call.is_sure for call in view.calls):
        lines += wrap(f"{UNSURE} likely, and not certain", width, "muted")
    return lines


def one(call: Call, width: int, room: int, source: int) -> Line:
    """ "?2   rmm_create_realm+0x28  two-realms.S:194  0x4008_12e8  frame 0x4008_6000  x30, kept in x4 over a call"."""
    spans = [
        Span(" " if call.is_sure else UNSURE, "warning"),
        column(f"{call.number}", 4, "strong" if call.number == 0 else "muted"),
        column(name(call), room + GAP, "symbol" if call.label else "address"),
    ]
    if source and width >= WITH_LINES:
        spans.append(column(call.line, source + GAP, "text"))
    if width >= WITH_PC and call.label:
        spans.append(Span(f"{numbers.address(call.pc)}  ", "address"))
    if width >= WITH_FRAME:
        spans.append(column(frame(call), 20, "muted"))
    if width >= WITH_HOW:
        spans.append(Span(how(call), "muted"))
    return Line(tuple(spans), Target(TargetKind.CALL, call.number))
