"""Substituted hits with both sides: who stored the data under which MECID, who asked for it under which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.debug.events import Hit
from emu.mec.rules.access import likely
from mectui.queries.labels import label, line_name

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class HitView:
    """One hit, or those of a loop by one instruction on data with one owner; both sides' symbols; what is missing.

    `hit` is the first of them and `last` the last one; `number` counts hits, from 1.
    """

    number: int
    hit: Hit
    where: str
    writer: str
    likely: str
    count: int
    last: Hit
    line: str = ""
    """The line of the source that asked, "mec.c:40", and the one that stored; "" where they are not known."""
    writer_line: str = ""


@dataclass(frozen=True, slots=True)
class HitsView:
    hits: tuple[HitView, ...]
    total: int
    """All hits of the run of the guest; more than are listed when there are very many."""
    left_out: int = 0
    """Hits that no story of the list counts."""


RECENT = 8
"""A hit belongs to the story of one like it among so many stories before: the loads of a loop take turns."""


def hits(machine: emu.Machine, last: int = 20_000) -> HitsView:
    """The `last` hits so far, alike ones of a loop together, newest last."""
    everything = machine.mec.hits
    first = max(len(everything) - last, 0)
    stories: list[list[tuple[int, Hit]]] = []
    recent: dict[tuple[object, ...], list[tuple[int, Hit]]] = {}
    for number, hit in enumerate(everything[first:], first + 1):
        key = alike(hit)
        story = recent.pop(key, None)
        if story is None:
            story = []
            stories.append(story)
            if len(recent) == RECENT:
                del recent[next(iter(recent))]
        recent[key] = story
        story.append((number, hit))
    views = tuple(
        HitView(
            number=story[0][0],
            hit=story[0][1],
            where=label(machine, story[0][1].pc),
            writer="" if story[0][1].writer is None else label(machine, story[0][1].writer.pc),
            likely=likely(story[0][1]),
            count=len(story),
            last=story[-1][1],
            line=line_name(machine, story[0][1].pc),
            writer_line="" if story[0][1].writer is None else line_name(machine, story[0][1].writer.pc),
        )
        for story in stories
    )
    total = machine.mec.hit_count
    return HitsView(views, total, total - (len(everything) - first))


def alike(hit: Hit) -> tuple[object, ...]:
    """Hits for which this is equal tell one story: a loop over a page, a pair loaded at once."""
    written_at = None if hit.writer is None else hit.writer.pc
    return hit.pc, hit.el, hit.security, hit.access, hit.size, hit.pas, hit.mecid, hit.source, hit.owned_by, written_at


def hits_json(view: HitsView) -> dict[str, Any]:
    """Everything `mectui hits --json` prints: runs of alike hits, with both sides of each."""
    from mectui.queries.report import hit_json  # imports all rules: only for those who ask

    return {
        "schema": 1,
        "hit_count": view.total,
        "hits": [
            {
                **hit_json(item.hit),
                "number": item.number,
                "count": item.count,
                "where": item.where or None,
                "line": item.line or None,
                "writer": None
                if item.hit.writer is None
                else {
                    "instruction": item.hit.writer.instruction,
                    "pc": f"{item.hit.writer.pc:#x}",
                    "el": item.hit.writer.el,
                    "security": item.hit.writer.security.label,
                    "where": item.writer or None,
                    "line": item.writer_line or None,
                },
                "likely": item.likely,
            }
            for item in view.hits
        ],
    }
