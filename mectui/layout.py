"""Which pane is where: a function from the size of the board and the workspace to places. Knows no Textual."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

ALL = (
    "lesson", "disassembly", "registers", "pipeline", "walk", "memory", "tlb", "gpt", "map", "ledger",
    "hits", "findings", "stops", "displays", "calls", "variables", "console", "events", "timeline",
)  # fmt: skip
"""Every pane, in the order of the tab key where all share one place."""

HUGE = (200, 58)
WIDE = (132, 34)
MEDIUM = (100, 26)
SMALL = (60, 14)
"""Smallest (columns, rows) of the board for each arrangement; below SMALL one place holds everything."""


STRIP = 10
"""Rows of the whole timeline."""
HALF = 50
"""Columns that are enough for any pane."""


class Workspace(StrEnum):
    DEBUG = "debug"
    TRANSLATION = "translation"
    MEC = "mec"
    LESSON = "lesson"


ABOUT = {
    Workspace.DEBUG: "disassembly",
    Workspace.TRANSLATION: "walk",
    Workspace.MEC: "map",
    Workspace.LESSON: "lesson",
}
"""The pane that a workspace is about."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of the board and the panes that share it, first one in front to begin with."""

    x: int
    y: int
    width: int
    height: int
    panes: tuple[str, ...]


def arrange(width: int, height: int, workspace: Workspace, present: Collection[str] = ALL) -> tuple[Place, ...]:
    """The places of a workspace. Together they fill the board and hold every pane of `present` exactly once."""
    if width >= HUGE[0] and height >= HUGE[1]:
        places = huge(width, height, workspace)
    elif width >= WIDE[0] and height >= WIDE[1]:
        places = wide(width, height, workspace)
    elif width >= MEDIUM[0] and height >= MEDIUM[1]:
        places = medium(width, height, workspace)
    elif width >= SMALL[0] and height >= SMALL[1]:
        places = small(width, height, workspace)
    else:
        places = (Place(0, 0, width, height, rotated(ABOUT[workspace])),)
    chosen = (
        Place(place.x, place.y, place.width, place.height, tuple(name for name in place.panes if name in present))
        for place in places
    )
    return tuple(place for place in chosen if place.panes)


def rotated(first: str) -> tuple[str, ...]:
    return (first, *(name for name in ALL if name != first))


def rest(*taken: str) -> tuple[str, ...]:
    """Every pane that is not named, in the order of the tab key; the lesson last."""
    return tuple(name for name in (*ALL[1:], ALL[0]) if name not in taken)


