"""The list of events follows every exception, until a guest has so many that following them would slow it down."""

from __future__ import annotations

import emu
from emu.debug.events import ExceptionReturned, ExceptionTaken
from emu.debug.history import Kind, Marks
from emu.debug.stops import CodeStop, Place
from mectui.event_log import KEPT, MOST_FREQUENT, EventLog
from mectui.queries.events import WRITTEN, with_written
from mectui.queries.timeline import SHOWN, timeline
from mectui.resources import bench_guests

GUEST = next(guest.path for guest in bench_guests() if guest.name == "exceptions")


def test_exceptions_are_listed_until_there_are_too_many_and_again_after_a_stop() -> None:
    machine = emu.Machine(engine="interpreter", rules="none")
    machine.load(GUEST)
    log = EventLog(machine)
    machine.run(max_instructions=2_000)
    seen = [event for event in log.events if isinstance(event, (ExceptionTaken, ExceptionReturned))]
    assert len(seen) > 100
    assert log.take_missed() is None

    machine.run(max_instructions=MOST_FREQUENT * 8)
    missed = log.take_missed()
    assert missed is not None
    assert log.take_missed() is None
    assert max(event.moment.instruction for event in log.events) == missed
    assert len(log.events) <= KEPT
    assert not machine._bus.wants(ExceptionReturned)

    log.listen()
    machine.run(max_instructions=100)
    assert max(event.moment.instruction for event in log.events) > machine.instructions - 20


def test_the_log_goes_back_with_the_machine() -> None:
    machine = emu.Machine(engine="interpreter", rules="none")
    machine.load(GUEST)
    log = EventLog(machine)
    machine.run(max_instructions=500)
    kept, events = log.keep(), log.events
    machine.run(max_instructions=500)
    assert log.events != events
    log.put_back(kept)
    assert log.events == events


def test_what_a_stop_writes_down_stands_among_the_events_and_on_the_timeline() -> None:
    """Three instructions after the first one, each with a line of its own."""
    machine = emu.Machine()
    machine.load_raw(b"\x1f\x20\x03\xd5" * 5, 0x4000_0000)  # NOP (Arm ARM C6.2.238)
    machine.cpu.pc = 0x4000_0000
    for offset in (4, 8, 12):
        machine.stops.add(CodeStop(place=Place(0x4000_0000 + offset), log=f"here {offset}"))
    marks = Marks(machine)
    machine.run(max_instructions=4)

    view = with_written(machine, ())
    assert [(row.moment.instruction, row.text, row.since) for row in view.rows] == [
        (1, "log 1: here 4", None),
        (2, "log 2: here 8", 1),
        (3, "log 3: here 12", 1),
    ]
    assert dict(view.counts)[WRITTEN] == 3
    assert with_written(machine, (), frozenset({WRITTEN})).rows == ()
    assert [row.text for row in with_written(machine, (), most=1).rows] == ["log 3: here 12"]
    shown = timeline(machine, marks, 4)
    assert shown.totals[SHOWN.index(Kind.STOP)] == 3
    assert [mark.text for mark in timeline(machine, marks, 4, cursor=2).here] == ["log 2: here 8"]
    near = timeline(machine, marks, 4, cursor=2, most_near=5)
    assert ([mark.text for mark in near.past], [mark.text for mark in near.coming]) == (
        ["log 1: here 4"],
        ["log 3: here 12"],
    )
    last = timeline(machine, marks, 5, cursor=4, most_near=1)
    assert ([mark.instruction for mark in last.past], last.coming) == ([3], ())
    only = timeline(machine, marks, 4, cursor=2, most_near=5, visited=(Kind.HIT,))
    assert only.past == only.coming == ()
