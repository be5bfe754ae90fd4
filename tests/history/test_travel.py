"""A machine that went through time is what one is that ran straight there, in everything, with every engine."""

from __future__ import annotations

import random
from typing import Any

import pytest

import emu
from emu import StopReason
from emu.debug.events import ENDS
from emu.debug.history import Kind, Marks, travel
from tests.history.guests import ENGINES, bundled, changing, compare, everything, finish, go, raw, with_history

GUESTS = {
    "two-realms": lambda engine: bundled("two-realms", engine=engine),
    "amec with a data cache": lambda engine: bundled("amec", engine=engine, mec_cache=True),
    "rekey with a forgiving TLB": lambda engine: bundled("rekey", engine=engine, tlb="forgiving"),
    "stale with two TLB entries": lambda engine: bundled("stale", engine=engine, tlb_entries=2),
    "stage2, substitute model": lambda engine: bundled("stage2", engine=engine, mec_model="substitute"),
    "code that changes itself": lambda engine: raw(changing(), engine=engine),
}
LONGEST = 25_000


def straight(build: Any, places: list[int]) -> dict[int, dict[str, Any]]:
    """What a machine without a history is at these places, run by the same engine in one go from one to the next."""
    machine, found = build(), {}
    for place in sorted(places):
        if place > machine.instructions:
            machine.run(place - machine.instructions)
        found[machine.instructions] = everything(machine)
    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("guest", GUESTS)
def test_wherever_it_goes_it_is_what_it_was_there(engine: str, guest: str) -> None:
    rng = random.Random(f"{engine} {guest}")
    build = GUESTS[guest](engine)
    machine = build()
    history = with_history(machine, spacing=0.0, most_moments=rng.choice((4, 12, 60)))
    while machine.instructions < LONGEST:
        stop = machine.run(rng.randrange(1, 900))
        if stop.reason in ENDS:
            break
    places = [0, history.furthest, *rng.sample(range(1, history.furthest), 12)]
    expected = straight(build, places)
    for _ in range(24):
        place = rng.choice(places)
        go(machine, place)
        assert machine.instructions == place
        compare(everything(machine), expected[place])
        if place < history.furthest and rng.random() < 0.3:  # some of the way by ordinary running and stepping
            machine.run(rng.randrange(1, 50))
            machine.step()
    assert len(history.moments) <= 60
    other = build()
    marks = Marks(other)
    other.run(history.furthest)
    assert history.marks.changes == marks.changes  # what happened again was not written down again
    assert history.marks.places(Kind.HIT) == marks.places(Kind.HIT)
    assert history.marks.moments(Kind.EXCEPTION) == marks.moments(Kind.EXCEPTION)


def test_the_changing_code_is_what_it_says() -> None:
    machine = raw(changing(), engine="reference")()
    machine.run(3_000)
    assert machine.cpu.x[5] == sum(range(200))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_end_is_the_end_again(engine: str) -> None:
    machine = bundled("two-realms", engine=engine)()
    history = with_history(machine)
    assert machine.run().reason is StopReason.EXIT
    end, there = machine.instructions, everything(machine)
    assert go(machine, 100) is None
    assert history.is_in_the_past
    assert machine.instructions == 100
    stop = go(machine, end)
    assert (stop.reason, machine.instructions) == (StopReason.EXIT, end)
    compare(everything(machine), there)
    go(machine, 5)
    assert machine.run().reason is StopReason.EXIT  # ordinary running ends there too
    compare(everything(machine), there)


def test_beyond_either_end_is_that_end() -> None:
    machine = bundled("hello")()
    with_history(machine)
    machine.run(50)
    go(machine, -5)
    assert machine.instructions == 0
    go(machine, 10**9)
    assert machine.instructions == 50


def test_a_way_that_is_given_up_leads_back_to_where_it_began() -> None:
    machine = bundled("two-realms", engine="interpreter")()
    with_history(machine)
    machine.run(20_000)
    there = everything(machine)
    way = travel(machine, 15_000, lambda most: machine.run(min(most, 1_000)))
    next(way)
    assert machine.instructions < 15_000
    way.close()
    compare(everything(machine), there)


def test_a_run_with_a_history_is_the_same_run() -> None:
    plain, kept = bundled("two-realms")(), bundled("two-realms")()
    with_history(kept, spacing=0.0)
    for machine in (plain, kept):
        while machine.run(700).reason is StopReason.LIMIT:
            pass
    compare(everything(kept), everything(plain))


@pytest.mark.parametrize("engine", ENGINES)
def test_breakpoints_on_the_way_count_nothing_and_stop_nobody(engine: str) -> None:
    from emu.debug.stops import CodeStop, Place

    machine = bundled("two-realms", engine=engine)()
    with_history(machine)
    machine.run(18_000)
    point = machine.stops.add(
        CodeStop(place=Place(machine.symbols.lookup("realm_b_search_secret") or 0), log="here", ignore=3)
    )
    go(machine, 12_000)
    go(machine, 18_000)
    assert (machine.instructions, point.hits, point.ignore, len(machine.stops.logged)) == (18_000, 0, 3, 0)


def test_companions_go_along() -> None:
    class Counting:
        """Counts exceptions, as a log of events would."""

        def __init__(self, machine: emu.Machine) -> None:
            self.seen: list[int] = []
            machine.events.subscribe(
                lambda event: self.seen.append(event.moment.instruction), emu.debug.events.ExceptionTaken
            )

        def keep(self) -> object:
            return tuple(self.seen)

        def put_back(self, kept: object) -> None:
            assert isinstance(kept, tuple)
            self.seen = list(kept)

    machine = bundled("two-realms")()
    counting = Counting(machine)
    with_history(machine, companions=(counting,))
    machine.run()
    whole = list(counting.seen)
    assert len(whole) == 4
    for place in (13_000, 100, 22_072, 15_000):
        finish(travel(machine, place))
        assert counting.seen == [moment for moment in whole if moment < place]
