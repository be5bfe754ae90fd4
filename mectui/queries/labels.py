"""Names for addresses: the guest's symbols as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import emu

LONGEST = 120
FARTHEST = 1 << 20
"""Beyond this distance the symbol before an address says nothing about it."""


def label(machine: emu.Machine, address: int) -> str:
    """ "name+0x1c" for an address, "name" at the symbol itself, "" where no symbol is near."""
    found = machine.symbols.nearest(address)
    if found is None:
        return ""
    name, offset = found
    if offset >= FARTHEST:
        return ""
    name = shown(name)
    return f"{name}+{offset:#x}" if offset else name


def line_name(machine: emu.Machine, address: int) -> str:
    """ "mec.c:40" for an address, "" where no source is known, or not yet: this never waits for line tables."""
    lines = machine.lines
    if not lines.has_any or not lines.begin():
        return ""
    spot = lines.at(address)
    return "" if spot is None else shown(spot.name)


def symbol_at(machine: emu.Machine, address: int) -> str:
    """The symbol that starts exactly here, or ""."""
    found = machine.symbols.nearest(address)
    return shown(found[0]) if found is not None and found[1] == 0 else ""


def shown(name: str) -> str:
    """A symbol's name without what could steer a terminal, and not longer than a line: a file may hold anything."""
    if not name.isprintable():
        name = "".join(character if character.isprintable() else "·" for character in name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
