"""The instructions of one entry of call frame information, carried out up to an address (DWARF 5, section 6.4.2).

Register numbers are those of the DWARF for the Arm 64-bit Architecture (AADWARF64): X0 to X30 are 0 to 30, SP is 31.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from emu.debug.frames.entries import Common, Entry
from emu.debug.frames.reading import Reader
from emu.debug.lines.program import DamagedError

SP = 31
MOST_REMEMBERED = 64


class PlaceKind(Enum):
    SAME = "as it is"
    UNDEFINED = "lost"
    OFFSET = "in memory at the frame address and an offset"
    VALUE = "the frame address and an offset"
    REGISTER = "in another register"
    EXPRESSION = "by an expression"


class Place(NamedTuple):
    """Where a register's value from before the call is; `value` is an offset in bytes, or a register's number."""

    kind: PlaceKind
    value: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds before one instruction."""

    section: str
    base: int | None
    """The register that the frame address is computed from; None for an expression."""
    offset: int
    places: Mapping[int, Place]
    return_register: int
    is_signal: bool


def rules_at(section: str, data: bytes, entry: Entry, address: int) -> Rules:
    """Raises DamagedError."""
    common = entry.common
    state = _State(common)
    state.run(Reader(data, common.start, common.end), entry.low, None)
    state.first = dict(state.places)
    state.run(Reader(data, entry.start, entry.end), entry.low, address)
    return Rules(section, state.base, state.offset, state.places, common.return_register, common.is_signal)


class _State:
    def __init__(self, common: Common) -> None:
        self._common = common
        self.base: int | None = SP
        self.offset = 0
        self.places: dict[int, Place] = {}
        self.first: dict[int, Place] = {}
        self._kept: list[tuple[int | None, int, dict[int, Place]]] = []

    def run(self, reader: Reader, location: int, until: int | None) -> None:
        """Up to the row that is in force at `until`."""
        code = self._common.code_factor
        while not reader.is_done:
            byte = reader.number(1)
            high, low = byte >> 6, byte & 0x3F
            if high == 1 or byte in (0x01, 0x02, 0x03, 0x04):  # DW_CFA_advance_loc and its forms, DW_CFA_set_loc
                if high == 1:
                    location += low * code
                elif byte == 0x01:
                    location = reader.pointer(self._common.encoding)
                else:
                    location += reader.number(1 << byte - 2) * code
                if until is not None and location > until:
                    return
            elif high == 2:  # DW_CFA_offset
                self.places[low] = Place(PlaceKind.OFFSET, reader.uleb() * self._common.data_factor)
            elif high == 3:  # DW_CFA_restore
                self._restore(low)
            else:
                self._other(byte, reader)

    def _restore(self, register: int) -> None:
        if register in self.first:
            self.places[register] = self.first[register]
        else:
            self.places.pop(register, None)

    def _other(self, byte: int, reader: Reader) -> None:
        factor = self._common.data_factor
        match byte:
            case 0x00 | 0x2C | 0x2D:  # DW_CFA_nop; whether the return address is signed: the code is taken off anyway
                pass
            case 0x05 | 0x11:  # DW_CFA_offset_extended, _sf
                register = reader.uleb()
                self.places[register] = Place(
                    PlaceKind.OFFSET, (reader.uleb() if byte == 0x05 else reader.sleb()) * factor
                )
            case 0x06:  # DW_CFA_restore_extended
                self._restore(reader.uleb())
            case 0x07:  # DW_CFA_undefined
                self.places[reader.uleb()] = Place(PlaceKind.UNDEFINED)
            case 0x08:  # DW_CFA_same_value
                self.places[reader.uleb()] = Place(PlaceKind.SAME)
            case 0x09:  # DW_CFA_register
                register = reader.uleb()
                self.places[register] = Place(PlaceKind.REGISTER, reader.uleb())
            case 0x0A:  # DW_CFA_remember_state
                if len(self._kept) >= MOST_REMEMBERED:
                    raise DamagedError("its call frame information remembers without end")
                self._kept.append((self.base, self.offset, dict(self.places)))
            case 0x0B:  # DW_CFA_restore_state
                if not self._kept:
                    raise DamagedError("its call frame information goes back to what was never remembered")
                self.base, self.offset, self.places = self._kept.pop()
            case 0x0C | 0x12:  # DW_CFA_def_cfa, _sf
                self.base = reader.uleb()
                self.offset = reader.uleb() if byte == 0x0C else reader.sleb() * factor
            case 0x0D:  # DW_CFA_def_cfa_register
                self.base = reader.uleb()
            case 0x0E | 0x13:  # DW_CFA_def_cfa_offset, _sf
                self.offset = reader.uleb() if byte == 0x0E else reader.sleb() * factor
            case 0x0F:  # DW_CFA_def_cfa_expression
                self.base = None
                reader.take(reader.uleb())
            case 0x10 | 0x16:  # DW_CFA_expression, DW_CFA_val_expression
                self.places[reader.uleb()] = Place(PlaceKind.EXPRESSION)
                reader.take(reader.uleb())
            case 0x14 | 0x15:  # DW_CFA_val_offset, _sf
                register = reader.uleb()
                value = (reader.uleb() if byte == 0x14 else reader.sleb()) * factor
                self.places[register] = Place(PlaceKind.VALUE, value)
            case 0x2E:  # DW_CFA_GNU_args_size
                reader.uleb()
            case _:
                raise DamagedError(f"its call frame information has an instruction {byte:#04x} that is not known here")
