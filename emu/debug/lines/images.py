"""The line tables of everything that a machine has loaded: source of an address, addresses of a line."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emu.debug.lines.location import (
    Location,
    ambiguous,
    is_plain,
    matching,
    no_code,
    no_such_line,
    parsed,
    shortest,
    unknown_file,
)
from emu.debug.lines.table import FileCode, LineTable, Spot, following
from emu.errors import EmuError
from emu.visible import visible

if TYPE_CHECKING:
    from emu.debug.lines.units import Unit, Units
    from emu.loader import Image

SMALL = 1 << 19
"""Bytes of a file that is read at once: that takes less than a frame of the screen."""
HEAD_START = 0.5
"""Seconds that everybody else has before reading in the background begins: a screen is about to appear."""
SPOTS_KEPT = 20_000
CODES_KEPT = 64
_TABLES_KEPT = 4
_tables: OrderedDict[tuple[int, int], LineTable] = OrderedDict()
_tables_lock = threading.Lock()
MASK64 = (1 << 64) - 1


def _table(data: bytes) -> LineTable:
    """The table of a file's content; that of a guest which is started again is there already."""
    key = len(data), hash(data)
    with _tables_lock:
        found = _tables.pop(key, None) or LineTable(data)
        _tables[key] = found
        while len(_tables) > _TABLES_KEPT:
            _tables.popitem(last=False)
    return found


class UnitPlace(NamedTuple):
    """A compile unit, and where in it somebody has asked for."""

    units: Units
    unit: Unit
    linked: int
    """The address as the program was linked."""
    lock: threading.RLock
    """To be held while entries of the unit are read."""


class Moved(NamedTuple):
    """A part of a program that lies at another physical address than it was linked for."""

    physical: int
    virtual: int
    size: int


def linked(address: int, moved: Sequence[Moved]) -> list[int]:
    """What an address may be in a program's tables: as it was linked; where it lies while the MMU is off."""
    before = [
        address - part.physical + part.virtual for part in moved if part.physical <= address < part.physical + part.size
    ]
    return [address, *before]


class _Loaded:
    """One image that has line tables."""

    def __init__(self, image: Image, offset: int) -> None:
        self.name, self.folder = visible(image.name), image.folder
        self.offset = offset
        self.moved = [Moved(*part) for part in image.moved]
        self._data = image.debug
        self._own: LineTable | None = None

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def table(self) -> LineTable:
        if self._own is None:
            self._own = _table(self._data)
        return self._own

    def linked(self, address: int) -> list[int]:
        """What an address may be in the table."""
        return linked(address - self.offset & MASK64, self.moved)


