"""What is kept: unchanged pages once, the near past densely, never more than there is room for."""

from __future__ import annotations

from typing import Any

import pytest

import emu
from emu.debug.events import StopReason
from emu.debug.history.moments import Kept, Moments
from emu.errors import EmuError, UnwantedError
from emu.memory import PAGES_AT_ONCE, PageCopy
from tests.history.guests import bundled, with_history


class _Snapshot:
    """As much of a snapshot as a list of moments looks at."""

    def __init__(self, pages: dict[int, PageCopy]) -> None:
        self.pages, self.console = pages, b""


def kept(instruction: int, pages: dict[int, PageCopy], is_pinned: bool = False) -> Kept:
    return Kept(instruction, _Snapshot(pages), (), is_pinned)  # type: ignore[arg-type]


def page(value: int) -> PageCopy:
    return PageCopy(bytes((value,)) * 4096, bytes(1024), None)


def test_old_moments_grow_sparse_and_changes_stay() -> None:
    moments = Moments(1 << 30, 40)
    shared = page(0)
    for at in range(0, 1_000_000, 1_000):
        moments.add(kept(at, {0: shared}, is_pinned=at == 333_000))
    places = [item.instruction for item in moments]
    assert len(places) == 40
    assert places[0] == 0
    assert places[-3:] == [997_000, 998_000, 999_000]
    assert 333_000 in places
    gaps = [999_000 - low for low in places]
    assert all(
        (after - before) <= 0.5 * max(gap, 4_000) for before, after, gap in zip(places, places[1:], gaps, strict=False)
    )


def test_memory_is_bounded_and_counted_rightly() -> None:
    moments = Moments(2_000_000, 1_000)
    for at in range(300):
        moments.add(kept(at, {number: page(at % 251) for number in range(10)}))
        assert moments.bytes <= 2_000_000
    assert 20 < len(moments) < 40
    moments.cut(0)
    assert (len(moments), moments.bytes) == (0, 0)


def test_pages_that_did_not_change_are_shared() -> None:
    machine = bundled("two-realms")()
    history = with_history(machine, spacing=0.0)
    while machine.run(2_000).reason.value == "limit":
        pass
    first, *_, last = history.moments
    same = [number for number, copy in first.snapshot.pages.items() if last.snapshot.pages[number] is copy]
    different = [number for number, copy in first.snapshot.pages.items() if last.snapshot.pages[number] is not copy]
    assert same
    assert different
    fresh = machine.memory.copy_pages()
    assert all(fresh[number].content == last.snapshot.pages[number].content for number in same)


def test_a_moment_is_given_up_where_somebody_asks_for_a_pause_meanwhile() -> None:
    machine, other = bundled("two-realms")(), bundled("two-realms")()
    history = with_history(machine, spacing=0.0)
    machine.run(1_000)
    other.run(1_000)
    before = len(history.moments)
    history._cost = 0.0  # as if it had been quick: it is time for another moment
    copy = machine.memory._copy_page
    copied = []

    def copy_and_pause(*arguments: Any) -> PageCopy:
        copied.append(arguments[0])
        machine.pause()
        return copy(*arguments)

    machine.memory._copy_page = copy_and_pause  # type: ignore[method-assign]
    machine.memory.touched.update(range(PAGES_AT_ONCE * 2))  # no less than that is copied at once
    assert machine.run(1_000).reason is StopReason.LIMIT  # it had come to that before
    assert len(copied) == PAGES_AT_ONCE
    assert len(history.moments) == before
    machine.memory._copy_page = copy  # type: ignore[method-assign]
    machine.step()  # nobody asks for a pause any more
    assert len(history.moments) == before + 1
    other.run(1_001)
    assert machine.cpu.architectural_state() == other.cpu.architectural_state()


def test_a_copy_that_is_unwanted_is_no_half_copy() -> None:
    machine = bundled("two-realms")()
    machine.run(1_000)
    with pytest.raises(UnwantedError):
        machine.snapshot(None, lambda: True)
    assert machine.snapshot(None, lambda: False) == machine.snapshot()


def test_what_a_debugger_wrote_is_noticed_and_taken_back() -> None:
    machine = bundled("two-realms")()
    machine.run(9_000)
    one = machine.snapshot()
    machine.write(0x4020_0100, b"debugger")
    machine.restore(machine.snapshot(one))
    assert machine.read(0x4020_0100, 8) == b"debugger"
    machine.restore(one)
    assert machine.read(0x4020_0100, 8) != b"debugger"


def test_keeping_takes_a_small_share_of_the_time() -> None:
    machine = bundled("two-realms", engine="reference")()
    history = with_history(machine, spacing=0.001)
    machine.run()
    assert len(history.moments) > 5
    assert history.seconds < 0.3 * machine.seconds  # 5 % is wanted; a busy host measures more


def test_native_stores_to_a_page_that_was_touched_long_ago_are_noticed() -> None:
    machine = bundled("two-realms", engine="interpreter")()
    with_history(machine)
    machine.run(9_000)
    one = machine.snapshot()
    machine.run(4_000)
    two = machine.snapshot(one)
    alone = machine.snapshot()
    for number, copy in alone.pages.items():
        assert (copy.content, copy.writers) == (two.pages[number].content, two.pages[number].writers)
    assert any(two.pages[number] is not copy for number, copy in one.pages.items())
    assert sum(two.pages[number] is copy for number, copy in one.pages.items()) > len(one.pages) // 2


def test_a_snapshot_of_another_machine_is_refused_and_nothing_changes() -> None:
    """Its memory may be larger, its owners may have other numbers."""
    other, machine = emu.Machine(memory="64M", engine="reference"), bundled("two-realms")()
    other.load_raw(b"other", 0x4000_0000)
    machine.run(100)
    before = machine.snapshot()
    with pytest.raises(EmuError, match="of another machine"):
        machine.restore(other.snapshot())
    assert machine.snapshot(before) == before
    machine.restore(before)
