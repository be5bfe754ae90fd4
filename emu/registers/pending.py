"""System registers as the MMU sees them: a new value acts from the next context synchronisation event on.

Arm ARM D24.1.2 ("Synchronization requirements for AArch64 System registers"): a direct write is seen by a direct read
at once, but by an indirect read for certain only after a context synchronisation event. This machine takes the
latest moment that the rule allows, so that a missing ISB shows.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.architecture import VA, Access, Security
from emu.debug.events import Moment

if TYPE_CHECKING:
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

    __slots__ = (
        "_file", "_held", "_log", "_names", "_places", "_read", "_records", "_security", "_slots", "_syncs", "has_news",
    )  # fmt: skip

    def __init__(self, file: RegisterFile, security: Callable[[], Security]) -> None:
        """`security` is the present Security state, which no write changes before it acts."""
        self._file = file
        self._security = security
        self._slots, self._places = file.storage
        self._names = {slot: name for name, slot in reversed(list(self._places.items()))}
        self._held: dict[str, Held] = {}
        self._log = (ctypes.c_uint64 * (state.WRITE_WORDS * state.MOST_WRITES))()
        """What native code has written since the last event, in its order."""
        self._records = memoryview(self._log).cast("B").cast("Q")
        self._read = 0
        """Records of the log that are in `_held`."""
        self.has_news = False
        """Whether `held` has taken over something that native code did. Who draws conclusions from it clears this."""
        self._syncs = 0
        """Native code's context synchronisation events, as far as `_held` knows of them."""
        self._slots[state.WRITE_LOG] = ctypes.addressof(self._log)

    @property
    def held(self) -> dict[str, Held]:
        """What waits, by register. Empty most of the time; only `hold` and `restore` may add to it."""
        slots = self._slots
        if self._syncs != slots[state.SYNCS]:
            self._held.clear()
            self._syncs, self._read = slots[state.SYNCS], 0
            self.has_news = True
        if self._read != slots[state.WRITES]:
            self._read_log()
            self.has_news = True
        if self._held and not slots[state.BARRIERS] & state.SOMETHING_WAITS:
            self._held.clear()  # native code let it act
        return self._held

    @property
    def is_behind(self) -> bool:
        """Whether native code has written since somebody asked for `held`."""
        return self._read != self._slots[state.WRITES] or self._syncs != self._slots[state.SYNCS]

    def _read_log(self) -> None:
        slots, words = self._slots, self._records
        for at in range(state.WRITE_WORDS * self._read, state.WRITE_WORDS * slots[state.WRITES], state.WRITE_WORDS):
            slot, old, new, instruction, pc = words[at : at + state.WRITE_WORDS]
            moment = Moment(instruction, VA(pc), slots[state.EL], self._security())
            self._note(self._names[slot], old, new, moment)
        self._read = slots[state.WRITES]

    def clear(self) -> None:
        """Everything acts."""
        self.held.clear()
        self._slots[state.WRITES] = self._read = 0

    def __getitem__(self, name: str) -> int:
        if self._slots[state.BARRIERS] & state.SOMETHING_WAITS:
            held = self.held.get(name)
            if held is not None:
                return held.acting
        try:
            return self._slots[self._places[name]]
        except KeyError:
            return self._file[name]

    def hold(self, name: str, old: int, written: Moment) -> dict[str, Held]:
        """A register was written that held `old` before; two writes between events make one change. Returns `held`."""
        held = self.held
        if self._note(name, old, self._slots[self._places[name]], written):
            self._slots[state.BARRIERS] |= state.SOMETHING_WAITS
        return held

    def _note(self, name: str, old: int, new: int, written: Moment) -> bool:
        """Whether the register waits after this write."""
        held = self._held
        before = held.pop(name, None)
        acting = old if before is None else before.acting
        if new == acting:
            return False
        held[name] = Held(acting, written)
        return True

    def pending(self) -> dict[str, Pending]:
        """What waits, oldest write first."""
        return {name: Pending(held.acting, self._file[name], held.written) for name, held in self.held.items()}

    def restore(self, pending: dict[str, Pending]) -> None:
        """Come back to what `pending` gave; the file has its values back already."""
        self._replace({name: Held(item.acting, item.moment) for name, item in pending.items()})

    def _replace(self, held: dict[str, Held]) -> None:
        self._held = held
        self._slots[state.WRITES] = self._read = 0
        self._syncs = self._slots[state.SYNCS]
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
