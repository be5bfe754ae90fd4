"""TLB entries as lines; a stale one carries `!` and says which field a fresh walk would contradict."""

from __future__ import annotations

from mectui.queries.tlb import TlbRow, TlbView
from mectui.render import numbers
from mectui.render.styles import space_style
from mectui.render.text import Line, Span, Target, TargetKind, column, crop, empty_pane, line, wrap

WIDE = 100
STALE = "!"


def summary(view: TlbView) -> str:
    """ "3 entries of 128, 1 stale"."""
    stale = f", {view.stale} stale" if view.stale else ""
    return f"{numbers.plural(len(view.rows), 'entry')} of {view.capacity}{stale}"


def tlb(view: TlbView, width: int) -> list[Line]:
    """A header, then a line an entry (two where the width is small), stale ones first with their reason."""
    if not view.rows:
        return empty_pane(
            "Translations appear here when the guest turns an MMU on and uses an address: tags, MECID source, "
            "who filled the entry, and a mark where the tables say something else by now.",
            width,
        )
    wide = width >= WIDE
    lines = [header(width)] if wide else []
    for row in view.rows:
        lines += entry(row, width, wide)
    return lines


def header(width: int) -> Line:
    text = f"  {'regime':<8}{'stage':<10}{'VMID':>5}{'ASID':>6}  {'VA':<22}{'→ PA':<20}{'size':<8}"
    return crop(line((f"{text}{'MECID':<7}{'EL1+ EL0':<9} filled by", "muted")), width)


def tag(value: int | None) -> str:
    return "-" if value is None else str(value)


def entry(row: TlbRow, width: int, wide: bool) -> list[Line]:
    target = Target(TargetKind.VIRTUAL, row.va)
    style = "stale" if row.stale else "address"
    source = row.source.short
    filled = "" if row.filled_at is None else f"#{numbers.count(row.filled_at)} {row.filled_by}"
    mark = Span(f"{STALE if row.stale else ' '} ", "stale")
    regime = column(row.regime, 8, space_style(row.security))
    if wide:
        spans = (
            mark,
            regime,
            column(row.stage, 10, "text"),
            Span(f"{tag(row.vmid):>5}{tag(row.asid):>6}  ", "value"),
            column(numbers.address(row.va), 22, style),
            Span("→ ", "muted"),
            column(numbers.address(row.pa), 18, space_style(row.pas)),
            column(numbers.size(row.size), 8, "value"),
            column(source, 7, "text"),
            Span(f"{row.permissions}  ", "text"),
            Span(filled, "muted"),
        )
        lines = [crop(Line(spans, target), width)]
    else:
        first = (
            mark,
            regime,
            Span(numbers.address(row.va), style),
            Span(" → ", "muted"),
            Span(numbers.address(row.pa), space_style(row.pas)),
            Span(f" {numbers.size(row.size)}", "value"),
        )
        tags = [f"{name} {number} " for name, number in (("VMID", row.vmid), ("ASID", row.asid)) if number is not None]
        second = (
            Span("  "),
            Span(f"{row.stage} {''.join(tags)}", "muted"),
            Span(source, "text"),
            Span(f" {row.permissions} ", "value"),
            Span(filled, "muted"),
        )
        lines = [crop(Line(spans, target), width) for spans in (first, second)]
    if row.stale:
        lines += [Line((Span("    "), *part.spans), target) for part in wrap(f"stale: {row.stale}", width - 4, "stale")]
    return lines
