"""Memory as a list of calls reads it, as the present context or a level below; and why where it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.architecture import BLOCK, PAGE, PAS, Access
from emu.errors import EmuError

if TYPE_CHECKING:
    import emu

MASK64 = (1 << 64) - 1


class UnreadableError(Exception):
    """What is at a place cannot be known; the text says why, without a full stop."""


class ForeignError(UnreadableError):
    """It is there, and under another context's key."""


class Stack:
    """Translates each page once; for one list of calls. `el` is None for the present exception level."""

    def __init__(self, machine: emu.Machine, el: int | None = None) -> None:
        self._machine = machine
        self._el = el
        self._data: dict[int, tuple[int, PAS, int] | str] = {}
        self._code: dict[int, bytes | None] = {}

    def word(self, address: int) -> int:
        """Eight bytes. Raises UnreadableError where they are not what was stored, or not there."""
        address &= MASK64
        first = min(8, BLOCK - address % BLOCK)
        data = self._block(address, first)
        if first < 8:
            data += self._block(address + first & MASK64, 8 - first)
        return int.from_bytes(data, "little")

    def _block(self, address: int, size: int) -> bytes:
        """Bytes of one block of 16."""
        machine, page = self._machine, address & -PAGE
        place = self._data.get(page)
        if place is None:
            place = self._data[page] = self._translated(page)
        if isinstance(place, str):
            raise UnreadableError(f"the stack at {address:#x} cannot be read: {place}")
        pa, pas, mecid = place[0] + address % PAGE, place[1], place[2]
        owner = machine.mec.owner_of(pa)
        if owner is not None:
            level = machine.cpu.el if self._el is None else self._el
            if (owner.pas, owner.mecid) != (pas, mecid):
                own = f"{owner.pas.label} MECID {owner.mecid}" if owner.pas is PAS.REALM else f"{owner.pas.label} code"
                mine = f"MECID {mecid}" if pas is PAS.REALM else f"{pas.label} memory"
                raise ForeignError(
                    f"the stack at {address:#x} belongs to {own}, and EL{level} reads it as {mine}: that gives noise"
                )
            if pas is PAS.REALM and owner.generation != machine.mec.generation(mecid):
                raise ForeignError(
                    f"the stack at {address:#x} was stored before MECID {mecid} got another key: it reads as noise"
                )
        try:
            found = (
                machine.read(pa, size)
                if machine.mec.cache is None or self._el is not None
                else machine.read_virtual(address, size)
            )
        except EmuError as error:
            raise UnreadableError(f"the stack at {address:#x} cannot be read: {error}") from None
        if found is None:
            raise UnreadableError(f"the stack at {address:#x} cannot be read")
        return found

    def _translated(self, page: int) -> tuple[int, PAS, int] | str:
        walk = self._machine.translate(page, el=self._el)
        if walk.pa is None or walk.pas is None or walk.fault is not None:
            return walk.summary
        return int(walk.pa), walk.pas, walk.mecid

    # Code.

    def code(self, address: int, size: int) -> bytes:
        """Instructions as fetches see them, as far as they are there; never more than were asked for."""
        found = bytearray()
        while size > 0:
            page = address & -PAGE
            if page not in self._code:
                self._code[page] = self._fetched(page)
            data = self._code[page]
            if data is None:
                break
            piece = data[address - page : address - page + size]
            found += piece
            address, size = address + len(piece) & MASK64, size - len(piece)
        return bytes(found)

    def instruction(self, address: int) -> int | None:
        data = self.code(address & MASK64, 4)
        return int.from_bytes(data, "little") if len(data) == 4 else None

    def why_no_code(self, address: int) -> str:
        """Why an address has no code, in words."""
        return self._machine.translate(address, "fetch", el=self._el).summary

    def _fetched(self, page: int) -> bytes | None:
        machine = self._machine
        if self._el is None:
            return machine.cpu.peek_bytes(page, PAGE, Access.FETCH)
        walk = machine.translate(page, "fetch", el=self._el)
        if walk.pa is None or walk.pas is None or walk.fault is not None:
            return None
        try:
            return machine.mec.view_as(int(walk.pa), PAGE, walk.pas, walk.mecid)
        except EmuError:
            return None
