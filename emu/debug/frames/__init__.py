"""How functions keep what they must give back, as compilers write it down: .eh_frame and .debug_frame."""

from __future__ import annotations

from emu.debug.frames.images import FrameTables
from emu.debug.frames.rules import Place, PlaceKind, Rules

__all__ = ["FrameTables", "Place", "PlaceKind", "Rules"]
