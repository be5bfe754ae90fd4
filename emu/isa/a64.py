"""The complete instruction set: importing this registers every encoding class with `A64`."""

from __future__ import annotations

from emu.isa import branch, immediate, memory, register, system
from emu.isa.pattern import A64

__all__ = ["A64", "GROUPS"]

GROUPS = {module.__name__.rpartition(".")[2]: module for module in (immediate, register, memory, branch, system)}
"""The files that define instructions, by name."""
