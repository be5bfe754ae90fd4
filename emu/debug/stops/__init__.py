"""Stops: where and when a run ends or writes something down. Breakpoints, watchpoints, catchpoints.

point = machine.stops.add(WatchStop(place=Place.at(secret), size=16, condition="mecid != 5"))
stop = machine.run()                 # stop.reason "watchpoint", stop.number, stop.message says who did what
"""

from __future__ import annotations

from emu.debug.stops.catches import CATCHES, Catch
from emu.debug.stops.manager import Stops
from emu.debug.stops.point import KeptStop, Logged, StopPoint
from emu.debug.stops.specification import AnyStop, CatchKind, CatchStop, CodeStop, Place, Specification, WatchStop
from emu.debug.stops.texts import given

__all__ = [
    "CATCHES",
    "AnyStop",
    "Catch",
    "CatchKind",
    "CatchStop",
    "CodeStop",
    "KeptStop",
    "Logged",
    "Place",
    "Specification",
    "StopPoint",
    "Stops",
    "WatchStop",
    "given",
]
