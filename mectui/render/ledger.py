"""The ledger of MECIDs as a table: one row each, the one under the cursor in words."""

from __future__ import annotations

from emu.architecture import PAS
from mectui.queries.ledger import STANDING_MEANS, Holder, LedgerRow, LedgerView, Standing
from mectui.render import numbers
from mectui.render.mec import moment, owner_name, owner_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, empty_pane, wrap

_STYLES = {
    Standing.HELD: "ok",
    Standing.WAITING: "text",
    Standing.ORPHANED: "warning",
    Standing.IDLE: "muted",
    Standing.SPACE: "muted",
}
_NARROW = 62
_WIDE = 92
"""Columns from which there is room for the last store."""


def summary(view: LedgerView) -> str:
    """ "4 owners, 1 orphaned"."""
    orphaned = f", {view.orphaned} orphaned" if view.orphaned else ""
    return f"{numbers.plural(view.total, 'owner')}{orphaned}" if view.rows else ""


def short_register(name: str) -> str:
    """ "P0" for MECID_P0_EL2, "VP" for VMECID_P_EL2, "RL" for MECID_RL_A_EL3."""
    if name == "MECID_RL_A_EL3":
        return "RL"
    stem = name.removesuffix("_EL2")
    return f"V{stem.removeprefix('VMECID_')}" if stem.startswith("V") else stem.removeprefix("MECID_")


def held(item: Holder) -> str:
    """ "P0", "P0 pending", "P0 until ISB"."""
    return short_register(item.register) + (" pending" if item.is_pending else " until ISB" if item.is_old else "")


def vmids(row: LedgerRow) -> str:
    return ", ".join(str(number) for number in dict.fromkeys(item.tenant.vmid for item in row.tenancies))


def ledger(view: LedgerView, width: int, chosen: int | None = None, *, explains: bool = False) -> list[Line]:
    """The table. The row with number `chosen` (from 0) is told in words below it; `explains` tells every orphan."""
    if not view.rows:
        return empty_pane(
            "Every MECID that owns memory, that a register holds or that a VMID ran under gets a row here: what it "
            "owns, who has it, whether anybody can still read its data.",
            width,
        )
    is_narrow = width < _NARROW
    lines = [head(is_narrow, has_last=width >= _WIDE)]
    for number, row in enumerate(view.rows):
        lines.append(crop(one(row, number, is_narrow, has_last=width >= _WIDE), width))
        if number == chosen or (explains and row.standing is Standing.ORPHANED):
            lines += story(row, number, width)
    if view.total > len(view.rows):
        lines += wrap(f"The first {numbers.count(len(view.rows))} of {numbers.count(view.total)}.", width, "muted")
    if explains:
        lines += [BLANK, *wrap(meanings(view), width, "muted")]
    return lines


def head(is_narrow: bool, *, has_last: bool) -> Line:
    titles = [("owner", 15, False), ("pages", 7, True), ("blocks", 8, True)]
    titles += [] if is_narrow else [("key", 4, True)]
    spans = [column(text, columns, "strong", right=is_right) for text, columns, is_right in titles]
    rest = (
        "  standing"
        if is_narrow
        else f"  {'standing':<13}{'registers':<16}{'VMIDs':<8}{'last stored' if has_last else ''}"
    )
    return Line((Span("  "), *spans, Span(rest, "strong")))


def one(row: LedgerRow, number: int, is_narrow: bool, *, has_last: bool) -> Line:
    style = owner_style(row.owner)
    spans = [
        Span(f"{row.glyph} ", style),
        column(owner_name(row.owner), 15, style),
        column(numbers.count(row.pages), 7, "value" if row.pages else "zero", right=True),
        column(numbers.count(row.blocks), 8, "value" if row.blocks else "zero", right=True),
    ]
    is_realm = row.owner[0] is PAS.REALM
    if not is_narrow:
        spans.append(column(str(row.key) if is_realm else "", 4, "changed" if row.key else "muted", right=True))
    word = row.standing.value + (" !" if row.lost else "")
    spans += [Span("  "), column(word, 12, "fault" if row.lost else _STYLES[row.standing]), Span(" ")]
    if not is_narrow:
        spans += [
            column(", ".join(held(item) for item in row.holders) or "-", 15, "register"),
            Span(" "),
            column(vmids(row) or "-", 7, "value"),
            Span(" "),
            Span(when(row) if has_last else "", "muted"),
        ]
    return Line(tuple(spans), Target(TargetKind.MECID, number))


def when(row: LedgerRow) -> str:
    if row.stored is not None:
        return f"#{numbers.count(row.stored.instruction)} {row.stored_by or hex(row.stored.pc)}"
    return "-" if row.is_exact else "too much memory to look through"


def story(row: LedgerRow, number: int, width: int) -> list[Line]:
    """Who has it and what that means, in sentences."""
    told = [f"{row.standing.value}: {STANDING_MEANS[row.standing]}"] if row.standing is not Standing.SPACE else []
    told += [f"{item.register} holds it{holding(item)}" for item in row.holders]
    if row.tlb:
        told.append(f"{numbers.plural(row.tlb, 'TLB entry')} would use it")
    for item in row.tenancies[:4]:
        times = numbers.plural(item.times, "time")
        register = short_register(item.tenant.register)
        told.append(
            f"VMID {item.tenant.vmid} entered with {register} at it {times}, last at #{item.last.instruction:,}"
        )
    if row.lost:
        told.append(f"{numbers.plural(row.lost, 'block')} stored under an earlier key: lost")
    if row.stored is not None:
        told.append(f"last stored under by {moment(row.stored, row.stored_by)}")
    target = Target(TargetKind.MECID, number)
    lines = []
    for text in told:
        lines += [Line((Span("    "), *part.spans), target) for part in wrap(text, width - 4, "text", "  ")]
    return lines


def holding(item: Holder) -> str:
    if item.is_pending:
        return ", written but not acting until an ISB or exception"
    return " no more, but acts with it until an ISB or exception" if item.is_old else ""


def meanings(view: LedgerView) -> str:
    """What the words of the column mean, those that occur."""
    present = dict.fromkeys(row.standing for row in view.rows if row.standing is not Standing.SPACE)
    return "; ".join(f"{item.value}: {STANDING_MEANS[item]}" for item in present) + "."
