"""The line table of one image: from addresses to places in the source and back, unit by unit as they are asked for."""

from __future__ import annotations

import itertools
import threading
import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emu.debug.lines.program import Row
from emu.debug.lines.units import Inlined, Unit, Units

UNITS_KEPT = 64
"""Units whose rows stay decoded."""
BREATH = 0.01
"""Seconds of reading in the background after which everybody else may go on."""
CHEAP = 1 << 18
"""Bytes of a unit's entries that are looked through while somebody waits."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the instructions at [start, end) come from."""

    path: str
    """As the compiler was given it, made whole by the folder it ran in; either may be of another machine."""
    line: int
    column: int
    is_stmt: bool
    start: int
    end: int
    function: str = ""
    """The function that was inlined here, or ""."""

    @property
    def name(self) -> str:
        """ "mec.c:40"."""
        return f"{self.path.rpartition('/')[2]}:{self.line}"

    def is_same_line(self, other: Spot | None) -> bool:
        return other is not None and (self.path, self.line) == (other.path, other.line)


@dataclass(frozen=True, slots=True)
class FileCode:
    """The lines of a file that have code in one compile unit, each with the addresses where it begins."""

    path: str
    lines: tuple[int, ...]
    addresses: Mapping[int, tuple[int, ...]]


class Start(NamedTuple):
    """A row of a line at which somebody could stop."""

    address: int
    run: int
    """Where the run of instructions of that line begins that the row is in."""
    is_stmt: bool


class Place(NamedTuple):
    """A `Start`, and the unit whose table has it."""

    unit: Unit
    start: Start


