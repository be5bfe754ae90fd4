"""TLB entries as lines; a stale one carries `!` and says what a fresh walk would contradict. Then the last TLBIs."""

from __future__ import annotations

from enum import StrEnum

from mectui.queries.tlb import InvalidationRow, TlbRow, TlbView
from mectui.render import numbers
from mectui.render.styles import space_style
from mectui.render.text import Line, Span, Target, TargetKind, column, crop, empty_pane, fit, line, wrap

ONE_LINE = 83
"""Columns a line needs for everything but its two addresses."""
STALE = "!"
HITS, USED = 7, 5
"""Columns of an entry's uses."""
ELSEWHERE = "·"
"""Before an entry that the present context cannot use."""


class Only(StrEnum):
    """Which entries are shown."""

    ALL = "all"
    STALE = "stale only"
    CURRENT = "of this context"


class Order(StrEnum):
    """How they are sorted."""

    STALE = "stale first"
    VA = "by address"
    VMID = "by VMID"
    AGE = "newest first"


def summary(view: TlbView, only: Only = Only.ALL, order: Order = Order.STALE) -> str:
    """ "3 entries of 128, 1 stale"."""
    stale = f", {view.stale} stale" if view.stale else ""
    mode = ", forgiving" if view.is_forgiving else ""
    chosen = [] if only is Only.ALL else [only.value]
    chosen += [] if order is Order.STALE else [order.value]
    shown = f"  ({', '.join(chosen)})" if chosen else ""
    return f"{numbers.plural(len(view.rows), 'entry')} of {view.capacity}{stale}{mode}{shown}"


def log_summary(view: TlbView) -> str:
    return f"log of {numbers.plural(view.invalidations, 'invalidation')}"


def tlb(view: TlbView, width: int) -> list[Line]:
    """A header, then a line an entry (two where the width is small), stale ones first with their reason; the log."""
    return [*entries(view, width), *([line(("", "text")), *log(view, width)] if view.log else [])]


def arranged(view: TlbView, only: Only, order: Order) -> list[TlbRow]:
    """The entries to show, in order; those of a view are sorted by staleness already."""
    rows = [
        row
        for row in view.rows
        if only is Only.ALL or (only is Only.STALE and row.stale) or (only is Only.CURRENT and row.is_current)
    ]
    match order:
        case Order.VA:
            rows.sort(key=lambda row: (row.va, row.number))
        case Order.VMID:
            rows.sort(key=lambda row: (-1 if row.vmid is None else row.vmid, row.va))
        case Order.AGE:
            rows.sort(key=lambda row: -row.number)
    return rows


def row_of(view: TlbView, number: int) -> TlbRow | None:
    """The entry that a line's target names."""
    return next((row for row in view.rows if row.number == number), None)


def entries(view: TlbView, width: int, only: Only = Only.ALL, order: Order = Order.STALE) -> list[Line]:
    rows = arranged(view, only, order)
    if view.rows and not rows:
        return empty_pane(f"No entry is shown: the filter is “{only.value}”. `l` changes it.", width)
    if not view.rows and view.invalidations:
        return empty_pane("No entries: invalidations have removed what there was. `v` lists them.", width)
    if not view.rows:
        return empty_pane(
            "Translations appear here when the guest turns an MMU on and uses an address: tags, MECID source, "
            "who filled the entry, and a mark where the tables say something else by now.",
            width,
        )
    va = max(len(numbers.address(row.va)) for row in rows)
    pa = max(len(numbers.address(row.pa)) for row in rows)
    legend = [line((f"{ELSEWHERE} of another VMID, ASID or state than now", "muted"))]
    legend = [] if all(row.is_current for row in rows) else [crop(item, width) for item in legend]
    if width < ONE_LINE + va + pa + len(uses_heading(rows[0])):
        lines = [item for row in rows for item in (*in_two_lines(row, width), *reason(row, width))]
        return [
            *fit([*two_lines_header(width, bool(legend), rows[0].is_used is not None), *lines], width),
            *uses_legend(rows, width, view.when),
        ]
    lines = [header(width, va, pa, uses_heading(rows[0]))]
    for row in rows:
        lines += [in_one_line(row, width, va, pa), *reason(row, width)]
    return [*lines, *legend, *uses_legend(rows, width, view.when)]


def uses_heading(row: TlbRow) -> str:
    """What `uses` gives, as a column's heading; "" where it gives nothing."""
    hits = "" if row.hits is None else f"{'hits':>{HITS}} "
    return hits + ("" if row.is_used is None else f"{'used':<{USED}}")


def uses(row: TlbRow) -> str:
    """How often it answered, where that is counted, and "used" if it did in the time that is watched."""
    hits = "" if row.hits is None else f"{numbers.count(row.hits):>{HITS}} "
    return hits + ("" if row.is_used is None else f"{'used' if row.is_used else '-':<{USED}}")


