"""The run as strips of one character a column: levels, Security states, and rows of marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emu.architecture import Security
from emu.debug.history import Kind
from mectui.queries.timeline import SHOWN, Mark, TimelineView
from mectui.render import numbers
from mectui.render.styles import space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, fit, fold, line, wrap
from mectui.render.text import width as cells

LABEL = 11
"""Columns before the strips."""
LETTERS = {Security.ROOT: "T", Security.REALM: "R", Security.SECURE: "S", Security.NON_SECURE: "N"}
NAMES = {Kind.EXCEPTION: "exceptions", Kind.HIT: "hits", Kind.FINDING: "findings", Kind.STOP: "stops"}
STYLES = {Kind.EXCEPTION: "warning", Kind.HIT: "hit", Kind.FINDING: "fault", Kind.STOP: "breakpoint"}
NOTHING = "·"
TOLD, SCALE, POINTER, LEVEL, STATE = "told", "scale", "pointer", "level", "state"
ROOMY = 9
"""Lines from which everything above the details is there."""
ROOMY_ENOUGH = 40


def columns_for(width: int) -> int:
    return max(width - LABEL, 1)


def summary(view: TimelineView) -> str:
    if view.is_whole:
        return "the whole run"
    return f"#{numbers.count(view.start)} to #{numbers.count(view.end)}"


def rows(height: int) -> tuple[str, ...]:
    """The lines above the details, from the top: those with the marks are called by their kind."""
    lanes = (LEVEL, STATE, *(kind.value for kind in SHOWN))
    return (TOLD, SCALE, *lanes, POINTER) if height >= ROOMY else (TOLD, POINTER, *lanes)


def timeline(view: TimelineView, width: int, height: int = ROOMY_ENOUGH) -> list[Line]:
    """The bar with what is at the cursor above it, in `height` lines as far as possible; details and legend below."""
    first, *others = told(view)
    lanes = {
        TOLD: crop(first, width),
        SCALE: scale(view),
        POINTER: pointer(view),
        LEVEL: level_strip(view),
        STATE: state_strip(view),
        **{kind.value: mark_strip(NAMES[kind], counts_of(view, kind), STYLES[kind]) for kind in SHOWN},
    }
    more = [part for item in others for part in fold(item, width, "    ")]
    if cells(first) > width:
        more = [*fold(first, width, "    "), *more]
    above = [*(lanes[name] for name in rows(height)), *more]
    below = [BLANK, *legend(view, width)]
    return fit([*above, *near(view, width, height - len(above) - len(below)), *below], width)


LEAST_NEAR = 4
"""Lines that are worth a list of marks."""


def near(view: TimelineView, width: int, room: int) -> list[Line]:
    """The marks around the cursor, as many as there is room for: those behind it first of all, then those before."""
    if room < LEAST_NEAR:
        return []
    past, coming = (
        [part for mark in marks for part in fold(mark_line(mark), width, "    ")] for marks in (view.past, view.coming)
    )
    heads = (BLANK, line(("before", "muted"))), (BLANK, line(("after", "muted")))
    half = max(room // 2, room - len(past) - 2)
    after = [*heads[1], *coming][:half] if coming else []
    left = room - len(after)
    before = [*heads[0], *past[-(left - 2) :]] if past and left >= LEAST_NEAR else []
    return [*before, *after]


def counts_of(view: TimelineView, kind: Kind) -> list[int]:
    at = SHOWN.index(kind)
    return [item.marks[at] for item in view.columns]


def strips(view: TimelineView) -> list[Line]:
    """The scale and everything that has one character a column."""
    marks = [mark_strip(NAMES[kind], counts_of(view, kind), STYLES[kind]) for kind in SHOWN]
    return [scale(view), level_strip(view), state_strip(view), *marks]


def listed(view: TimelineView, marks: Sequence[Mark], width: int) -> list[Line]:
    """Marks one by one, and how many there are that are not listed."""
    lines = [BLANK, *(part for mark in marks for part in fold(mark_line(mark), width, "    "))]
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


def told(view: TimelineView) -> list[Line]:
    """Where the cursor is, and what is there: the first mark beside it, the others below."""
    if view.cursor == view.now:
        at = f"▲ #{numbers.count(view.now)} now"
    else:
        at = f"^ #{numbers.count(view.cursor)}"
    if not view.here:
        return [line((at, "strong"), ("  no mark here; ← → go from mark to mark", "muted"))]
    first, *others = view.here
    size = view.columns[place_of(view, view.cursor) or 0].size
    is_there = first.instruction == view.cursor or size == 1
    lines = [line((f"{at}  " if is_there else f"{at}  in this column: ", "strong"), *mark_parts(first, not is_there))]
    lines += [Line((Span("  "), *(Span(*part) for part in mark_parts(mark))), moment_of(mark)) for mark in others]
    more = view.here_count - sum(mark.times for mark in view.here)
    if more > 0:
        lines.append(line((f"  and {numbers.count(more)} more in this column: + zooms in", "muted")))
    return lines


def moment_of(mark: Mark) -> Target:
    return Target(TargetKind.MOMENT, mark.instruction)


def mark_parts(mark: Mark, has_number: bool = True) -> list[tuple[str, str]]:
    """ "#12,392 exception to EL2: HVC (EC 0x16)  at realm_a_store_secret+0x54"."""
    where = f"  at {mark.where or numbers.address(mark.pc)}"
    until = f" until #{numbers.count(mark.last)}" if mark.last > mark.instruction else ""
    often = f"  {numbers.count(mark.times)} times{until}" if mark.times > 1 else ""
    number = f"#{numbers.count(mark.instruction)} " if has_number else ""
    text = numbers.written_alike(mark.text)
    return [(number, "muted"), (text, STYLES[mark.kind]), (often, "strong"), (where, "muted")]


def mark_line(mark: Mark) -> Line:
    return line("  ", *mark_parts(mark), target=moment_of(mark))


KEYS = (
    " Enter, t or a click goes to the moment; ← → from mark to mark, v chooses which; + and - zoom, "
    "a shows the whole run."
)
"""What can be done in the pane; it follows the legend's other sentences."""


def legend(view: TimelineView, width: int, keys: str = KEYS) -> list[Line]:
    """What the letters and digits mean; `keys` where there are some to press."""
    letters = "T Root, R Realm, S Secure, N Non-secure"
    text = (
        f"EL: the exception level; state: {letters}; of several in a column the one that ran longest, as a small "
        f"letter. Digits: marks in a column, + more than nine.{keys}"
    )
    if view.unknown_from is not None:
        text += f" ? from #{numbers.count(view.unknown_from)} on the changes of level were too many to keep."
    return wrap(text, width, "muted")


def clicked(view: TimelineView, at: int, name: str) -> int:
    """The moment that a click on a column means: the first mark of the row's kind there, else where it starts."""
    item = view.columns[at]
    found = next((first for kind, first in zip(SHOWN, item.firsts, strict=True) if kind.value == name), None)
    return item.start if found is None else found
