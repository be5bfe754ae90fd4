"""Rules whose verdict waits until software has finished with a piece of memory."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

from emu.architecture import PA
from emu.debug.events import Event, ExceptionReturned, ExceptionTaken, Hit, OwnerChanged
from emu.mec.rules.model import Report, Rule, Watched

_CALLS = (0x16, 0x17)
"""ESR_ELx.EC of HVC and SMC."""
_MOST = 4_096
"""Pieces that wait: a guest with more of them has been told enough."""


class Waiting(NamedTuple):
    """A store that gave memory a new owner, and what the memory held just after it."""

    event: OwnerChanged
    content: bytes


class HandoverRule(Rule):
    """A memset writes memory in many stores: whether the rest follows the first shows only when the writer is done.

    It is taken to be done when it hands over: by a return to a lower level, by HVC or SMC, at the end of the run, or
    when the memory is read under another context.
    """

    kinds: ClassVar = (OwnerChanged, ExceptionReturned, ExceptionTaken, Hit)
    size: ClassVar[int]
    """Bytes that change hands together."""

    def __init__(self) -> None:
        self.waiting: dict[PA, Waiting] = {}

    @abstractmethod
    def is_mine(self, event: OwnerChanged, machine: Watched) -> bool:
        """Whether a change of ownership is to be watched."""

    @abstractmethod
    def judge(self, event: OwnerChanged, before: bytes, now: bytes, machine: Watched, report: Report) -> None:
        """The writer is done: what the memory held after its first store, and what it holds now."""

    is_patient = True

    @property
    def waits(self) -> bool:
        return bool(self.waiting)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, ExceptionReturned | ExceptionTaken)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, OwnerChanged):
            pa = self._piece(event.pa)
            self.waiting.pop(pa, None)  # in other hands again: its content says nothing about the first ones
            if self.is_mine(event, machine) and len(self.waiting) < _MOST:
                self.waiting[pa] = Waiting(event, machine.plaintext(pa, self.size))
        elif not self.waiting:
            return
        elif isinstance(event, Hit):
            self._settle(self._piece(event.pa), machine, report)
        elif isinstance(event, ExceptionReturned):
            self._settle_above(event.to_el, machine, report)
        elif isinstance(event, ExceptionTaken) and event.ec in _CALLS:
            self._settle_above(event.moment.el - 1, machine, report)

    def finish(self, machine: Watched, report: Report) -> None:
        self._settle_above(-1, machine, report)

    def _piece(self, pa: int) -> PA:
        return PA(pa & -self.size)

    def _settle_above(self, el: int, machine: Watched, report: Report) -> None:
        for pa in [pa for pa, item in self.waiting.items() if item.event.moment.el > el]:
            self._settle(pa, machine, report)

    def _settle(self, pa: PA, machine: Watched, report: Report) -> None:
        item = self.waiting.pop(pa, None)
        if item is not None:
            self.judge(item.event, item.content, machine.plaintext(pa, self.size), machine, report)
