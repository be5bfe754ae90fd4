"""A hexdump with the owner of every block in a gutter."""

from __future__ import annotations

from typing import NamedTuple

from emu.architecture import PAS
from mectui.queries.memory import Eyes, MemoryRow, MemoryView, Ownership, PageLine
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import Line, Span, Target, TargetKind, column, crop, empty_pane
from mectui.render.text import width as width_of

OWNER_COLUMNS = 3
SHORT_ADDRESS = "…ffff_ffff"
"""The lower 32 bits of an address, where all of it has no room."""
FOREIGN = "≠"
ROOMY = 60
"""Columns from which the line before a page uses all its words."""
SPACE_NAMES = {PAS.ROOT: "root", PAS.SECURE: "sec", PAS.NON_SECURE: "ns"}


def summary(view: MemoryView) -> str:
    """What is shown, through whose eyes."""
    eyes = f"{view.eyes.value} {view.mecid}" if view.eyes is Eyes.MECID else view.eyes.value
    if view.eyes is Eyes.RAW:
        eyes += " (this model encrypts nothing)" if view.is_plain else " (ciphertext, as on the memory bus)"
    kind = "PA" if view.is_physical else "VA"
    return f"{kind} {numbers.address(view.start)}  {eyes}"


def memory(view: MemoryView, width: int, place: int | None = None) -> list[Line]:
    """16 bytes a line with characters, or 8 where it is narrow; a line before each page; `place` is the cursor's."""
    if view.rows and all(row.data is None for row in view.rows):
        reason = f" ({view.problem})" if view.problem else ""
        return empty_pane(
            f"Nothing can be read at {numbers.address(view.start)}{reason}. "
            "`mem ADDRESS` shows other memory, `pmem ADDRESS` a physical address.",
            width,
        )
    digits = max(len(numbers.address(row.address + 15)) for row in view.rows) if view.rows else 0
    owner_columns = max(OWNER_COLUMNS, *(len(owner_label(row.owner)) for row in view.rows)) if view.rows else 0
    form = form_for(width, view.start, owner_columns)
    if has_short_addresses(width, view.start, owner_columns):
        digits = len(SHORT_ADDRESS)
    lines = []
    pages = {page.address: page for page in view.pages}
    for row in view.rows:
        if row.address in pages:
            lines.append(page_line(pages[row.address], width))
        lines += [half(row, at, form, digits, owner_columns, width, place) for at in range(0, 16, form.bytes)]
    return lines


def page_line(page: PageLine, width: int) -> Line:
    """ "── page PA 0x4008_6000  owner realm MECID 5  reached under MECID 6 (VP)  GPT: realm ───".

    Where there is little room the words go that say least; the GPT goes as a whole.
    """
    is_roomy = width >= ROOMY
    spans = [Span("── page" if is_roomy else "──", "muted")]
    if page.problem:
        spans.append(Span(f" not mapped: {page.problem} ", "warning"))
    else:
        if page.pa is not None and page.pa != page.address:
            spans.append(Span(f" PA {numbers.address(page.pa)}", "address"))
        gap = "  " if len(spans) > 1 else " "
        spans.append(Span(f"{gap}owner " if page.owners else f"{gap}owned by nobody", "muted"))
        for at, (pas, mecid) in enumerate(page.owners[:3]):
            spans.append(Span(", " if at else "", "muted"))
            style = mecid_style(mecid) if pas is PAS.REALM else space_style(pas.label)
            space = f"{pas.label} " if is_roomy and not at else ""
            spans.append(Span(f"{space}MECID {mecid}" if pas is PAS.REALM else pas.label, style))
        if page.mapping is not None:
            is_wrong = bool(page.owners) and (PAS.REALM, page.mapping[0]) not in page.owners
            room = width - width_of(Line(tuple(spans)))
            most = len(numbers.mecid(*page.mapping)) + 2 * is_wrong
            spans += [
                Span("  reached under " if room >= len("  reached under ") + most else "  under ", "muted"),
                Span(f"{FOREIGN} " if is_wrong else "", "hit"),
                Span(numbers.mecid(*page.mapping), mecid_style(page.mapping[0])),
            ]
        gpt = f"  GPT: {page.space.partition(' (')[0]}" if page.space else ""
        if width_of(Line(tuple(spans))) + len(gpt) < width:
            spans.append(Span(gpt, "muted"))
        spans.append(Span(" "))
    used = width_of(Line(tuple(spans)))
    return crop(Line((*spans, Span("─" * max(width - used, 0), "muted"))), width)


