"""Who owns physical memory: the MECID map as a window on a grid, its legend, and the place under the cursor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from emu.architecture import BLOCK, PAGE, PAS, Regime
from mectui.queries import grid
from mectui.queries.grid import MIXED, SEVERAL, UNOWNED, Cell, MapRow, Owner
from mectui.queries.history import History
from mectui.queries.mappings import Mapping, mappings
from mectui.queries.page import PageInfo, page_info

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    import emu
    from emu.mec.pages import PageTable

__all__ = ["MIXED", "SEVERAL", "UNOWNED", "Cell", "LegendEntry", "MapRow", "MapView", "PageInfo", "mec_map"]

SQUARES = (BLOCK, *(PAGE << shift for shift in range(0, 24, 2)))
"""What a square may stand for, in bytes: a block, a page, more and more pages."""
IN_LEGEND = 60
"""Owners that get a sign of their own; a machine may have thousands."""
ROWS_WITHOUT_WINDOW = 40
"""How many rows a map without a window has at most: squares stand for more memory where there would be more."""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    glyph: str
    owner: Owner
    pages: int
    generations: tuple[int, ...]
    """Key generations its pages were stored under."""


class Move(NamedTuple):
    """A step of the cursor: `by` "squares" or "rows"; to the next (-1: previous) "owner", "mismatch" or "mixed" page.

    Rows are those that have something in them; squares go on there at the end of a row.
    """

    kind: str
    by: int = 1


@dataclass(frozen=True, slots=True)
class MapView:
    """The rows in the window, and what is outside it in numbers."""

    square: int
    """Bytes a square stands for."""
    columns: int
    rows: tuple[MapRow, ...]
    legend: tuple[LegendEntry, ...]
    cursor: PageInfo | None
    mixed: int = 0
    """How many pages have more than one owner."""
    mismatched: int = 0
    """How many pages are mapped (in the TLB) under another MECID than their owner's; see `mismatches`."""
    other_owners: int = 0
    """Owners that the legend has no room for."""
    top: int = 0
    """Number of the first row of the window."""
    total: int = 0
    """Rows that there are, gaps included."""
    only: Owner | None = None
    """The only owner that is shown; the others are dashes."""
    moves: int = 0
    """The `counted` of the question, with its moves added: views of later questions have larger ones."""
    problem: str = ""
    """Why the last move led nowhere."""


def mec_map(
    machine: emu.Machine,
    columns: int = 32,
    square: int | None = PAGE,
    cursor: int | None = None,
    *,
    height: int | None = None,
    top: int = 0,
    only: Owner | None = None,
    moves: Sequence[Move] = (),
    counted: int = 0,
    history: History | None = None,
) -> MapView:
    """`height` rows of `columns` squares from row `top` on, moved so that the cursor (a physical address) is there.

    Without a height all rows; without a `square` the smallest that makes them fit `ROWS_WITHOUT_WINDOW` rows. Without
    a cursor it is at the first page that has an owner; `moves` move it from there. `columns` is a power of two.
    """
    table = machine.mec.page_table()
    mapped = mappings(machine, history)
    wrong = mismatches(machine, table, mapped)
    counts, generations = owner_counts(machine, table, only)
    commonest = [owner for owner, _ in counts.most_common(IN_LEGEND)]
    glyphs = grid.glyphs(commonest)
    legend = tuple(
        LegendEntry(glyphs[owner], owner, counts[owner], tuple(sorted(generations[owner]))) for owner in glyphs
    )
    if cursor is None and len(table.pa):
        cursor = int(table.pa[0])
    drawing = grid.Drawing(machine, table, wrong, glyphs, columns, only)
    if square is None:
        square = next((size for size in SQUARES[1:] if drawing.fits(size, ROWS_WITHOUT_WINDOW)), SQUARES[-1])
    problem = ""
    if cursor is not None:
        for move in moves:
            found = moved(machine, drawing, square, move, cursor)
            problem = "" if found is not None else nothing_to_go_to(move)
            cursor = cursor if found is None else found
    if square == BLOCK:
        rows = drawing.blocks(0 if cursor is None else cursor)
        place = None if cursor is None else cursor % PAGE // (BLOCK * columns)
        top, end = window(top, height, len(rows), place)
        shown: Sequence[MapRow] = rows[top:end]
        total = len(rows)
    else:
        lines = drawing.rows(square, cursor)
        total = lines.total
        top, end = window(top, height, total, lines.line_of(cursor))
        shown = lines.between(top, end)
    return MapView(
        square=square,
        columns=columns,
        rows=tuple(shown) if len(table.pa) else (),
        legend=legend,
        cursor=None if cursor is None else page_info(machine, cursor, table, mapped, is_block=square == BLOCK),
        mixed=int(table.mixed.sum()),
        mismatched=int(wrong.sum()),
        other_owners=len(counts) - len(glyphs),
        top=top,
        total=total,
        only=only,
        moves=counted + len(moves),
        problem=problem,
    )


