"""Ways to run the machine, each a generator that yields between short slices and returns the stop."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TYPE_CHECKING

from emu.debug.events import Stop, StopReason
from mectui.queries.decode import decode

if TYPE_CHECKING:
    import emu

Plan = Generator[None, None, Stop]

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


def is_at_breakpoint(machine: emu.Machine) -> bool:
    return machine.cpu.pc in machine.breakpoints.items().values()


def one(machine: emu.Machine) -> Stop | None:
    """One instruction, from under a breakpoint too. A stop where it led to one or ended the guest, else None."""
    stop = machine.step()
    if stop is None and is_at_breakpoint(machine):
        return stopped_here(machine, StopReason.BREAKPOINT)
    return stop


def slice_of_run(machine: emu.Machine, pace: Pace, most: int | None = None) -> Stop | None:
    """Runs one slice of at most `most` instructions. None when only the slice's own limit or a pause ended it.

    Who asked for the pause knows; the slice's limit may fall right before a breakpoint, which then counts.
    """
    budget = pace.instructions if most is None else min(pace.instructions, most)
    before, start = machine.instructions, time.perf_counter()
    stop = machine.run(max_instructions=budget)
    pace.learn(machine.instructions - before, time.perf_counter() - start)
    if stop.reason not in (StopReason.LIMIT, StopReason.PAUSED):
        return stop
    return stopped_here(machine, StopReason.BREAKPOINT) if is_at_breakpoint(machine) else None


def step(machine: emu.Machine, pace: Pace, count: int = 1) -> Plan:
    """`count` instructions, breakpoints on the way included."""
    last = machine.instructions + count
    stop = one(machine)
    while stop is None and machine.instructions < last:
        yield
        stop = slice_of_run(machine, pace, last - machine.instructions)
    return stop or stopped_here(machine, StopReason.LIMIT, "step" if count == 1 else f"{count} instructions")


def resume(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs until something stops the guest. A breakpoint at the current instruction does not."""
    stop = one(machine)
    while stop is None:
        yield
        stop = slice_of_run(machine, pace)
    return stop


def until(machine: emu.Machine, pace: Pace, address: int, stack: int | None = None) -> Plan:
    """Runs to `address`; with `stack`, to the visit where the stack pointer is back at it (past recursive calls)."""
    is_ours = address not in machine.breakpoints.items().values()
    number = machine.breakpoints.add(address) if is_ours else None
    try:
        stop = one(machine)
        while True:
            if stop is None:
                yield
                stop = slice_of_run(machine, pace)
            elif not is_ours or stop.reason is not StopReason.BREAKPOINT or machine.cpu.pc != address:
                return stop
            elif stack is None or machine.cpu.sp >= stack:
                return stopped_here(machine, StopReason.LIMIT, "arrived")
            else:
                stop = one(machine)
    finally:
        if number is not None:
            machine.breakpoints.remove(number)


def over(machine: emu.Machine, pace: Pace) -> Plan:
    """One instruction, or a whole call (BL, BLR, SVC, HVC, SMC) where the program counter is at one."""
    pc = machine.cpu.pc
    word = machine.fetch_word(pc)
    if word is not None and decode(word, pc).is_call:
        stack = machine.cpu.sp if decode(word, pc).mnemonic.startswith("bl") else None
        return (yield from until(machine, pace, pc + 4, stack))
    return (yield from step(machine, pace))


def out(machine: emu.Machine, pace: Pace) -> Plan:
    """Runs to the end of this function: until its RET or ERET has been executed. Calls on the way run whole."""
    deadline = time.perf_counter() + SLICE_SECONDS
    while True:
        pc = machine.cpu.pc
        word = machine.fetch_word(pc)
        instruction = decode(word, pc) if word is not None else None
        if instruction is not None and instruction.is_call:
            stop = yield from until(machine, pace, pc + 4, machine.cpu.sp)
            if stop.message != "arrived":
                return stop
        else:
            ended = one(machine)
            if ended is not None:
                return ended
            if instruction is not None and instruction.is_return:
                return stopped_here(machine, StopReason.LIMIT, "returned")
        if time.perf_counter() > deadline:
            yield
            deadline = time.perf_counter() + SLICE_SECONDS
