"""Which code leads to a call without a call of its own, and what holds there by all that this code does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mectui.queries.call_code import LARGEST, Flow, State, call_target, flow, merged
from mectui.queries.call_context import Context
from mectui.queries.stack import MASK64, Stack

if TYPE_CHECKING:
    import emu

MOST_PIECES = 16
"""Pieces of code that one path may lead through."""
ROOM = 1 << 16
"""Bytes of code that are followed for one list of calls, besides that of the functions in it."""
Piece = tuple[int, int, Flow]
"""(start, end, what holds in it) of a piece of code."""


class Paths:
    """For one list of calls. Where code is that has one name, symbols tell."""

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self._room = ROOM

    def function(self, context: Context) -> State | None:
        """What holds in a context, by the code from the beginning of its function on; None where that is not known."""
        bounds = self._bounds(context.here)
        if bounds is None:
            return None
        start, end = bounds
        return self._in(context, start, flow(context.stack.code(start, end - start)))

    def led(self, context: Context, pieces: Iterable[Piece]) -> State | None:
        """What holds in a context where one of these pieces of code leads to it; else None."""
        result: State | None = None
        for start, end, found in pieces:
            if start <= context.here < end:
                known = self._in(context, start, found)
                if known is not None:
                    result = known if result is None else merged(result, known)
        return result

    def led_by_call(self, context: Context, address: int) -> State | None:
        """What holds in a context where the BL before an address leads to it; else None."""
        stack = context.stack
        word = None if address & 3 or not address else stack.instruction(address - 4)
        distance = None if word is None else call_target(word)
        return None if distance is None else self.led(context, self.begun(stack, address - 4 + distance & MASK64))

    def begun(self, stack: Stack, begin: int, end: int | None = None) -> list[Piece]:
        """The code that control may come to from `begin` on without a call; `end` where the first piece has no name."""
        waiting: list[tuple[int, State]] = [(begin, State())]
        seen: set[int] = set()
        found: list[Piece] = []
        while waiting and len(found) < MOST_PIECES:
            at, state = waiting.pop(0)
            if at in seen:
                continue
            seen.add(at)
            bounds = (begin, end) if at == begin and end is not None else self._bounds(at)
            if bounds is None:
                continue
            start, behind = bounds
            self._room -= behind - start
            if self._room < 0:
                break
            made = flow(stack.code(start, behind - start), at - start, state)
            found.append((start, behind, made))
            waiting += [(start + place & MASK64, exit_state) for place, exit_state in made.exits.items()]
        return found

    def _bounds(self, address: int) -> tuple[int, int] | None:
        """(start, end) of the code around an address that has one name."""
        found = self._machine.symbols.bounds(address)
        return None if found is None else (found[0], min(found[1], found[0] + LARGEST))

    @staticmethod
    def _in(context: Context, start: int, found: Flow) -> State | None:
        """What holds in a context, by what holds before each instruction of a piece of code."""
        if context.is_exact:
            return found.states.get(context.pc - start)
        word = context.stack.instruction(context.here)
        return None if word is None else found.after(context.here - start, word)
