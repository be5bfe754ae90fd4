"""Who owns physical memory: the MECID map as a grid, its legend, and one page in detail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAGE, PAS
from emu.debug.events import Moment
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu
    from emu.mec.pages import MecPage, Pages

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNOWNED = "·"
MIXED = "*"
SPACE_GLYPHS = {PAS.ROOT: "#", PAS.NON_SECURE: "~", PAS.SECURE: "%"}

Owner = tuple[PAS, int]
"""What a colour stands for: address space and MECID (0 outside Realm)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the map: `zoom` pages. `owner` is None where nobody has stored; most of its pages' otherwise."""

    glyph: str
    owner: Owner | None
    is_mixed: bool = False


@dataclass(frozen=True, slots=True)
class MapRow:
    """A row of squares from `pa` on; a gap row (no cells) stands for `skipped` bytes nobody owns."""

    pa: int
    cells: tuple[Cell, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class LegendEntry:
    glyph: str
    owner: Owner
    pages: int
    generations: tuple[int, ...]
    """Key generations its pages were stored under."""


@dataclass(frozen=True, slots=True)
class PageInfo:
    """One page: who owns it, since when, and where in the guest it is."""

    pa: int
    owner: Owner | None
    generation: int
    is_mixed: bool
    owned_blocks: int
    symbol: str
    writer: Moment | None
    writer_label: str


@dataclass(frozen=True, slots=True)
class MapView:
    """The grid. `zoom` is pages per square."""

    zoom: int
    columns: int
    rows: tuple[MapRow, ...]
    legend: tuple[LegendEntry, ...]
    cursor: PageInfo | None
    mixed: int
    """How many pages have more than one owner."""


def glyphs(owners: list[Owner]) -> dict[Owner, str]:
    """A character for every owner: digits and lower case for MECIDs 0-35, capitals in turn for larger ones."""
    spare = iter(SPARE)
    chosen = {}
    for owner in sorted(owners, key=lambda item: (item[0] is not PAS.REALM, item[1])):
        pas, mecid = owner
        if pas is not PAS.REALM:
            chosen[owner] = SPACE_GLYPHS[pas]
        else:
            chosen[owner] = DIGITS[mecid] if mecid < len(DIGITS) else next(spare, "+")
    return chosen


def mec_map(machine: emu.Machine, columns: int = 32, zoom: int = 1, cursor: int | None = None) -> MapView:
    """The map of all owned pages, `columns` squares of `zoom` pages a row; `cursor` is a physical address."""
    pages = machine.mec.pages()
    counts: Counter[Owner] = Counter()
    generations: dict[Owner, set[int]] = {}
    for page in pages:
        owner = (page.pas, page.mecid)
        counts[owner] += 1
        generations.setdefault(owner, set()).add(page.generation)
    chosen = glyphs(list(counts))
    legend = tuple(
        LegendEntry(chosen[owner], owner, counts[owner], tuple(sorted(generations[owner]))) for owner in chosen
    )
    return MapView(
        zoom=zoom,
        columns=columns,
        rows=tuple(map_rows(pages, chosen, columns, zoom)),
        legend=legend,
        cursor=None if cursor is None else page_info(machine, cursor, pages),
        mixed=sum(1 for page in pages if page.mixed),
    )


def map_rows(pages: Iterable[MecPage], chosen: dict[Owner, str], columns: int, zoom: int) -> list[MapRow]:
    """Rows that have an owner in them, gaps between them named."""
    square = PAGE * zoom
    span = square * columns
    by_row: dict[int, dict[int, list[MecPage]]] = {}
    for page in pages:
        start = page.pa - page.pa % span
        by_row.setdefault(start, {}).setdefault((page.pa - start) // square, []).append(page)
    rows: list[MapRow] = []
    end = None
    for start in sorted(by_row):
        if end is not None and start > end:
            rows.append(MapRow(end, (), skipped=start - end))
        filled = by_row[start]
        rows.append(MapRow(start, tuple(cell(filled.get(at, []), chosen) for at in range(columns))))
        end = start + span
    return rows


def cell(pages: list[MecPage], chosen: dict[Owner, str]) -> Cell:
    """The square for some pages: their commonest owner; mixed where not all blocks are its own."""
    if not pages:
        return Cell(UNOWNED, None)
    owners = Counter((page.pas, page.mecid) for page in pages)
    owner = owners.most_common(1)[0][0]
    is_mixed = len(owners) > 1 or any(page.mixed for page in pages)
    return Cell(MIXED if is_mixed else chosen[owner], owner, is_mixed)


def page_info(machine: emu.Machine, pa: int, pages: Pages | None = None) -> PageInfo:
    """Everything known about the page of a physical address."""
    base = pa & ~(PAGE - 1)
    found = (machine.mec.pages() if pages is None else pages).at(base)
    symbol = label(machine, base)
    if found is None:
        return PageInfo(base, None, 0, False, 0, symbol, None, "")
    writer = machine.mec.last_writer(base)
    if writer is None:
        writer = next(filter(None, (machine.mec.last_writer(base + at) for at in range(16, PAGE, 16))), None)
    return PageInfo(
        pa=base,
        owner=(found.pas, found.mecid),
        generation=found.generation,
        is_mixed=found.mixed,
        owned_blocks=found.owned_blocks,
        symbol=symbol,
        writer=writer,
        writer_label="" if writer is None else label(machine, writer.pc),
    )
