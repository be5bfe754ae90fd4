"""Going back as debuggers do: the mirror of a step and of a run, as plans of `mectui.running`.

Source: the GDB manual, "Reverse Execution", and the packets `bs` and `bc` of its appendix on the remote protocol.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from emu.debug.events import StopReason
from emu.debug.history import last_stop, travel
from emu.debug.stops import KeptStop
from mectui import running, travelling
from mectui.gdb.points import Points

if TYPE_CHECKING:
    import emu

step = travelling.step_back


def resume(machine: emu.Machine, pace: running.Pace, points: Points, with_now: bool) -> running.Plan:
    """Back to where one of the client's stops, or of those set with `monitor`, would have stopped the guest.

    A client on its way back expects to hear of a watchpoint while what is watched still has its later value, and
    makes one step of its own over the access, as it does on the way forward: `with_now` tells of an access that the
    very last instruction made. Ends at the beginning of the run where nothing stops it.
    """
    history = travelling.history_of(machine)
    own = [KeptStop(0, stop) for stop in points.stops]
    others = [
        KeptStop(point.number, replace(point.stop, ignore=0, is_temporary=False))
        for point in machine.stops.items()
        if point.is_enabled and not point.log
    ]
    look = partial(running.slice_of_run, machine, pace)
    found = (yield from last_stop(machine, own + others, look, with_now=with_now)) if own or others else None
    if found is None:
        yield from travel(machine, history.first, look)
        return running.stopped_here(machine, StopReason.LIMIT)
    # Reach it once more with all stops on: the client's points take note of which it was.
    if found.stop.reason is StopReason.BREAKPOINT:
        yield from travel(machine, found.instruction, look)
        code = machine.cpu.code_stops
        assert code is not None
        code.begin()
        again = machine.stops.stop_before() if code.stops_before(machine.cpu.pc) else None
    else:
        yield from travel(machine, found.instruction - 1, look)
        again = machine.step()
    return again or found.stop