class Form(NamedTuple):
    """How many bytes a line has, and how many stand together without a space."""

    bytes: int
    together: int

    @property
    def columns(self) -> int:
        """Columns of bytes, change mark and characters, the space before them included."""
        return self.bytes * 3 + self.bytes // self.together + 1


FORMS = (Form(16, 1), Form(16, 2), Form(8, 1), Form(8, 2))
"""From the roomiest to the tightest."""


def form_for(width: int, start: int, owner_columns: int = OWNER_COLUMNS) -> Form:
    """The roomiest form that fits for addresses from `start` on."""
    before = before_bytes(start, owner_columns)
    if has_short_addresses(width, start, owner_columns):
        before += len(SHORT_ADDRESS) - len(numbers.address(start))
    return next((form for form in FORMS if before + form.columns <= width), FORMS[-1])


def before_bytes(start: int, owner_columns: int) -> int:
    """Columns of a whole address, the owner and the mark."""
    return len(numbers.address(start)) + 1 + owner_columns + 1


def has_short_addresses(width: int, start: int, owner_columns: int = OWNER_COLUMNS) -> bool:
    """Whether the characters would have no room behind whole addresses, which the border tells as well."""
    is_long = len(numbers.address(start)) > len(SHORT_ADDRESS)
    return is_long and before_bytes(start, owner_columns) + FORMS[-1].columns > width


def lines_per_block(width: int, start: int) -> int:
    return 16 // form_for(width, start).bytes


def owner_label(owner: Ownership | None) -> str:
    if owner is None:
        return "·"
    return f"id{owner.mecid}" if owner.pas is PAS.REALM else SPACE_NAMES[owner.pas]


def owner_style(owner: Ownership | None) -> str:
    if owner is None:
        return "unowned"
    return mecid_style(owner.mecid) if owner.pas is PAS.REALM else space_style(owner.pas.label)


def shown_address(address: int, digits: int) -> str:
    """All of it, or its lower 32 bits where no more than those have room."""
    whole = numbers.address(address)
    return whole if len(whole) <= digits else f"…{numbers.grouped(address & 0xFFFF_FFFF, 8)}"


def half(
    row: MemoryRow, at: int, form: Form, digits: int, owner_columns: int, width: int, place: int | None = None
) -> Line:
    """One line: address, whose block it is, a mark where the current context gets noise, bytes, characters."""
    address = row.address + at
    target = Target(TargetKind.VIRTUAL, address)
    spans = [
        Span(f"{shown_address(address, digits):<{digits}} ", "address"),
        column(owner_label(row.owner) if at == 0 else "", owner_columns, owner_style(row.owner)),
        Span(FOREIGN if row.owner is not None and row.owner.is_foreign else " ", "hit"),
    ]
    if row.data is None:
        return crop(Line((*spans, Span(" not readable here", "muted")), target), width)
    characters = []
    for index in range(at, at + form.bytes):
        byte = row.data[index]
        style = "changed" if index in row.changed else "value" if byte else "zero"
        if index in row.found:
            style += " found"
        if row.address + index == place:
            style += " cell_cursor"
        if index % form.together == 0:
            spans.append(Span(" "))
        spans.append(Span(f"{byte:02x}", style))
        characters.append(Span(chr(byte) if 32 <= byte < 127 else "·", style if byte or " " in style else "muted"))
    spans.append(Span("*" if row.changed & set(range(at, at + form.bytes)) else " ", "changed"))
    item = Line((*spans, *characters), target)
    if row.symbol and at == 0 and "+" not in row.symbol and width_of(item) + len(row.symbol) < width:
        return Line((*item.spans, Span(f" {row.symbol}", "symbol")), target)
    return crop(item, width)
