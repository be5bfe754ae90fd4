"""What is known of one call in a list, and what a step outwards from it has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mectui.queries.stack import MASK64, Stack


class How(StrEnum):
    """By what a call was found."""

    PC = "pc"
    TABLES = "unwind tables"
    RECORD = "frame record"
    STORED = "stored by its code"
    LINK = "x30"
    EXCEPTION = "exception"


@dataclass(slots=True)
class Context:
    """What is known of the registers in one call. X0 to X30 by number, SP is 31; those that are not there are lost."""

    pc: int
    registers: dict[int, int]
    is_exact: bool
    """The pc is the next instruction, and X30 what it holds; else it is behind a call."""
    el: int
    stack: Stack
    how: How = How.PC
    found: str = "the pc"
    is_sure: bool = True
    exception: str = ""
    handler_frame: int | None = None
    """Where an exception interrupted it: the frame address of the handler."""

    @property
    def here(self) -> int:
        """The instruction that it is at: the pc, or the call before it."""
        return self.pc if self.is_exact else self.pc - 4 & MASK64


class Caller(NamedTuple):
    """What a step outwards has found."""

    frame: int | None
    address: int
    """The return address as it was found."""
    registers: dict[int, int]
    how: How
    found: str
    is_sure: bool = True
    is_kept: bool = False
    """The address was in a register all the time."""
    floor: int | None = None
    """What the caller's frame cannot be below, where the frame address is not known."""


class EndError(Exception):
    """There is nothing further out, or nobody can tell; the text says why."""

    def __init__(self, reason: str, frame: int | None = None) -> None:
        super().__init__(reason)
        self.frame = frame
