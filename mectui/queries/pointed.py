"""What registers point at: the bytes that a load from there would get now, and whether it would get noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import BLOCK, PAGE
from mectui.queries.labels import label
from mectui.queries.memory import Eyes, Window

if TYPE_CHECKING:
    import emu

WORD = 8
SHORTEST_TEXT = 4
"""Characters that make a text; fewer are a number that happens to look like one."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """Memory that a value is the address of."""

    value: int
    """Eight bytes, little-endian; fewer where the block of 16 ends before."""
    text: str
    """The bytes as text, where they are one."""
    label: str
    """The symbol that the eight bytes are the address of."""
    is_foreign: bool
    """They belong to another context: this is noise, and not what was stored."""


def pointed(window: Window, address: int) -> Pointed | None:
    """What stands at `address` as the present context reads it; None where it leads nowhere."""
    if address < PAGE:
        return None
    data, _, owner = window.block(address & -BLOCK)
    if data is None:
        return None
    rest = data[address % BLOCK :]
    number = int.from_bytes(rest[:WORD], "little")
    length = next((at for at, byte in enumerate(rest) if not 32 <= byte < 127), len(rest))
    is_text = length >= SHORTEST_TEXT and (length == len(rest) or rest[length] in (0, 9, 10, 13))
    is_foreign = owner is not None and owner.is_foreign
    return Pointed(number, rest[:length].decode("ascii") if is_text else "", label(window.machine, number), is_foreign)


def looking(machine: emu.Machine) -> Window:
    """For one view of many addresses: each page is translated once, and nothing in the machine changes."""
    return Window(machine, False, Eyes.CONTEXT, 0)
