"""Conditions and messages of stops: compiled once, evaluated with what is known about an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emu.debug.expressions import (
    ACCESS_WORDS,
    SECURITY_WORDS,
    Expression,
    ExpressionError,
    Given,
    MachineEnvironment,
    Vocabulary,
    compile,
    vocabulary,
)
from emu.debug.expressions.names import NOBODY, OWNER_WORDS
from emu.debug.stops.catches import CATCHES
from emu.debug.stops.specification import AnyStop, CatchStop, CodeStop

if TYPE_CHECKING:
    from emu.machine import Machine

_AT = Given("at", "the address of the instruction that did it")
_WATCH = (
    Given("value", "what is read or written, at most 64 bytes", bits=64),
    Given("old", "what the owner of the memory saw there before; of a read, what is read"),
    Given("address", "the virtual address of the access; none for a table walk's own", OWNER_WORDS),
    Given("pa", "its physical address"),
    Given("size", "its bytes", bits=16),
    Given("access", "read, write or walk", ACCESS_WORDS, 8),
    Given("mecid", "the MECID of the access", bits=16),
    Given("owner", "the MECID of who owned the memory before, or none", OWNER_WORDS),
    Given("pas", "the physical address space of the access", SECURITY_WORDS, 8),
    _AT,
)
MOST_TEXT = 400


def given(stop: AnyStop) -> tuple[Given, ...]:
    """The names that a stop's condition and message may use besides those of every expression."""
    if isinstance(stop, CodeStop):
        return ()
    if isinstance(stop, CatchStop):
        return (*CATCHES[stop.kind].given, _AT)
    return _WATCH


def pieces_of(text: str, words: Vocabulary) -> tuple[str | Expression, ...]:
    """A message in pieces: text, and the expressions in braces; two braces stand for one. Raises ExpressionError."""
    pieces: list[str | Expression] = []
    plain, at = "", 0
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            plain, at = plain + text[at], at + 2
        elif text[at] == "{":
            end = text.find("}", at)
            if end < 0:
                raise ExpressionError(f"The brace at column {at + 1} is never closed.", text, at)
            pieces += [plain, compile(text[at + 1 : end], words)]
            plain, at = "", end + 1
        else:
            plain, at = plain + text[at], at + 1
    return (*pieces, plain)


class Texts:
    """Compiles and evaluates for one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._environment = MachineEnvironment(machine)

    def condition(self, stop: AnyStop, text: str) -> Expression | None:
        """Raises ExpressionError."""
        return compile(text, vocabulary(self._machine, given=given(stop))) if text.strip() else None

    def message(self, stop: AnyStop, text: str) -> tuple[str | Expression, ...]:
        """The pieces of a log message. Raises ExpressionError."""
        return pieces_of(text, vocabulary(self._machine, given=given(stop)))

    def is_met(self, condition: Expression, values: Mapping[str, int]) -> bool:
        """Raises ExpressionError."""
        return bool(condition.evaluate(self._environment, values))

    def written(self, pieces: Sequence[str | Expression], values: Mapping[str, int]) -> str:
        """A message with its values; what cannot be evaluated says so in its place."""
        return "".join(piece if isinstance(piece, str) else self._value(piece, values) for piece in pieces)[:MOST_TEXT]

    def _value(self, expression: Expression, values: Mapping[str, int]) -> str:
        try:
            value = int(expression.evaluate(self._environment, values))
        except ExpressionError as error:
            return f"<{str(error).rstrip('.')}>"
        if value == NOBODY:
            return f"{value:#x}"
        return str(value) if 0 <= value < 10 else f"{value:#x}"
