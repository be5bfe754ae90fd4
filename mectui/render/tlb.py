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
    lines = [header(wide, width)]
    for row in view.rows:
        lines += entry(row, width, wide)
    return lines


def header(wide: bool, width: int) -> Line:
    text = f"  {'regime':<7}{'VMID':>5}{'ASID':>6}  {'VA':<22}{'→ PA':<20}{'size':<8}"
    if wide:
        return crop(line((f"{text}{'MECID':<7}{'EL1+ EL0':<9} filled", "muted")), width)
    return crop(line((f"  {'regime':<7}{'VMID':>5}{'ASID':>6} {'VA → PA':<24} MECID", "muted")), width)


def tag(value: int | None) -> str:
    return "-" if value is None else str(value)


def entry(row: TlbRow, width: int, wide: bool) -> list[Line]:
    target = Target(TargetKind.VIRTUAL, row.va)
    style = "stale" if row.stale else "address"
    source = row.source.short
    front = [
        Span(f"{STALE if row.stale else ' '} ", "stale"),
        column(row.regime, 7, space_style(row.security)),
        Span(f"{tag(row.vmid):>5}{tag(row.asid):>6}", "value"),
    ]
    filled = "" if row.filled_at is None else f" #{numbers.count(row.filled_at)} {row.filled_by}"
    if wide:
        spans = [
            *front,
            Span("  "),
            column(numbers.address(row.va), 22, style),
            Span("→ ", "muted"),
            column(numbers.address(row.pa), 18, space_style(row.pas)),
            column(numbers.size(row.size), 8, "value"),
            column(source, 7, "text"),
            Span(row.permissions, "text"),
            Span(f" {filled}", "muted"),
        ]
        lines = [crop(Line(tuple(spans), target), width)]
    else:
        spans = [
            *front,
            Span(" "),
            Span(numbers.address(row.va), style),
            Span(" → ", "muted"),
            Span(numbers.address(row.pa), space_style(row.pas)),
            Span(f" {source}", "text"),
        ]
        second = (
            Span("  "),
            Span(f"{row.stage:<7}", "muted"),
            Span(f"{numbers.size(row.size)} {row.permissions}", "value"),
            Span(f" {filled}", "muted"),
        )
        lines = [crop(Line(tuple(spans), target), width), crop(Line(second, target), width)]
    if row.stale:
        lines += [Line((Span("    "), *part.spans), target) for part in wrap(f"stale: {row.stale}", width - 4, "stale")]
    return lines