def in_words(row: TlbRow) -> str:
    """The same where there is no column: "12 hits, used "; "" where there is nothing to say."""
    parts = [] if row.hits is None else [numbers.plural(row.hits, "hit")]
    parts += ["used"] if row.is_used else []
    return f"{', '.join(parts)} " if parts else ""


def uses_legend(rows: list[TlbRow], width: int, when: str) -> list[Line]:
    if all(row.hits is None and row.is_used is None for row in rows):
        return []
    texts = [] if rows[0].is_used is None else [f"used: made, or asked, {when}"]
    if rows[0].hits is None:
        texts.append("--engine reference counts how often")
    else:
        texts.append("hits: accesses, fetches and walks that it answered since it was made")
    return wrap("; ".join(texts), width, "muted")


def header(width: int, va: int, pa: int, uses: str = "") -> Line:
    text = f"  {'regime':<7}{'stage':<10}{'VMID':>4}{'ASID':>5}  {'VA':<{va}} {'→ PA':<{pa + 2}} {'size':<8}"
    return crop(line((f"{text}{'MECID':<9}{'EL1+':<4}{'EL0':<4} {uses}filled by", "muted")), width)


def two_lines_header(width: int, has_others: bool, has_uses: bool) -> list[Line]:
    """What the two lines of every entry have, in their order.

    `has_others`: entries that cannot be used now; `has_uses`: marks of those that have been used.
    """
    first = f"  {'regime':<7}VA → PA size"
    others = f"   {ELSEWHERE} of another VMID, ASID or state", f"   {ELSEWHERE} not usable now"
    mark = next((text for text in others if len(first) + len(text) <= width), "") if has_others else ""
    second: tuple[str, ...] = (
        "  stage, tags, MECID, EL1+ and EL0 rights, filled by",
        "  stage tags MECID EL1+ EL0 filled by",
    )
    if has_uses:
        second = "  stage, tags, MECID, EL1+ and EL0 rights, used by the last run, filled by", *second
    told = next((text for text in second if len(text) <= width), second[-1])
    return [line((first + mark, "muted")), line((told, "muted"))]


def tag(value: int | None) -> str:
    return "-" if value is None else str(value)


def filled(row: TlbRow) -> str:
    if row.filled_at is None:
        return ""
    age = "" if row.age is None else f", {numbers.count(row.age)} ago"
    return f"#{numbers.count(row.filled_at)} {row.filled_by}{age}"


def source(row: TlbRow) -> str:
    """ "VP=6": the register that supplies the MECID, and what it holds now, where the entry can be used now."""
    return row.source.short + (f"={row.mecid}" if row.mecid is not None and row.is_current else "")


def target_of(row: TlbRow) -> Target:
    return Target(TargetKind.ENTRY, row.number)


def mark(row: TlbRow) -> Span:
    if row.stale:
        return Span(f"{STALE} ", "stale")
    return Span(f"{' ' if row.is_current else ELSEWHERE} ", "muted")


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
        column(source(row), 9, "text"),
        Span(f"{row.permissions}  ", "text"),
        Span(uses(row), "value"),
        Span(filled(row), "muted"),
    )
    return crop(Line(spans, target_of(row)), width)


def in_two_lines(row: TlbRow, width: int) -> list[Line]:
    target = target_of(row)
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
        Span(source(row), "text"),
        Span(f" {row.permissions} ", "value"),
        Span(in_words(row), "text"),
        Span(filled(row), "muted"),
    )
    return [crop(Line(spans, target), width) for spans in (first, second)]


def reason(row: TlbRow, width: int) -> list[Line]:
    """Why a stale entry is called so: each field that differs, what has changed since, and what removes it."""
    if not row.stale:
        return []
    texts = [f"stale: a fresh walk faults: {row.fault}"] if row.fault else []
    texts += [f"{name}: holds {kept}, the tables say {fresh}" for name, kept, fresh in row.differences]
    texts += row.causes
    texts = texts or [f"stale: {row.stale}"]
    if row.removers:
        texts.append(f"{row.removers[0]} removes it")
    return [
        Line((Span("    "), *part.spans), target_of(row))
        for text in texts
        for part in wrap(numbers.written_alike(text), width - 4, "stale")
    ]


def log(view: TlbView, width: int) -> list[Line]:
    """The invalidations of the view, oldest first, each with what it removed."""
    if not view.log:
        return empty_pane("Every TLBI is listed here with what it removed.", width)
    shown = "" if len(view.log) == view.invalidations else f" (the last {len(view.log)})"
    title = f"{numbers.plural(view.invalidations, 'invalidation')}{shown}"
    return [
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
    gone = [f"removed {numbers.written_alike(each)}" for each in row.removed]
    return [
        crop(Line(first), width),
        *(Line((Span("    "), *part.spans)) for part in wrap(numbers.written_alike(row.text), width - 4, "muted")),
        *(Line((Span("    "), *part.spans)) for text in gone for part in wrap(text, width - 4, "text")),
    ]
