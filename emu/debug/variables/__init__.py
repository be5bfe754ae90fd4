"""The variables of a program as compilers describe them: what is in scope, of which type, and where it is kept."""

from __future__ import annotations

from emu.debug.variables.images import Variables
from emu.debug.variables.locations import Frame, Piece, PieceKind, UnknownError
from emu.debug.variables.scopes import Scope, Variable
from emu.debug.variables.types import Kind, Member, Type

__all__ = ["Frame", "Kind", "Member", "Piece", "PieceKind", "Scope", "Type", "UnknownError", "Variable", "Variables"]
