"""Instructions as lines: marks, address, word, mnemonic, operands with symbols, and a note at the right."""

from __future__ import annotations

import re
from collections.abc import Callable

from mectui.queries.disassembly import DisassemblyView, InstructionView, characters
from mectui.queries.stops import CodeMark
from mectui.render import numbers
from mectui.render.stops import mark
from mectui.render.text import Line, Span, Target, TargetKind, beside, column, crop, empty_pane, line, wrap
from mectui.render.text import width as width_of

PC_MARK = "▶"
WIDE_ENOUGH_FOR_WORDS = 62

TOKEN = re.compile(
    r"(?P<register>\b(?:[xwvqdshb]\d{1,2}(?:\.\w+)?|sp|wsp|xzr|wzr|[A-Z][A-Z0-9]*_[A-Z0-9_]+)\b)"
    r"|(?P<value>#?-?(?:0x[0-9a-f]+|\d+)\b)"
    r"|(?P<rest>[^\W\d]\w*|\W|\w)"
)


def nothing(row: InstructionView) -> list[Line]:
    """What stands before an instruction that has no source."""
    return []


def disassembly(
    view: DisassemblyView, width: int, before: Callable[[InstructionView], list[Line]] = nothing
) -> list[Line]:
    """A line per instruction; before it one where a symbol starts, and what `before` has."""
    if all(row.word is None for row in view.rows):
        return empty_pane(
            f"No code can be fetched at {numbers.address(view.start)} from here: the address does not translate "
            "to executable memory. `walk` tells why; `goto` shows code elsewhere.",
            width,
        )
    lines = []
    if not any(row.is_mapped for row in view.rows):
        lines += wrap("Not mapped for who runs now: what memory holds at these physical addresses.", width, "warning")
    address_width = max(len(numbers.address(row.address)) for row in view.rows)
    for row in view.rows:
        if row.symbol:
            lines.append(crop(line("   ", (f"{row.symbol}:", "symbol")), width))
        lines += before(row)
        lines += instruction(row, width, address_width)
    return lines


def marks(row: InstructionView) -> tuple[Span, Span]:
    """The program counter's and the breakpoint's column."""
    return (
        Span(PC_MARK if row.is_pc else " ", "pc" if row.is_pc else ""),
        Span(" ") if row.breakpoint is None else stop_mark(row.breakpoint),
    )


def stop_mark(found: CodeMark) -> Span:
    """A breakpoint: on, off, or on with a condition or a message."""
    return Span(mark(found.is_enabled, found.is_special), "breakpoint" if found.is_enabled else "muted")


def instruction(row: InstructionView, width: int, address_width: int) -> list[Line]:
    """The instruction's line; its note at the right, or on a line of its own where there is no room for it."""
    target = Target(TargetKind.VIRTUAL, row.address)
    spans = [*marks(row), Span(" "), column(numbers.address(row.address), address_width, "address"), Span("  ")]
    if row.word is None:
        return [crop(Line((*spans, Span("not readable here", "muted")), target), width)]
    if width >= WIDE_ENOUGH_FOR_WORDS:
        spans += [Span(f"{row.word:08x}", "muted"), Span("  ")]
    spans.append(Span(f"{row.mnemonic:<6} ", "mnemonic"))
    spans += operands(row)
    if row.is_data:
        spans.append(Span(f"  data {characters(row.word)}".rstrip(), "muted"))
    elif row.is_undefined:
        spans.append(Span("  UNDEFINED here", "muted"))
    if row.is_pc:
        spans = [Span(span.text, f"{span.style} pc".strip()) for span in spans]
    item = Line(tuple(spans), target)
    if row.note is None:
        return [crop(item, width)]
    note = line((row.note.text, row.note.style))
    if width_of(item) + 2 + width_of(note) <= width:
        return [beside(item, note, width)]
    below = Line((Span(" " * (address_width + 5)), Span("↳ ", "muted"), *note.spans), target)
    return [crop(item, width), crop(below, width)]


def operands(row: InstructionView) -> list[Span]:
    """Operands in colours; a branch target as its symbol."""
    text = row.operands
    if row.target is not None:
        head, _, _ = text.rpartition("#")
        # ADRP names a page: the symbol that page starts in says nothing about what is wanted there.
        is_named = bool(row.target_label) and row.mnemonic != "adrp"
        shown = f"<{row.target_label}>" if is_named else numbers.address(row.target)
        return [*tokens(head), Span(shown, "symbol" if is_named else "address")]
    return tokens(text)


def tokens(text: str) -> list[Span]:
    spans = []
    for match in TOKEN.finditer(text):
        if match["register"]:
            spans.append(Span(match[0], "register"))
        elif match["value"]:
            spans.append(Span(match[0].removeprefix("#"), "value"))
        else:
            spans.append(Span(match[0], "operand"))
    return spans
