"""Running to the next substituted access of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.debug.events import Hit
from emu.debug.stops import CatchKind, CatchStop
from mectui import running

if TYPE_CHECKING:
    import emu


def until_hit_like(machine: emu.Machine, pace: running.Pace, hit: Hit) -> running.Plan:
    """Runs to the next access of the same sort between the same two MECIDs, wherever in memory."""
    condition = f"mecid == {hit.mecid} && owner == {hit.owner} && access == {hit.access.value} && pas == {int(hit.pas)}"
    point = machine.stops.add_hidden(CatchStop(kind=CatchKind.HIT, condition=condition))
    try:
        return (yield from running.resume(machine, pace))
    finally:
        machine.stops.remove(point)
