"""The log of events, newest last: when, how long after the one before, what, where."""

from __future__ import annotations

from mectui.queries.events import EventsView, EventView
from mectui.render import numbers
from mectui.render.text import Line, Span, Target, TargetKind, column, crop, empty_pane

NARROW = 60


def summary(view: EventsView) -> str:
    if not view.total:
        return ""
    last = "last " if len(view.rows) < view.total else ""
    return f"{last}{numbers.plural(len(view.rows), 'event')}"


def events(view: EventsView, width: int) -> list[Line]:
    if not view.rows:
        hidden = [f"{count} of {kind}" for kind, count in view.counts if kind in view.hidden and count]
        if hidden:
            return empty_pane(f"Events are hidden: {', '.join(hidden)}. a shows every kind.", width)
        return empty_pane(
            "Exceptions, returns, MECID register writes, TLB invalidations, key refreshes and substituted accesses "
            "are listed here as they happen.",
            width,
        )
    digits = max(len(numbers.count(row.moment.instruction)) for row in view.rows)
    since = (
        max(len(numbers.count(row.since)) for row in view.rows if row.since is not None) if len(view.rows) > 1 else 0
    )
    return [crop(one(row, number, digits, since, width), width) for number, row in enumerate(view.rows)]


def one(row: EventView, number: int, digits: int, since: int, width: int) -> Line:
    """ "#18,141 +12  EL2 SMC #0x0 function 0xc4000150  at rmm_fill+0x8"."""
    spans = [Span(f"#{numbers.count(row.moment.instruction):<{digits}} ", "muted")]
    if width >= NARROW:
        passed = "" if row.since is None else f"+{numbers.count(row.since)}"
        spans += [column(passed, since + 1, "muted", right=True), Span(f"  EL{row.moment.el} ", "muted")]
    spans += [
        Span(numbers.written_alike(row.text), row.style),
        Span(f"  at {row.where or numbers.address(row.moment.pc)}", "muted"),
    ]
    return Line(tuple(spans), Target(TargetKind.EVENT, number))
