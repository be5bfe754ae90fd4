"""The call frame information of everything that a machine has loaded."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING

from emu.debug.frames.entries import Entry, Section
from emu.debug.frames.rules import Rules, rules_at
from emu.debug.lines.images import Moved, linked
from emu.debug.lines.limits import check_section
from emu.debug.lines.program import DamagedError
from emu.debug.lines.units import MOST_BYTES
from emu.visible import visible

if TYPE_CHECKING:
    from emu.loader import Image

NAMES = (".eh_frame", ".debug_frame")
RULES_KEPT = 4096
_BEFORE = 8
"""Entries before an address that are looked at: honest ones do not overlap."""


class _Table:
    """Of one file, read when somebody asks."""

    def __init__(self, image: Image) -> None:
        self.name = visible(image.name)
        self.moved = [Moved(*part) for part in image.moved]
        self._data = image.frames
        self.problem = ""

    @cached_property
    def sections(self) -> list[tuple[Section, list[int]]]:
        """Each with the first addresses of its entries."""
        found = []
        for name in NAMES:
            try:
                section = self._section(name)
            except Exception as error:  # pyelftools' own errors have no common base
                self._fails(str(error) if isinstance(error, DamagedError) else "it is damaged")
                continue
            if section is not None:
                self._fails(section.problem)
                found.append((section, [entry.low for entry in section.entries]))
        return found

    def _fails(self, problem: str) -> None:
        self.problem = self.problem or problem

    def _section(self, name: str) -> Section | None:
        from elftools.elf.elffile import ELFFile

        found = ELFFile(BytesIO(self._data)).get_section_by_name(name)
        if found is None or found["sh_type"] == "SHT_NOBITS":
            return None
        check_section(found, MOST_BYTES)
        return Section(name, found.data(), found["sh_addr"])

    def entry(self, address: int) -> tuple[Section, Entry] | None:
        for section, lows in self.sections:
            at = bisect_right(lows, address)
            for entry in reversed(section.entries[max(at - _BEFORE, 0) : at]):
                if address < entry.high:
                    return section, entry
        return None


class FrameTables:
    """Of one machine. Nothing is read before somebody asks, and then the beginnings of the entries alone."""

    def __init__(self) -> None:
        self._tables: list[_Table] = []
        self._known: OrderedDict[int, Rules | None] = OrderedDict()
        """What `at` has answered: a screen asks for the same calls at every stop."""

    def add(self, image: Image) -> None:
        if image.frames:
            self._tables.append(_Table(image))
        self._known.clear()

    def clear(self) -> None:
        self._tables = []
        self._known.clear()

    @property
    def has_any(self) -> bool:
        """Whether any image has such a section."""
        return bool(self._tables)

    def at(self, address: int) -> Rules | None:
        """What holds before the instruction at an address; None where nobody wrote that down, or legibly."""
        if not self._tables:
            return None
        try:
            return self._known[address]
        except KeyError:
            pass
        if len(self._known) >= RULES_KEPT:
            self._known.popitem(last=False)
        found = self._known[address] = self._at(address)
        return found

    def _at(self, address: int) -> Rules | None:
        for table in self._tables:
            for place in linked(address, table.moved):
                found = table.entry(place)
                if found is None:
                    continue
                section, entry = found
                try:
                    return rules_at(section.name, section.data, entry, place)
                except DamagedError as error:
                    table.problem = table.problem or str(error)
                    return None
        return None

    def problems(self) -> list[str]:
        """A sentence for every image whose call frame information is damaged, as far as it has been read."""
        return [
            f"The call frame information of {table.name} cannot all be read: {table.problem}."
            for table in self._tables
            if table.problem
        ]
