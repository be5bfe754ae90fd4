"""What regions are made from: the decoded words that run at addresses of one context, on whatever pages those are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emu import state
from emu.architecture import PAGE
from emu.engine.code_page import CodePage
from emu.engine.dispatch import REGION_FLAG
from emu.isa.pattern import Decoded

_WORD = 0xFFFF_FFFF


class Source:
    """The words of a page as they are now, and those of others as they are when they are first asked for.

    The compiler's thread asks while guest code runs. What it finds need not be so any more, or never have been at one
    time: a region is put in place only if all its words are there then, and looks which page it is whenever it comes
    to another one.
    """

    def __init__(
        self, slots: memoryview, pages: Mapping[int, CodePage], decode: Callable[[int], Decoded | None], stub: int
    ) -> None:
        """`slots`: the CPU's state; `pages` by the host's address of their words; `stub`: for what has not run."""
        self._slots, self._pages, self._decode, self._stub = slots, pages, decode, stub
        self._context = slots[state.CONTEXT]
        self._known: dict[int, tuple[CodePage, list[int]] | None] = {}

    def page(self, number: int) -> CodePage | None:
        """The page with a number (an address without its low bits); None where fetches do not find it at once."""
        found = self._found(number)
        return None if found is None else found[0]

    def at(self, address: int) -> Decoded | None:
        """The instruction at an address if it is decoded."""
        found, place = self._found(address // PAGE), 2 * (address % PAGE >> 2)
        if found is None or found[1][place] == self._stub:
            return None
        return self._decode(found[1][place + 1] & _WORD)

    def handler(self, address: int) -> int | None:
        """The handler of the instruction at an address; None where there is none, or a region."""
        found, place = self._found(address // PAGE), 2 * (address % PAGE >> 2)
        if found is None or found[1][place] == self._stub or found[1][place + 1] >= REGION_FLAG:
            return None
        return found[1][place]

    def _found(self, number: int) -> tuple[CodePage, list[int]] | None:
        if number not in self._known:
            page = self._look(number * PAGE)
            self._known[number] = None if page is None else (page, page.slots.tolist())
        return self._known[number]

    def _look(self, va: int) -> CodePage | None:
        salt = (self._context & state.SALT_MASK) << state.SALT_SHIFT
        entry = state.FETCH_TLB + 4 * ((va ^ salt) // PAGE % state.TLB_ENTRIES)
        if self._slots[entry] != va | self._context:
            return None
        return self._pages.get(self._slots[entry + 1])
