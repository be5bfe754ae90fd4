"""The entries of a section of call frame information: which addresses each is about, and where its instructions are.

DWARF 5, section 6.4.1; .eh_frame as the Linux Standard Base describes it. Only the beginning of every entry is read:
a kernel has a hundred thousand of them, and somebody who looks at a list of calls needs ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from emu.debug.frames.reading import ABSOLUTE, MASK64, OMITTED, Reader
from emu.debug.lines.program import DamagedError

MOST_ENTRIES = 1 << 20
_WIDE = 0xFFFF_FFFF
"""A length that says that one of 64 bits follows."""
LINK_REGISTER = 30


@dataclass(frozen=True, slots=True)
class Common:
    """A CIE: what several entries share."""

    code_factor: int
    data_factor: int
    return_register: int
    encoding: int
    """Of addresses in the entries."""
    has_augmentation: bool
    is_signal: bool
    """Its code was not called but interrupted: the address before is not behind a call."""
    start: int
    end: int
    """Where the instructions are that every entry begins with."""


class Entry(NamedTuple):
    """An FDE: for the addresses from `low` to before `high`."""

    low: int
    high: int
    common: Common
    start: int
    end: int
    """Where its instructions are."""


class Section:
    """One .eh_frame or .debug_frame. `entries` are sorted; `problem` says what of it could not be read."""

    def __init__(self, name: str, data: bytes, address: int) -> None:
        self.name, self.data, self.address = name, data, address
        self.is_eh = name == ".eh_frame"
        self.problem = ""
        self._commons: dict[int, Common | None] = {}
        self.entries: list[Entry] = []
        try:
            self._read()
        except DamagedError as error:
            self._fails(error)
        self.entries.sort(key=lambda entry: (entry.low, entry.high))

    def _fails(self, error: DamagedError) -> None:
        self.problem = self.problem or str(error)

    def _read(self) -> None:
        at, size = 0, len(self.data)
        for _ in range(MOST_ENTRIES):
            if at + 4 > size:
                return
            start, end, wide = self._extent(at)
            if end == start:  # .eh_frame ends so; what another linker put behind it goes on
                at = end
                continue
            if end > size or end - start < wide:
                raise DamagedError("an entry of its call frame information is cut short")
            at = end
            number = int.from_bytes(self.data[start : start + wide], "little")
            if number == (0 if self.is_eh else (1 << 8 * wide) - 1):
                continue  # a CIE is read when an entry asks for it
            try:
                entry = self._entry(start, wide, end, start - number if self.is_eh else number)
            except DamagedError as error:
                self._fails(error)
                continue
            if entry is not None:
                self.entries.append(entry)
        raise DamagedError(f"it has more than {MOST_ENTRIES:,} entries of call frame information")

    def _extent(self, at: int) -> tuple[int, int, int]:
        """(where an entry begins behind its length, where it ends, bytes of its offsets)."""
        length = int.from_bytes(self.data[at : at + 4], "little")
        if length != _WIDE:
            return at + 4, at + 4 + length, 4
        return at + 12, at + 12 + int.from_bytes(self.data[at + 4 : at + 12], "little"), 4 if self.is_eh else 8

    def _entry(self, start: int, wide: int, end: int, common_at: int) -> Entry | None:
        if common_at not in self._commons:
            self._commons[common_at] = None  # one that is damaged is damaged for all
            self._commons[common_at] = self._common(common_at)
        common = self._commons[common_at]
        if common is None:
            return None
        reader = Reader(self.data, start + wide, end, self.address)
        low = reader.pointer(common.encoding)
        high = low + reader.pointer(common.encoding, is_length=True)
        if common.has_augmentation:
            reader.take(reader.uleb())
        return Entry(low, high, common, reader.at, end) if low < high <= MASK64 + 1 else None

    def _common(self, at: int) -> Common:
        if not 0 <= at <= len(self.data) - 4:
            raise DamagedError("an entry of its call frame information belongs to none that is there")
        start, end, wide = self._extent(at)
        if end > len(self.data):
            raise DamagedError("an entry of its call frame information is cut short")
        reader = Reader(self.data, start, end, self.address)
        if reader.number(wide) != (0 if self.is_eh else (1 << 8 * wide) - 1):
            raise DamagedError("an entry of its call frame information belongs to none that is there")
        version = reader.number(1)
        augmentation = reader.text()
        if version not in (1, 3, 4) or (augmentation and not augmentation.startswith(b"z")):
            raise DamagedError(f"its call frame information is of version {version}, which is not known here")
        if version == 4 and (reader.number(1), reader.number(1)) != (8, 0):
            raise DamagedError("its call frame information has addresses of another size")
        code_factor, data_factor = reader.uleb(), reader.sleb()
        register = reader.number(1) if version == 1 else reader.uleb()
        encoding, is_signal = ABSOLUTE, False
        if augmentation:
            length = reader.uleb()
            behind = reader.at + length
            inner = Reader(self.data, reader.at, min(behind, end), self.address)
            for letter in augmentation[1:].decode("latin-1"):
                match letter:
                    case "R":
                        encoding = inner.number(1)
                    case "P":
                        personality = inner.number(1)
                        if personality != OMITTED:
                            inner.pointer(personality & 0x0F)
                    case "L":
                        inner.number(1)
                    case "S":
                        is_signal = True
                    case "B" | "G":  # the B key signs; tagged stack: nothing of either matters here
                        pass
                    case _:
                        break
            reader.take(length)
        return Common(code_factor, data_factor, register, encoding, bool(augmentation), is_signal, reader.at, end)
