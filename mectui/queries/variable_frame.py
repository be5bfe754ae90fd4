"""One call as the places of its variables ask about it, and what is stored at such places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emu.architecture import BLOCK
from emu.debug.variables import Piece, PieceKind, UnknownError
from mectui.queries.pointed import looking
from mectui.queries.stack import MASK64

if TYPE_CHECKING:
    import emu
    from mectui.queries.calls import Call

V0, V31 = 64, 95
"""DWARF's numbers of V0 and V31."""
OPTIMIZED = "optimized out"


class CallFrame:
    """A call as DWARF's expressions see it (`emu.debug.variables.Frame`). Changes nothing.

    `further` are the calls further out, as far as they are known: they have what held at the entry.
    """

    def __init__(self, machine: emu.Machine, call: Call, further: Sequence[Call]) -> None:
        self._machine = machine
        self._call = call
        self._further = further
        self._window = looking(machine)
        self.is_foreign = False
        """Whether anything that was read belongs to another context: it is noise. Clear it before reading."""

    def register(self, number: int) -> int:
        call = self._call
        if V0 <= number <= V31:
            if call.number:
                raise UnknownError(f"v{number - V0} of a call further out is not known")
            return int(self._machine.cpu.v[number - V0])
        name = "sp" if number == 31 else f"x{number}"
        value = call.registers.get(name)
        if value is None:
            known = number < 31
            raise UnknownError(f"it is in {name}, and what was called did not keep that" if known else OPTIMIZED)
        return value

    def frame_address(self) -> int:
        if self._call.frame is None:
            raise UnknownError("where its frame is on the stack is not known")
        return self._call.frame

    def at_entry(self, number: int) -> int:
        name = "sp" if number == 31 else f"x{number}"
        caller = self._further[0] if self._further else None
        value = None
        if caller is not None and not caller.exception:
            value = caller.registers.get(name)
            if value is None:
                outside = CallFrame(self._machine, caller, self._further[1:])
                value = self._machine.variables.passed(caller.pc, number, outside)
        if value is None:
            raise UnknownError(f"it is what {name} held at the entry, and that is gone")
        return value

    def memory(self, address: int, size: int) -> bytes:
        level = self._machine.cpu.el
        if level != self._call.el:
            raise UnknownError(f"it is in memory of EL{self._call.el}, and memory is read as EL{level} does")
        found = bytearray()
        address &= MASK64
        while len(found) < size:
            at = address + len(found) & MASK64
            data, _, owner = self._window.block(at & -BLOCK)
            if data is None:
                why = self._machine.translate(at).summary
                raise UnknownError(f"{at:#x} cannot be read: {why}")
            self.is_foreign = self.is_foreign or (owner is not None and owner.is_foreign)
            found += data[at % BLOCK :]
        return bytes(found[:size])


class Storage:
    """The bytes of a variable, wherever its parts are."""

    def __init__(self, pieces: Sequence[Piece], frame: CallFrame, moved: int = 0) -> None:
        self._pieces = pieces
        self._frame = frame
        self._moved = moved
        """How many bytes of it come before what is meant."""

    def part(self, offset: int) -> Storage:
        """What begins so many bytes further on: a member, an element."""
        return Storage(self._pieces, self._frame, self._moved + offset)

    @property
    def is_lost(self) -> bool:
        """Whether nothing of it is kept anywhere."""
        return all(piece.kind is PieceKind.LOST for piece in self._pieces)

    @property
    def address(self) -> int | None:
        """Where it is in memory, if it is there as a whole."""
        first = self._pieces[0]
        if len(self._pieces) == 1 and first.kind is PieceKind.MEMORY and first.size is None:
            return first.place + self._moved & MASK64
        return None

    @property
    def register(self) -> str:
        """The register that it is in; "" where it is not in one."""
        first = self._pieces[0]
        if len(self._pieces) != 1 or first.kind is not PieceKind.REGISTER:
            return ""
        number = first.place
        return f"v{number - V0}" if V0 <= number <= V31 else "sp" if number == 31 else f"x{number}"

    def read(self, size: int) -> bytes:
        """Raises UnknownError."""
        if len(self._pieces) == 1 and self._pieces[0].size is None:
            return self._of(self._pieces[0], self._moved, size)
        found, wanted, reached = bytearray(), self._moved, 0
        for piece in self._pieces:
            length = piece.size or 0
            if reached + length > wanted and len(found) < size:
                begin = max(wanted - reached, 0)
                found += self._of(piece, begin, min(length - begin, size - len(found)))
            reached += length
        if len(found) < size:
            raise UnknownError(OPTIMIZED)
        return bytes(found)

    def _of(self, piece: Piece, offset: int, size: int) -> bytes:
        match piece.kind:
            case PieceKind.MEMORY:
                return self._frame.memory(piece.place + offset, size)
            case PieceKind.REGISTER:
                data = self._frame.register(piece.place).to_bytes(16, "little")
            case PieceKind.VALUE:
                data = piece.data if piece.data is not None else piece.place.to_bytes(8, "little")
            case _:
                raise UnknownError(OPTIMIZED)
        part = data[offset : offset + size]
        if len(part) < size:
            raise UnknownError(OPTIMIZED)
        return part
