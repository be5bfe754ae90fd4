"""Source beside instructions, and source alone, as lines."""

from __future__ import annotations

from mectui.queries.code import Block, CodeView, SourceRow, SourceView
from mectui.queries.disassembly import InstructionView
from mectui.render import disassembly as instructions
from mectui.render import numbers
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, beside, crop, line, wrap
from mectui.render.text import width as width_of

NUMBER = 4
"""Columns of a line's number."""
ROOMY = 80
"""Columns from which source is indented as it is written."""
HAS_CODE = "·"
"""Stands before a line that has code where no breakpoint is."""
BEYOND = "(the file that was found has no such line: is it another version?)"


def code(view: CodeView, width: int) -> list[Line]:
    """Every instruction, and before those that begin a line of the source that line; above all a problem."""
    return [*problem(view, width), *_code(view, width)]


def problem(view: CodeView, width: int) -> list[Line]:
    """Why the source is not shown."""
    return [*wrap(view.problem, width, "warning"), BLANK] if view.problem else []


def _code(view: CodeView, width: int) -> list[Line]:
    if not view.blocks:
        return instructions.disassembly(view.code, width)
    first = next(iter(view.blocks))

    def before(row: InstructionView) -> list[Line]:
        block = view.blocks.get(row.address)
        return [] if block is None else _block(block, row.address, width, row.address != first)

    return instructions.disassembly(view.code, width, before)


def _block(block: Block, address: int, width: int, is_within: bool) -> list[Line]:
    """The lines of the source before an instruction; the file's name where it is another than before."""
    target = Target(TargetKind.VIRTUAL, address)
    inlined = f"inlined {block.function}" if block.function else ""
    if not block.lines:
        found = line("   ", (block.name, "strong" if block.is_current else "muted"), target=target)
        return [_noted(found, inlined, width)]
    made = []
    if block.is_new_file and is_within:
        made.append(crop(line("   ", (block.name.rpartition(":")[0], "muted"), target=target), width))
    last = block.lines[-1].number
    for item in block.lines:
        style = "strong" if block.is_current and item.number == last else "text"
        text = Span(BEYOND, "warning") if item.text is None else Span(indented(item.text, width), style)
        found = Line((Span("  "), Span(f"{item.number:>{NUMBER}}  ", "muted"), text), target)
        made.append(_noted(found, inlined if item.number == last else "", width))
    return made


def indented(text: str, width: int) -> str:
    """Text of the source; where columns are few, with half of its indentation."""
    inner = text.lstrip()
    return text if width >= ROOMY else " " * ((len(text) - len(inner)) // 2) + inner


def _noted(item: Line, note: str, width: int) -> Line:
    """A line with a note at its right, where there is room for it."""
    if note and width_of(item) + 2 + len(note) <= width:
        return beside(item, (Span(note, "muted"),), width)
    return crop(item, width)


def source(view: SourceView, width: int) -> list[Line]:
    """Lines of a file: where the machine is, breakpoints, and which lines have code."""
    digits = max(len(str(view.total)), 3)
    return [_row(row, width, digits) for row in view.rows]


def _row(row: SourceRow, width: int, digits: int) -> Line:
    if row.mark is not None:
        mark = instructions.stop_mark(row.mark)
    else:
        mark = Span(HAS_CODE if row.address is not None else " ", "muted")
    spans: tuple[Span, ...] = (
        Span(instructions.PC_MARK if row.is_pc else " ", "pc" if row.is_pc else ""), mark,
        Span(f" {row.number:>{digits}}  ", "muted"),
        Span(indented(row.text, width), "strong" if row.is_pc else "text"),
    )  # fmt: skip
    if row.is_pc:
        spans = tuple(Span(span.text, f"{span.style} pc".strip()) for span in spans)
    return crop(Line(spans, None if row.address is None else Target(TargetKind.VIRTUAL, row.address)), width)


def place(view: SourceView) -> str:
    """ "two-realms.S 93 of 506"."""
    return f"{view.name} {view.line} of {numbers.count(view.total)}" if view.total else view.name
