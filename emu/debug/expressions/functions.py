"""The functions of the language: what they take and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emu.debug.expressions.names import GRANULE_WORDS, OWNER_WORDS


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its arguments as they are written, its meaning, and the words its result is compared with."""

    name: str
    arguments: str
    meaning: str
    words: Mapping[str, int] = field(default_factory=dict)

    @property
    def usage(self) -> str:
        return f"{self.name}({self.arguments})"


_PAS_WORDS = {**GRANULE_WORDS}

QUESTIONS = (
    Function("owner", "PA", "the MECID that owns a block of memory, or none", OWNER_WORDS),
    Function("owner_pas", "PA", "the address space that a block was stored through, or none", _PAS_WORDS),
    Function("generation", "PA", "the key generation that a block was stored under, or none", OWNER_WORDS),
    Function("pas", "PA", "the address space that the GPT gives a granule: realm, root, ns, any, none", _PAS_WORDS),
    Function("pa", "VA", "where a read of this address goes"),
    Function("mapped", "VA", "1 where a read of this address would not fault"),
    Function("mecid", "VA", "the MECID that a read of this address uses"),
)
"""Functions of one address that only a machine can answer."""

OTHERS = (
    Function("effective", "REGISTER.FIELD", "a field as the hardware takes it"),
    Function("acting", "REGISTER", "what a register held at the last ISB or the like: it acts until the next"),
    Function("s", "VALUE", "the value as a signed number"),
    Function("abs", "VALUE", "a signed number without its sign"),
    Function("min", "VALUE, VALUE", "the least of several values"),
    Function("max", "VALUE, VALUE", "the greatest of several values"),
)

FUNCTIONS: Mapping[str, Function] = {item.name: item for item in (*QUESTIONS, *OTHERS)}
