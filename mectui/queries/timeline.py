"""The whole run in columns: which level and Security state it was in, and where something is worth going to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from emu.architecture import Security
from emu.data_path import MOST_KEPT
from emu.debug.events import Hit
from emu.debug.history import Change, Kind, Marks
from mectui.queries.events import describe, written
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu

SHOWN = (Kind.EXCEPTION, Kind.HIT, Kind.FINDING, Kind.STOP)
"""What has a row of marks."""
MOST_TOLD = 12
"""Marks of one column that are told in words."""
MOST_HITS = 5_000
"""Hits of one column that are put together, those of one instruction to one mark."""
MOST_CHANGES = 400
"""Changes of level within a column that are weighed; of more, every so-manieth."""


@dataclass(frozen=True, slots=True)
class Column:
    """A piece of the run. `el` and `security` are those that most of it ran in; None where nobody wrote them down."""

    start: int
    size: int
    """Instructions."""
    el: int | None
    security: Security | None
    is_mixed: bool
    """Whether it was in other Security states too."""
    marks: tuple[int, ...]
    """How many marks of each kind of `SHOWN`."""
    firsts: tuple[int | None, ...]
    """The first mark of each."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to go to."""

    instruction: int
    kind: Kind
    text: str
    where: str
    """The symbol, or ""."""
    pc: int
    times: int = 1
    """How often it happened at this instruction, the last time at `last`."""
    last: int = 0


@dataclass(frozen=True, slots=True)
class TimelineView:
    """A window of the run from `first` to `furthest`; the machine is at `now`, and somebody looks at `cursor`."""

    first: int
    furthest: int
    now: int
    start: int
    end: int
    """The first and the last instruction count of the window."""
    cursor: int
    columns: tuple[Column, ...]
    totals: tuple[int, ...]
    """Marks in the whole run, by kind of `SHOWN`."""
    here: tuple[Mark, ...]
    """The marks at the cursor, or in its column."""
    here_count: int
    before: int | None
    """The mark before the cursor, of the kinds that are visited."""
    after: int | None
    past: tuple[Mark, ...] = ()
    coming: tuple[Mark, ...] = ()
    """The marks before those that are `here`, and behind them, as many as were asked for."""
    unknown_from: int | None = None
    """From here on nobody wrote down which level the run was in."""

    @property
    def is_whole(self) -> bool:
        return (self.start, self.end) == (self.first, self.furthest)


def timeline(
    machine: emu.Machine,
    marks: Marks,
    columns: int,
    *,
    first: int = 0,
    furthest: int | None = None,
    window: tuple[int, int] | None = None,
    cursor: int | None = None,
    visited: Sequence[Kind] = SHOWN,
    most_near: int = 0,
) -> TimelineView:
    """The run, or a `window` of it (first and last instruction count), in `columns` columns at most.

    `most_near` marks before the cursor and behind it are told in words, of the kinds that are `visited`.
    """
    now = machine.instructions
    last = now if furthest is None else max(furthest, now)
    start, end = (first, last) if window is None else (max(window[0], first), min(window[1], last))
    end = max(start, end)
    at = now if cursor is None else min(max(cursor, first), last)
    edges = edges_of(start, end, columns)
    known = moments_of(machine, marks)
    counts = [counted(known[kind], edges) for kind in SHOWN]
    lanes = lanes_of(marks.changes, edges)
    unknown = None if marks.is_complete else marks.changes[-1].instruction
    pieces = []
    for number, (low, high) in enumerate(pairwise(edges)):
        el, security, is_mixed = lanes[number]
        happened = tuple(count[number] for count in counts)
        firsts = tuple(next(iter(piece_of(known[kind], low, high)), None) for kind in SHOWN)
        if unknown is not None and low > unknown:
            pieces.append(Column(low, high - low, None, None, False, happened, firsts))
        else:
            pieces.append(Column(low, high - low, el, security, is_mixed, happened, firsts))
    low, high = at, at + 1
    if not any(at in piece_of(known[kind], at, at + 1) for kind in SHOWN):
        column = min(max(bisect_right(edges, at) - 1, 0), len(pieces) - 1)
        low, high = edges[column], edges[column + 1]
    here = told(machine, marks, known, low, high)
    return TimelineView(
        first=first,
        furthest=last,
        now=now,
        start=start,
        end=end,
        cursor=at,
        columns=tuple(pieces),
        totals=tuple(len(known[kind]) for kind in SHOWN),
        here=tuple(here[:MOST_TOLD]),
        here_count=sum(len(piece_of(known[kind], low, high)) for kind in SHOWN),
        before=max((found for kind in visited if (found := before(known[kind], at)) is not None), default=None),
        after=min((found for kind in visited if (found := after(known[kind], at)) is not None), default=None),
        past=_near(machine, marks, known, first, low, visited, most_near, is_past=True),
        coming=_near(machine, marks, known, high, last + 1, visited, most_near),
        unknown_from=unknown,
    )


def _near(
    machine: emu.Machine,
    marks: Marks,
    known: dict[Kind, Sequence[int]],
    low: int,
    high: int,
    visited: Sequence[Kind],
    most: int,
    is_past: bool = False,
) -> tuple[Mark, ...]:
    """The first marks of a piece of the run, or the last ones of what `is_past`."""
    if not most or low >= high:
        return ()
    found = [mark for mark in told(machine, marks, known, low, high, most, is_past) if mark.kind in visited]
    return tuple(found[-most:] if is_past else found[:most])


def moments_of(machine: emu.Machine, marks: Marks) -> dict[Kind, Sequence[int]]:
    """When things of each kind happened; a stop that only wrote something down is a stop here too."""
    known: dict[Kind, Sequence[int]] = {kind: marks.moments(kind) for kind in SHOWN}
    logs = {entry.moment.instruction for entry in written(machine)}
    if logs:
        known[Kind.STOP] = sorted(logs.union(known[Kind.STOP]))
    return known


