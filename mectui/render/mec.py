"""The MECID map as lines: a grid of pages by owner, a legend that always fits, and what is under the cursor."""

from __future__ import annotations

from typing import NamedTuple

from emu.architecture import BLOCK, PAGE, PAS
from emu.debug.events import Moment
from mectui.queries.grid import MIXED, OTHER, SEVERAL, UNOWNED, Cell, MapRow, Owner
from mectui.queries.mec import LegendEntry, MapView
from mectui.queries.page import PageInfo, Use
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, crop, empty_pane, fit, line, wrap

ADDRESS_COLUMNS = 12
"""Columns before the squares of a row."""
GROUP = 8
"""Squares between the spaces in a row."""
DIFFERS = "≠"


class Room(NamedTuple):
    """How many lines of a pane each part has."""

    grid: int
    legend: int
    detail: int
    gap: int
    """Blank lines between the parts."""


def room(height: int) -> Room:
    """How a pane of this height is divided: the grid gets what the others leave."""
    legend, detail, gap = (
        (1, 1, 0) if height < 8 else (1, 3, 0) if height < 13 else (2, 4, 1) if height < 22 else (4, 7, 1)
    )
    return Room(max(height - legend - detail - 2 * gap, 1), legend, detail, gap)


def owner_style(owner: Owner | None) -> str:
    if owner is None:
        return "unowned"
    pas, mecid = owner
    return mecid_style(mecid) if pas is PAS.REALM else space_style(pas.label)


def owner_name(owner: Owner) -> str:
    """ "MECID 5", "root"."""
    pas, mecid = owner
    return f"MECID {mecid}" if pas is PAS.REALM else pas.label


def summary(view: MapView) -> str:
    """ "rows 3-20 of 91  a square is 4 KiB": where the cursor is stands below the grid."""
    square = f"a square is {numbers.size(view.square)}"
    shown = f"rows {view.top + 1}-{view.top + len(view.rows)} of {numbers.count(view.total)}  "
    rows = shown if 0 < len(view.rows) < view.total else ""
    return rows + square


def columns_for(width: int, address_columns: int = ADDRESS_COLUMNS) -> int:
    """Squares a row that fit: a power of two, so that rows start at round addresses."""
    for columns in (64, 32, 16, 8):
        if address_columns + columns + columns // GROUP <= width:
            return columns
    return 8


def mec_map(view: MapView, width: int, height: int | None = None) -> list[Line]:
    """The grid, the legend, the detail of the cursor's page; in `height` lines, where one is given."""
    if not view.rows:
        return empty_pane(
            "Pages appear here once the guest has stored to them: a letter or number and a colour for the owner "
            "of each. Memory nobody has stored to since reset has no owner and reads the same in every context.",
            width,
        )
    rows = [map_row(row, view, width) for row in view.rows]
    if height is None:
        return fit([*rows, BLANK, *legend(view, width), *detail_lines(view, width)], width)
    parts = room(height)
    gap = [BLANK] * parts.gap
    spare = max(parts.grid - len(rows), 0)
    explained = legend(view, width, parts.legend + spare)
    spare += parts.legend - len(explained)
    told = [] if view.cursor is None else detail(view.cursor, width)[: parts.detail + spare]
    spare += parts.detail - len(told)
    return fit([*rows[: parts.grid], *[BLANK] * spare, *gap, *explained, *gap, *told], width)


def map_row(row: MapRow, view: MapView, width: int) -> Line:
    target = Target(TargetKind.PHYSICAL, row.pa)
    if not row.cells:
        return line((f"  {numbers.size_roughly(row.skipped)} nobody has stored to", "muted"), target=target)
    spans = [Span(f"{numbers.address(row.pa):<{ADDRESS_COLUMNS}}", "address")]
    for at, item in enumerate(row.cells):
        if at and at % GROUP == 0:
            spans.append(Span(" "))
        start = row.pa + at * view.square
        is_cursor = view.cursor is not None and start <= view.cursor.pa < start + view.square
        spans.append(cell(item, is_cursor))
    return crop(Line(tuple(spans), target), width)


def cell(item: Cell, is_cursor: bool) -> Span:
    style = owner_style(item.owner)
    if item.is_mismatched:
        style += " mismatch"
    return Span(item.glyph, f"{style} cell_cursor" if is_cursor else style)


def legend(view: MapView, width: int, most: int | None = None) -> list[Line]:
    """What is unusual first, then an entry for every owner; `most` lines, the last of them says what is left out."""
    entries: list[list[Span]] = []
    if view.only is not None:
        text = f" others than {owner_name(view.only)} (a shows all)"
        entries.append([Span(OTHER, "unowned"), Span(text, "warning")])
    if view.mismatched:
        pages = numbers.plural(view.mismatched, "page")
        entries.append([Span(DIFFERS, "hit"), Span(f" {pages} mapped under another MECID", "mismatch")])
    if view.mixed:
        pages = numbers.plural(view.mixed, "page")
        entries.append([Span(MIXED, "mixed"), Span(f" more than one owner ({pages})", "muted")])
    if any(item.glyph == SEVERAL for row in view.rows for item in row.cells):
        entries.append([Span(SEVERAL, "mixed"), Span(" several owners: zoom in", "muted")])
    wanted = [entry for entry in view.legend if view.only is None or entry.owner == view.only]
    entries += [legend_entry(entry) for entry in wanted]
    if view.other_owners:
        entries.append([Span("+", "text"), Span(f" {numbers.plural(view.other_owners, 'other owner')}", "muted")])
    entries.append([Span(UNOWNED, "unowned"), Span(" nobody yet", "muted")])
    return packed(entries, width, most)


