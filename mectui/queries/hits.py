"""Substituted hits with both sides: who stored the data under which MECID, who asked for it under which."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from emu.debug.events import Hit
from emu.mec.rules.access import likely
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class HitView:
    """One hit, or a run of hits by one instruction on data with one owner; the symbols on both sides; what is missing.

    `hit` is the first of the run and `last` the last one; `number` counts hits, from 1.
    """

    number: int
    hit: Hit
    where: str
    writer: str
    likely: str
    count: int
    last: Hit


@dataclass(frozen=True, slots=True)
class HitsView:
    hits: tuple[HitView, ...]
    total: int
    """All hits of the run of the guest; more than are listed when there are very many."""


def hits(machine: emu.Machine, last: int = 20_000) -> HitsView:
    """The `last` hits so far, runs of alike ones together, newest last."""
    everything = machine.mec.hits
    first = max(len(everything) - last, 0)
    numbered = enumerate(everything[first:], first + 1)
    views = []
    for _, group in groupby(numbered, key=lambda item: alike(item[1])):
        run = list(group)
        number, hit = run[0]
        views.append(
            HitView(
                number=number,
                hit=hit,
                where=label(machine, hit.pc),
                writer="" if hit.writer is None else label(machine, hit.writer.pc),
                likely=likely(hit),
                count=len(run),
                last=run[-1][1],
            )
        )
    return HitsView(tuple(views), len(everything))


def alike(hit: Hit) -> tuple[object, ...]:
    """Hits in a row for which this is equal tell one story: a loop over a page, a pair loaded at once."""
    written_at = None if hit.writer is None else hit.writer.pc
    return hit.pc, hit.el, hit.security, hit.access, hit.size, hit.pas, hit.mecid, hit.source, hit.owned_by, written_at
