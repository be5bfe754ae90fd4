"""Code beside its source: instructions with the lines they come from, or a file with the lines that have code."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from emu.debug.lines import FileCode, Spot
from mectui.queries.code_search import FindCode
from mectui.queries.disassembly import DisassemblyView, disassembly, disassembly_json
from mectui.queries.labels import label, line_name, shown
from mectui.queries.stops import CodeMark, code_marks

if TYPE_CHECKING:
    import emu
    from mectui.sources import SourceFiles, SourceText

MOST_BEFORE = 8
"""Lines without code of their own, comments above all, that are shown before one that has some."""


COMMENTS = ("//", "/*", "*")
"""How comments begin, in C and in assembler that the C preprocessor has seen."""


NAMED = "“source DIR” names the folder of the source, as --source DIR does at the start."
"""What to do where a file is not the right one."""


class CodeMode(Enum):
    """What the pane of code shows."""

    MIXED = "source and instructions"
    INSTRUCTIONS = "instructions"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of a file. `text` is None where the file has no such line."""

    number: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """What stands before an instruction: the line it comes from, and the comments above that."""

    name: str
    """ "mec.c:40"."""
    function: str
    """The function that was inlined here, or ""."""
    is_new_file: bool
    """Whether the instruction before came from another file."""
    is_current: bool
    """Whether the program counter is in this line."""
    lines: tuple[SourceLine, ...]
    """Empty where the file is not to be found."""


@dataclass(frozen=True, slots=True)
class CodeView:
    """Instructions, and what stands before some of them."""

    code: DisassemblyView
    blocks: Mapping[int, Block]
    """By the address of the instruction behind."""
    missing: str = ""
    """The path of a source file that was not found, or ""."""
    reading: float | None = None
    """How much of the line tables has been read, while they are being read."""
    places: Mapping[int, str] = field(default_factory=dict)
    """By the address of an instruction: "realm_b_code+0x10  two-realms.S:420", as far as it is known."""
    problem: str = ""
    """Why these instructions stand here and not the source that somebody wanted to see: a sentence or two."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One line of a file with what the machine has to do with it."""

    number: int
    text: str
    address: int | None
    """Where its code begins."""
    is_pc: bool
    mark: CodeMark | None


@dataclass(frozen=True, slots=True)
class SourceView:
    """A stretch of one source file."""

    name: str
    """The file's own name."""
    place: str
    """Where it was found, or the path that was looked for."""
    first: int
    line: int
    """The line that was asked for."""
    total: int
    rows: tuple[SourceRow, ...]
    following: int | None
    """Where the code of `line` begins, or that of the next line that has some."""
    problem: str = ""
    """Why there are no rows: one sentence or two."""
    reading: float | None = None


def code(machine: emu.Machine, sources: SourceFiles, start: int, count: int, mode: CodeMode | None) -> CodeView:
    """`count` instructions from `start` with the lines they come from; without a mode those only where there are any.

    Never waits for line tables that are being read.
    """
    lines = machine.lines
    view = disassembly(machine, start, count)
    if not lines.has_any:
        return CodeView(view, {}, places=places_of(machine, view))
    is_ready = lines.begin()
    if mode is CodeMode.INSTRUCTIONS:
        return CodeView(view, {}, places=places_of(machine, view))
    current = lines.at(view.pc)
    blocks: dict[int, Block] = {}
    missing = ""
    before: Spot | None = None
    for row in view.rows:
        spot = lines.at(row.address, with_function=True)
        if spot is not None and not spot.is_same_line(before):
            text = sources.find(spot.path, lines.folders())
            if text is None and not missing:
                missing = spot.path
            blocks[row.address] = Block(
                shown(spot.name), shown(spot.function), before is None or before.path != spot.path,
                spot.is_same_line(current), () if text is None else _lines(machine, spot, row.address, text),
            )  # fmt: skip
        before = spot
    reading = None if is_ready else lines.progress
    return CodeView(view, blocks, shown(missing), reading, places_of(machine, view))


def places_of(machine: emu.Machine, view: DisassemblyView) -> dict[int, str]:
    """Function and line of every instruction shown: the pane names the one under the cursor."""
    names = ((row.address, label(machine, row.address), line_name(machine, row.address)) for row in view.rows)
    return {address: "  ".join(filter(None, (function, line))) for address, function, line in names}


def _lines(machine: emu.Machine, spot: Spot, address: int, text: SourceText) -> tuple[SourceLine, ...]:
    """The line of an instruction; where its code begins, what is written above it too."""
    found = machine.lines.code_around(address)
    first = spot.line
    if found is not None and address in found.addresses.get(spot.line, ())[:1]:
        at = bisect_left(found.lines, spot.line)
        above = found.lines[at - 1] if at else 0
        first = _told_from(text, max(above + 1, spot.line - MOST_BEFORE), spot.line)
    return tuple(SourceLine(number, text.line(number)) for number in range(first, spot.line + 1))


