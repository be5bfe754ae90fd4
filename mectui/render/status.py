"""The header line: where the machine is and what MEC is doing."""

from __future__ import annotations

from dataclasses import dataclass

from mectui.queries.status import StatusView
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import Line, Span, cell_width, column, crop, line, width

GAP = "  "


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


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the header: `rank` says who leaves first where not all fit, the highest; 0 never does."""

    rank: int
    spans: tuple[Span, ...]

    @property
    def columns(self) -> int:
        return width(Line(self.spans)) + len(GAP)


def parts_of(view: StatusView, columns: int) -> list[Part]:
    """What the header can say, in the order in which it stands there."""
    is_past = view.furthest > view.instructions
    when = tuple(moment(view, columns))
    space = space_style(view.security.label)
    parts = [Part(0, (Span(f"EL{view.el} {view.security.label}", f"header strong {space}"),))]
    if is_past:
        parts.append(Part(1, when))
    parts.append(Part(3, (Span(mec_text(view), "header ok" if view.mec_at else "header muted"),)))
    where = view.pc_label or numbers.address(view.pc)
    parts.append(Part(6, (Span("pc ", "header muted"), Span(where, "header symbol"))))
    if view.source:
        parts.append(Part(20, (Span(view.source, "header"),)))
    if not is_past:
        parts.append(Part(5, when))
    if view.hits:
        parts.append(Part(0, (Span(numbers.plural(view.hits, "hit"), "header hit"),)))
    if view.findings:
        parts.append(Part(2, (Span(numbers.plural(view.findings, "finding"), "header warning"),)))
    for at, (name, number) in enumerate(view.mecids):
        value = Span(str(number), f"header {mecid_style(number)}")
        parts.append(Part(7 + at, (Span(f"{name}=", "header muted"), value)))
    return parts


def status(view: StatusView | None, guest: str, state: str, state_style: str, columns: int) -> Line:
    """The whole line in exactly `columns` columns; what matters least leaves first where they don't all fit.

    The number of hits never leaves while anything but the state has room: it is what this program is for.
    """
    parts = [] if view is None else parts_of(view, columns)
    name = Span("mectui  ", "header strong")
    guest_text = column(guest, min(cell_width(guest), max(columns // 4, 8)), "header")
    room = columns - 1 - cell_width(guest_text.text) - len(GAP) - len(state) - 2
    chosen: set[int] = set()
    for at, part in sorted(enumerate(parts), key=lambda item: item[1].rank):
        if part.rank == 0 or part.columns <= room:
            chosen.add(at)
            room -= part.columns
    spans = [Span(" ", "header"), guest_text, Span(GAP, "header")]
    if cell_width(name.text) <= room and columns >= ROOMY:
        spans.insert(1, name)
        room -= cell_width(name.text)
    for at, part in enumerate(parts):
        if at in chosen:
            spans += [*part.spans, Span(GAP, "header")]
    if room < 0:  # the state gives way, down to a word
        state = crop(line(state), max(len(state) + room, 8)).text
        room = 0
    spans += [Span(" " * room, "header"), Span(f" {state} ", f"header {state_style}")]
    used = width(Line(tuple(spans)))
    if used > columns:
        return Line((Span(f" {state}"[:columns].ljust(columns), f"header {state_style}"),))
    return Line((*spans[:-1], Span(" " * (columns - used), "header"), spans[-1]))
