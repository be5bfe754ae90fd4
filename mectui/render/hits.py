"""Substituted hits as lines: who read, who had stored the bytes and under what, what is probably missing."""

from __future__ import annotations

from emu.architecture import PAS, MecidSource
from emu.debug.events import Moment
from emu.mec.writers import Writer
from mectui.queries.hits import HitsView, HitView
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import Line, Span, Target, TargetKind, cell_width, crop, empty_pane, fit, fold, wrap
from mectui.render.text import width as width_of

INDENT = "     "
WIDE = 84
"""Columns from which registers have their full names."""


def summary(view: HitsView) -> str:
    return numbers.plural(view.total, "hit")


def hits(
    view: HitsView, width: int, chosen: int | None = None, *, tells_keys: bool = True, tells_all: bool = False
) -> list[Line]:
    """Newest first. Each hit is what happened, the reader, the writer; the `chosen` one also says what is missing
    (or all of them do), and where its pane has the focus what the keys do."""
    if not view.hits:
        return empty_pane(
            "No substituted access so far. One appears here when memory is read under another encryption context "
            "than it was stored under: the reader gets noise instead of what was stored.",
            width,
        )
    lines: list[Line] = []
    for item in reversed(view.hits):
        is_chosen = tells_all or item.number == chosen
        told = one(item, width, is_folded=is_chosen)
        if not is_chosen:
            lines += [crop(part, width) for part in told]
        else:
            lines += [folded for part in told for folded in fold(part, width, INDENT * 2)]
            target = Target(TargetKind.HIT, item.number)
            lines += [
                Line((Span(INDENT), *part.spans), target) for part in advice(item, width - len(INDENT), tells_keys)
            ]
    if view.left_out:
        lines.append(Line((Span(f"{INDENT}{numbers.plural(view.left_out, 'earlier hit')} not listed", "muted"),)))
    return fit(lines, width)


def advice(item: HitView, width: int, tells_keys: bool = True) -> list[Line]:
    """What is probably missing, and what the keys do."""
    lines = wrap(f"likely: {item.likely}", width, "warning")
    if not tells_keys:
        return lines
    writer = "" if item.hit.writer is None else ", W the writer's"
    store = "" if item.hit.writer is None else ", o to the store"
    keys = f"Enter shows the reader's code{writer}, S runs to the next hit like it, t goes back to the read{store}"
    return [*lines, *wrap(keys, width, "muted")]


def context(pas: PAS, mecid: int) -> Span:
    if pas is PAS.REALM:
        return Span(f"MECID {mecid}", mecid_style(mecid))
    return Span(pas.label, space_style(pas.label))


def through(source: MecidSource | None, width: int) -> Span:
    """The register that supplied a MECID, by its short name where there is little room."""
    if source is None:
        return Span("")
    if source is MecidSource.ZERO:
        return Span(" (from no register)", "muted")
    return Span(f" ({source.value if width >= WIDE else source.short})", "muted")


def place(moment: Moment, name: str) -> str:
    """ "realm_b_search+0x8, EL1 realm #12,787"."""
    where = name or f"{moment.pc:#x}"
    return f"{where}, EL{moment.el} {moment.security.label} #{numbers.count(moment.instruction)}"


def shorter(moment: Moment, name: str) -> tuple[str, str]:
    """ "by realm_b_search+0x8, EL1 #12,787", "realm_b_search+0x8 #12,787": the same where there is less room.

    The moment is what a person travels by; the Security state goes first, the level and the context tell it.
    """
    where, when = name or f"{moment.pc:#x}", f"#{numbers.count(moment.instruction)}"
    return f"by {where}, EL{moment.el} {when}", f"{where} {when}"


def by_whom(before: tuple[Span, ...], moment: Moment, name: str, width: int, is_folded: bool) -> tuple[Span, ...]:
    """Who did it, behind `before`: in as many words as the line has room for, in all where it must be folded."""
    choices = (f"by {place(moment, name)}", *shorter(moment, name))
    fitting = (text for text in choices if width_of(Line(before)) + 1 + cell_width(text) <= width)
    text = next(fitting, choices[0] if is_folded else choices[-1])
    return (*before, Span(f" {text}", "text"))


def reach(first: int, last: int) -> str:
    """ "0x4038_0000" or "0x4038_0000 … 0x4038_0ff8"."""
    return numbers.address(first) if first == last else f"{numbers.address(first)} … {numbers.address(last)}"


def one(item: HitView, width: int, is_folded: bool = False) -> list[Line]:
    """Three lines: what and where, who asked, who had stored; in few words where they are not to be folded."""
    hit = item.hit
    target = Target(TargetKind.HIT, item.number)
    times = f", {numbers.count(item.count)} times" if item.count > 1 else ""
    where = f"PA {reach(hit.pa, item.last.pa)}"
    if hit.va is not None and item.last.va is not None and int(hit.va) != int(hit.pa):
        where = f"VA {reach(hit.va, item.last.va)}  {where}"
    what = "table walk" if hit.va is None else hit.access.value
    first = (
        Span(f"{item.number:>3}  ", "hit"),
        Span(f"{what} of {numbers.plural(hit.size, 'byte')}{times}  ", "strong"),
        Span(where, "address"),
    )
    asked: tuple[Span, ...] = (
        Span(f"{INDENT}read under   ", "muted"),
        context(hit.pas, hit.mecid),
        through(hit.source if hit.pas is PAS.REALM else None, width),
    )
    asked = by_whom(asked, hit.moment, item.where, width, is_folded)
    source = hit.writer.source if isinstance(hit.writer, Writer) and hit.owned_by.pas is PAS.REALM else None
    key = f" key {hit.owned_by.generation}" if hit.owned_by.generation else ""
    stored: tuple[Span, ...] = (
        Span(f"{INDENT}stored under ", "muted"),
        context(hit.owned_by.pas, hit.owner),
        Span(key, "changed"),
        through(source, width),
    )
    if hit.writer is None:
        stored = (*stored, Span(", by a store that is not known any more", "muted"))
    else:
        stored = by_whom(stored, hit.writer, item.writer, width, is_folded)
    return [
        Line(first, target),
        _with_line(Line(asked, target), item.line, width),
        _with_line(Line(stored, target), item.writer_line, width),
    ]


def _with_line(item: Line, name: str, width: int) -> Line:
    """The line of the source behind, where there is room for it."""
    if not name or width_of(item) + 2 + len(name) > width:
        return item
    return Line((*item.spans, Span(f"  {name}", "muted")), item.target)
