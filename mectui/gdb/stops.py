"""What a client is told of a stop: the stop reply packet, and a sentence where the packet cannot say why."""

from __future__ import annotations

from emu.debug.events import Stop, StopReason
from mectui.gdb.points import Points
from mectui.gdb.registers import Registers
from mectui.gdb.target import FP, PC, SP

INTERRUPTED, TRAPPED, FAULTED, HALTED = 2, 5, 11, 17
"""Signals by gdb's own numbers: SIGINT, SIGTRAP, SIGSEGV, SIGSTOP."""
SIGNALS = {
    StopReason.PAUSED: INTERRUPTED,
    StopReason.ERROR: FAULTED,
    StopReason.HALTED: HALTED,
}
"""Of all others it is SIGTRAP."""
LARGEST_CODE = 255
THREAD = 1
"""The only one: the CPU."""


def reply(stop: Stop | None, points: Points, registers: Registers, *, is_at_beginning: bool = False) -> bytes:
    """The stop reply for a stop; None stands for a machine that has not run yet.

    `is_at_beginning`: the client went back, and there is nothing before this.
    """
    if stop is not None and stop.reason is StopReason.EXIT:
        return b"W%02x" % min(stop.code & (1 << 64) - 1, LARGEST_CODE)
    signal = TRAPPED if stop is None else SIGNALS.get(stop.reason, TRAPPED)
    reason = b"replaylog:begin;" if is_at_beginning else b"" if stop is None else points.reason(stop)
    noted = b"".join(b"%x:%s;" % (number, registers.read(number).hex().encode()) for number in (FP, SP, PC))
    return b"T%02xthread:%x;%s%s" % (signal, THREAD, reason, noted)


def sentence(stop: Stop, points: Points) -> str:
    """Why the guest stopped, where the reply does not say it all; "" where it does.

    Of a watchpoint the reply has the address; who accessed it, and under which MECID, no reply has a word for.
    """
    is_known = stop.reason in (StopReason.EXIT, StopReason.LIMIT, StopReason.PAUSED) or (
        stop.reason is StopReason.BREAKPOINT and points.reason(stop)
    )
    return "" if is_known or not stop.message else f"mectui: {stop.message}\n"
