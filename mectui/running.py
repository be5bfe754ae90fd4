"""Ways to run the machine, each a generator that yields between short slices and returns the stop."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

from emu import state
from emu.debug.events import Stop, StopReason
from emu.debug.stops import CatchKind, CatchStop, CodeStop, Place, StopPoint
from mectui.exits import exits
from mectui.queries.decode import decode

if TYPE_CHECKING:
    import emu

Plan = Generator[None, None, Stop]

ARRIVED = "arrived"
"""Why a run to some place ended: it is there."""
SLICE_SECONDS = 0.02
"""How long a slice should take: a pause, a look or a new breakpoint is served between slices."""


class Pace:
    """How many instructions make one slice; learns from every slice how fast this guest runs."""

    def __init__(self) -> None:
        self.instructions = 1_000

    def learn(self, executed: int, seconds: float) -> None:
        if executed < self.instructions // 2:
            return
        wanted = executed * SLICE_SECONDS / max(seconds, 1e-6)
        self.instructions = int(min(max(wanted, 100), self.instructions * 8, 50_000_000))


def stopped_here(machine: emu.Machine, reason: StopReason, message: str | None = None) -> Stop:
    """A stop that the debugger decided on, at the machine's current place."""
    cpu = machine.cpu
    return Stop(reason, cpu.pc, cpu.el, cpu.security, message=message)


class Frame:
    """Where a function is active: its exception level, stack and guest, to know it again after others ran."""

    def __init__(self, machine: emu.Machine, *, has_stack: bool = True) -> None:
        """Without `has_stack` the stack pointer may be anywhere when control comes back."""
        self._cpu = machine.cpu
        self._is = self._identity()
        self._stack = self._cpu.sp if has_stack else 0

    def _identity(self) -> tuple[int, ...]:
        cpu = self._cpu
        guest = cpu.regs["VTTBR_EL2"] if cpu.el < 2 else 0
        return cpu.el, cpu.slots[state.SPSEL], cpu.security, guest

    def is_back(self) -> bool:
        """Whether this is that function again behind a call, and not a visit that recursion made of it."""
        return self._cpu.sp >= self._stack and self._identity() == self._is

    def leaves(self, growth: int | None) -> bool:
        """Whether this is that function where its stack pointer is to have moved so far; None for somehow upwards."""
        is_there = self._cpu.sp > self._stack if growth is None else self._cpu.sp == self._stack + growth & state.MASK64
        return is_there and self._identity() == self._is


def is_own(stop: Stop) -> bool:
    """Whether only a stop of the debugger's own was reached, none that somebody set."""
    return stop.number is None and stop.reason in (StopReason.BREAKPOINT, StopReason.CATCHPOINT)


def one(machine: emu.Machine) -> Stop | None:
    """One instruction, from under a breakpoint too. A stop where it led to one or ended the guest, else None."""
    return machine.step() or machine.stops.before_next()


def slice_of_run(machine: emu.Machine, pace: Pace, most: int | None = None) -> Stop | None:
    """Runs one slice of at most `most` instructions. None when only the slice's own limit or a pause ended it.

    Who asked for the pause knows.
    """
    budget = pace.instructions if most is None else min(pace.instructions, most)
    before, start = machine.instructions, time.perf_counter()
    stop = machine.run(max_instructions=budget)
    pace.learn(machine.instructions - before, time.perf_counter() - start)
    return None if stop.reason in (StopReason.LIMIT, StopReason.PAUSED) else stop


def step(machine: emu.Machine, pace: Pace, count: int = 1) -> Plan:
    """`count` instructions, stops on the way included."""
    last = machine.instructions + count
    stop = one(machine)
    while stop is None and machine.instructions < last:
        yield
        stop = slice_of_run(machine, pace, last - machine.instructions)
    return stop or stopped_here(machine, StopReason.LIMIT, "step" if count == 1 else f"{count:,} instructions")