def edges_of(start: int, end: int, columns: int) -> list[int]:
    """Where columns begin, and where the last one ends; no column is narrower than one instruction."""
    total = end - start + 1
    number = max(1, min(columns, total))
    return [start + total * index // number for index in range(number + 1)]


def piece_of(moments: Sequence[int], low: int, high: int) -> Sequence[int]:
    return moments[bisect_left(moments, low) : bisect_left(moments, high)]


def counted(moments: Sequence[int], edges: Sequence[int]) -> list[int]:
    places = [bisect_left(moments, edge) for edge in edges]
    return [high - low for low, high in pairwise(places)]


def before(moments: Sequence[int], instruction: int) -> int | None:
    at = bisect_left(moments, instruction)
    return moments[at - 1] if at else None


def after(moments: Sequence[int], instruction: int) -> int | None:
    at = bisect_right(moments, instruction)
    return moments[at] if at < len(moments) else None


def lanes_of(changes: Sequence[Change], edges: Sequence[int]) -> list[tuple[int, Security, bool]]:
    """For each column the level and state that most of it ran in, and whether there were other states."""
    starts = [change.instruction for change in changes]
    lanes = []
    for low, high in pairwise(edges):
        begin, stop = max(bisect_right(starts, low) - 1, 0), bisect_left(starts, high)
        inside = changes[begin : max(stop, begin + 1)]
        if len(inside) > MOST_CHANGES:
            inside = inside[:: len(inside) // MOST_CHANGES]
        weights: Counter[tuple[int, Security]] = Counter()
        ends = [*(change.instruction for change in inside[1:]), high]
        for change, until in zip(inside, ends, strict=True):
            weights[change.el, change.security] += max(min(until, high) - max(change.instruction, low), 0)
        (el, security), _ = weights.most_common(1)[0]
        lanes.append((el, security, len({state for _, state in weights}) > 1))
    return lanes


def reach(moments: Sequence[int], low: int, high: int, most: int, is_past: bool = False) -> slice:
    """Where the first of the events of a piece of the run are in their list, or the last ones of what `is_past`."""
    begin, end = bisect_left(moments, low), bisect_left(moments, high)
    return slice(max(begin, end - most), end) if is_past else slice(begin, min(end, begin + most))


def hits_told(machine: emu.Machine, hits: Sequence[Hit]) -> list[Mark]:
    """Hits in words; those of one instruction are told together."""
    together: dict[tuple[int, int, int], list[Hit]] = {}
    for hit in hits:
        together.setdefault((hit.pc, hit.mecid, hit.owner), []).append(hit)
    return [
        Mark(
            same[0].instruction, Kind.HIT, describe(same[0])[0], label(machine, pc), pc, len(same), same[-1].instruction
        )
        for (pc, _, _), same in together.items()
    ]


def told(
    machine: emu.Machine,
    marks: Marks,
    known: dict[Kind, Sequence[int]],
    low: int,
    high: int,
    most: int = MOST_TOLD,
    is_past: bool = False,
) -> list[Mark]:
    """The first marks of a piece of the run in words, or the last ones of what `is_past`."""
    found: list[Mark] = []
    for event in marks.all_exceptions()[reach(known[Kind.EXCEPTION], low, high, most, is_past)]:
        pc = event.moment.pc
        found.append(Mark(event.moment.instruction, Kind.EXCEPTION, describe(event)[0], label(machine, pc), pc))
    found += hits_told(machine, marks.all_hits()[reach(known[Kind.HIT], low, high, MOST_HITS, is_past)])
    for finding in marks.all_findings():
        if low <= finding.instruction < high:
            pc = finding.pc
            text = f"{finding.rule}: {finding.message}"
            found.append(Mark(finding.instruction, Kind.FINDING, text, label(machine, pc), pc))
    for at, stop in marks.stops:
        if low <= at < high:
            number = "" if stop.number is None else f" {stop.number}"
            text = f"stopped: {stop.reason.value}{number}"
            found.append(Mark(at, Kind.STOP, text, label(machine, stop.pc), stop.pc))
    for entry in written(machine):
        if low <= entry.moment.instruction < high:
            pc = entry.moment.pc
            text = f"log {entry.number}: {entry.text}"
            found.append(Mark(entry.moment.instruction, Kind.STOP, text, label(machine, pc), pc))
    return sorted(found, key=lambda mark: mark.instruction)


def told_last(machine: emu.Machine, marks: Marks, most: int) -> list[Mark]:
    """The last marks of the whole run in words, `most` of them."""
    known = moments_of(machine, marks)
    found = told(machine, marks, known, 0, machine.instructions + 1, MOST_KEPT)
    return found[-most:] if most else []


def timeline_json(view: TimelineView, marks: Sequence[Mark]) -> dict[str, Any]:
    """What `mectui timeline --json` prints; names here are a contract."""
    return {
        "schema": 1,
        "first": view.first,
        "last": view.furthest,
        "marks": [
            {
                "instruction": mark.instruction,
                "kind": mark.kind.value,
                "times": mark.times,
                "last": max(mark.last, mark.instruction),
                "pc": f"{mark.pc:#x}",
                "symbol": mark.where or None,
                "text": mark.text,
            }
            for mark in marks
        ],
        "columns": [
            {
                "instruction": column.start,
                "size": column.size,
                "el": column.el,
                "security": None if column.security is None else column.security.label,
                "mixed": column.is_mixed,
                **{f"{kind.value}s": count for kind, count in zip(SHOWN, column.marks, strict=True)},
            }
            for column in view.columns
        ],
    }
