"""Where a piece of code ends: the returns that it can reach, found by following its branches without running it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAGE, Access
from mectui.queries.decode import Instruction, decode

if TYPE_CHECKING:
    import emu

MOST = 4_000
"""Instructions that are looked at; where the code goes on beyond them is asked again there."""
MASK64 = (1 << 64) - 1
_CONDITIONAL = ("b.", "bc.", "cb", "tb")
INDIRECT = ("br", "braa", "braaz", "brab", "brabz")


_MOVES = (
    re.compile(r"\[sp, #(-?\w+)\]!$"),
    re.compile(r"\[sp\], #(-?\w+)$"),
)
"""Operands that move the stack pointer: before the access, and after it."""
_ADDED = re.compile(r"sp, sp, #(\w+)(, lsl #(?:12|0xc))?")

Growth = int | None
"""How far the stack pointer moves until an instruction, in bytes; None where the code alone does not tell."""


@dataclass(frozen=True, slots=True)
class Exits:
    """Addresses of instructions, each with what the stack pointer is there against the start."""

    returns: Mapping[int, Growth]
    """RET, ERET and their authenticating forms."""
    unknown: Mapping[int, Growth]
    """From where nobody can tell before it runs: branches through registers, words that cannot be read yet."""


class _Code:
    """Words as fetches of the present context see them, a page at a time."""

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self._pages: dict[int, bytes | None] = {}

    def word(self, address: int) -> int | None:
        page = address & ~(PAGE - 1)
        if page not in self._pages:
            self._pages[page] = self._machine.cpu.peek_bytes(page, PAGE, Access.FETCH)
        data = self._pages[page]
        return None if data is None else int.from_bytes(data[address - page : address - page + 4], "little")


def exits(machine: emu.Machine, start: int) -> Exits:
    """Where code from `start` on may end; calls are taken to come back."""
    code = _Code(machine)
    returns: dict[int, Growth] = {}
    unknown: dict[int, Growth] = {}
    seen: set[int] = set()
    waiting: list[tuple[int, Growth]] = [(start & MASK64, 0)]
    while waiting:
        at, growth = waiting.pop()
        while at not in seen:
            seen.add(at)
            word = code.word(at)
            if word is None or len(seen) > MOST:
                unknown[at] = growth
                break
            instruction = decode(word, at)
            name = instruction.mnemonic
            if instruction.is_return:
                returns[at] = growth
                break
            if name in INDIRECT:
                unknown[at] = growth
                break
            if name == "b" and instruction.target is not None:
                at = instruction.target
                continue
            if name.startswith(_CONDITIONAL) and instruction.target is not None:
                waiting.append((instruction.target, growth))
            growth = _moved(growth, instruction)
            at = at + 4 & MASK64
    return Exits(returns, unknown)


def _moved(growth: Growth, instruction: Instruction) -> Growth:
    """What an instruction makes of the stack pointer."""
    operands = instruction.operands
    if growth is None or "sp" not in operands:
        return growth
    for pattern in _MOVES:
        found = pattern.search(operands)
        if found is not None:
            return growth + int(found[1], 0)
    found = _ADDED.fullmatch(operands)
    if found is not None and instruction.mnemonic in ("add", "sub"):
        amount = int(found[1], 0) << (12 if found[2] else 0)
        return growth + (amount if instruction.mnemonic == "add" else -amount)
    return None if operands.startswith("sp,") else growth