def window(top: int, height: int | None, total: int, line: int | None) -> tuple[int, int]:
    """The rows to show: `height` of them, `line` among them, as near to `top` as can be."""
    if height is None:
        return 0, total
    if line is not None:
        top = min(max(top, line - height + 1), line)
    top = max(0, min(top, total - height))
    return top, min(top + height, total)


def owner_counts(
    machine: emu.Machine, table: PageTable, only: Owner | None
) -> tuple[Counter[Owner], dict[Owner, set[int]]]:
    """Pages of each owner, and the key generations they were stored under."""
    import numpy as np

    pages: Counter[Owner] = Counter()
    generations: dict[Owner, set[int]] = {}
    in_number = np.bincount(table.owner) if len(table.owner) else np.zeros(0, dtype=np.intp)
    for identity in np.flatnonzero(in_number).tolist():
        who = machine.mec.owner(identity)
        owner = (who.pas, who.mecid)
        pages[owner] += int(in_number[identity])
        generations.setdefault(owner, set()).add(who.generation)
    return pages, generations


def mismatches(machine: emu.Machine, table: PageTable, mapped: Sequence[Mapping]) -> NDArray[np.bool_]:
    """For each page of the table whether its mapping disagrees with its owner.

    A Realm's own mapping (EL1&0) must have the owner's MECID. A monitor maps all memory for its own purposes, and
    often twice: there one mapping with the owner's MECID is enough.
    """
    import numpy as np

    wrong, covered, right = (np.zeros(len(table.pa), dtype=np.bool_) for _ in range(3))
    for item in mapped:
        first, last = np.searchsorted(table.pa, (item.pa, item.pa + item.size))
        if first == last:
            continue
        owners = table.owner[first:last]
        context = (PAS.REALM, item.mecid, machine.mec.generation(item.mecid))
        agrees = np.zeros(last - first, dtype=np.bool_)
        for identity in np.flatnonzero(np.bincount(owners)).tolist():
            who = machine.mec.owner(identity)
            if (who.pas, who.mecid, who.generation) == context:
                agrees |= owners == identity
        right[first:last] |= agrees
        covered[first:last] = True
        if item.regime == Regime.EL10.value:
            wrong[first:last] |= ~agrees
    return wrong | covered & ~right


def moved(machine: emu.Machine, drawing: grid.Drawing, square: int, move: Move, cursor: int) -> int | None:
    """Where a move leads from a physical address; None where there is nothing to go to."""
    if move.kind in ("squares", "rows"):
        if square == BLOCK:
            return max(cursor + move.by * BLOCK * (drawing.columns if move.kind == "rows" else 1), 0)
        lines = drawing.rows(square, cursor)
        return lines.along(cursor, move.by) if move.kind == "squares" else lines.across(cursor, move.by)
    places = wanted_places(machine, drawing, move.kind)
    if not len(places):
        return None
    import numpy as np

    page = cursor & -PAGE
    if move.by > 0:
        return int(places[int(np.searchsorted(places, page, side="right")) % len(places)])
    return int(places[int(np.searchsorted(places, page)) - 1])


def wanted_places(machine: emu.Machine, drawing: grid.Drawing, kind: str) -> NDArray[np.int64]:
    """The pages that jumps of a kind lead to."""
    import numpy as np

    table = drawing.table
    if kind == "mixed":
        return table.pa[table.mixed]
    if kind == "mismatch":
        return table.pa[drawing.wrong]
    if drawing.only is not None:
        return table.pa[np.isin(table.owner, grid.identities_of(machine, table, drawing.only))]
    starts = np.ones(len(table.pa), dtype=np.bool_)
    if len(starts) > 1:
        starts[1:] = (np.diff(table.pa) != PAGE) | (table.owner[1:] != table.owner[:-1])
    return table.pa[starts]


def nothing_to_go_to(move: Move) -> str:
    return {
        "mixed": "No page has more than one owner.",
        "mismatch": "No page is mapped under another MECID than its owner's.",
    }.get(move.kind, "No page has an owner.")
