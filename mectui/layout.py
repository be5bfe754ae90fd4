"""Which pane is where: a function from the size of the board and the workspace to places. Knows no Textual."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ALL = ("disassembly", "registers", "walk", "memory", "tlb", "map", "hits", "findings", "console", "events")
"""Every pane, in the order of the tab key where all share one place."""

WIDE = (132, 34)
MEDIUM = (100, 26)
SMALL = (60, 14)
"""Smallest (columns, rows) of the board for each arrangement; below SMALL one place holds everything."""


class Workspace(StrEnum):
    DEBUG = "debug"
    TRANSLATION = "translation"
    MEC = "mec"


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of the board and the panes that share it, first one in front to begin with."""

    x: int
    y: int
    width: int
    height: int
    panes: tuple[str, ...]


def arrange(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """The places of a workspace. Together they fill the board and hold every pane exactly once."""
    if width >= WIDE[0] and height >= WIDE[1]:
        return wide(width, height, workspace)
    if width >= MEDIUM[0] and height >= MEDIUM[1]:
        return medium(width, height, workspace)
    if width >= SMALL[0] and height >= SMALL[1]:
        return small(width, height, workspace)
    first = {"debug": "disassembly", "translation": "walk", "mec": "map"}[workspace.value]
    return (Place(0, 0, width, height, rotated(first)),)


def rotated(first: str) -> tuple[str, ...]:
    return (first, *(name for name in ALL if name != first))


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
                Place(left[0], top[0], left[1], top[1], ("disassembly",)),
                Place(centre[0], top[0], centre[1], top[1], ("registers",)),
                Place(right[0], top[0], right[1], top[1], ("walk",)),
                Place(left[0], middle[0], left[1], middle[1], ("memory",)),
                Place(centre[0], middle[0], centre[1], middle[1], ("tlb",)),
                Place(right[0], middle[0], right[1], middle[1], ("map",)),
                Place(hits[0], bottom[0], hits[1], bottom[1], ("hits", "findings")),
                Place(console[0], bottom[0], console[1], bottom[1], ("console",)),
                Place(events[0], bottom[0], events[1], bottom[1], ("events",)),
            )
        case Workspace.TRANSLATION:
            left, right = columns(width, 1, 1)
            upper, lower = columns(height, 66, 34)
            first, second, third = columns(height, 36, 38, 26)
            return (
                Place(left[0], upper[0], left[1], upper[1], ("walk",)),
                Place(left[0], lower[0], left[1], lower[1], ("disassembly",)),
                Place(right[0], first[0], right[1], first[1], ("tlb",)),
                Place(right[0], second[0], right[1], second[1], ("registers",)),
                Place(
                    right[0], third[0], right[1], third[1], ("memory", "map", "hits", "findings", "console", "events")
                ),
            )
        case Workspace.MEC:
            left, right = columns(width, 1, 1)
            upper, lower = columns(height, 58, 42)
            first, second, third = columns(height, 44, 28, 28)
            return (
                Place(left[0], upper[0], left[1], upper[1], ("map",)),
                Place(left[0], lower[0], left[1], lower[1], ("hits", "findings")),
                Place(right[0], first[0], right[1], first[1], ("registers",)),
                Place(right[0], second[0], right[1], second[1], ("memory", "walk", "tlb")),
                Place(right[0], third[0], right[1], third[1], ("disassembly", "console", "events")),
            )


def medium(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """Two columns of two places; the rest in tabs."""
    upper, lower = columns(height, 52, 48)
    left, right = columns(width, 1, 1)
    groups = {
        Workspace.DEBUG: (
            ("disassembly",),
            ("registers",),
            ("memory", "console", "events"),
            ("walk", "tlb", "map", "hits", "findings"),
        ),
        Workspace.TRANSLATION: (
            ("walk",),
            ("tlb", "registers"),
            ("disassembly",),
            ("memory", "map", "hits", "findings", "console", "events"),
        ),
        Workspace.MEC: (
            ("map",),
            ("registers",),
            ("hits", "findings", "memory"),
            ("disassembly", "walk", "tlb", "console", "events"),
        ),
    }[workspace]
    spots = ((left, upper), (right, upper), (left, lower), (right, lower))
    return tuple(Place(x, y, w, h, panes) for ((x, w), (y, h)), panes in zip(spots, groups, strict=True))


def small(width: int, height: int, workspace: Workspace) -> tuple[Place, ...]:
    """80x24: what the workspace is about above, everything else in tabs below."""
    upper, lower = columns(height, 52, 48)
    if workspace is Workspace.DEBUG:
        left, right = columns(width, 54, 46)
        rest = ("walk", "memory", "tlb", "map", "hits", "findings", "console", "events")
        return (
            Place(left[0], upper[0], left[1], upper[1], ("disassembly",)),
            Place(right[0], upper[0], right[1], upper[1], ("registers",)),
            Place(0, lower[0], width, lower[1], rest),
        )
    first = "walk" if workspace is Workspace.TRANSLATION else "map"
    order = {
        "walk": ("tlb", "registers", "disassembly", "memory", "map", "hits", "findings", "console", "events"),
        "map": ("hits", "findings", "registers", "disassembly", "memory", "walk", "tlb", "console", "events"),
    }[first]
    return (Place(0, upper[0], width, upper[1], (first,)), Place(0, lower[0], width, lower[1], order))
