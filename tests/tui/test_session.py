"""The session: orders in, news out, whatever thread asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import emu
from emu.errors import LoadError
from mectui import running
from mectui.progress import Progress, RunState
from mectui.session import News, Session
from tests.tui.programs import CALLING, ENDLESS, START, STORING, factory


class Watched:
    """A session and what it told."""

    def __init__(self, build: Callable[[], emu.Machine]) -> None:
        self.news: list[News] = []
        self._changed = threading.Condition()
        self.session = Session(build, self._hear)

    def _hear(self, news: News) -> None:
        with self._changed:
            self.news.append(news)
            self._changed.notify_all()

    def wait(self, is_so: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "nothing happened"
            time.sleep(0.001)

    @property
    def progress(self) -> Progress:
        return self.session.take_progress()

    def after(self, order: Callable[[], Any]) -> Progress:
        """The progress at the next stop after an order."""
        stops = self.progress.stops
        order()
        self.wait(lambda: self.progress.stops > stops)
        return self.progress


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    open_ones: list[Session] = []

    def start(build: Callable[[], emu.Machine]) -> Watched:
        watched = Watched(build)
        open_ones.append(watched.session)
        watched.session.start()
        watched.wait(lambda: watched.progress.state is not RunState.STARTING)
        return watched

    yield start
    for session in open_ones:
        session.close()
        session.join(5)


def test_a_session_starts_stopped_at_the_entry_point(watch: Any) -> None:
    progress = watch(factory(*ENDLESS)).progress
    assert progress.state is RunState.STOPPED
    assert progress.status is not None
    assert progress.status.pc == START
    assert progress.reason == "at the entry point"


def test_a_step_executes_one_instruction(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    progress = watched.after(lambda: watched.session.run(running.step))
    assert progress.values["pc"] == START + 4
    assert progress.values["x0"] == 1


def test_ten_steps_execute_ten_instructions(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    progress = watched.after(lambda: watched.session.run(running.step, 10))
    assert progress.status is not None
    assert progress.status.instructions == 10


def test_over_runs_a_whole_call(watch: Any) -> None:
    watched = watch(factory(*CALLING))
    progress = watched.after(lambda: watched.session.run(running.over))
    assert (progress.values["pc"], progress.values["x0"]) == (START + 4, 2)
    assert not progress.breakpoints


def test_out_runs_past_the_return(watch: Any) -> None:
    watched = watch(factory(*CALLING))
    watched.after(lambda: watched.session.run(running.step))
    progress = watched.after(lambda: watched.session.run(running.out))
    assert progress.values["pc"] == START + 4
    assert progress.reason == "returned"


def test_until_runs_to_an_address_and_leaves_no_breakpoint(watch: Any) -> None:
    watched = watch(factory(*CALLING))
    progress = watched.after(lambda: watched.session.run(running.until, START + 0x10))
    assert progress.values["pc"] == START + 0x10
    assert not progress.breakpoints


def test_a_run_stops_at_a_breakpoint_and_goes_on_from_it(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.toggle_breakpoint(START)
    first = watched.after(lambda: watched.session.run(running.resume))
    assert first.reason == "breakpoint 1"
    assert first.values["x0"] == 1
    second = watched.after(lambda: watched.session.run(running.resume))
    assert second.values["x0"] == 2


def test_a_breakpoint_inside_a_call_ends_stepping_over_it(watch: Any) -> None:
    watched = watch(factory(*CALLING))
    watched.session.toggle_breakpoint(START + 0x10)
    progress = watched.after(lambda: watched.session.run(running.over))
    assert progress.values["pc"] == START + 0x10
    assert list(progress.breakpoints.values()) == [START + 0x10]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_a_pause_stops_an_endless_loop(watch: Any, engine: str) -> None:
    watched = watch(factory(*ENDLESS, engine=engine))
    watched.session.run(running.resume)
    watched.wait(lambda: watched.progress.state is RunState.RUNNING)
    progress = watched.after(watched.session.pause)
    assert progress.state is RunState.STOPPED
    assert progress.reason == "paused"
    assert progress.status is not None
    assert progress.status.instructions > 0


def test_looks_are_answered_while_the_guest_runs(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.run(running.resume)
    watched.wait(lambda: watched.progress.state is RunState.RUNNING)
    watched.session.look({"count": lambda machine, around: machine.instructions})
    found: dict[str, Any] = {}
    watched.wait(lambda: bool(found.update(watched.session.take_looked()) or found))
    assert found["count"] >= 0


def test_a_newer_look_replaces_one_that_waits(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    gate = threading.Event()
    watched.session.look({"gate": lambda machine, around: gate.wait(5)})
    time.sleep(0.05)
    asked = []
    for number in range(5):
        watched.session.look({"number": lambda machine, around, number=number: asked.append(number) or number})
    gate.set()
    found: dict[str, Any] = {}
    watched.wait(lambda: "number" in (found.update(watched.session.take_looked()) or found))
    assert asked == [4]


def test_a_look_that_fails_hands_back_the_exception_and_spares_the_others(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.look({"bad": lambda machine, around: 1 // 0, "good": lambda machine, around: 7})
    found: dict[str, Any] = {}
    watched.wait(lambda: len(found.update(watched.session.take_looked()) or found) == 2)
    assert isinstance(found["bad"], ZeroDivisionError)
    assert found["good"] == 7


def test_news_of_a_kind_waits_only_once(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.take_notices()
    watched.news.clear()
    for _ in range(10):
        watched.session.remove_breakpoint(99)
    watched.wait(lambda: len(watched.session._notices) == 10)
    assert watched.news.count(News.NOTICE) == 1
    assert watched.session.take_notices()[0].text == "There is no stop 99; there is none at all."


def test_the_previous_stops_registers_tell_what_changed(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.after(lambda: watched.session.run(running.step))
    watched.session.look({"before": lambda machine, around: dict(around.before)})
    found: dict[str, Any] = {}
    watched.wait(lambda: bool(found.update(watched.session.take_looked()) or found))
    assert found["before"]["x0"] == 0


def test_a_register_can_be_set(watch: Any) -> None:
    def assign(machine: emu.Machine) -> str:
        machine.cpu.x[7] = 0xABC
        machine.cpu.sysreg["TTBR0_EL2"] = 0x4010_0000
        return "Both are set."

    watched = watch(factory(*ENDLESS))
    progress = watched.after(lambda: watched.session.change(assign))
    assert progress.values["x7"] == 0xABC
    assert progress.values["TTBR0_EL2"] == 0x4010_0000


def test_a_restart_gives_a_fresh_machine_and_keeps_breakpoints(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.toggle_breakpoint(START + 4)
    watched.after(lambda: watched.session.run(running.step, 1))
    progress = watched.after(watched.session.restart)
    assert progress.values["x0"] == 0
    assert list(progress.breakpoints.values()) == [START + 4]


def test_a_restart_ends_a_run(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.run(running.resume)
    watched.wait(lambda: watched.progress.state is RunState.RUNNING)
    progress = watched.after(watched.session.restart)
    assert progress.state is RunState.STOPPED
    assert progress.reason == "at the entry point"


def test_the_last_data_access_is_remembered_past_instructions_that_make_none(watch: Any) -> None:
    watched = watch(factory(*STORING))
    watched.after(lambda: watched.session.run(running.step, 3))
    for _ in range(3):
        progress = watched.after(lambda: watched.session.run(running.step))
    assert progress.last_access == 0x4010_0000


def test_a_guest_that_cannot_be_loaded_leaves_a_sentence(watch: Any) -> None:
    def fail() -> emu.Machine:
        raise LoadError("x.elf is not an ELF file: give an AArch64 ELF")

    progress = watch(fail).progress
    assert progress.state is RunState.FAILED
    assert progress.reason == "x.elf is not an ELF file: give an AArch64 ELF"


def test_closing_ends_the_thread_even_while_the_guest_runs(watch: Any) -> None:
    watched = watch(factory(*ENDLESS))
    watched.session.run(running.resume)
    watched.wait(lambda: watched.progress.state is RunState.RUNNING)
    watched.session.close()
    watched.session.join(5)
    assert not watched.session._thread.is_alive()
