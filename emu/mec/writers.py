"""Who last stored to a block of memory: two words beside each block, written by every store of a guest.

The first word is the instruction count << 16 | flags, the second the program counter. Native code writes both itself,
with flags that the software TLB's entry holds ready.
"""

from __future__ import annotations

from dataclasses import dataclass

from emu.architecture import VA, MecidSource, Security
from emu.debug.events import Moment, Owner

Words = tuple[int, int]
"""A record as it lies in memory."""

COUNT_SHIFT = 16
_COUNT_MASK = (1 << 64 - COUNT_SHIFT) - 1
_SECURITY_SHIFT, _SOURCE_SHIFT, _VALID, _WALK = 2, 4, 1 << 8, 1 << 9
_SOURCES = tuple(MecidSource)
_NUMBERS = {source: number for number, source in enumerate(_SOURCES)}


@dataclass(frozen=True, slots=True)
class Writer(Moment):
    """The last store to a block: when, from where, and under which MECID from which register."""

    source: MecidSource
    """The register that supplied the MECID."""
    is_walk: bool
    """The hardware updated a translation table entry on behalf of this instruction."""
    owner: Owner
    """The context that the block is encrypted under."""


def flags_of(el: int, security: Security, source: MecidSource, *, is_walk: bool = False) -> int:
    """The low 16 bits of a record's first word."""
    walk = _WALK if is_walk else 0
    return el | security << _SECURITY_SHIFT | _NUMBERS[source] << _SOURCE_SHIFT | _VALID | walk


def words_of(instruction: int, pc: int, flags: int) -> Words:
    """A record. The count keeps 48 bits: what a guest executes in years."""
    return (instruction & _COUNT_MASK) << COUNT_SHIFT | flags, pc


def writer_of(first: int, pc: int, owner: Owner) -> Writer | None:
    """What a record of a block with this owner says; None where no guest has stored."""
    if not first & _VALID:
        return None
    return Writer(
        first >> COUNT_SHIFT,
        VA(pc),
        first & 3,
        Security(first >> _SECURITY_SHIFT & 3),
        _SOURCES[first >> _SOURCE_SHIFT & 0xF],
        bool(first & _WALK),
        owner,
    )
