"""Many bytes moved by one instruction as the guest's own accesses, as few of them as can be.

The last access, for who asks later, is that of the last byte: an access of any size and place is none that an
instruction could make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.architecture import PAGE, Access
from emu.isa.ops import Mode

if TYPE_CHECKING:
    from emu.cpu import Cpu

MOST = 1 << 20
"""Bytes that are moved at a time: nothing interrupts an instruction, and a run can be paused only behind it."""
_MOST_ALONE = 1 << 12
"""Bytes of devices at a time, each an access of its own."""
_PIECE = 64
"""Bytes of one access at most, aligned, where somebody looks closer: a watchpoint, a block that is another owner's."""


def load_bytes(cpu: Cpu, va: int, size: int) -> bytes:
    """Up to `size` bytes from `va` on, fewer where that are too many. Raises Abandoned after taking an exception."""
    seen, alone, size = bytearray(), 0, min(size, MOST)
    while len(seen) < size and alone < _MOST_ALONE:
        at = va + len(seen) & state.MASK64
        length = _length(cpu, at, size - len(seen), Access.READ)
        alone += length == 1
        seen += cpu.load(at, length, align=1).to_bytes(length, "little")
        cpu.note_access(at + length - 1 & state.MASK64, 1, Access.READ, Mode.NORMAL)
    return bytes(seen)


def load_until_zero(cpu: Cpu, va: int) -> bytes:
    """The bytes from `va` on before the first that is 0; what lies behind it is not loaded. Raises Abandoned."""
    seen, alone = bytearray(), 0
    while len(seen) < MOST and alone < _MOST_ALONE:
        at = va + len(seen) & state.MASK64
        length = min(MOST - len(seen), PAGE - at % PAGE)
        ahead = cpu.peek_bytes(at, length)
        length = 1 if ahead is None else ahead.find(0) + 1 or length
        alone += length == 1
        text, end, _ = load_bytes(cpu, at, length).partition(b"\0")
        seen += text
        if end:
            break
    return bytes(seen)


def store_bytes(cpu: Cpu, va: int, data: bytes) -> int:
    """Stores bytes from `va` on and says how many. Raises Abandoned, with those before the exception stored."""
    done, alone, size = 0, 0, min(len(data), MOST)
    while done < size and alone < _MOST_ALONE:
        at = va + done & state.MASK64
        length = _length(cpu, at, size - done, Access.WRITE)
        alone += length == 1
        cpu.store(at, length, int.from_bytes(data[done : done + length], "little"), align=1)
        done += length
        cpu.note_access(at + length - 1 & state.MASK64, 1, Access.WRITE, Mode.NORMAL)
    return done


def _length(cpu: Cpu, va: int, most: int, access: Access) -> int:
    """Bytes that one access may move, all of one page: one alone where it would fault, or a device answers."""
    where = cpu.mmu.look(cpu.request(va, 1, access, Mode.NORMAL))
    memory = cpu.memory
    offset = None if where is None else memory.ram_offset(where.pa)
    if where is None or offset is None:
        return 1
    room = min(most, PAGE - va % PAGE)
    is_watched = cpu.debug.matches_data or (cpu.watch is not None and cpu.watch.withholds(va, where.pa))
    if not is_watched and access is Access.READ:
        if cpu.is_cached(where, access):
            assert memory.cache is not None
            _, other = memory.cache.look(where.pa, room, where.pas, where.mecid)
        else:
            _, other = memory.encrypted.load(offset, room, memory.encrypted.owner_id(where.pas, where.mecid))
        is_watched = bool(other)
    return 1 << (min(room, _PIECE, va & -va or _PIECE).bit_length() - 1) if is_watched else room