def columns(width: int, *shares: int) -> list[tuple[int, int]]:
    """(start, size) of pieces of `width` in the proportion of `shares`, without gaps."""
    total, edges, reached = sum(shares), [0], 0
    for share in shares:
        reached += share
        edges.append(width * reached // total)
    return [(edges[at], edges[at + 1] - edges[at]) for at in range(len(shares))]


def wide(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """Everything at once."""
    match workspace:
        case Workspace.DEBUG:
            top, middle, bottom = columns(height, 50, 29, 21)
            left, centre, right = columns(width, 34, 33, 33)
            hits, console, events = columns(width, 42, 29, 29)
            return (
                Place(left[0], top[0], left[1], top[1], ("disassembly", "lesson")),
                Place(centre[0], top[0], centre[1], top[1], ("registers", "variables", "pipeline")),
                Place(right[0], top[0], right[1], top[1], ("walk",)),
                Place(left[0], middle[0], left[1], middle[1], ("memory",)),
                Place(centre[0], middle[0], centre[1], middle[1], ("tlb", "gpt")),
                Place(right[0], middle[0], right[1], middle[1], ("map", "ledger")),
                Place(hits[0], bottom[0], hits[1], bottom[1], ("hits", "findings")),
                Place(console[0], bottom[0], console[1], bottom[1], ("console", "calls", "displays", "stops")),
                Place(events[0], bottom[0], events[1], bottom[1], ("events", "timeline")),
            )
        case Workspace.TRANSLATION:
            left, right = columns(width, 1, 1)
            upper, lower = columns(height, 66, 34)
            first, second, third = columns(height, 36, 38, 26)
            return (
                Place(left[0], upper[0], left[1], upper[1], ("walk",)),
                Place(left[0], lower[0], left[1], lower[1], ("disassembly", "pipeline")),
                Place(right[0], first[0], right[1], first[1], ("tlb",)),
                Place(right[0], second[0], right[1], second[1], ("registers", "gpt")),
                Place(
                    right[0], third[0], right[1], third[1],
                    rest("walk", "disassembly", "pipeline", "tlb", "registers", "gpt"),
                ),
            )  # fmt: skip
        case Workspace.MEC:
            left, right = columns(width, 1, 1)
            upper, lower = columns(height, 58, 42)
            first, second, third = columns(height, 44, 28, 28)
            return (
                Place(left[0], upper[0], left[1], upper[1], ("map",)),
                Place(left[0], lower[0], left[1], lower[1], ("hits", "findings")),
                Place(right[0], first[0], right[1], first[1], ("registers", "ledger")),
                Place(right[0], second[0], right[1], second[1], ("memory", "walk", "tlb", "gpt")),
                Place(
                    right[0], third[0], right[1], third[1],
                    rest("map", "hits", "findings", "registers", "ledger", "memory", "walk", "tlb", "gpt"),
                ),
            )  # fmt: skip
        case Workspace.LESSON:
            left, right = columns(width, 44, 56)
            upper, lower = columns(height, 55, 45)
            first, second = columns(right[1], 1, 1)
            above = ("walk", "map", "tlb", "memory", "gpt", "ledger", "hits", "findings", "pipeline")
            return (
                Place(left[0], 0, left[1], height, ("lesson",)),
                Place(right[0], upper[0], first[1], upper[1], ("disassembly",)),
                Place(right[0] + second[0], upper[0], second[1], upper[1], ("registers",)),
                Place(right[0], lower[0], first[1], lower[1], above),
                Place(
                    right[0] + second[0], lower[0], second[1], lower[1],
                    rest("lesson", "disassembly", "registers", *above),
                ),
            )  # fmt: skip


def huge(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """Hardly anything is behind a tab: each pane has a place to debug in; elsewhere each wide place becomes two."""
    if workspace is not Workspace.DEBUG:
        return tuple(part for place in wide(width, height, workspace) for part in side_by_side(place))
    rows = (
        (("disassembly", "lesson"), ("registers",), ("pipeline", "variables"), ("walk",)),
        (("memory",), ("tlb", "gpt"), ("map",), ("ledger",)),
        (("hits",), ("findings",), ("console", "calls", "displays", "stops"), ("events",)),
    )
    shares = ((26, 27, 24, 23), (27, 27, 23, 23), (28, 28, 20, 24))
    places = [
        Place(x, y, w, h, panes)
        for (y, h), row, share in zip(columns(height - STRIP, 54, 24, 22), rows, shares, strict=True)
        for (x, w), panes in zip(columns(width, *share), row, strict=True)
    ]
    return (*places, Place(0, height - STRIP, width, STRIP, ("timeline",)))


def side_by_side(place: Place) -> tuple[Place, ...]:
    """A place with room for two, its first pane beside the others."""
    if place.width < 2 * HALF or len(place.panes) < 2:
        return (place,)
    left, right = columns(place.width, 1, 1)
    return (
        Place(place.x, place.y, left[1], place.height, place.panes[:1]),
        Place(place.x + right[0], place.y, right[1], place.height, place.panes[1:]),
    )


def medium(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """Two columns of two places; the rest in tabs."""
    upper, lower = columns(height, 52, 48)
    left, right = columns(width, 1, 1)
    groups = {
        Workspace.DEBUG: (
            ("disassembly",),
            ("registers", "variables", "pipeline"),
            ("memory", "displays", "calls", "console", "events", "stops", "timeline"),
            rest(
                "disassembly",
                "registers",
                "variables",
                "pipeline",
                "memory",
                "displays",
                "calls",
                "console",
                "events",
                "stops",
                "timeline",
            ),
        ),
        Workspace.TRANSLATION: (
            ("walk",),
            ("tlb", "registers", "gpt"),
            ("disassembly", "pipeline"),
            rest("walk", "tlb", "registers", "gpt", "disassembly", "pipeline"),
        ),
        Workspace.MEC: (
            ("map",),
            ("registers", "ledger"),
            ("hits", "findings", "memory"),
            rest("map", "registers", "ledger", "hits", "findings", "memory"),
        ),
        Workspace.LESSON: (
            ("lesson",),
            ("disassembly", "registers"),
            (),
            (*rest("lesson", "disassembly", "registers", "pipeline"), "pipeline"),  # it would tell the answers
        ),
    }[workspace]
    spots = ((left, upper), (right, upper), (left, lower), (right, lower))
    places = [Place(x, y, w, h, panes) for ((x, w), (y, h)), panes in zip(spots, groups, strict=True)]
    if workspace is Workspace.LESSON:
        lesson = places[0]
        return (Place(lesson.x, 0, lesson.width, height, lesson.panes), places[1], places[3])
    return tuple(places)


def small(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """80x24: what the workspace is about above, everything else in tabs below.

    The code shares the upper place where lists stand below: Enter on a hit shows its code and leaves the list there.
    """
    upper, lower = columns(height, *((62, 38) if workspace is Workspace.LESSON else (52, 48)))
    if workspace is Workspace.DEBUG:
        left, right = columns(width, 54, 46)
        return (
            Place(left[0], upper[0], left[1], upper[1], ("disassembly",)),
            Place(right[0], upper[0], right[1], upper[1], ("registers", "pipeline")),
            Place(0, lower[0], width, lower[1], rest("disassembly", "registers", "pipeline")),
        )
    first = {
        Workspace.TRANSLATION: ("tlb", "registers", "gpt"),
        Workspace.MEC: ("hits", "ledger", "findings", "registers"),
        Workspace.LESSON: ("disassembly", "registers", "walk", "map"),
    }[workspace]
    above = (ABOUT[workspace],) if workspace is Workspace.LESSON else (ABOUT[workspace], "disassembly", "memory")
    return (
        Place(0, upper[0], width, upper[1], above),
        Place(0, lower[0], width, lower[1], (*first, *rest(*above, *first))),
    )
