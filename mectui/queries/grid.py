"""The squares of the MECID map, computed for whole windows at once: a million pages must not be felt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import BLOCK, PAGE, PAS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    import emu
    from emu.mec.pages import PageTable

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNOWNED = "·"
MIXED = "*"
"""A page whose blocks have several owners."""
SEVERAL = "&"
"""A square whose pages have several owners."""
OTHER = "-"
"""Not the only owner that is to be shown."""
UNNAMED = "+"
"""An owner that there is no sign left for."""
SPACE_GLYPHS = {PAS.ROOT: "#", PAS.NON_SECURE: "~", PAS.SECURE: "%"}

Owner = tuple[PAS, int]
"""What a colour stands for: address space and MECID (0 outside Realm)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the map. `owner` is None where nobody has stored; that of most of its pages otherwise."""

    glyph: str
    owner: Owner | None
    is_mixed: bool = False
    is_mismatched: bool = False


@dataclass(frozen=True, slots=True)
class MapRow:
    """A row of squares from `pa` on; a gap row (no cells) stands for `skipped` bytes nobody owns."""

    pa: int
    cells: tuple[Cell, ...]
    skipped: int = 0


def glyphs(owners: Sequence[Owner]) -> dict[Owner, str]:
    """A character for every owner: digits and lower case for MECIDs 0-35, capitals in turn for larger ones."""
    spare = iter(SPARE)
    chosen = {}
    for owner in sorted(owners, key=lambda item: (item[0] is not PAS.REALM, item[1])):
        pas, mecid = owner
        if pas is not PAS.REALM:
            chosen[owner] = SPACE_GLYPHS[pas]
        else:
            chosen[owner] = DIGITS[mecid] if mecid < len(DIGITS) else next(spare, UNNAMED)
    return chosen


def identities_of(machine: emu.Machine, table: PageTable, owner: Owner) -> list[int]:
    """The owner ids that stand for an owner: one for each generation of its key."""
    import numpy as np

    found = []
    for identity in np.unique(table.owner).tolist():
        who = machine.mec.owner(identity)
        if (who.pas, who.mecid) == owner:
            found.append(identity)
    return found


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows that have something in them, with the gaps between them: numbered, and made only when asked for."""

    drawing: Drawing
    square: int
    starts: NDArray[np.int64]
    """Number of each filled row: its address divided by what a row stands for."""
    places: NDArray[np.int64]
    """Its line, gaps before it counted."""

    @property
    def total(self) -> int:
        return int(self.places[-1]) + 1 if len(self.places) else 0

    def line_of(self, pa: int | None) -> int | None:
        import numpy as np

        if pa is None or not len(self.starts):
            return None
        at = int(np.searchsorted(self.starts, pa // (self.square * self.drawing.columns)))
        return int(self.places[min(at, len(self.places) - 1)])

    def along(self, pa: int, squares: int) -> int:
        """So many squares further; past the end of a row at the next filled one."""
        span = self.square * self.drawing.columns
        place = max(pa - pa % self.square + squares * self.square, 0)
        if place // span == pa // span or not len(self.starts):
            return place
        row = self._row(pa, 1 if squares > 0 else -1)
        return pa if row is None else row * span + (0 if squares > 0 else span - self.square)

    def across(self, pa: int, rows: int) -> int:
        """The same column of the filled row so many rows further; of the last one there is where that is beyond."""
        span = self.square * self.drawing.columns
        row = self._row(pa, rows)
        return pa if row is None else row * span + pa % span

    def _row(self, pa: int, by: int) -> int | None:
        """Number of the filled row `by` rows from an address's; at the ends the last one, None if that is its own."""
        import numpy as np

        if not len(self.starts):
            return None
        here = pa // (self.square * self.drawing.columns)
        at = int(np.searchsorted(self.starts, here)) + by
        found = int(self.starts[max(0, min(at, len(self.starts) - 1))])
        return None if found == here else found

    def between(self, first: int, last: int) -> list[MapRow]:
        import numpy as np

        low, high = np.searchsorted(self.places, (first, last))
        # A gap belongs to the row after it, which may be below the window.
        after = min(high + 1, len(self.places))
        cells = self.drawing.cells(self.starts[low:high], self.square)
        span = self.square * self.drawing.columns
        rows: list[MapRow] = []
        for index in range(low, after):
            start, place = int(self.starts[index]), int(self.places[index])
            if index and place - 1 > int(self.places[index - 1]) and first <= place - 1 < last:
                end = int(self.starts[index - 1]) + 1
                rows.append(MapRow(end * span, (), skipped=(start - end) * span))
            if index < high:
                rows.append(MapRow(start * span, cells[index - low]))
        return rows


class Drawing:
    """Squares for one view."""

    def __init__(
        self,
        machine: emu.Machine,
        table: PageTable,
        wrong: NDArray[np.bool_],
        signs: dict[Owner, str],
        columns: int,
        only: Owner | None,
    ) -> None:
        """`wrong` says for each page of the table whether a mapping disagrees with its owner."""
        self.machine = machine
        self.table = table
        self.wrong = wrong
        self.signs = signs
        self.columns = columns
        self.only = only

    def fits(self, square: int, rows: int) -> bool:
        return self.rows(square, None).total <= rows

    def rows(self, square: int, cursor: int | None) -> Lines:
        """All rows with an owned page, and the cursor's."""
        import numpy as np

        span = square * self.columns
        numbers = self.table.pa >> (span.bit_length() - 1)
        if len(numbers):
            is_first = np.empty(len(numbers), dtype=np.bool_)
            is_first[0] = True
            np.not_equal(numbers[1:], numbers[:-1], out=is_first[1:])
            starts = numbers[is_first]
            if cursor is not None and (here := cursor // span) not in starts:
                starts = np.insert(starts, np.searchsorted(starts, here), here)
        else:
            starts = numbers
        gaps = np.zeros(len(starts), dtype=np.int64)
        if len(starts) > 1:
            gaps[1:] = np.diff(starts) > 1
        return Lines(self, square, starts, np.arange(len(starts), dtype=np.int64) + np.cumsum(gaps))

    def cells(self, starts: NDArray[np.int64], square: int) -> list[tuple[Cell, ...]]:
        """The squares of these rows."""
        import numpy as np

        if not len(starts):
            return []
        columns, span = self.columns, square * self.columns
        table = self.table
        low, high = np.searchsorted(table.pa, (int(starts[0]) * span, (int(starts[-1]) + 1) * span))
        pa, identities = table.pa[low:high], table.owner[low:high]
        edges = np.searchsorted(pa, np.append(starts, starts[-1] + 1) * span)
        edges[1:-1] = np.searchsorted(pa, starts[1:] * span)
        base = np.repeat(np.arange(len(starts), dtype=np.int32) * columns, np.diff(edges))
        place = base + ((pa >> (square.bit_length() - 1)).astype(np.int32) & (columns - 1))
        squares = len(starts) * columns
        owners, numbers = self._owners(identities)
        is_mixed, is_wrong = (
            np.bincount(place[marked[low:high]], minlength=squares) > 0 for marked in (table.mixed, self.wrong)
        )
        counts = np.bincount(place * len(owners) + numbers, minlength=squares * len(owners)).reshape(squares, -1)
        best = np.where(counts.any(axis=1), counts.argmax(axis=1), -1) if owners else np.full(squares, -1)
        if self.only in owners:
            best[counts[:, owners.index(self.only)] > 0] = owners.index(self.only)
        kinds = np.count_nonzero(counts, axis=1)
        known: dict[tuple[int, bool, bool, bool], Cell] = {}
        made = []
        for key in zip(best.tolist(), is_mixed.tolist(), is_wrong.tolist(), (kinds > 1).tolist(), strict=True):
            if key not in known:
                known[key] = self.cell(None if key[0] < 0 else owners[key[0]], *key[1:])
            made.append(known[key])
        return [tuple(made[at : at + columns]) for at in range(0, squares, columns)]

    def _owners(self, identities: NDArray[np.uint32]) -> tuple[list[Owner], NDArray[np.int32]]:
        """The owners among these ids, and the number of each page's in that list. Beyond the signs they are one."""
        import numpy as np

        present = np.flatnonzero(np.bincount(identities)).tolist() if len(identities) else []
        found: dict[Owner, int] = {}
        numbers = np.zeros(max(present, default=0) + 1, dtype=np.int32)
        for identity in present:
            who = self.machine.mec.owner(identity)
            owner = (who.pas, who.mecid)
            if owner not in self.signs and found:
                owner = next((other for other in found if other not in self.signs), owner)
            numbers[identity] = found.setdefault(owner, len(found))
        return list(found), numbers[identities]

    def cell(self, owner: Owner | None, is_mixed: bool, is_mismatched: bool, is_several: bool = False) -> Cell:
        if owner is None:
            return Cell(UNOWNED, None)
        if self.only is not None and owner != self.only:
            return Cell(OTHER, None)
        sign = self.signs.get(owner, UNNAMED)
        if is_mixed:
            sign = MIXED
        elif is_several:
            sign = SEVERAL
        return Cell(sign, owner, is_mixed or is_several, is_mismatched)

    def blocks(self, pa: int) -> list[MapRow]:
        """One page, a square for each of its blocks."""
        start = pa & -PAGE
        span = BLOCK * self.columns
        identities = self.machine.mec.block_owners(start, PAGE)
        if not identities:
            return []
        known: dict[int, Cell] = {0: Cell(UNOWNED, None)}
        for identity in set(identities) - {0}:
            who = self.machine.mec.owner(identity)
            known[identity] = self.cell((who.pas, who.mecid), False, False)
        cells = [known[identity] for identity in identities]
        return [
            MapRow(start + BLOCK * at, tuple(cells[at : at + self.columns]))
            for at in range(0, len(cells), span // BLOCK)
        ]
