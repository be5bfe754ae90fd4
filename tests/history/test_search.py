"""The last stop before a moment, against a run that wrote down every one."""

from __future__ import annotations

import random
from typing import Any

import pytest

import emu
from emu import StopReason
from emu.debug.events import ENDS
from emu.debug.history import last_stop, search
from emu.debug.stops import CatchKind, CatchStop, CodeStop, KeptStop, Place, WatchStop
from tests.conformance import words as w
from tests.history.guests import ENGINES, START, bundled, compare, everything, finish, go, raw, with_history
from tests.pace import at_most

LOOP = w.assemble(
    0xD2A0_0400,  # 00 movz x0, #0x20, lsl 16
    0xD100_0400,  # 04 sub x0, x0, #1
    0xB5FF_FFE0,  # 08 cbnz x0, 04
    0x1400_0000,  # 0c b .
)


def kinds(machine: emu.Machine) -> dict[str, Any]:
    symbol = machine.symbols.lookup
    return {
        "code": CodeStop(place=Place(symbol("realm_b_count_blocks") or 0)),
        "a loop's code": CodeStop(place=Place((symbol("realm_b_count_blocks") or 0) + 8)),
        "a condition": CodeStop(place=Place((symbol("realm_b_count_blocks") or 0) + 8), condition="x0 & 0x40"),
        "writes": WatchStop(place=Place(0x4038_0000, is_physical=True), size=64),
        "exceptions": CatchStop(kind=CatchKind.EXCEPTION),
        "hits": CatchStop(kind=CatchKind.HIT),
        "levels": CatchStop(kind=CatchKind.EL),
    }


@pytest.mark.parametrize("engine", ENGINES[1:])
@pytest.mark.parametrize("kind", list(kinds(bundled("two-realms")())))
def test_the_last_stop_is_the_last_of_all(engine: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MANY", 5)
    monkeypatch.setattr(search, "SHORT", 50)
    build = bundled("two-realms", engine=engine)
    straight = build()
    stop = kinds(straight)[kind]
    straight.stops.add(stop)
    places = []
    while (found := straight.run()).reason not in ENDS:
        places.append(straight.instructions)
    assert places
    machine = build()
    with_history(machine, spacing=0.0, most_moments=12)
    while machine.run(1_000).reason is StopReason.LIMIT:
        pass
    rng = random.Random(kind)
    near = [place + by for place in rng.sample(places, min(4, len(places))) for by in (0, 1)]
    for now in (machine.instructions, places[0], *near, rng.randrange(1, machine.instructions)):
        go(machine, now)
        before = everything(machine)
        found = finish(last_stop(machine, [KeptStop(1, stop)]))
        compare(everything(machine), before)
        expected = max((place for place in places if place < now), default=None)
        assert (None if found is None else found.instruction) == expected
        if found is not None:
            assert found.stop.number == 1
    assert not machine.stops.items()


def test_a_breakpoint_in_a_loop_of_millions_is_found_at_once() -> None:
    machine = raw(LOOP, engine="jit")()
    with_history(machine)
    machine.run(3_000_000)
    with at_most(1500):  # many times that, if each of the rounds were looked at
        found = finish(last_stop(machine, [KeptStop(1, CodeStop(place=Place(START + 8)))]))
    assert found.instruction == 2_999_998  # 2, 4, 6, ... and the present moment does not count


def test_a_search_that_is_given_up_leads_back() -> None:
    machine = bundled("two-realms", engine="interpreter")()
    with_history(machine)
    machine.run(20_000)
    there = everything(machine)
    way = last_stop(machine, [KeptStop(0, CatchStop(kind=CatchKind.KEY))], lambda most: machine.run(min(most, 500)))
    for _ in range(5):
        next(way)
    way.close()
    compare(everything(machine), there)
    assert machine.stops._active() == []
