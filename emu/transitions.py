"""Exception entries and returns that went well once, kept so that native code can do them again by itself.

What SVC, HVC, SMC, ERET and an ISB behind register writes change depends on the instruction, on PSTATE, on the
registers that decide about traps and routing (together a situation of `emu.permissions`) and on those that steer
translation (a combination of `emu.context`). The first time Python does it all; where nothing out of the ordinary
happened and nobody has to hear of it, the outcome goes into a table of the state buffer, by all of these. Nothing in
the table outlives a change of its meaning: `forget` empties it.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.architecture import VA, Security
from emu.debug.events import (
    Event,
    ExceptionReturned,
    ExceptionTaken,
    FirmwareCalled,
    MecidWritten,
    Moment,
    Synchronised,
)
from emu.syndrome import EC, EC_TEXT
from emu.transition_table import (
    BANK_FROM,
    BANK_TO,
    BARRIERS_SHIFT,
    COPIED,
    ELR,
    ERET,
    ESR,
    FIRST_COPY,
    HELD,
    HVC,
    ISB,
    MODE_SHIFT,
    NOTE,
    OFFSET,
    PAN_SHIFT,
    RECORD,
    SMC,
    SPSR,
    SSBS,
    SYNDROME,
    TAG,
    VBAR,
    entry_index,
    step_index,
)  # fmt: skip

if TYPE_CHECKING:
    from emu.cpu import Cpu

RECORD_SIZE = 8 * state.RECORD_WORDS
"""Bytes of an exception in the log."""

_BLANK = memoryview(array("Q", [0]) * (state.SLOTS - state.TRANSITIONS))
_ROOM = 4096
_MOST = 10_000
"""Transitions that are remembered as somebody's business."""
_MOST_NOTES = 64
Again = Callable[[Moment], None]
"""Tells a listener the moment of an event that it has heard of before, and in the same circumstances."""
_EL_SHIFT, _TARGET_SHIFT, _SECURITY_SHIFT = 32, 34, 36


_NEVER = Moment(0, VA(0), 0, Security.ROOT)


class Start(NamedTuple):
    """What a transition begins with."""

    age: int
    kind: int
    tag: int
    number: int
    el: int
    spsel: int
    security: Security


class Step(NamedTuple):
    """What a write of a register that steers translation begins with; the words of its entry in the table."""

    age: int
    tag: int
    programmed: int
    acting: int
    place: int
    given: int
    is_change: bool


