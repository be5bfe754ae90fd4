"""Which names an expression may use, and what they stand for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from emu.architecture import PAS

if TYPE_CHECKING:
    from emu.machine import Machine

NOBODY = (1 << 64) - 1
"""What owner() and generation() say of memory that nobody has stored to: the word `none`."""

SECURITY_WORDS: Mapping[str, int] = {
    "secure": PAS.SECURE,
    "nonsecure": PAS.NON_SECURE,
    "root": PAS.ROOT,
    "realm": PAS.REALM,
    "ns": PAS.NON_SECURE,
}
"""Security states and physical address spaces, coded {NSE, NS} as in descriptors."""
ACCESS_WORDS: Mapping[str, int] = {"read": 0, "write": 1, "fetch": 2, "walk": 3}
"""Kinds of access; what an event's `access` is compared with."""
GRANULE_WORDS: Mapping[str, int] = {**SECURITY_WORDS, "nsonly": 13, "any": 15, "none": NOBODY}
"""What pas() says of a granule: the space that may reach it."""
OWNER_WORDS: Mapping[str, int] = {"none": NOBODY}
NO_WORDS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Given:
    """A name whose value the caller supplies with each evaluation.

    `words` are what it can be compared with by name (`access == write`); they come before symbols there.
    `bits` is its width, for s() and for how it is written.
    """

    name: str
    meaning: str = ""
    words: Mapping[str, int] = field(default_factory=dict)
    bits: int = 64


@dataclass(frozen=True, slots=True)
class RegisterName:
    """What the name of a register stands for: bits [high:low] of `source`, which an environment knows."""

    name: str
    """As the manual and people write it: "w3", "lr", "TTBR0_EL1"."""
    source: str
    """"x3", "x30", "TTBR0_EL1"."""
    high: int = 63
    low: int = 0
    words: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def bits(self) -> int:
        return self.high - self.low + 1


GENERAL = (*(f"x{number}" for number in range(31)), "sp", "pc", "nzcv")
STATE = {
    "el": "the exception level",
    "security": "the Security state: root, realm, secure or nonsecure",
    "insns": "how many instructions have been executed",
}
"""Names of the machine's own state that are no registers."""
VECTORS = tuple(f"v{number}" for number in range(32))


@dataclass(frozen=True)
class Vocabulary:
    """The names that an expression may use.

    Where one name means several things, what the caller gives comes first, then registers, then symbols, then words
    such as `realm`; a name in 'quotes' is always a symbol. Registers are found in any case and behind a $.
    """

    registers: Sequence[str]
    """Proper names: x0 to x30, sp, pc, nzcv, v0 to v31, and system registers."""
    symbol: Callable[[str], int | None] = lambda name: None
    symbols: Callable[[], Sequence[str]] = tuple
    given: tuple[Given, ...] = ()
    files: Callable[[], Sequence[str]] = tuple
    """Source files as they are written before a line's number: "mec.c:"."""

    @cached_property
    def _given(self) -> Mapping[str, Given]:
        return {item.name: item for item in self.given}

    @cached_property
    def _exact(self) -> Mapping[str, RegisterName]:
        found = {name: _whole(name) for name in (*self.registers, *STATE)}
        for name in self.registers:
            if name[0] == "x" and name[1:].isdigit():
                found[f"w{name[1:]}"] = RegisterName(f"w{name[1:]}", name, 31)
        for alias, name in (("lr", "x30"), ("fp", "x29")):
            if name in found:
                found[alias] = RegisterName(alias, name)
        if "nzcv" in found:
            for bit, flag in enumerate("vczn"):
                found[flag] = RegisterName(flag, "nzcv", bit, bit)
        return found

    @cached_property
    def _by_case(self) -> Mapping[str, RegisterName]:
        found: dict[str, RegisterName] = {}
        for name, register in self._exact.items():
            found.setdefault(name.lower(), register)
        return found

    def find_given(self, name: str) -> Given | None:
        return self._given.get(name)

    def find_register(self, name: str) -> RegisterName | None:
        """The register of that name, in any case, with or without a $."""
        plain = name.removeprefix("$")
        return self._exact.get(plain) or self._by_case.get(plain.lower())

    def register_names(self) -> Iterable[str]:
        """Everything that `find_register` finds, by its proper name."""
        return self._exact

    def near(self, name: str, more: Iterable[str] = ()) -> str | None:
        """The known name that is most like this one, whatever the case; None where none is."""
        wanted = name.lower().removeprefix("$")
        known: dict[str, str] = {}
        for candidate in (*more, *self._given, *self._exact, *self.symbols()):
            if abs(len(candidate) - len(wanted)) <= 3 and candidate[:1].lower() in wanted[:2]:
                known.setdefault(candidate.lower(), candidate)
            if len(known) >= MOST_COMPARED:
                break
        found = difflib.get_close_matches(wanted, known, 1, 0.65)
        return known[found[0]] if found else None


MOST_COMPARED = 1_500
"""Names that a misspelt one is compared with: an answer has to come while somebody types."""


def _whole(name: str) -> RegisterName:
    if name in VECTORS:
        return RegisterName(name, name, 127)
    if name == "nzcv":
        return RegisterName(name, name, 3)
    if name == "el":
        return RegisterName(name, name, 1)
    if name == "security":
        return RegisterName(name, name, 1, 0, SECURITY_WORDS)
    return RegisterName(name, name)


def vocabulary(machine: Machine, given: tuple[Given, ...] = ()) -> Vocabulary:
    """Every name that a machine with its guest knows."""
    return Vocabulary(
        registers=(*GENERAL, *VECTORS, *(register.name for register in machine.registers.table)),
        symbol=lambda name: machine.symbols.lookup(name),
        symbols=lambda: machine.symbols.names(),
        given=given,
        files=lambda: machine.lines.completions(),
    )