class Lines:
    """Of one machine. Nothing is read before somebody asks: `finish` reads all of it, `begin` on a thread of its own.

    Until then addresses have no source. `function` gives the start of the function that an address is in.
    """

    def __init__(self, function: Callable[[int], int] = lambda address: 0) -> None:
        self._function = function
        self._images: list[_Loaded] = []
        self._thread: threading.Thread | None = None
        self._names: tuple[int, tuple[str, ...]] | None = None
        self._spots: dict[tuple[int, bool], Spot | None] = {}
        """What `at` has answered: a screen asks for the same stretch of code at every stop."""
        self._codes: dict[tuple[int, int], tuple[FileCode, FileCode]] = {}
        """What lies elsewhere than where it was linked: as it was linked, and as it lies."""
        self.on_ready: list[Callable[[], None]] = []
        """Called, on a thread of their own, when what `begin` began is done."""

    def add(self, image: Image, offset: int = 0) -> None:
        """One image more; `offset` is how far from where it was linked it lies."""
        if image.debug:
            self._images.append(_Loaded(image, offset))
        self._spots.clear()

    def clear(self) -> None:
        """Every image is gone; their tables are kept for when they come again."""
        self._images = []
        self._thread = None
        self._spots.clear()
        self._codes.clear()

    # Reading.

    @property
    def has_any(self) -> bool:
        """Whether any image has line tables, as far as its sections say."""
        return bool(self._images)

    @property
    def is_ready(self) -> bool:
        return all(image.table.is_ready for image in self._images)

    @property
    def progress(self) -> float:
        """How much has been read: 0 to 1."""
        total = sum(max(image.size, 1) for image in self._images)
        return sum(max(image.size, 1) * image.table.progress for image in self._images) / total if total else 1.0

    def begin(self) -> bool:
        """Start reading; small tables are read at once, others on a thread. Whether everything is there by now."""
        if self.is_ready:
            return True
        if all(image.size <= SMALL for image in self._images):
            self.finish()
            return True
        if self._thread is None or not self._thread.is_alive():  # an image may have come after the thread had ended
            self._thread = threading.Thread(target=self._read, name="mectui-lines", daemon=True)
            self._thread.start()
        return False

    def _read(self) -> None:
        time.sleep(HEAD_START)
        for image in list(self._images):
            image.table.read(is_patient=True)
        for told in self.on_ready:
            told()

    def finish(self) -> None:
        """Read whatever has not been read, however long it takes."""
        for image in self._images:
            image.table.read()

    def problems(self) -> list[str]:
        """A sentence for every image whose tables are damaged, or cannot be read."""
        return [
            f"The line tables of {image.name} cannot all be read: {image.table.problem}; what could be read is shown."
            for image in self._images
            if image.table.problem
        ]

    # Asking.

    def units_at(self, address: int) -> Iterator[UnitPlace]:
        """The compile units that an instruction may belong to; none while the tables are being read."""
        for image in self._images:
            if not image.table.is_ready:
                continue
            for place in image.linked(address):
                found = image.table.unit_at(place)
                if found is not None:
                    yield UnitPlace(*found, place, image.table.lock)

    def at(self, address: int, with_function: bool = False) -> Spot | None:
        """Where an instruction comes from; None where nobody knows, or not yet."""
        if not self.is_ready:
            return self._at(address, with_function)
        key = address, with_function
        try:
            return self._spots[key]
        except KeyError:
            pass
        if len(self._spots) >= SPOTS_KEPT:
            self._spots.clear()
        found = self._spots[key] = self._at(address, with_function)
        return found

    def _at(self, address: int, with_function: bool) -> Spot | None:
        for image in self._images:
            if not image.table.is_ready:
                continue
            for linked in image.linked(address):
                spot = image.table.at(linked, with_function)
                if spot is not None:
                    move = address - linked
                    return replace(spot, start=spot.start + move & MASK64, end=spot.end + move & MASK64)
        return None

    def code_around(self, address: int) -> FileCode | None:
        """What has code in the file that an address comes from, as far as it was compiled together with that."""
        for image in self._images:
            if not image.table.is_ready:
                continue
            for linked in image.linked(address):
                code = image.table.code_around(linked)
                if code is not None:
                    return self._moved(code, address - linked)
        return None

    def _moved(self, code: FileCode, move: int) -> FileCode:
        """The same, so many bytes further on."""
        if not move:
            return code
        known = self._codes.get((id(code), move))
        if known is None or known[0] is not code:
            if len(self._codes) >= CODES_KEPT:
                self._codes.clear()
            moved = {line: tuple(each + move for each in found) for line, found in code.addresses.items()}
            known = self._codes[id(code), move] = code, FileCode(code.path, code.lines, moved)
        return known[1]

    def folders(self) -> list[Path]:
        """The folders of the images: sources may lie beside them."""
        return [image.folder for image in self._images if image.folder is not None]

    def paths(self) -> list[str]:
        """Every source file that the tables name, as far as they have been read."""
        ready = [image.table for image in self._images if image.table.is_ready]
        return list(dict.fromkeys(path for table in ready for path in table.paths()))

    def addresses(self, where: Location) -> tuple[int, ...]:
        """Where a line's code begins: once for each function that has it, and for each copy that was inlined.

        A line without code stands for the next one that has some. Reads whatever has not been read. Raises EmuError.
        """
        return self._found(where)[1]

    def note(self, text: str) -> str:
        """That a place in the source has no code and which line is taken for it; "" where it has some.

        A few words without a full stop. Raises EmuError as `addresses` does.
        """
        where = parsed(text, is_quoted=True)
        line = None if where is None else self._found(where)[0]
        return "" if where is None or line is None or line == where.line else no_code(where, line)

    def _found(self, where: Location) -> tuple[int, tuple[int, ...]]:
        """The line that stands for a place in the source, and where its code begins."""
        if not self._images:
            raise EmuError(f"no image has line tables: {where.text} means nothing here; build the guest with -g")
        if where.line < 1:
            raise EmuError(f"there is no line {where.line} in {where.file}: lines are counted from 1")
        self.finish()
        paths = matching(self.paths(), where.file)
        if not paths:
            raise unknown_file(where.file, self.paths())
        found = {path: [(image, image.table.lines_of(path)) for image in self._images] for path in paths}
        with_code = [path for path in paths if any(lines for _, lines in found[path])]
        if len(with_code) > 1:
            raise ambiguous(where.file, with_code)
        if not with_code:
            raise no_such_line(where, 0)
        known = sorted({line for _, lines in found[with_code[0]] for line in lines})
        line = following(known, where.line)
        if line is None:
            raise no_such_line(where, known[-1])
        reached: list[int] = []
        for image, lines in found[with_code[0]]:
            places = lines.get(line, [])
            starts = image.table.entries(places, partial(self._function_of, image.offset))
            reached += [start + image.offset & MASK64 for start in starts]
        return line, tuple(sorted(set(reached)))

    def _function_of(self, offset: int, address: int) -> int:
        return self._function(address + offset & MASK64)

    def addresses_of(self, text: str, is_quoted: bool = True) -> tuple[int, ...] | None:
        """The same for a text; None where it has not the form of a place in the source. Raises EmuError."""
        where = parsed(text, is_quoted)
        return None if where is None else self.addresses(where)

    def completions(self) -> tuple[str, ...]:
        """What can be typed for each file: its name, with as much of its folders as tells it from others.

        Never waits: starts to read where nobody has.
        """
        if not self.begin():
            return ()
        if self._names is None or self._names[0] != len(self._images):
            names = shortest(self.paths())
            self._names = len(self._images), tuple(sorted(f"{name}:" for name in names.values() if is_plain(name)))
        return self._names[1]