class LineTable:
    """Of one ELF file. Knows nothing until `read` was called; each method may be called on any thread."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.lock = threading.RLock()
        self._units: list[Unit] = []
        self._source: Units | None = None
        self._starts: list[int] = []
        self._covered: list[tuple[int, int, Unit]] = []
        self._decoded: OrderedDict[int, Decoded] = OrderedDict()
        self._by_path: dict[str, list[Unit]] = {}
        self.progress = 0.0
        self.is_ready = False

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def problem(self) -> str:
        """Why some of it, or all, cannot be read: a few words; "" where nothing is wrong."""
        return "" if self._source is None else self._source.problem

    def read(self, is_patient: bool = False) -> None:
        """Find every unit and its files. `is_patient`: let other threads run in between."""
        with self.lock:
            if self.is_ready:
                return
            self._source = Units(self._data)
            last = time.perf_counter()
            for done, unit in self._source.read():
                self.progress = done
                self._units.append(unit)
                if is_patient and time.perf_counter() - last > BREATH:
                    time.sleep(BREATH / 4)
                    last = time.perf_counter()
            self._index(is_patient)
            self.progress, self.is_ready = 1.0, True
            self._data = b""

    def _index(self, is_patient: bool) -> None:
        assert self._source is not None
        found: list[tuple[int, int, Unit]] = []
        for unit in self._units:
            header = self._source.header(unit)
            if header is None:
                continue
            for path in dict.fromkeys(header.files):
                if path:
                    self._by_path.setdefault(path, []).append(unit)
            sequences = () if unit.ranges else self._source.sequences(unit)
            ranges = unit.ranges or tuple((rows[0].start, rows[-1].end) for rows in sequences if rows)
            found += [(low, high, unit) for low, high in ranges]
        found.sort(key=lambda item: (item[0], item[1]))
        self._covered = found
        self._starts = [low for low, _, _ in found]

    # From addresses.

    def at(self, address: int, with_function: bool = False) -> Spot | None:
        """The source of an instruction; None where the table has none, or says that it has none (line 0)."""
        with self.lock:
            unit = self._unit_at(address)
            if unit is None:
                return None
            decoded = self._decode(unit)
            row = decoded.row_at(address)
            if row is None or not row.line:
                return None
            path = decoded.path(row.file)
            if not path:
                return None
            function = self._function(unit, address) if with_function else ""
            return Spot(path, row.line, row.column, row.is_stmt, row.start, row.end, function)

    def code_around(self, address: int) -> FileCode | None:
        """What has code in the file and the unit that an address belongs to."""
        with self.lock:
            unit = self._unit_at(address)
            spot = self.at(address)
            return None if unit is None or spot is None else self._decode(unit).code(spot.path)

    def unit_at(self, address: int) -> tuple[Units, Unit] | None:
        """The unit that an instruction belongs to, with all that there is to read of it. Hold `lock` to read it."""
        with self.lock:
            unit = self._unit_at(address)
            return None if unit is None or self._source is None else (self._source, unit)

    def _unit_at(self, address: int) -> Unit | None:
        at = bisect_right(self._starts, address) - 1
        # Units may overlap where one of them is wrong about itself: the one that starts last counts.
        for low, high, unit in reversed(self._covered[max(at - 3, 0) : at + 1]):
            if low <= address < high:
                return unit
        return None

    def _decode(self, unit: Unit) -> Decoded:
        assert self._source is not None
        found = self._decoded.get(unit.offset)
        if found is None:
            found = self._decoded[unit.offset] = Decoded(self._source, unit)
            unit.sequences = None  # kept by what was made of it
            if len(self._decoded) > UNITS_KEPT:
                self._decoded.popitem(last=False)
        else:
            self._decoded.move_to_end(unit.offset)
        return found

    def _function(self, unit: Unit, address: int) -> str:
        found = self._inlined_at(unit, address) if unit.size <= CHEAP or unit.inlined is not None else None
        return "" if found is None else found.name

    def _inlined_at(self, unit: Unit, address: int) -> Inlined | None:
        """The innermost body that an address is in."""
        assert self._source is not None
        return max(
            (item for item in self._source.inlined(unit) if item.covers(address)),
            key=lambda item: item.depth,
            default=None,
        )

    # From places in the source.

    def paths(self) -> list[str]:
        """Every file that a table names; not all of them have code."""
        with self.lock:
            return list(self._by_path)

    def lines_of(self, path: str) -> dict[int, list[Place]]:
        """Every line of a file that has code, with what there is of it in each unit."""
        with self.lock:
            found: dict[int, list[Place]] = {}
            for unit in self._by_path.get(path, ()):
                for line, starts in self._decode(unit).starts_of(path).items():
                    found.setdefault(line, []).extend(Place(unit, start) for start in starts)
            return found

    def entries(self, places: Sequence[Place], function: Callable[[int], int]) -> list[int]:
        """Of the beginnings of a line, one for each function and for each place where one was inlined.

        A loop's line begins more than once; who stops there wants to stop once. `function` gives the start of the
        function that an address is in.
        """
        places = [place for place in places if place.start.is_stmt] or places
        if len(places) < 2:
            return [place.start.address for place in places]
        with self.lock:
            first: dict[tuple[int, int], int] = {}
            for unit, start in sorted(places, key=lambda place: place.start.address):
                inlined = self._inlined_at(unit, start.address)
                first.setdefault((function(start.run), 0 if inlined is None else id(inlined)), start.address)
            return sorted(first.values())


class Decoded:
    """The rows of one unit, and what is made of them."""

    def __init__(self, source: Units, unit: Unit) -> None:
        header = source.header(unit)
        self._files: tuple[str, ...] = () if header is None else header.files
        self._sequences = source.sequences(unit)
        self._rows = sorted(itertools.chain.from_iterable(self._sequences), key=lambda row: row.start)
        self._starts = [row.start for row in self._rows]
        self._codes: dict[str, FileCode] = {}

    def path(self, file: int) -> str:
        return self._files[file] if 0 <= file < len(self._files) else ""

    def row_at(self, address: int) -> Row | None:
        row = self._rows[at] if (at := bisect_right(self._starts, address) - 1) >= 0 else None
        return row if row is not None and address < row.end else None

    def code(self, path: str) -> FileCode:
        """The lines of a file, each with the beginnings of its runs of instructions."""
        if path not in self._codes:
            addresses = {}
            for line, starts in self.starts_of(path).items():
                first: dict[int, int] = {}
                for start in [start for start in starts if start.is_stmt] or starts:
                    first.setdefault(start.run, start.address)
                addresses[line] = tuple(sorted(first.values()))
            self._codes[path] = FileCode(path, tuple(sorted(addresses)), addresses)
        return self._codes[path]

    def starts_of(self, path: str) -> dict[int, list[Start]]:
        """Every row of a file, by line."""
        files = {number for number, known in enumerate(self._files) if known == path}
        found: dict[int, list[Start]] = {}
        for sequence in self._sequences:
            line, end, run = 0, 0, 0  # of the run that the rows are in: its line, how far it has come, its beginning
            for row in sequence:
                is_meant = row.file in files and row.line != 0
                is_going_on = is_meant and line == row.line and end == row.start
                if is_meant:
                    begun = run if is_going_on else row.start
                    found.setdefault(row.line, []).append(Start(row.start, begun, row.is_stmt))
                if row.start != row.end:
                    line, end, run = (row.line, row.end, run if is_going_on else row.start) if is_meant else (0, 0, 0)
        return found


def following(lines: Sequence[int], line: int) -> int | None:
    """The first of sorted lines that is not before a line."""
    at = bisect_left(lines, line)
    return lines[at] if at < len(lines) else None
