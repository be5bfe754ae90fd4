"""What the rules may ask of a machine (`emu.mec.rules.model.Watched`), answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from emu import state
from emu.architecture import PA
from emu.cpu import Cpu
from emu.debug.events import Owner
from emu.features import Features
from emu.mec.pages import MecPage
from emu.mec.rules.model import References, T, Watched
from emu.mec.writers import COUNT_SHIFT, Writer
from emu.translation.records import Request, Walk
from emu.translation.regimes import RegisterView
from emu.views import MecView

_MOST = 10_000
"""Answers that are kept."""


class RulePort:
    """Asks the CPU and its memory; changes nothing."""

    def __init__(self, cpu: Cpu, mec: MecView, symbol: Callable[[int], str]) -> None:
        """`symbol` names an address, as `Symbols.describe` does."""
        self._cpu = cpu
        self._mec = mec
        self._symbol = symbol
        self._known: dict[tuple[object, int], Any] = {}
        self._age = 0

    @property
    def features(self) -> Features:
        return self._cpu.features

    @property
    def model(self) -> str:
        return self._cpu.memory.encrypted.model

    @property
    def registers(self) -> RegisterView:
        return self._cpu.regs

    @property
    def acting(self) -> RegisterView:
        return self._cpu.acting

    @property
    def never_written(self) -> AbstractSet[str]:
        return self._cpu.regs.never_written

    def steered(self, find: Callable[[Watched], T]) -> T:
        number, age = self._cpu.slots[state.ACTING], self._cpu.contexts.age
        if not number:
            return find(self)
        if age != self._age or len(self._known) >= _MOST:
            self._known.clear()
            self._age = age
        known: T
        if (find, number) in self._known:
            known = self._known[find, number]
        else:
            known = self._known[find, number] = find(self)
        return known

    @property
    def after_transition(self) -> int:
        return self._cpu.slots[state.AFTER_TRANSITION]

    def generation(self, mecid: int) -> int:
        return self._cpu.memory.encrypted.generation(mecid)

    def owner_of(self, pa: int) -> Owner | None:
        return self._mec.owner_of(pa)

    def last_writer(self, pa: int) -> Writer | None:
        return self._mec.last_writer(pa)

    def last_stores(self, pa: int, size: int) -> Sequence[int | None]:
        memory = self._cpu.memory
        offset = memory.ram_offset(pa)
        if offset is None:
            return ()
        words = memory.encrypted.writers_of(offset, size)[::2]
        return [first >> COUNT_SHIFT if first else None for first in words]

    def plaintext(self, pa: int, size: int) -> bytes:
        return self._cpu.memory.peek(PA(pa), size)

    def pages(self) -> Sequence[MecPage]:
        return self._mec.pages()

    def references(self, mecid: int) -> References:
        return self._mec.references(mecid)

    def explain(self, request: Request) -> Walk:
        with self._cpu.memory.unobserved():
            return self._cpu.mmu.explain(request)

    def fetch_word(self, va: int) -> int | None:
        return self._cpu.peek_word(va)

    def symbol(self, address: int) -> str:
        return self._symbol(address)
