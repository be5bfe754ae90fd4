"""Stops as lines: a mark, the number, what each waits for, and below it what it asks for and when it was hit."""

from __future__ import annotations

from mectui.queries.stops import StopsView, StopView
from mectui.render import numbers
from mectui.render.text import Line, Span, Target, TargetKind, column, crop, empty_pane, wrap

ON, OFF, SPECIAL = "●", "○", "◆"
"""A stop that is on, one that is off, and one that is on with a condition or a message."""
INDENT = 12
SHORT = {"breakpoint": "break", "watchpoint": "watch", "catchpoint": "catch"}


def mark(is_enabled: bool, is_special: bool) -> str:
    return OFF if not is_enabled else SPECIAL if is_special else ON


def summary(view: StopsView) -> str:
    """For the border."""
    if not view.stops:
        return ""
    off = sum(1 for item in view.stops if not item.is_enabled)
    return numbers.plural(len(view.stops), "stop") + (f", {off} off" if off else "")


def stops(view: StopsView, width: int) -> list[Line]:
    if not view.stops and not view.logged:
        return empty_pane(
            "Where and when the guest stops is listed here. b at an instruction sets a breakpoint, W at an address a "
            'watchpoint; or type: break PLACE, watch PLACE,SIZE, catch hit, log PLACE "x0 is {x0}", '
            "each with “if” and a condition.",
            width,
        )
    lines = [part for item in view.stops for part in one(item, width)]
    if view.logged:
        more = f", the last {len(view.logged)} of {numbers.count(view.total)}" if view.total > len(view.logged) else ""
        lines += [Line((Span(f"logged{more}", "muted"),))]
        for entry in reversed(view.logged):
            spans = (
                Span(f"  #{numbers.count(entry.moment.instruction)} ", "muted"),
                Span(f"{entry.number}: ", "muted"),
                Span(entry.text, "text"),
            )
            lines.append(crop(Line(spans, Target(TargetKind.STOP, entry.number)), width))
    return lines


def one(item: StopView, width: int) -> list[Line]:
    """ "● 2 break  fill_secret+0x8    12 hits, last #1,204 at fill_secret+0x8", and what it asks for."""
    target = Target(TargetKind.STOP, item.number)
    style = "breakpoint" if item.is_enabled else "muted"
    hits = numbers.plural(item.hits, "hit") if item.hits else "no hit"
    when = ""
    if item.last is not None:
        where = item.last_where or numbers.address(item.last.pc)
        when = f", last #{numbers.count(item.last.instruction)} at {where}"
    off = "" if item.is_enabled else "  off"
    first = [
        Span(mark(item.is_enabled, bool(item.condition or item.log or item.ignore)), style),
        column(f" {item.number}", 4, "strong"),
        column(SHORT[item.kind], 7, "muted"),
        Span(item.text, "text" if item.is_enabled else "muted"),
        Span(off, "warning"),
    ]
    tail = f"{hits}{when}"
    if item.line and sum(len(span.text) for span in first) + 4 + len(item.line) + len(tail) <= width:
        first.append(Span(f"  {item.line}", "muted"))
    used = sum(len(span.text) for span in first)
    lines = []
    if used + len(tail) + 2 <= width:
        lines.append(Line((*first, Span("  "), Span(tail, "muted")), target))
    else:
        text = wrap(item.text + off, max(width - INDENT, 8), "text" if item.is_enabled else "muted")
        lines.append(Line((*first[:3], *text[0].spans), target))
        lines += [Line((Span(" " * INDENT), *part.spans), target) for part in text[1:]]
        lines += [
            Line((Span(" " * INDENT), *part.spans), target) for part in wrap(tail, max(width - INDENT, 8), "muted")
        ]
    asks = [f"if {item.condition}"] if item.condition else []
    asks += [f'logs "{item.log}" and goes on'] if item.log else []
    asks += [f"ignores the next {numbers.plural(item.ignore, 'hit')}"] if item.ignore else []
    asks += ["once"] if item.is_temporary else []
    if asks:
        lines += [
            Line((Span(" " * INDENT), *part.spans), target)
            for part in wrap(", ".join(asks), max(width - INDENT, 8), "value")
        ]
    return [crop(each, width) for each in lines]
