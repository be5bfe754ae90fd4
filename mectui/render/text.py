"""Lines of styled text without any user interface: a span is text and the name of a style."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple


class Span(NamedTuple):
    """A run of text in one style. Styles are names ("address", "mecid.5"); a theme says what they look like."""

    text: str
    style: str = ""


class TargetKind(Enum):
    """What a line stands for, so that a key or a click on it can act on that."""

    VIRTUAL = "virtual address"
    PHYSICAL = "physical address"
    FOLD = "fold"
    HIT = "hit"
    FINDING = "finding"
    REGISTER = "register"
    FIELD = "field of a register or descriptor"
    ENTRY = "TLB entry"
    MECID = "MECID"
    EVENT = "event"
    STOP = "stop"
    CALL = "call that is under way"
    DISPLAY = "expression shown at every stop"
    VARIABLE = "variable"
    MOMENT = "instruction count"


class Target(NamedTuple):
    kind: TargetKind
    value: int | str


class Line(NamedTuple):
    """One line of a view: its spans, and what it stands for."""

    spans: tuple[Span, ...]
    target: Target | None = None

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


def line(*parts: str | tuple[str, str], target: Target | None = None) -> Line:
    """A line of parts, each plain text or (text, style)."""
    spans = tuple(Span(part) if isinstance(part, str) else Span(*part) for part in parts)
    return Line(tuple(span for span in spans if span.text), target)


BLANK = Line(())


def plain(lines: Iterable[Line]) -> str:
    """The text alone, a newline after every line, no spaces at line ends."""
    return "".join(item.text.rstrip() + "\n" for item in lines)


def cell_width(text: str) -> int:
    """Terminal columns `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def printable(text: str) -> str:
    """`text` with every control character shown as a dot: a guest's bytes must never steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character == "\t" or unicodedata.category(character)[0] != "C" else "·" for character in text
    ).replace("\t", "    ")


def width(item: Line) -> int:
    return sum(cell_width(span.text) for span in item.spans)


def crop(item: Line, limit: int, ellipsis: str = "…") -> Line:
    """At most `limit` columns of a line; what is cut off is marked with an ellipsis."""
    if width(item) <= limit:
        return item
    room = max(limit - cell_width(ellipsis), 0)
    spans: list[Span] = []
    for span in item.spans:
        text = _take(span.text, room)
        if text:
            spans.append(Span(text, span.style))
            room -= cell_width(text)
        if text != span.text:
            break
    return Line((*spans, Span(ellipsis, "muted")) if limit > 0 else (), item.target)


def fit(lines: Iterable[Line], limit: int) -> list[Line]:
    """Every line cropped to `limit` columns."""
    return [crop(item, limit) for item in lines]


def _take(text: str, columns: int) -> str:
    if text.isascii():
        return text[:columns]
    taken, used = "", 0
    for character in text:
        used += _character_width(character)
        if used > columns:
            break
        taken += character
    return taken


def highlight(item: Line, needle: str, style: str = "found") -> Line:
    """The line with `style` added wherever `needle` stands in it, whatever the case and whichever spans it crosses."""
    text, wanted = item.text.lower(), needle.lower()
    if not wanted or len(text) != len(item.text) or wanted not in text:
        return item
    found = [False] * len(text)
    at = text.find(wanted)
    while at >= 0:
        found[at : at + len(wanted)] = [True] * len(wanted)
        at = text.find(wanted, at + 1)
    spans: list[Span] = []
    start = 0
    for span in item.spans:
        at = 0
        while at < len(span.text):
            is_found = found[start + at]
            end = at
            while end < len(span.text) and found[start + end] is is_found:
                end += 1
            spans.append(Span(span.text[at:end], f"{span.style} {style}".strip() if is_found else span.style))
            at = end
        start += len(span.text)
    return Line(tuple(spans), item.target)


def fold(item: Line, limit: int, indent: str = "") -> list[Line]:
    """A line of spans folded at spaces to `limit` columns; every line but the first starts with `indent`."""
    lines: list[Line] = []
    current: list[Span] = []
    used = 0
    for span in item.spans:
        for word in re.findall(r" *[^ ]+| +", span.text):
            if used + cell_width(word) > limit and used > len(indent) and word.strip():
                lines.append(Line(tuple(current), item.target))
                current, used = [Span(indent)] if indent else [], len(indent)
                word = word.lstrip()
            current.append(Span(word, span.style))
            used += cell_width(word)
    return fit([*lines, Line(tuple(current), item.target)], limit)


def beside(left: Line, right: Sequence[Span] | Line, columns: int) -> Line:
    """`left` with `right` set flush against column `columns`; left is cropped where both do not fit."""
    tail = right if isinstance(right, Line) else Line(tuple(right))
    room = max(columns - width(tail) - 1, 0)
    head = crop(left, room)
    gap = columns - width(head) - width(tail)
    return Line((*head.spans, Span(" " * max(gap, 0)), *tail.spans), left.target)


def column(text: str, columns: int, style: str = "", right: bool = False) -> Span:
    """`text` in exactly `columns` columns."""
    if cell_width(text) > columns:
        text = _take(text, max(columns - 1, 0)) + ("…" if columns > 0 else "")
    gap = " " * (columns - cell_width(text))
    return Span(gap + text if right else text + gap, style)


def wrap(text: str, columns: int, style: str = "", indent: str = "", target: Target | None = None) -> list[Line]:
    """`text` folded at words to lines of at most `columns`; every line but the first starts with `indent`."""
    # Names of guests and of their files have hyphens, and are searched for as a whole.
    folded = textwrap.wrap(text, max(columns, 10), subsequent_indent=indent, break_on_hyphens=False)
    return [Line((Span(part, style),), target) for part in folded]


def empty_pane(text: str, columns: int) -> list[Line]:
    """What a pane without content says: what will appear there, and how to make it."""
    return fit([line((part, "muted")) for part in textwrap.wrap(text, max(columns, 10))], columns)
