"""Substituted hits as lines: what was asked for, who stored it, what is probably missing."""

from __future__ import annotations

from emu.architecture import PAS
from emu.debug.events import Moment
from mectui.queries.hits import HitsView, HitView
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import Line, Span, Target, TargetKind, crop, empty_pane, fit, wrap


def summary(view: HitsView) -> str:
    return numbers.plural(view.total, "hit")


def hits(view: HitsView, width: int, chosen: int | None = None) -> list[Line]:
    """Newest first. Each hit is two lines; the `chosen` one (by number) also says what is probably missing."""
    if not view.hits:
        return empty_pane(
            "No substituted access so far. One appears here when memory is read under another encryption context "
            "than it was stored under: the reader gets noise instead of what was stored.",
            width,
        )
    lines: list[Line] = []
    for item in reversed(view.hits):
        lines += one(item, width)
        if item.number == chosen:
            target = Target(TargetKind.HIT, item.number)
            lines += [
                Line((Span("     "), *part.spans), target)
                for part in wrap(f"likely: {item.likely}", width - 5, "warning")
            ]
    return fit(lines, width)


def context(pas: PAS, mecid: int) -> Span:
    if pas is PAS.REALM:
        return Span(f"id {mecid}", mecid_style(mecid))
    return Span(pas.label, space_style(pas.label))


def place(moment: Moment, name: str) -> str:
    where = name or f"{moment.pc:#x}"
    return f"#{numbers.count(moment.instruction)} EL{moment.el} {moment.security.label} {where}"


def reach(first: int, last: int) -> str:
    """ "0x4038_0000" or "0x4038_0000 … 0x4038_0ff8"."""
    return numbers.address(first) if first == last else f"{numbers.address(first)} … {numbers.address(last)}"


def one(item: HitView, width: int) -> list[Line]:
    hit = item.hit
    target = Target(TargetKind.HIT, item.number)
    source = f" ({hit.source.short})" if hit.source.value != "0" else ""
    times = f", {numbers.count(item.count)} times" if item.count > 1 else ""
    where = f"PA {reach(hit.pa, item.last.pa)}"
    if hit.va is not None and item.last.va is not None:
        where = f"VA {reach(hit.va, item.last.va)}  {where}"
    first = (
        Span(f"{item.number:>3}  ", "hit"),
        Span(f"{hit.access.value} of {numbers.plural(hit.size, 'byte')}{times}  ", "strong"),
        Span(where, "address"),
    )
    asked = (
        Span("     asked under ", "muted"),
        context(hit.pas, hit.mecid),
        Span(source, "muted"),
        Span(f" at {place(hit.moment, item.where)}", "text"),
    )
    writer = "before the log starts" if hit.writer is None else f"at {place(hit.writer, item.writer)}"
    key = f" key {hit.owned_by.generation}" if hit.owned_by.pas is PAS.REALM else ""
    stored = (
        Span("     stored under ", "muted"),
        context(hit.owned_by.pas, hit.owner),
        Span(key, "muted"),
        Span(f" {writer}", "text"),
    )
    return [crop(Line(spans, target), width) for spans in (first, asked, stored)]