class Transitions:
    """The table of one CPU, and the log of what native code did with it."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._slots = cpu.slots
        self._age = 0
        self._is_empty = True
        self._heard: set[tuple[int, int]] = set()
        """Transitions that somebody has to hear of: tag and combination."""
        self._quiet: dict[tuple[str, int], bool] = {}
        """By register and combination: whether those who listen to writes of it have no use for them."""
        self._log = (ctypes.c_uint64 * (state.RECORD_WORDS * _ROOM))()
        self._records = memoryview(self._log).cast("B").cast("Q")
        self._block = (ctypes.c_uint64 * state.BLOCK_WORDS)()
        self._slots[state.TRANSITION_BLOCK] = ctypes.addressof(self._block)
        for el in (1, 2, 3):
            self._block[state.BLOCK_SPSR + el - 1] = cpu.regs.slot(f"SPSR_EL{el}")
        self._rewind()
        self.settle: Callable[[ExceptionReturned | MecidWritten], tuple[Again, ...] | None] | None = None
        """Who has to be told when a return is made again, where all who hear of it need no more than its moment; of a
        write nobody may need that."""
        self._notes = (ctypes.c_uint64 * (2 * _MOST_NOTES))()
        self._noted: list[tuple[Moment, tuple[Again, ...]]] = [(_NEVER, ())]
        """By note: a moment like those that it gets. Nobody wants the first one's."""
        cpu.regs.watch(("PMCNTENSET_EL0",), self.forget)
        cpu.contexts.on_forgotten = cpu.permissions.on_forgotten = self.forget

    def forget(self) -> None:
        """Numbers have got other meanings, or somebody began to listen: every transition is Python's first."""
        self.catch_up()
        del self._noted[1:]
        self._age += 1
        self._heard.clear()
        if not self._is_empty:
            self._slots[state.TRANSITIONS : state.SLOTS] = _BLANK
            self._is_empty = True
        self._quiet.clear()

    def wait_for(self, waiting: int) -> None:
        """So many listeners have to hear of every exception entry and return for now: native code does none."""
        self._block[state.BLOCK_WAITING] = waiting

    def catch_up(self) -> None:
        """Tell who has to know when native code has last made each of the returns that are noted, in their order."""
        if len(self._noted) == 1:
            return
        notes = self._notes
        made = [(notes[2 * at], notes[2 * at + 1], at) for at in range(1, len(self._noted)) if notes[2 * at]]
        for instruction, pc, at in sorted(made):
            notes[2 * at] = 0
            like, told = self._noted[at]
            moment = Moment(instruction, VA(pc), like.el, like.security)
            for again in told:
                again(moment)

    def _note(self, like: Moment, told: tuple[Again, ...]) -> int:
        """The host address of the note for a return."""
        at = 0
        if told:
            at = len(self._noted)
            self._noted.append((like, told))
            self._notes[2 * at] = 0
        return ctypes.addressof(self._notes) + 16 * at

    # Writes of registers that steer translation.

    def begin_step(self, name: str, value: int) -> Step | None:
        """Before an MSR of one: what it begins with. None where native code could not do it."""
        cpu, slots = self._cpu, self._slots
        situation, context = slots[state.SITUATION], slots[state.CONTEXT]
        if not situation or not context or not slots[state.ACTING] or not cpu.contexts.steers_alone(name):
            return None
        slot = cpu.regs.slot(name)
        place, is_change = context | slots[state.BARRIERS] << BARRIERS_SHIFT, slots[slot] != value
        number, acting = slots[state.PROGRAMMED], slots[state.ACTING]
        return Step(self._age, situation | slot, number, acting, place, value, is_change)

    def can_do_without(self, event: MecidWritten, step: Step) -> bool:
        """Whether nobody has to hear of a write like this one, as long as the registers hold what they hold now."""
        if not self._cpu.hears(event):
            return True
        key = (event.register, self._slots[state.PROGRAMMED])
        known = self._quiet.get(key)
        if known is None:
            known = self.settle is not None and self.settle(event) == ()
            if step.age == self._age:
                self._quiet[key] = known
        return known

    def keep_step(self, step: Step) -> bool:
        """After it, where nobody has to hear of it: keep what it has done. Returns whether it is kept."""
        cpu, slots = self._cpu, self._slots
        waits = step.place >> BARRIERS_SHIFT | (state.SOMETHING_WAITS if step.is_change else 0)
        if (
            step.age != self._age
            or not slots[state.CONTEXT]
            or not slots[state.PROGRAMMED]
            or slots[state.ACTING] != step.acting
            or slots[state.SITUATION] != step.tag & ~state.GRANT_KEY
            or slots[state.BARRIERS] != waits
            or not all(map(cpu.contexts.has, cpu.acting.held))
        ):
            return False
        self._is_empty = False
        index = step_index(step.tag & state.GRANT_KEY, step.programmed, step.given)
        place = state.STEPS + state.STEP_WORDS * index
        words = (*step[1:6], slots[state.PROGRAMMED], slots[state.CONTEXT], waits)
        for at, word in enumerate(words, place):
            slots[at] = word
        return True

    # The log of native entries.

    def _rewind(self) -> None:
        self._block[state.BLOCK_NEXT] = ctypes.addressof(self._log)
        self._block[state.BLOCK_ROOM] = _ROOM

    def take_log(self) -> bytes:
        """The entries that native code made since the last call, for `read_log`."""
        count = _ROOM - self._block[state.BLOCK_ROOM]
        if not count:
            return b""
        self._rewind()
        return bytes(self._records[: state.RECORD_WORDS * count])

    # Recording.

    def start(self, kind: int, mode: int = 0, pan: int = 0) -> Start | None:
        """Before a transition is made by Python; None for one that somebody has to hear of every time."""
        cpu, slots = self._cpu, self._slots
        tag = cpu.permissions.situation() | kind | mode << MODE_SHIFT | pan << PAN_SHIFT
        number = cpu.contexts.programmed()
        if (tag, number) in self._heard:
            return None
        return Start(self._age, kind, tag, number, slots[state.EL], slots[state.SPSEL], cpu.security)

    def finish(self, start: Start | None, event: Event | None) -> None:
        """After it: `event` tells of it, None for an ISB. Kept where native code can do the same again."""
        cpu, slots = self._cpu, self._slots
        if start is None or start.age != self._age:
            return
        told: tuple[Again, ...] | None = ()
        if event is not None and cpu.hears(event):
            told = None
            if isinstance(event, ExceptionReturned) and self.settle is not None and len(self._noted) < _MOST_NOTES:
                told = self.settle(event)
        if told is None:
            if len(self._heard) >= _MOST:
                self._heard.clear()
            self._heard.add((start.tag, start.number))
            return
        if (
            not slots[state.CONTEXT]
            or not slots[state.SITUATION]
            or slots[state.IL]
            or slots[state.BTYPE]
            or cpu.debug.may_arm
            or cpu.monitors.is_counting
            or cpu.wants(Synchronised)
            or (start.kind in (HVC, SMC) and cpu.wants(FirmwareCalled))
        ):
            return
        self._is_empty = False
        place = state.TRANSITIONS + state.TRANSITION_WORDS * entry_index(start.tag, start.number)
        slots[place + HELD] = start.number
        for offset, slot in enumerate(COPIED, place + FIRST_COPY):
            slots[offset] = slots[slot]
        if start.kind != ISB:
            self._keep_registers(place, start, event)
            if isinstance(event, ExceptionReturned):
                slots[place + NOTE] = self._note(event.moment, told)
        slots[place + TAG] = start.tag

    def _keep_registers(self, place: int, start: Start, event: Event | None) -> None:
        slots, slot = self._slots, self._cpu.regs.slot
        banks = (state.SP_EL0, state.SP_EL1, state.SP_EL2, state.SP_EL3)
        slots[place + BANK_FROM] = banks[start.el if start.spsel else 0]
        slots[place + BANK_TO] = banks[slots[state.EL] if slots[state.SPSEL] else 0]
        owner = start.el if start.kind == ERET else slots[state.EL]
        slots[place + ELR], slots[place + SPSR] = slot(f"ELR_EL{owner}"), slot(f"SPSR_EL{owner}")
        if isinstance(event, ExceptionTaken):
            target = event.to_el
            slots[place + ESR], slots[place + VBAR] = slot(f"ESR_EL{target}"), slot(f"VBAR_EL{target}")
            slots[place + OFFSET] = 0x400 if start.el < target else 0x200 if start.spsel else 0
            slots[place + SYNDROME] = event.esr & ~0xFFFF
            slots[place + RECORD] = (
                start.el << _EL_SHIFT | target << _TARGET_SHIFT | start.security << _SECURITY_SHIFT
            )  # fmt: skip
            slots[place + SSBS] = slots[state.SSBS]


def read_log(log: bytes) -> list[ExceptionTaken]:
    """The events that a piece of the log stands for."""
    words = memoryview(log).cast("Q").tolist()
    found = []
    for instruction, pc, rest in zip(words[::3], words[1::3], words[2::3], strict=True):
        esr, el, target = rest & 0xFFFF_FFFF, rest >> _EL_SHIFT & 3, rest >> _TARGET_SHIFT & 3
        ec = EC(esr >> 26)
        moment = Moment(instruction, VA(pc), el, Security(rest >> _SECURITY_SHIFT))
        found.append(ExceptionTaken(moment, target, ec, esr, 0, pc + 4 & state.MASK64, EC_TEXT.get(ec, "Exception")))
    return found
