"""System registers as the MMU sees them: a new value acts from the next context synchronisation event on.

Arm ARM D24.1.2 ("Synchronization requirements for AArch64 System registers"): a direct write is seen by a direct read
at once, but by an indirect read for certain only after a context synchronisation event. This machine takes the
latest moment that the rule allows, so that a missing ISB shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.architecture import Access

if TYPE_CHECKING:
    from emu.debug.events import Moment
    from emu.registers.file import RegisterFile


@dataclass(slots=True)
class Held:
    """A register that waits for a context synchronisation event."""

    acting: int
    """The value of the last such event."""
    written: Moment
    """When the register was written last."""
    reported: set[Access] = field(default_factory=set)
    """Kinds of access that are known to have gone by `acting` since the write."""


class Pending(NamedTuple):
    """A register that waits, for those who look: the value that acts, the one it holds, and when that was written."""

    acting: int
    programmed: int
    moment: Moment


class ActingRegisters:
    """A register file seen through the writes that do not act yet: a `RegisterView` for the MMU.

    Only for registers with storage of their own, by the name of the storage (TCR_EL1, not TCR_EL12).
    """

    __slots__ = ("_file", "_held", "_places", "_slots")

    def __init__(self, file: RegisterFile) -> None:
        self._file = file
        self._slots, self._places = file.storage
        self._held: dict[str, Held] = {}

    @property
    def held(self) -> dict[str, Held]:
        """What waits, by register. Empty most of the time; only `hold` and `restore` may add to it."""
        if self._held and not self._slots[state.BARRIERS] & state.SOMETHING_WAITS:
            self._held.clear()  # native code let it act
        return self._held

    def __getitem__(self, name: str) -> int:
        if self._held and self._slots[state.BARRIERS] & state.SOMETHING_WAITS and name in self._held:
            return self._held[name].acting
        try:
            return self._slots[self._places[name]]
        except KeyError:
            return self._file[name]

    def hold(self, name: str, old: int, written: Moment) -> dict[str, Held]:
        """A register was written that held `old` before; two writes between events make one change. Returns `held`."""
        held = self.held
        before = held.pop(name, None)
        acting = old if before is None else before.acting
        if self._slots[self._places[name]] != acting:
            held[name] = Held(acting, written)
            self._slots[state.BARRIERS] |= state.SOMETHING_WAITS
        return held

    def pending(self) -> dict[str, Pending]:
        """What waits, oldest write first."""
        return {name: Pending(held.acting, self._file[name], held.written) for name, held in self.held.items()}

    def restore(self, pending: dict[str, Pending]) -> None:
        """Come back to what `pending` gave; the file has its values back already."""
        self._replace({name: Held(item.acting, item.moment) for name, item in pending.items()})

    def _replace(self, held: dict[str, Held]) -> None:
        self._held = held
        waits = state.SOMETHING_WAITS if held else 0
        self._slots[state.BARRIERS] = self._slots[state.BARRIERS] & ~state.SOMETHING_WAITS | waits

    @contextmanager
    def as_if_acting(self, names: Iterable[str]) -> Iterator[None]:
        """For a look at what would be if these registers acted already."""
        held, gone = self.held, set(names)
        self._replace({name: item for name, item in held.items() if name not in gone})
        try:
            yield
        finally:
            self._replace(held)