def packed(entries: list[list[Span]], width: int, most: int | None) -> list[Line]:
    """Entries side by side, as many a line as fit. Where `most` lines are too few, the rest becomes a number."""
    lines: list[Line] = []
    current: list[Span] = []
    used = 0
    for number, entry in enumerate(entries):
        length = sum(len(span.text) for span in entry)
        left = f"… and {len(entries) - number} more"
        is_last_line = most is not None and len(lines) == most - 1
        reserve = len(left) + 3 if is_last_line and number < len(entries) - 1 else 0
        if current and used + 3 + length + reserve > width:
            if is_last_line:
                room = width - used - 3
                left = left if len(left) <= room else f"+{len(entries) - number} more"
                lines.append(Line((*current, Span(f"   {left}", "muted"))))
                return [crop(item, width) for item in lines]
            lines.append(Line(tuple(current)))
            current, used = [], 0
        if current:
            current.append(Span("   "))
            used += 3
        current += entry
        used += length
    return [crop(item, width) for item in [*lines, Line(tuple(current))]]


def legend_entry(entry: LegendEntry) -> list[Span]:
    keys = f", key {'/'.join(map(str, entry.generations))}" if any(entry.generations) else ""
    return [
        Span(entry.glyph, owner_style(entry.owner)),
        Span(f" = {owner_name(entry.owner)}: ", "text"),
        Span(f"{numbers.plural(entry.pages, 'page')}{keys}", "muted"),
    ]


def detail_lines(view: MapView, width: int) -> list[Line]:
    return [] if view.cursor is None else [BLANK, *detail(view.cursor, width)]


def detail(info: PageInfo, width: int) -> list[Line]:
    """Owner, symbol, last writer, granule protection and mappings of one page, what matters most first."""
    target = Target(TargetKind.PHYSICAL, info.pa)
    head = [Span("PA ", "muted"), Span(numbers.address(info.pa), "address")]
    if info.symbol:
        head.append(Span(f" {info.symbol}", "symbol"))
    if info.owner is None:
        head.append(Span("  nobody has stored here", "muted"))
        return [crop(Line(tuple(head), target), width), *below(info, width, target)]
    is_lost = info.generation != info.current_generation
    head += [
        Span("  owner ", "muted"),
        Span(owner_name(info.owner), owner_style(info.owner)),
        Span(f", key {info.generation}" if info.owner[0] is PAS.REALM else "", "text"),
        Span(f" (now {info.current_generation}: data lost)" if is_lost else "", "fault"),
        Span(f" {MIXED} mixed" if info.is_mixed else "", "mixed"),
    ]
    lines = [crop(Line(tuple(head), target), width)]
    lines += wrap(f"{last_stored(info)}{share(info)}", width, "muted", target=target)
    return [*lines, *below(info, width, target)]


def last_stored(info: PageInfo) -> str:
    """Who stored last, from where, under which register's MECID."""
    if info.writer is None:
        return "no guest has stored to it since it got its owner"
    source = f" through {info.source}" if info.source not in ("", "zero") else ""
    return f"last stored to by {moment(info.writer, info.writer_label, info.writer_line)}{source}"


def moment(when: Moment, name: str, line: str = "") -> str:
    """ "rmm_fill+0x8 (rmm.c:40) at EL2 realm, #9,716"."""
    where = f"{name or f'{when.pc:#x}'}{f' ({line})' if line else ''}"
    return f"{where} at EL{when.el} {when.security.label}, #{numbers.count(when.instruction)}"


def share(info: PageInfo) -> str:
    """How many of a page's blocks are whose."""
    if info.is_block:
        return ""
    if info.owners:
        owners = ", ".join(f"{owner_name(owner)} {count}" for owner, count in info.owners)
        return f"; blocks: {owners} of {PAGE // BLOCK}"
    if info.owned_blocks == PAGE // BLOCK:
        return ""
    return f"; {info.owned_blocks} of {PAGE // BLOCK} blocks owned"


def below(info: PageInfo, width: int, target: Target) -> list[Line]:
    """Mappings that lead here, wrong ones first, and the granule's address space."""
    lines = [mapping(use, width, target) for use in sorted(info.uses, key=lambda use: not use.is_wrong)]
    return [*lines, *wrap(f"PAS by the GPT: {info.space}", width, "muted", target=target)] if info.space else lines


def mapping(use: Use, width: int, target: Target) -> Line:
    """A mapping of the TLB, and whether it reads what the owner stored."""
    item = use.mapping
    vmid = "" if item.vmid is None else f" VMID {item.vmid}"
    size = numbers.size(item.size)
    return crop(
        line(
            (f"{DIFFERS} " if use.is_wrong else "= ", "hit" if use.is_wrong else "ok"),
            (f"mapped by {item.regime}{vmid} at VA {numbers.address(item.va)} ({size}) under ", "muted"),
            (numbers.mecid(item.mecid, item.source), mecid_style(item.mecid)),
            target=target,
        ),
        width,
    )
