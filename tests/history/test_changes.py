"""What somebody did to the machine is part of its history: it happens again, and ends a future that it came before."""

from __future__ import annotations

import random

import pytest

import emu
from tests.conformance import words as w
from tests.history.guests import ENGINES, START, bundled, compare, everything, go, raw, with_history

SYS_READC = 7
# Adds up in x19, with a turn of its own for each, the characters that were typed: x0 is -1 where there was none.
READING = w.assemble(
    0xD280_0013,  # 00 movz x19, #0
    0xD280_0001,  # 04 movz x1, #0
    0xD280_0000 | SYS_READC << 5,  # 08 movz x0, #7
    w.hlt(0xF000),  # 0c
    0xB100_041F,  # 10 cmn x0, #1
    0x54FF_FFA0,  # 14 b.eq 08
    0xD37E_F673,  # 18 lsl x19, x19, #2
    0x8B00_0273,  # 1c add x19, x19, x0
    0x17FF_FFFA,  # 20 b 08
)


def test_the_reading_guest_reads() -> None:
    machine = raw(READING)()
    machine.write_console_input(b"AB")
    machine.run(60)
    assert machine.cpu.x[19] == (0x41 << 2) + 0x42


@pytest.mark.parametrize("engine", ENGINES)
def test_edits_and_typing_happen_again_when_the_machine_comes_by(engine: str) -> None:
    """Against a machine that had the same done to it at the same moments and never went back."""
    typed = {300: b"x", 1_000: b"yz", 4_000: b"!"}
    edits = {500: 3, 2_000: 0x1234, 4_000: 7}

    def live(machine: emu.Machine) -> None:
        for place in sorted({*typed, *edits}):
            machine.run(place - machine.instructions)
            if place in typed:
                machine.write_console_input(typed[place])
            if place in edits:
                machine.cpu.x[19] += edits[place]
                machine.write(START + 0x1_0000, edits[place].to_bytes(2, "little"))
            if machine.history is not None:
                machine.history.changed()
        machine.run(5_000 - machine.instructions)

    machine, places = (
        raw(READING, engine=engine)(),
        [0, 299, 300, 301, 499, 500, 999, 1_500, 3_999, 4_000, 4_999, 5_000],
    )
    history = with_history(machine, spacing=0.0, most_moments=3)
    live(machine)
    expected = {}
    for place in places:
        other = raw(READING, engine=engine)()
        for at in sorted({*typed, *edits}):
            if at > place:
                break
            other.run(at - other.instructions)
            if at in typed:
                other.write_console_input(typed[at])
            if at in edits:
                other.cpu.x[19] += edits[at]
                other.write(START + 0x1_0000, edits[at].to_bytes(2, "little"))
        if place > other.instructions:
            other.run(place - other.instructions)
        expected[place] = everything(other)
    rng = random.Random(engine)
    assert history.furthest == 5_000
    for _ in range(40):
        place = rng.choice(places)
        if rng.random() < 0.5 and machine.instructions < place:
            machine.run(place - machine.instructions)  # as somebody who presses c and comes by the changes
        else:
            go(machine, place)
        assert machine.instructions == place
        compare(everything(machine), expected[place])
    go(machine, 299)
    machine.step()  # single steps come by them too
    compare(everything(machine), expected[300])


def test_a_change_in_the_past_ends_the_future() -> None:
    machine = bundled("two-realms")()
    history = with_history(machine, spacing=0.0)
    while machine.run(500).reason is emu.StopReason.LIMIT:
        pass
    assert history.marks.all_hits()
    go(machine, 12_000)
    machine.cpu.x[9] = 0x55
    assert history.changed()
    assert (history.furthest, history.is_in_the_past) == (12_000, False)
    assert not history.marks.all_hits()
    assert max(item.instruction for item in history.moments) == 12_000
    assert max(change.instruction for change in history.marks.changes) <= 12_000
    assert not history.changed()  # nothing more to lose
    machine.run(500)
    go(machine, 100)
    go(machine, 12_000)
    assert machine.cpu.x[9] == 0x55


def test_a_reset_begins_another_history() -> None:
    machine = bundled("two-realms")()
    history = with_history(machine, spacing=0.0)
    machine.run(13_000)
    machine.reset()
    assert (history.first, history.furthest, len(history.moments)) == (0, 0, 1)
    machine.run(100)
    there = everything(machine)
    machine.run(100)
    go(machine, 100)
    compare(everything(machine), there)
