"""Where code comes from: the line tables of DWARF, versions 2 to 5."""

from __future__ import annotations

from emu.debug.lines.images import Lines
from emu.debug.lines.location import Location, parsed
from emu.debug.lines.table import FileCode, Spot

__all__ = ["FileCode", "Lines", "Location", "Spot", "parsed"]
