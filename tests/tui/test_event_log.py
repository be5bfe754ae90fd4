"""The list of events follows every exception, until a guest has so many that following them would slow it down."""

from __future__ import annotations

import emu
from emu.debug.events import ExceptionReturned, ExceptionTaken
from mectui.event_log import KEPT, MOST_FREQUENT, EventLog
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