def resume(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs until something stops the guest. A breakpoint at the current instruction does not."""
    stop = one(machine)
    while stop is None:
        yield
        stop = slice_of_run(machine, pace)
    return stop


def until(machine: emu.Machine, pace: Pace, address: int, frame: Frame | None = None) -> Plan:
    """Runs to `address`; with a `frame`, to the visit where that is active again (past recursive calls)."""
    when = None if frame is None else frame.is_back
    point = machine.stops.add_hidden(CodeStop(place=Place(address)), when)
    try:
        stop = yield from resume(machine, pace)
    finally:
        machine.stops.remove(point)
    return stopped_here(machine, StopReason.LIMIT, ARRIVED) if is_own(stop) else stop


def until_line(machine: emu.Machine, pace: Pace, text: str) -> Plan:
    """Runs to a line of the source, "mec.c:40", wherever it begins."""
    addresses = machine.lines.addresses_of(text) or ()
    points = machine.stops.add_all_hidden(CodeStop(place=Place(address)) for address in addresses)
    try:
        stop = yield from resume(machine, pace)
    finally:
        machine.stops.remove_all(points)
    return stopped_here(machine, StopReason.LIMIT, ARRIVED) if is_own(stop) else stop


def over(machine: emu.Machine, pace: Pace, count: int = 1) -> Plan:
    """An instruction, or a whole call (BL, BLR, SVC, HVC, SMC) where the program counter is at one; `count` of them."""
    stop = yield from _over(machine, pace)
    for _ in range(1, count):
        if stop.reason is not StopReason.LIMIT:
            break
        yield
        stop = yield from _over(machine, pace)
    return stop


def _over(machine: emu.Machine, pace: Pace) -> Plan:
    pc = machine.cpu.pc
    word = machine.fetch_word(pc)
    if word is not None and decode(word, pc).is_call:
        frame = Frame(machine, has_stack=decode(word, pc).mnemonic.startswith("bl"))
        return (yield from until(machine, pace, pc + 4, frame))
    return (yield from step(machine, pace))


def out(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the end of this function: until its RET or ERET has been executed."""
    while True:
        frame, pc = Frame(machine), machine.cpu.pc
        found = exits(machine, pc)
        if pc in found.returns or pc in found.unknown:
            ended = one(machine)
            if ended is not None:
                return ended
            if pc in found.returns:
                return stopped_here(machine, StopReason.LIMIT, "returned")
            yield
            continue
        points: list[StopPoint] = []
        try:
            for address, growth in {**found.returns, **found.unknown}.items():
                points.append(machine.stops.add_hidden(CodeStop(place=Place(address)), partial(frame.leaves, growth)))
            stop = yield from resume(machine, pace)
        finally:
            machine.stops.remove_all(points)
        if not is_own(stop):
            return stop


def _to_event(machine: emu.Machine, pace: Pace, kind: CatchKind) -> Plan:
    """Runs until something happens."""
    point = machine.stops.add_hidden(CatchStop(kind=kind))
    try:
        return (yield from resume(machine, pace))
    finally:
        machine.stops.remove(point)


def to_level(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the next change of the exception level."""
    return (yield from _to_event(machine, pace, CatchKind.EL))


def to_security(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the next change of the Security state."""
    return (yield from _to_event(machine, pace, CatchKind.SECURITY))


def to_exception(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the next exception, at its vector."""
    return (yield from _to_event(machine, pace, CatchKind.EXCEPTION))


def to_hit(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the next substituted hit."""
    return (yield from _to_event(machine, pace, CatchKind.HIT))


def to_finding(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the next finding of a rule."""
    return (yield from _to_event(machine, pace, CatchKind.FINDING))


WAITS_FOR = {
    to_level: "next exception level",
    to_security: "next Security state",
    to_exception: "next exception",
    to_hit: "next hit",
    to_finding: "next finding",
}
"""Why the guest stopped where one of these plans came to its end."""
