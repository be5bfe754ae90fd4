"""The compile units of one ELF file: what each covers, its line table, and the functions that were inlined in it.

pyelftools reads sections, units and their entries; whatever it makes of damaged ones comes out of here as nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from emu.debug.lines.limits import (
    SHARED,
    SOME,
    Allowance,
    SpentError,
    abbreviations_end,
    check_section,
    check_strings,
    program_size,
)
from emu.debug.lines.program import MOST_ROWS, DamagedError, Header, Row, Strings, read_header, rows
from emu.visible import visible

MOST_BYTES = 1 << 29
"""Of one section when unpacked; a larger one is not read."""
MOST_UNITS = 1 << 16
MOST_ABBREVIATIONS = 1 << 17
"""Bytes of the abbreviations of one unit."""
MOST_SECONDS = 2.0
"""Of looking through the entries of one unit, and"""
MOST_ENTRIES = 200_000
"""how many of them are looked through for inlined functions."""
_NAMES = 1 << 26
"""Characters of the names and folders of all units."""
_PARTS = (".debug", ".zdebug", ".gnu_debug", ".eh_frame")
"""How the sections begin that pyelftools reads for debugging information."""

Range = tuple[int, int]
"""Addresses [first, second)."""


@dataclass(frozen=True, slots=True)
class Inlined:
    """One place where the body of a function was put instead of a call."""

    ranges: tuple[Range, ...]
    name: str
    depth: int
    call_line: int

    def covers(self, address: int) -> bool:
        return any(low <= address < high for low, high in self.ranges)


@dataclass(eq=False)
class Unit:
    """One compile unit. `header` and `sequences` are read when they are asked for."""

    offset: int
    name: str
    folder: str
    table: int | None
    """Where its line program is in .debug_line."""
    ranges: tuple[Range, ...]
    """What it says it covers; () where it does not say."""
    size: int = 0
    """Bytes of its entries."""
    header: Header | None = None
    sequences: list[list[Row]] | None = None
    inlined: tuple[Inlined, ...] | None = None


class Units:
    """The debugging information of one ELF file. Raises nothing after it was made: `problem` says what is wrong."""

    def __init__(self, data: bytes) -> None:
        self.problem = ""
        """Why some of it, or all, cannot be read: a few words."""
        self.has_lines = False
        self._dwarf: Any = None
        self._line = b""
        self._strings = Strings()
        try:
            self._open(data)
        except Exception as error:  # pyelftools' own errors have no common base
            self.fails(error)

    def fails(self, error: Exception) -> None:
        """Whatever has gone wrong is the file's fault; the first time is told."""
        if not self.problem:
            self.problem = str(error) if isinstance(error, DamagedError) else "it is damaged"

    def _open(self, data: bytes) -> None:
        from elftools.elf.elffile import ELFFile

        elf = ELFFile(BytesIO(data))
        for section in elf.iter_sections():
            if section.name.startswith(_PARTS):
                check_section(section, MOST_BYTES)
        if elf.get_section_by_name(".zdebug_line") is not None:
            raise DamagedError("its sections are compressed as in GNU's old .zdebug")
        if elf.get_section_by_name(".debug_line") is None:
            return
        self.has_lines = True
        if elf.get_section_by_name(".debug_info") is None:
            raise DamagedError("its line table has no compile units beside it")
        dwarf = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
        self._line = _content(dwarf.debug_line_sec)
        self._strings = Strings(_content(dwarf.debug_line_str_sec), _content(dwarf.debug_str_sec))
        self._abbreviations = _content(dwarf.debug_abbrev_sec)
        check_strings(self._strings.line, self._strings.common)
        self._allow(len(_content(dwarf.debug_ranges_sec)) + len(_content(dwarf.debug_rnglists_sec)))
        self._dwarf = dwarf

    def _allow(self, ranges: int) -> None:
        """Sets what reading may use up; `ranges` are the bytes of the lists of ranges."""
        self._units_left = Allowance(MOST_UNITS, f"it has more than {MOST_UNITS:,} compile units")
        self._names_left = Allowance(_NAMES, "the names of its compile units run into each other")
        self._lines_left = Allowance(SHARED * len(self._line) + SOME, "its compile units share their line tables")
        self._ranges_left = Allowance(ranges // 4 + SOME, "its entries share their lists of ranges")
        self._abbreviations_left = Allowance(
            SHARED * len(self._abbreviations) + SOME, "its compile units share their abbreviations"
        )
        self._known_abbreviations: set[int] = set()

    def read(self) -> Iterator[tuple[float, Unit]]:
        """Every unit, with how much of the whole has been read by then: 0 to 1."""
        if self._dwarf is None:
            return
        size = max(len(self._dwarf.debug_info_sec.stream.getbuffer()), 1)
        units = iter(self._dwarf.iter_CUs())
        while True:
            try:
                entry = next(units)
            except StopIteration:
                return
            except Exception as error:
                self.fails(error)
                return
            try:
                self._units_left.use(1)
                self._check_abbreviations(int(entry["debug_abbrev_offset"]))
            except DamagedError as error:
                self.fails(error)
                return
            try:
                unit = self._unit(entry)
            except SpentError as error:
                self.fails(error)
                return
            except Exception as error:  # this one alone
                self.fails(error)
                continue
            if unit is not None:
                yield min((entry.cu_offset + entry.size) / size, 1.0), unit

    def _check_abbreviations(self, offset: int) -> None:
        """Raises DamagedError where nobody could wait for pyelftools, which makes objects of all of a table."""
        if offset in self._known_abbreviations:
            return
        size = abbreviations_end(self._abbreviations[offset : offset + MOST_ABBREVIATIONS], 0)
        self._abbreviations_left.use(size)
        self._known_abbreviations.add(offset)

    def _unit(self, entry: Any) -> Unit | None:
        top = entry.get_top_DIE()
        attributes = top.attributes
        if top.tag not in ("DW_TAG_compile_unit", "DW_TAG_partial_unit", "DW_TAG_skeleton_unit"):
            return None
        if "DW_AT_stmt_list" not in attributes:
            return None
        name, folder = _text(attributes, "DW_AT_name"), _text(attributes, "DW_AT_comp_dir")
        self._names_left.use(len(name) + len(folder))
        table, ranges = int(attributes["DW_AT_stmt_list"].value), self.covered(entry, top, 0)
        return Unit(int(entry.cu_offset), name, folder, table, ranges, int(entry.size))

    def covered(self, entry: Any, die: Any, base: int, left: Allowance | None = None) -> tuple[Range, ...]:
        """What an entry covers; `base` is its unit's, for lists of ranges.

        `left` is what reading it may use up, if not of what all entries share that are read once.
        """
        attributes = die.attributes
        low = attributes.get("DW_AT_low_pc")
        if "DW_AT_ranges" in attributes:
            lists = self._dwarf.range_lists()
            if lists is None:
                return ()
            first = int(low.value) if low else base
            return tuple(self._listed(entry, lists, attributes["DW_AT_ranges"], first, left or self._ranges_left))
        high = attributes.get("DW_AT_high_pc")
        if low is None or high is None:
            return ()
        start = int(low.value)
        end = int(high.value) + (0 if high.form.startswith("DW_FORM_addr") else start)
        return ((start, end),) if start < end else ()

    @staticmethod
    def _listed(entry: Any, lists: Any, attribute: Any, base: int, left: Allowance) -> Iterator[Range]:
        for item in lists.get_range_list_at_offset(attribute.value, entry):
            if hasattr(item, "base_address"):
                base = item.base_address
                continue
            start, end = item.begin_offset, item.end_offset
            if not getattr(item, "is_absolute", False):
                start, end = start + base, end + base
            left.use(1)
            if start < end:
                yield start, end

    # What a unit holds.

    def entry(self, unit: Unit) -> Any:
        """The unit as pyelftools has it. Raises what pyelftools raises."""
        return self._dwarf.get_CU_at(unit.offset)

    @staticmethod
    def base(entry: Any, otherwise: int = 0) -> int:
        """What lists of ranges and places of a unit (of pyelftools) count from."""
        low = entry.get_top_DIE().attributes.get("DW_AT_low_pc")
        return otherwise if low is None else int(low.value)

    def location_lists(self) -> Any:
        """Where variables are, address by address; None where no unit says so."""
        return self._dwarf.location_lists()

    def indexed(self, entry: Any, index: int) -> int:
        """An address by its index in .debug_addr."""
        return int(self._dwarf.get_addr(entry, index))

    def header(self, unit: Unit) -> Header | None:
        if unit.header is None and unit.table is not None:
            try:
                self._lines_left.use(program_size(self._line, unit.table))
                unit.header = read_header(self._line, unit.table, self._strings, unit.folder, unit.name)
            except DamagedError as error:
                unit.table = None
                self.fails(error)
        return unit.header

    def sequences(self, unit: Unit) -> Sequence[Sequence[Row]]:
        """Its line table without what the linker left out: that has addresses of nowhere."""
        if unit.sequences is None:
            header = self.header(unit)
            read = [] if header is None else rows(self._line, header)
            if sum(map(len, read)) >= MOST_ROWS:
                self.fails(DamagedError(f"one of its line tables has more than {MOST_ROWS:,} rows"))
            unit.sequences = [
                sequence
                for sequence in read
                if not unit.ranges or any(low <= sequence[0].start < high for low, high in unit.ranges)
            ]
            unit.sequences.sort(key=lambda sequence: sequence[0].start)
        return unit.sequences

    def inlined(self, unit: Unit) -> tuple[Inlined, ...]:
        """Where functions were inlined, outer ones before those within them."""
        if unit.inlined is None:
            found: list[Inlined] = []
            try:
                self._gather(unit, found)
            except Exception as error:
                self.fails(error)
            unit.inlined = tuple(found)
        return unit.inlined

    def _gather(self, unit: Unit, found: list[Inlined]) -> None:
        entry = self.entry(unit)
        base = self.base(entry, unit.ranges[0][0] if unit.ranges else 0)
        depth = 0
        open_inlined: list[int] = []
        began = time.thread_time()
        for number, die in enumerate(entry.iter_DIEs()):
            if number > MOST_ENTRIES or time.thread_time() - began > MOST_SECONDS:
                return
            if die.is_null():
                depth -= 1
                while open_inlined and open_inlined[-1] >= depth:
                    open_inlined.pop()
                continue
            if die.tag == "DW_TAG_inlined_subroutine":
                line = die.attributes.get("DW_AT_call_line")
                ranges = self.covered(entry, die, base)
                found.append(Inlined(ranges, _name(die), len(open_inlined), int(line.value) if line else 0))
                open_inlined.append(depth)
            if die.has_children:
                depth += 1
            elif open_inlined and open_inlined[-1] == depth:
                open_inlined.pop()


def _content(section: Any) -> bytes:
    return b"" if section is None else bytes(section.stream.getbuffer())


def _text(attributes: Any, name: str) -> str:
    found = attributes.get(name)
    value = b"" if found is None else found.value
    return visible(value.decode("utf-8", "replace")) if isinstance(value, bytes) else ""


def _name(die: Any) -> str:
    """The name of the function that was inlined, through the entry that it came from."""
    for _ in range(4):
        text = _text(die.attributes, "DW_AT_name")
        if text:
            return text
        link = next((name for name in ("DW_AT_abstract_origin", "DW_AT_specification") if name in die.attributes), None)
        if link is None:
            return ""
        die = die.get_DIE_from_attribute(link)
    return ""
