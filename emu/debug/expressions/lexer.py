"""From text to tokens: numbers, names, quoted symbols and operators, each with its place."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from emu.debug.expressions.errors import ExpressionError, shortened

LONGEST = 2_000
"""Characters of an expression."""
MOST_TOKENS = 250
"""Also a bound on how deep a tree gets: 1 + 1 + 1 leans to the left."""
MASK64 = (1 << 64) - 1
SUFFIXES = {"K": 10, "M": 20, "G": 30}


class TokenKind(Enum):
    NUMBER = "number"
    NAME = "name"
    QUOTED = "quoted"
    OPERATOR = "operator"
    END = "end"


class Token(NamedTuple):
    """A piece of the text. `value` is a number's; `text` of a quoted symbol is without its quotes."""

    kind: TokenKind
    text: str
    start: int
    end: int
    value: int = 0


_PATTERN = re.compile(
    r"""
      (?P<number>[0-9][0-9A-Za-z_]*)
    | (?P<name>\.?[^\W\d][\w$@]*(?:\.[\w$@]+)*|\$[\w$@.]+)
    | '(?P<quoted>[^']+)'
    | (?P<operator>\|\||&&|==|!=|<=|>=|<<|>>|\.\.|[-+*/%~!&|^<>?:()\[\],])
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"(0x[0-9a-f_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9_]*)([kmg]?)", re.IGNORECASE)


def tokens(text: str) -> list[Token]:
    """The tokens of a text, the last of kind END. Raises ExpressionError."""
    if len(text) > LONGEST:
        raise ExpressionError(f"An expression of {len(text):,} characters is too long: {LONGEST:,} are allowed.", text)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _PATTERN.match(text, at)
        if match is None:
            raise _odd_character(text, at)
        found.append(_token(match, text))
        if len(found) > MOST_TOKENS:
            sentence = f"This expression is too long: {MOST_TOKENS} numbers, names and operators are allowed."
            raise ExpressionError(sentence, text, at)
        at = match.end()
    found.append(Token(TokenKind.END, "", len(text), len(text)))
    return found


def _token(match: re.Match[str], text: str) -> Token:
    start, end = match.span()
    word = match[match.lastgroup or 0]
    match match.lastgroup:
        case "number":
            return Token(TokenKind.NUMBER, word, start, end, number(word, text, start))
        case "name":
            return Token(TokenKind.NAME, word, start, end)
        case "quoted":
            return Token(TokenKind.QUOTED, word, start, end)
    return Token(TokenKind.OPERATOR, word, start, end)


def number(word: str, text: str = "", start: int = 0) -> int:
    """The value of a number as people write it. Raises ExpressionError."""
    found = _NUMBER.fullmatch(word)
    try:
        if found is None:
            raise ValueError
        value = int(found[1].replace("_", ""), 0) << SUFFIXES.get(found[2].upper(), 0)
    except ValueError:
        sentence = f"“{shortened(word)}” is no number; write 0x4000_0000, 42 or 0b101."
        raise ExpressionError(sentence, text, start, start + len(word)) from None
    if value > MASK64:
        raise ExpressionError(f"“{shortened(word)}” does not fit into 64 bits.", text, start, start + len(word))
    return value


def _odd_character(text: str, at: int) -> ExpressionError:
    character, where = text[at], f"at column {at + 1}"
    if character == "'":
        return ExpressionError(f"The quote {where} is not closed; a symbol in quotes looks like 'odd-name'.",
                               text, at, at + 1)  # fmt: skip
    if character == "=":
        return ExpressionError(f"The = {where} changes nothing here; to compare, write ==.", text, at, at + 1)
    shown = character if character.isprintable() else f"character {ord(character):#x}"
    return ExpressionError(f"“{shown}” {where} means nothing in an expression.", text, at, at + 1)
