"""The log of events, newest last: when, what, where."""

from __future__ import annotations

from collections.abc import Sequence

from mectui.queries.events import EventView
from mectui.render import numbers
from mectui.render.text import Line, Span, Target, TargetKind, crop, empty_pane


def events(views: Sequence[EventView], width: int) -> list[Line]:
    if not views:
        return empty_pane(
            "Exceptions, returns, MECID register writes, TLB invalidations, key refreshes and substituted accesses "
            "are listed here as they happen.",
            width,
        )
    digits = max(len(numbers.count(view.moment.instruction)) for view in views)
    return [
        crop(
            Line(
                (
                    Span(f"#{numbers.count(view.moment.instruction):<{digits}} ", "muted"),
                    Span(f"EL{view.moment.el} " if width >= 60 else "", "muted"),
                    Span(view.text, view.style),
                    Span(f"  at {view.where or hex(view.moment.pc)}", "muted"),
                ),
                Target(TargetKind.VIRTUAL, view.moment.pc),
            ),
            width,
        )
        for view in views
    ]
