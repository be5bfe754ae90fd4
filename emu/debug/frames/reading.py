"""Numbers in a section of call frame information, as they are encoded; nothing in it is believed.

DWARF 5, section 7.6 (LEB128) and 7.24; the encodings of pointers in .eh_frame are the Linux Standard Base's (LSB 5.0,
"Exception Frames"). Whatever does not fit raises DamagedError.
"""

from __future__ import annotations

from emu.debug.lines.program import DamagedError

ABSOLUTE, OMITTED = 0x00, 0xFF
"""DW_EH_PE_absptr and DW_EH_PE_omit."""
_RELATIVE = 0x10
_INDIRECT = 0x80
_SIZES = {0x0: (8, False), 0x2: (2, False), 0x3: (4, False), 0x4: (8, False),
          0x8: (8, True), 0xA: (2, True), 0xB: (4, True), 0xC: (8, True)}  # fmt: skip
"""DW_EH_PE formats of a fixed size: (bytes, whether signed)."""
_ULEB, _SLEB = 0x1, 0x9
_LONGEST_LEB = 16
"""Bytes of a number of 64 bits, with some to spare for padding."""
MASK64 = (1 << 64) - 1


class Reader:
    """Goes through `data` from `at` to before `end`. `address` is where the data lies as it was linked."""

    def __init__(self, data: bytes, at: int, end: int, address: int = 0) -> None:
        self.data, self.at, self.end, self.address = data, at, end, address

    @property
    def is_done(self) -> bool:
        return self.at >= self.end

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > self.end:
            raise DamagedError("an entry of its call frame information is cut short")
        found = self.data[self.at : self.at + size]
        self.at += size
        return found

    def number(self, size: int, is_signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=is_signed)

    def uleb(self) -> int:
        return self._leb()[0]

    def sleb(self) -> int:
        value, bits = self._leb()
        return value - (1 << bits) if value >> (bits - 1) & 1 else value

    def _leb(self) -> tuple[int, int]:
        value = shift = 0
        for _ in range(_LONGEST_LEB):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value, shift
        raise DamagedError("a number in its call frame information has no end")

    def text(self) -> bytes:
        """Up to a zero byte."""
        found = self.data.find(b"\0", self.at, self.end)
        if found < 0:
            raise DamagedError("a name in its call frame information has no end")
        text = self.data[self.at : found]
        self.at = found + 1
        return text

    def pointer(self, encoding: int, *, is_length: bool = False) -> int:
        """An address in one of .eh_frame's encodings, or with `is_length` a length in the same format."""
        place = self.address + self.at
        form = encoding & 0x0F
        if form in _SIZES:
            value = self.number(*_SIZES[form])
        elif form in (_ULEB, _SLEB):
            value = self.uleb() if form == _ULEB else self.sleb()
        else:
            raise DamagedError("a pointer in its call frame information has a form that is not known")
        if is_length:
            return value & MASK64
        if encoding & _INDIRECT or encoding & 0x70 not in (0, _RELATIVE):
            raise DamagedError("a pointer in its call frame information is relative to what is not known here")
        return value + (place if encoding & _RELATIVE else 0) & MASK64
