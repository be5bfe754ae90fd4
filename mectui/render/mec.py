"""The MECID map as lines: a grid of pages by owner, a legend, and what is under the cursor."""

from __future__ import annotations

from emu.architecture import PAGE, PAS
from mectui.queries.mec import MIXED, UNOWNED, Cell, LegendEntry, MapRow, MapView, Owner, PageInfo
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, crop, empty_pane, fit, line, wrap

ADDRESS_COLUMNS = 12
"""Columns before the squares of a row."""
GROUP = 8
"""Squares between the spaces in a row."""


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
    """ "PA 0x4008_2000 MECID 5  a square is 4 KiB"."""
    square = f"a square is {numbers.size(PAGE * view.zoom)}"
    if view.cursor is None:
        return square
    owner = "unowned" if view.cursor.owner is None else owner_name(view.cursor.owner)
    return f"PA {numbers.address(view.cursor.pa)} {owner}  {square}"


def columns_for(width: int, address_columns: int = ADDRESS_COLUMNS) -> int:
    """Squares a row that fit: a power of two, so that rows start at round addresses."""
    for columns in (64, 32, 16, 8):
        if address_columns + columns + columns // GROUP <= width:
            return columns
    return 8


def mec_map(view: MapView, width: int) -> list[Line]:
    """The detail of the cursor's page, the grid, the legend."""
    if not view.rows:
        return empty_pane(
            "Pages appear here once the guest has stored to them: a letter or number and a colour for the owner "
            "of each. Memory nobody has stored to since reset has no owner and reads the same in every context.",
            width,
        )
    return fit([*grid(view, width), BLANK, *legend(view, width), *detail_lines(view, width)], width)


def grid(view: MapView, width: int) -> list[Line]:
    return [map_row(row, view, width) for row in view.rows]


def map_row(row: MapRow, view: MapView, width: int) -> Line:
    target = Target(TargetKind.PHYSICAL, row.pa)
    if not row.cells:
        return line((f"  {numbers.size_roughly(row.skipped)} nobody has stored to", "muted"), target=target)
    square = PAGE * view.zoom
    spans = [Span(f"{numbers.address(row.pa):<{ADDRESS_COLUMNS}}", "address")]
    for at, item in enumerate(row.cells):
        if at and at % GROUP == 0:
            spans.append(Span(" "))
        start = row.pa + at * square
        is_cursor = view.cursor is not None and start <= view.cursor.pa < start + square
        spans.append(cell(item, is_cursor))
    return crop(Line(tuple(spans), target), width)


def cell(item: Cell, is_cursor: bool) -> Span:
    style = owner_style(item.owner)
    return Span(item.glyph, f"{style} cell_cursor" if is_cursor else style)


def legend(view: MapView, width: int) -> list[Line]:
    """An entry for every owner, as many a line as fit."""
    entries = [legend_entry(entry) for entry in view.legend]
    entries.append([Span(UNOWNED, "unowned"), Span(" nobody yet", "muted")])
    if view.mixed:
        pages = numbers.plural(view.mixed, "page")
        entries.append([Span(MIXED, "mixed"), Span(f" more than one owner ({pages})", "muted")])
    lines: list[Line] = []
    current: list[Span] = []
    used = 0
    for entry in entries:
        length = sum(len(span.text) for span in entry)
        if current and used + 3 + length > width:
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
    """Owner, symbol and last writer of one page."""
    target = Target(TargetKind.PHYSICAL, info.pa)
    head = [Span("PA ", "muted"), Span(numbers.address(info.pa), "address")]
    if info.symbol:
        head.append(Span(f" {info.symbol}", "symbol"))
    if info.owner is None:
        return [crop(Line((*head, Span("  nobody has stored here", "muted")), target), width)]
    head += [
        Span("  owner ", "muted"),
        Span(owner_name(info.owner), owner_style(info.owner)),
        Span(f", key {info.generation}" if info.owner[0] is PAS.REALM else "", "text"),
        Span(f" {MIXED} mixed" if info.is_mixed else "", "mixed"),
    ]
    lines = [crop(Line(tuple(head), target), width)]
    text = f"{info.owned_blocks} of 256 blocks owned"
    if info.writer is not None:
        where = info.writer_label or f"{info.writer.pc:#x}"
        text += (
            f"; last stored to by {where} at EL{info.writer.el} {info.writer.security.label}, "
            f"#{numbers.count(info.writer.instruction)}"
        )
    lines += wrap(text, width, "muted", target=target)
    return lines