@dataclass(frozen=True, slots=True)
class LineFound:
    """The answer of a search in the source: the line, or None."""

    line: int | None
    number: int


def source(
    machine: emu.Machine,
    sources: SourceFiles,
    place: int,
    count: int,
    line: int | None = None,
    top: int | None = None,
    sought: FindCode | None = None,
) -> tuple[SourceView, LineFound | None]:
    """`count` lines of the file that the instruction at `place` comes from: around its line, or around `line`.

    `top` is the first line that was shown before: it stays where it can. `sought` is looked for from `line` on.
    """  # fmt: skip
    view, text = _source_text(machine, sources, place)
    found = None if sought is None else LineFound(None, sought.number)
    if text is None:
        return view, found
    spot, known = machine.lines.at(place), machine.lines.code_around(place)
    assert spot is not None
    assert known is not None
    line = spot.line if line is None else line
    if sought is not None:
        found = LineFound(_line_with(text, sought, line), sought.number)
        line = line if found.line is None else found.line
    return _stretch(machine, text, known, line, count, top, view), found


def _told_from(text: SourceText, first: int, line: int) -> int:
    """Where what belongs to a line begins: at a comment, or else behind the last empty line."""
    told = [(text.line(number) or "").strip() for number in range(first, line)]
    comment = next((at for at, each in enumerate(told) if each.startswith(COMMENTS)), None)
    if comment is not None:
        return first + comment
    return line - next((at for at, each in enumerate(reversed(told)) if not each), len(told))


def _source_text(machine: emu.Machine, sources: SourceFiles, place: int) -> tuple[SourceView, SourceText | None]:
    """The file of an instruction, or why there is none."""
    lines = machine.lines
    is_ready = not lines.has_any or lines.begin()
    spot = lines.at(place)
    if spot is None:
        if not lines.has_any:
            problem = "This guest has no line tables: build it with -g to see its source."
        elif not is_ready:
            problem = f"The line tables are being read: {lines.progress:.0%}."
        else:
            problem = "No line of the source is known for this address."
        reading = None if is_ready else lines.progress
        return SourceView("", "", 1, 1, 0, (), None, problem, reading), None
    name = shown(spot.path.rpartition("/")[2])
    text = sources.find(spot.path, lines.folders())
    if text is None:
        problem = f"{shown(spot.path)} is not here, or cannot be read. {NAMED}"
        return SourceView(name, shown(spot.path), 1, spot.line, 0, (), place, problem), None
    if not any(text.lines):
        problem = f"There is nothing in the file that was found, {shown(str(text.path))}. {NAMED}"
        return SourceView(name, str(text.path), 1, spot.line, 0, (), place, problem), None
    return SourceView(name, str(text.path), 1, spot.line, len(text.lines), (), place), text


def _stretch(
    machine: emu.Machine, text: SourceText, found: FileCode, line: int, count: int, top: int | None, view: SourceView
) -> SourceView:
    total = len(text.lines)
    line = max(1, min(line, total))
    if top is None or not top <= line < top + count:
        top = line - count // 3
    top = max(1, min(top, total - count + 1))
    current = machine.lines.at(machine.cpu.pc)
    marks = code_marks(machine)
    rows = tuple(_row(number, text, found, marks, current) for number in range(top, min(top + count, total + 1)))
    at = bisect_left(found.lines, line)
    following = found.addresses[found.lines[at]][0] if at < len(found.lines) else None
    return replace(view, first=top, line=line, rows=rows, following=following)


def _row(
    number: int, text: SourceText, found: FileCode, marks: Mapping[int, CodeMark], current: Spot | None
) -> SourceRow:
    addresses = found.addresses.get(number, ())
    mark = next((marks[address] for address in addresses if address in marks), None)
    is_pc = current is not None and (current.path, current.line) == (found.path, number)
    return SourceRow(number, text.line(number) or "", addresses[0] if addresses else None, is_pc, mark)


def code_json(machine: emu.Machine, view: DisassemblyView) -> dict[str, Any]:
    """Everything `mectui code --json` prints: instructions, each with its file and line where they are known."""
    found = disassembly_json(view)
    for entry, row in zip(found["instructions"], view.rows, strict=True):
        spot = machine.lines.at(row.address, with_function=True)
        entry["file"] = None if spot is None else spot.path
        entry["line"] = None if spot is None else spot.line
        entry["inlined"] = (spot.function or None) if spot is not None else None
    return found


def _line_with(text: SourceText, sought: FindCode, line: int) -> int | None:
    """The next line that has what is sought, whatever the case; from the other end on where there is none."""
    found = [number for number, each in enumerate(text.lines, 1) if sought.text in each.lower()]
    if not found:
        return None
    if sought.is_first or not sought.forward:
        at = bisect_left(found, line) - (not sought.forward)
    else:
        at = bisect_right(found, line)
    return found[at % len(found)]
