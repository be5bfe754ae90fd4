"""Searching code: the next instruction whose text, target or symbol has some words in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAGE
from mectui.queries.decode import decode
from mectui.queries.disassembly import DATA, characters, is_shown_as_data
from mectui.queries.labels import label, symbol_at

if TYPE_CHECKING:
    import emu

SECONDS = 0.5
"""How long one search may take; the next key goes on from there."""
MASK64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class FindCode:
    """A search: lower-case text, from `start` on or back from it; `number` tells its answer from others'."""

    text: str
    start: int
    forward: bool = True
    number: int = 0
    is_first: bool = False
    """Whether what is at the start itself counts."""


@dataclass(frozen=True, slots=True)
class CodeFound:
    """The answer: where it is, or how far the search has come when its time was over."""

    address: int | None
    number: int
    reached: int | None = None


def find_code(machine: emu.Machine, sought: FindCode) -> CodeFound:
    """The next instruction that has the text, as far as code is mapped without a gap."""
    deadline = time.perf_counter() + SECONDS
    step = 4 if sought.forward else -4
    address = sought.start & ~3
    exact = symbol_named(machine, sought)
    while 0 <= address <= MASK64:
        word = machine.fetch_word(address)
        if word is None:
            break
        if sought.text in text_of(machine, address, word):
            return CodeFound(address, sought.number)
        address += step
        if address % PAGE == 0 and time.perf_counter() > deadline:
            return CodeFound(exact, sought.number, None if exact is not None else address)
    return CodeFound(exact, sought.number)


def text_of(machine: emu.Machine, address: int, word: int) -> str:
    """What the disassembly says of an instruction or a word of data, in lower case; addresses as they may be typed."""
    place = f"{symbol_at(machine, address)} {address:#x} {address:#_x} {word:08x}"
    if is_shown_as_data(machine, address):
        return f"{place} {DATA} 0x{word:08x} data {characters(word)}".lower()
    decoded = decode(word, address)
    target = label(machine, decoded.target) if decoded.target is not None else ""
    shown = decoded.operands.replace("#", "")
    return f"{place} {decoded.mnemonic} {decoded.operands} {decoded.mnemonic} {shown} {target}".lower()


def symbol_named(machine: emu.Machine, sought: FindCode) -> int | None:
    """A symbol that has the text in its name, the next one from the start on: code that is not near by."""
    places = sorted(
        place
        for name in machine.symbols.names()
        if sought.text in name.lower() and (place := machine.symbols.lookup(name)) is not None
    )
    if not places:
        return None
    if sought.forward:
        return next((place for place in places if place > sought.start), places[0])
    return next((place for place in reversed(places) if place < sought.start), places[-1])
