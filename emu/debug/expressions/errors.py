"""What an expression that cannot be understood or evaluated is answered with."""

from __future__ import annotations

from emu.errors import EmuError


class ExpressionError(EmuError):
    """One sentence about an expression, and where in its text the trouble is.

    `start` and `end` are positions in `text`, from 0; the sentence itself names the column (from 1) where a person
    would have to search for the place.
    """

    def __init__(self, sentence: str, text: str = "", start: int = 0, end: int = 0) -> None:
        super().__init__(sentence)
        self.text = text
        self.start = start
        self.end = max(end, start)

    @property
    def sentence(self) -> str:
        return str(self)

    @property
    def column(self) -> int:
        """The column of the first character that is meant, from 1."""
        return self.start + 1

    @property
    def caret(self) -> str:
        """Two lines: the text, and carets under the place."""
        return f"{self.text}\n{' ' * self.start}{'^' * max(1, self.end - self.start)}"


def shortened(text: str, most: int = 40) -> str:
    """A piece of somebody's text that fits into a sentence."""
    return text if len(text) <= most else text[: most - 1] + "…"
