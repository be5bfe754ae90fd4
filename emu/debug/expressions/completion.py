"""What an expression that is being typed could go on with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from emu.debug.expressions.fields import fields_of
from emu.debug.expressions.functions import FUNCTIONS
from emu.debug.expressions.lexer import LONGEST
from emu.debug.expressions.names import STATE, RegisterName, Vocabulary
from emu.debug.expressions.parser import SPACES

_WORD = re.compile(r"(?:\.?[\w$@][\w$@.]*|\.|'[^']*)$")
_COMPARED = re.compile(r"([\w$.]+)(?:\([^()]*\))?\s*[!=]=\s*$")
_OPENED = re.compile(r"\[\s*(?:mecid\s+[^,\]]*,\s*)?$")
_FINISHED = re.compile(r"[\w\])'$@]\s+$")
"""An operand and a blank: an operator comes next, which nobody needs help with."""
_IN = re.compile(r"(?:\bin|\[\s*mecid)\s+$")
_FILE = re.compile(r"(?<![\w$'\])])[\w./+@~-]+$")
_SIMPLE = re.compile(r"[\w$@]+(?:\.[\w$@]+)*")


def completions(text: str, cursor: int, names: Vocabulary, most: int = 40) -> list[tuple[int, str]]:
    """(position, replacement) pairs: what could stand from that position to the cursor, the likeliest first.

    An empty word is completed only where few things can follow: in a bracket and after == beside a word.
    """
    if len(text) > LONGEST:
        return []
    before = text[:cursor]
    found = _WORD.search(before)
    word = found[0] if found else ""
    start = len(before) - len(word)
    head = before[:start]
    matches = [(start, each) for each in _candidates(word, head, names) if each != word]
    return [*matches, *_files(before, names)][:most]


def _files(before: str, names: Vocabulary) -> list[tuple[int, str]]:
    """Source files whose name, or its end with folders, starts with what has been typed."""
    found = _FILE.search(before)
    word = found[0] if found else ""
    if not word or word[0].isdigit():
        return []
    at = len(before) - len(word)
    named = [name for name in names.files() if name.startswith(word)]
    inside = [name for name in names.files() if f"/{word}" in name and name not in named]
    return [(at, name) for name in (*named, *inside)]


def _candidates(word: str, head: str, names: Vocabulary) -> list[str]:
    if word[:1].isdigit() or (_FINISHED.search(head) and not _IN.search(head)):
        return []
    if head.endswith("]") and word.startswith("."):
        return _starting((".b", ".h", ".w", ".x"), word)
    if word.startswith("'"):
        return [f"'{name}'" for name in _starting(names.symbols(), word[1:])]
    compared = _COMPARED.search(head)
    words = _starting(_words(compared[1], names), word) if compared else []
    opened = _starting((*(f"{space}:" for space in SPACES if space not in ("va", "nonsecure")), "mecid "), word) \
        if _OPENED.search(head) else []  # fmt: skip
    if words:
        return words
    if not word:
        return opened
    register, dot, part = word.partition(".")
    known = names.find_register(register) if dot else None
    fields = _fields(known, register, part) if known is not None else []
    return list(
        dict.fromkeys(
            [
                *opened,
                *fields,
                *_starting([item.name for item in names.given], word),
                *(_quoted(name, names) for name in _starting(names.symbols(), word) or _like(names.symbols(), word)),
                *_registers(word, names),
                *(f"{name}(" for name in _starting(FUNCTIONS, word)),
            ]
        )
    )


def _words(name: str, names: Vocabulary) -> Iterable[str]:
    given = names.find_given(name)
    if given is not None:
        return given.words
    if name in FUNCTIONS:
        return FUNCTIONS[name].words
    register = names.find_register(name)
    return register.words if register is not None else ()


def _fields(register: RegisterName, typed: str, part: str) -> list[str]:
    fields = dict.fromkeys(item.name for item in fields_of(register.source))
    return [f"{typed}.{name}" for name in _starting(fields, part)]


def _registers(word: str, names: Vocabulary) -> list[str]:
    sign = "$" if word.startswith("$") else ""
    found = _starting(names.register_names(), word.removeprefix("$"))
    general = [name for name in found if name in STATE or name[0].islower()]
    return [f"{sign}{name}" for name in [*general, *(name for name in found if name not in general)]]


def _quoted(name: str, names: Vocabulary) -> str:
    """A symbol as it has to be written: in quotes where it would mean something else."""
    is_plain = _SIMPLE.fullmatch(name) and not name[0].isdigit() and names.find_register(name) is None
    return name if is_plain else f"'{name}'"


def _like(names: Iterable[str], word: str) -> list[str]:
    """Names that have the letters of a word in this order, the closest first: "rbsearch" for realm_b_search.

    What stands together counts most, then an early start, then a short name.
    """
    letters = word.lower()
    if len(letters) < 2:
        return []
    scored = []
    for name in names:
        lowered = name.lower()
        at = lowered.find(letters)
        if at >= 0:
            scored.append((0, at, len(name), name))
            continue
        first, place = -1, -1
        for letter in letters:
            place = lowered.find(letter, place + 1)
            if place < 0:
                break
            first = place if first < 0 else first
        else:
            scored.append((place - first, first, len(name), name))
    return [name for *_, name in sorted(scored)]


def _starting(known: Iterable[str], word: str) -> list[str]:
    """Names that start with the word, whatever the case."""
    lowered = word.lower()
    return [name for name in known if name.lower().startswith(lowered)]
