"""Expressions in lessons: their values on a machine, and those values in a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.debug.expressions import MachineEnvironment, compile, vocabulary
from mectui.render.numbers import short
from mectui.render.text import printable

if TYPE_CHECKING:
    import emu

PLACEHOLDER = re.compile(r"\{([^{}]+?)(:[a-z])?\}")
FORMATS = (None, ":d", ":t")


class Values:
    """Evaluates on one machine; expressions are compiled anew for every machine, whose symbols they may name."""

    def __init__(self, machine: emu.Machine) -> None:
        self._vocabulary = vocabulary(machine)
        self._environment = MachineEnvironment(machine)

    def of(self, text: str) -> int:
        """The value. Raises ExpressionError."""
        return int(compile(text, self._vocabulary).evaluate(self._environment))

    def fill(self, text: str) -> str:
        """`text` with every {expression} replaced by its value. Raises ExpressionError."""
        return PLACEHOLDER.sub(lambda match: written(self.of(match[1]), match[2]), text)


def written(value: int, form: str | None) -> str:
    """A value as a lesson writes it: short hexadecimal, decimal, or its eight bytes as text."""
    match form:
        case ":d":
            return f"{value:,}"
        case ":t":
            raw = (value & ((1 << 64) - 1)).to_bytes(8, "little")
            return "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in raw)
        case _:
            return short(value)


def number(text: str) -> int | None:
    """What a reader typed as a number, or None."""
    try:
        return int(printable(text).strip().replace("_", ""), 0)
    except ValueError:
        return None
