"""Breakpoints and watchpoints that a client set: `Z` and `z` packets as stops of the machine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from emu.debug.events import Stop, StopReason
from emu.debug.stops import AnyStop, CodeStop, Place, StopPoint, WatchStop
from emu.errors import EmuError
from mectui.gdb.packets import PacketError

if TYPE_CHECKING:
    import emu

SOFTWARE, HARDWARE = 0, 1
WATCHES = {2: ("watch", False, True), 3: ("rwatch", True, False), 4: ("awatch", True, True)}
"""By the number in the packet: its name in a stop reply, and whether reads and writes count."""
MOST_POINTS = 4_096
"""More than any person sets: what a client can make this process keep has an end."""

Key = tuple[int, int, int]
"""(kind of stop, address, size)."""


class Points:
    """What one client set. They are none of the numbered stops: clients remove and set them at every turn."""

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self._points: dict[Key, StopPoint] = {}
        self._reached: set[Key] = set()

    def insert(self, kind: int, address: int, size: int) -> None:
        """Setting the same thing again changes nothing. Raises PacketError for an unknown kind, EmuError."""
        key = _key(kind, address, size)
        if key in self._points:
            return
        if len(self._points) >= MOST_POINTS:
            raise EmuError(f"there are {MOST_POINTS:,} breakpoints and watchpoints already")
        self._points[key] = self._machine.stops.add_hidden(_stop(*key), partial(self._note, key))

    def remove(self, kind: int, address: int, size: int) -> None:
        """Removing what is not there changes nothing. Raises PacketError for an unknown kind."""
        point = self._points.pop(_key(kind, address, size), None)
        if point is not None:
            self._machine.stops.remove(point)

    def clear(self) -> None:
        """The client is gone."""
        self._machine.stops.remove_all(list(self._points.values()))
        self._points.clear()

    @property
    def stops(self) -> list[AnyStop]:
        """What the client set, as stops of the machine."""
        return [point.stop for point in self._points.values()]

    def begin(self) -> None:
        """The guest is about to run: what was reached before says nothing about the next stop."""
        self._reached.clear()

    def _note(self, key: Key) -> bool:
        self._reached.add(key)
        return True

    def reason(self, stop: Stop) -> bytes:
        """What a stop reply says of a stop that the client asked for: b"hwbreak:;"; b"" where it did not."""
        reached = {kind: address for kind, address, _ in sorted(self._reached)}
        if stop.reason is StopReason.BREAKPOINT:
            return b"swbreak:;" if SOFTWARE in reached else b"hwbreak:;" if HARDWARE in reached else b""
        if stop.reason is StopReason.WATCHPOINT:
            for kind, (name, _, _) in WATCHES.items():
                if kind in reached:
                    return b"%s:%x;" % (name.encode("ascii"), reached[kind])
        return b""


def _key(kind: int, address: int, size: int) -> Key:
    """Raises PacketError."""
    if kind in (SOFTWARE, HARDWARE):
        return kind, address, 4  # every instruction has four bytes, whatever the client says
    if kind not in WATCHES:
        raise PacketError(f"there is no kind {kind} of breakpoint")
    return kind, address, size


def _stop(kind: int, address: int, size: int) -> AnyStop:
    if kind in (SOFTWARE, HARDWARE):
        return CodeStop(place=Place(address))
    _, reads, writes = WATCHES[kind]
    return WatchStop(place=Place(address), size=size, reads=reads, writes=writes)
