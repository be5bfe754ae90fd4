"""The line table of one image: from addresses to places in the source and back, unit by unit as they are asked for."""

from __future__ import annotations

import itertools
import threading
import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


class LineTable:
    """Of one ELF file. Knows nothing until `read` was called; each method may be called on any thread."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._lock = threading.RLock()
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
        with self._lock:
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
        with self._lock:
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
        with self._lock:
            unit = self._unit_at(address)
            spot = self.at(address)
            return None if unit is None or spot is None else self._decode(unit).code(spot.path)

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
        with self._lock:
            return list(self._by_path)

    def lines_of(self, path: str) -> dict[int, list[tuple[Unit, int]]]:
        """Every line of a file that has code, with the units and the addresses where it begins."""
        with self._lock:
            found: dict[int, list[tuple[Unit, int]]] = {}
            for unit in self._by_path.get(path, ()):
                for line, addresses in self._decode(unit).code(path).addresses.items():
                    found.setdefault(line, []).extend((unit, address) for address in addresses)
            return found

    def entries(self, places: Sequence[tuple[Unit, int]], function: Callable[[int], int]) -> list[int]:
        """Of the beginnings of a line, one for each function and for each place where one was inlined.

        A loop's line begins more than once; who stops there wants to stop once. `function` gives the start of the
        function that an address is in.
        """
        if len(places) < 2:
            return [address for _, address in places]
        with self._lock:
            first: dict[tuple[int, int], int] = {}
            for unit, address in sorted(places, key=lambda place: place[1]):
                inlined = self._inlined_at(unit, address)
                first.setdefault((function(address), 0 if inlined is None else id(inlined)), address)
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
            files = {number for number, known in enumerate(self._files) if known == path}
            statements: dict[int, list[int]] = {}
            others: dict[int, list[int]] = {}
            for sequence in self._sequences:
                # The run that the rows are in: its line, how far it has come, whether a statement began in it.
                line, end, is_begun = 0, 0, False
                for row in sequence:
                    if row.file not in files or not row.line:
                        line = line if row.start == row.end else 0
                        continue
                    is_going_on = line == row.line and end == row.start
                    has_begun = is_going_on and is_begun
                    if row.is_stmt and not has_begun:
                        statements.setdefault(row.line, []).append(row.start)
                        has_begun = True
                    elif not is_going_on:
                        others.setdefault(row.line, []).append(row.start)
                    if row.start != row.end:
                        line, end, is_begun = row.line, row.end, has_begun
            addresses = {line: tuple(dict.fromkeys(starts)) for line, starts in (others | statements).items()}
            self._codes[path] = FileCode(path, tuple(sorted(addresses)), addresses)
        return self._codes[path]


def following(lines: Sequence[int], line: int) -> int | None:
    """The first of sorted lines that is not before a line."""
    at = bisect_left(lines, line)
    return lines[at] if at < len(lines) else None
