"""TLB entries as lines; a stale one carries `!` and says what a fresh walk would contradict. Then the last TLBIs."""

from __future__ import annotations

from mectui.queries.tlb import InvalidationRow, TlbRow, TlbView
from mectui.render import numbers
from mectui.render.styles import space_style
from mectui.render.text import Line, Span, Target, TargetKind, column, crop, empty_pane, fit, line, wrap

ONE_LINE = 80
"""Columns a line needs for everything but its two addresses."""
STALE = "!"


def summary(view: TlbView) -> str:
    """ "3 entries of 128, 1 stale"."""
    stale = f", {view.stale} stale" if view.stale else ""
    mode = ", forgiving" if view.is_forgiving else ""
    return f"{numbers.plural(len(view.rows), 'entry')} of {view.capacity}{stale}{mode}"


def tlb(view: TlbView, width: int) -> list[Line]:
    """A header, then a line an entry (two where the width is small), stale ones first with their reason; the log."""
    return [*entries(view, width), *log(view, width)]


def entries(view: TlbView, width: int) -> list[Line]:
    if not view.rows and view.log:
        return [line(("  no entries", "muted"))]
    if not view.rows:
        return empty_pane(
            "Translations appear here when the guest turns an MMU on and uses an address: tags, MECID source, "
            "who filled the entry, and a mark where the tables say something else by now.",
            width,
        )
    va = max(len(numbers.address(row.va)) for row in view.rows)
    pa = max(len(numbers.address(row.pa)) for row in view.rows)
    if width < ONE_LINE + va + pa:
        return fit((item for row in view.rows for item in (*in_two_lines(row, width), *reason(row, width))), width)
    lines = [header(width, va, pa)]
    for row in view.rows:
        lines += [in_one_line(row, width, va, pa), *reason(row, width)]
    return lines


def header(width: int, va: int, pa: int) -> Line:
    text = f"  {'regime':<7}{'stage':<10}{'VMID':>4}{'ASID':>5}  {'VA':<{va}} {'→ PA':<{pa + 2}} {'size':<8}"
    return crop(line((f"{text}{'MECID':<6}{'EL1+':<4}{'EL0':<4} filled by", "muted")), width)


def tag(value: int | None) -> str:
    return "-" if value is None else str(value)


def filled(row: TlbRow) -> str:
    return "" if row.filled_at is None else f"#{numbers.count(row.filled_at)} {row.filled_by}"


def mark(row: TlbRow) -> Span:
    return Span(f"{STALE if row.stale else ' '} ", "stale")


def in_one_line(row: TlbRow, width: int, va: int, pa: int) -> Line:
    spans = (
        mark(row),
        column(row.regime, 7, space_style(row.security)),
        column(row.stage, 10, "text"),
        Span(f"{tag(row.vmid):>4}{tag(row.asid):>5}  ", "value"),
        column(numbers.address(row.va), va, "stale" if row.stale else "address"),
        Span(" → ", "muted"),
        column(numbers.address(row.pa), pa, space_style(row.pas)),
        Span(" "),
        column(numbers.size(row.size), 8, "value"),
        column(row.source.short, 6, "text"),
        Span(f"{row.permissions}  ", "text"),
        Span(filled(row), "muted"),
    )
    return crop(Line(spans, Target(TargetKind.VIRTUAL, row.va)), width)


def in_two_lines(row: TlbRow, width: int) -> list[Line]:
    target = Target(TargetKind.VIRTUAL, row.va)
    first = (
        mark(row),
        column(row.regime, 7, space_style(row.security)),
        Span(numbers.address(row.va), "stale" if row.stale else "address"),
        Span(" → ", "muted"),
        Span(numbers.address(row.pa), space_style(row.pas)),
        Span(f" {numbers.size(row.size)}", "value"),
    )
    tags = [f"{name} {number} " for name, number in (("VMID", row.vmid), ("ASID", row.asid)) if number is not None]
    second = (
        Span("  "),
        Span(f"{row.stage} {''.join(tags)}", "muted"),
        Span(row.source.short, "text"),
        Span(f" {row.permissions} ", "value"),
        Span(filled(row), "muted"),
    )
    return [crop(Line(spans, target), width) for spans in (first, second)]


def reason(row: TlbRow, width: int) -> list[Line]:
    """Why a stale entry is called so."""
    if not row.stale:
        return []
    target = Target(TargetKind.VIRTUAL, row.va)
    text = f"stale: {row.stale}" + (f"; {row.removers[0]} removes it" if row.removers else "")
    return [Line((Span("    "), *part.spans), target) for part in wrap(text, width - 4, "stale")]


def log(view: TlbView, width: int) -> list[Line]:
    """The last invalidations, oldest first, each with what it removed."""
    if not view.log:
        return []
    shown = "" if len(view.log) == view.invalidations else f" (the last {len(view.log)})"
    title = f"{numbers.plural(view.invalidations, 'invalidation')}{shown}"
    return [
        line(("", "text")),
        crop(line((title, "muted")), width),
        *(part for row in view.log for part in invalidation(row, width)),
    ]


def invalidation(row: InvalidationRow, width: int) -> list[Line]:
    count = len(row.removed) + row.removed_granules
    first = (
        Span(f"  #{numbers.count(row.instruction)} ", "muted"),
        Span(f"TLBI {row.operation} ", "value"),
        Span(f"removed {count} ", "text"),
        Span(row.by, "muted"),
    )
    return [
        crop(Line(first), width),
        *(Line((Span("    "), *part.spans)) for part in wrap(row.text, width - 4, "muted")),
    ]
