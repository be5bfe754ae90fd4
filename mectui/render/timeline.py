"""The run as strips of one character a column: levels, Security states, and rows of marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emu.architecture import Security
from emu.debug.history import Kind
from mectui.queries.timeline import SHOWN, Mark, TimelineView
from mectui.render import numbers
from mectui.render.styles import space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, fit, line, wrap

LABEL = 11
"""Columns before the strips."""
LETTERS = {Security.ROOT: "T", Security.REALM: "R", Security.SECURE: "S", Security.NON_SECURE: "N"}
NAMES = {Kind.EXCEPTION: "exceptions", Kind.HIT: "hits", Kind.FINDING: "findings", Kind.STOP: "stops"}
STYLES = {Kind.EXCEPTION: "warning", Kind.HIT: "hit", Kind.FINDING: "fault", Kind.STOP: "breakpoint"}
NOTHING = "·"
STRIPS = 7
"""Lines from the scale on that belong to the bar: a click on one is a click on a moment."""


def columns_for(width: int) -> int:
    return max(width - LABEL, 1)


def summary(view: TimelineView) -> str:
    if view.is_whole:
        return "the whole run"
    return f"#{numbers.count(view.start)} to #{numbers.count(view.end)}"


def timeline(view: TimelineView, width: int) -> list[Line]:
    """The bar, what is at the cursor in words, and what the letters mean."""
    lines = [*strips(view, width), pointer(view), *told(view, width), BLANK, *legend(view, width)]
    return fit(lines, width)


def strips(view: TimelineView, width: int) -> list[Line]:
    """The scale and everything that has one character a column."""
    lines = [scale(view), level_strip(view), state_strip(view)]
    for number, kind in enumerate(SHOWN):
        counts = [item.marks[number] for item in view.columns]
        lines.append(mark_strip(NAMES[kind], counts, STYLES[kind]))
    return lines


def listed(view: TimelineView, marks: Sequence[Mark], width: int) -> list[Line]:
    """Marks one by one, and how many there are that are not listed."""
    lines = [BLANK, *(crop(mark_line(mark), width) for mark in marks)]
    missing = sum(view.totals) - sum(mark.times for mark in marks)
    if missing > 0:
        lines.append(line((f"  and {numbers.count(missing)} before", "muted")))
    return [*lines, BLANK] if len(lines) > 1 else lines


def place_of(view: TimelineView, instruction: int) -> int | None:
    """The column of an instruction count; None outside the window."""
    for number, item in enumerate(view.columns):
        if item.start <= instruction < item.start + item.size:
            return number
    return None


def scale(view: TimelineView) -> Line:
    """ "            #0 ························· #22,072"."""
    start, end = f"#{numbers.count(view.start)}", f"#{numbers.count(view.end)}"
    room = len(view.columns) - len(start) - len(end)
    if room < 1:
        return line((" " * LABEL, ""), (f"{start} to {end}", "muted"))
    return line((" " * LABEL, ""), (start, "muted"), (" " * room, ""), (end, "muted"))


def strip(name: str, cells: Iterable[Span]) -> Line:
    """Cells of one style next to each other are one span."""
    spans = [column(name, LABEL, "muted")]
    for cell in cells:
        if cell.style == spans[-1].style and len(spans) > 1:
            spans[-1] = Span(spans[-1].text + cell.text, cell.style)
        else:
            spans.append(cell)
    return Line(tuple(spans))


def level_strip(view: TimelineView) -> Line:
    return strip(
        "EL",
        (Span("?", "unknown") if item.el is None else Span(str(item.el), "text") for item in view.columns),
    )


def state_strip(view: TimelineView) -> Line:
    return strip(
        "state",
        (
            Span("?", "unknown")
            if item.security is None
            else Span(letter(item.security, item.is_mixed), space_style(item.security.label))
            for item in view.columns
        ),
    )


def letter(security: Security, is_mixed: bool) -> str:
    """A small letter where there are other states too."""
    return LETTERS[security].lower() if is_mixed else LETTERS[security]


def mark_strip(name: str, counts: list[int], style: str) -> Line:
    """A digit where there are marks, + for more than nine."""
    return strip(
        name,
        (Span(NOTHING, "muted") if not count else Span(str(count) if count < 10 else "+", style) for count in counts),
    )


def pointer(view: TimelineView) -> Line:
    """Where the machine is (▲), and where somebody looks (^)."""
    now, cursor = place_of(view, view.now), place_of(view, view.cursor)
    cells = [" "] * len(view.columns)
    if now is not None:
        cells[now] = "▲"
    if cursor is not None and cursor != now:
        cells[cursor] = "^"
    return Line((column("now ▲", LABEL, "muted"), Span("".join(cells), "pc")))


def told(view: TimelineView, width: int) -> list[Line]:
    """Where the cursor is, and what is there."""
    at = f"^ #{numbers.count(view.cursor)}"
    if view.cursor == view.now:
        at = f"▲ #{numbers.count(view.now)} now"
        if view.now < view.furthest:
            at += f", in the past: the run came to #{numbers.count(view.furthest)}"
        elif view.now == view.furthest:
            at += ", as far as the run has come"
    item = view.columns[0 if (place := place_of(view, view.cursor)) is None else place]
    if not view.here:
        return [line((at, "strong"), ("  no mark here; ← → go to the marks", "muted"))]
    lines = [line((at, "strong")), *(crop(mark_line(mark), width) for mark in view.here)]
    more = view.here_count - sum(mark.times for mark in view.here)
    if more > 0:
        lines.append(line((f"  and {numbers.count(more)} more in this column: + zooms in", "muted")))
    elif item.size > 1 and view.here[0].instruction != view.cursor:
        lines[0] = line((at, "strong"), ("  in this column:", "muted"))
    return lines


def mark_line(mark: Mark) -> Line:
    target = Target(TargetKind.MOMENT, mark.instruction)
    where = f"  at {mark.where}" if mark.where else f"  at {numbers.address(mark.pc)}"
    often = f"  {numbers.count(mark.times)} times until #{numbers.count(mark.last)}" if mark.times > 1 else ""
    return line(
        (f"  #{numbers.count(mark.instruction)} ", "muted"),
        (mark.text, STYLES[mark.kind]),
        (often, "strong"),
        (where, "muted"),
        target=target,
    )


def legend(view: TimelineView, width: int) -> list[Line]:
    letters = "T Root, R Realm, S Secure, N Non-secure"
    text = (
        f"EL: the exception level; state: {letters}; of several in a column the one that ran longest, in a small "
        "letter. Digits: marks in a column, + more than nine."
    )
    if view.unknown_from is not None:
        text += f" ? from #{numbers.count(view.unknown_from)} on the changes of level were too many to keep."
    return wrap(text, width, "muted")


def clicked(view: TimelineView, at: int, strip_line: int) -> int:
    """The moment that a click on a column means: the first mark of the strip's kind there, else where it starts."""
    item = view.columns[at]
    if at == place_of(view, view.cursor) and view.here:
        wanted = SHOWN[strip_line - 3] if 3 <= strip_line < 3 + len(SHOWN) else None
        for mark in view.here:
            if wanted in (None, mark.kind):
                return mark.instruction
    return item.start
