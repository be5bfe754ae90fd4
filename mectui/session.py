"""The machine on a thread of its own: orders go in by a queue, what changed comes out as messages that collapse."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from emu.debug.events import Event, Stop, StopReason
from emu.debug.expressions.environment import error_of
from emu.debug.history import History as TimeTravel
from emu.errors import EmuError
from mectui import running, stepping_back, stop_orders, travelling
from mectui.displays import Displays
from mectui.event_log import EventLog
from mectui.plain import sentence
from mectui.progress import TRAVELLING, Progress, RunState
from mectui.queries import registers
from mectui.queries.history import History
from mectui.queries.labels import label
from mectui.queries.status import status
from mectui.render import numbers
from mectui.sources import SourceFiles

if TYPE_CHECKING:
    import emu
    from emu.debug.stops import KeptStop, Logged
    from mectui.saved import SavedStops

PROGRESS_SECONDS = 0.1
LOOK_SECONDS = 0.02
"""After how long the views that are ready are shown, where more are to come."""
CAUGHT = (StopReason.WATCHPOINT, StopReason.CATCHPOINT)
"""Stops whose message tells what happened."""


class News(Enum):
    """Kinds of message to the screen. One of a kind waits at a time: a newer one says the same."""

    STATE = "state"
    LOOKED = "looked"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the person at the screen."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a look may use besides the machine: registers at the stop before this one, and the log of events."""

    before: Mapping[str, int]
    events: tuple[Event, ...]
    stops: int
    history: History | None = None
    sources: SourceFiles = field(default_factory=SourceFiles)
    displays: Displays | None = None
    """The expressions that are shown at every stop."""


Look = Callable[["emu.Machine", Surroundings], Any]
Order = Callable[[], None]


class Session:
    """Owns a machine. Every public method may be called from any thread and returns at once.

    `notify` is called on the worker thread and must only pass the news on. `saved` keeps the stops for the next time.
    """

    def __init__(
        self,
        factory: Callable[[], emu.Machine],
        notify: Callable[[News], None],
        saved: SavedStops | None = None,
        sources: SourceFiles | None = None,
    ) -> None:
        self.sources = SourceFiles() if sources is None else sources
        """Where the guest's source files are; for use on the worker."""
        self._factory = factory
        self._notify = notify
        self._saved = saved
        self.displays = Displays()
        """What is shown at every stop; for use on the worker."""
        self._are_displays_loaded = False
        self._kept: tuple[KeptStop, ...] | None = None
        """The stops, for the machine after this one; None before the first."""
        self._waits_for = ""
        """Why the guest stopped, where the plan itself waited for something."""
        self._logged: Logged | None = None
        self._logged_count = 0
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._looks: dict[str, Look] = {}
        self._looked: dict[str, Any] = {}
        self._looked_at: dict[str, int] = {}
        self.looked_at: dict[str, int] = {}
        """At what instruction count the views were taken that have been fetched, by key."""
        self._notices: list[Notice] = []
        self._waiting_news: set[News] = set()
        self._pause = threading.Event()
        self._machine: emu.Machine | None = None
        self._plan: running.Plan | None = None
        self._pace = running.Pace()
        self._events: EventLog | None = None
        self._before: Mapping[str, int] = {}
        self._history: History | None = None
        self._doing = "running"
        """What the plan does."""
        self._was_told_of_the_past = False
        self.progress = Progress()
        self._thread = threading.Thread(target=self._work, name="mectui-machine", daemon=True)

    # --- asked from outside ---------------------------------------------------------------------------------------

    def start(self) -> None:
        self._orders.put(self._build)
        self._thread.start()

    def close(self) -> None:
        """Stops the run and ends the thread."""
        self._orders.put(None)
        self._end_slice()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def run(self, plan: Callable[..., running.Plan], *arguments: int | str) -> None:
        """Starts one of the plans of `mectui.running`."""
        self._orders.put(lambda: self._begin(plan, *arguments))

    def pause(self) -> None:
        """Answers within a slice: native code is asked to leave at once, waiting plans end."""
        self._pause.set()
        self._end_slice()
        if self._plan is not None:
            threading.Thread(target=self._insist, name="mectui-pause", daemon=True).start()

    def _insist(self) -> None:
        """A slice that began at the very moment of the request has not heard of it: ask until it is answered."""
        for _ in range(1_000):
            time.sleep(0.005)
            if not self._pause.is_set() or self._plan is None:
                return
            self._end_slice()

    def _end_slice(self) -> None:
        machine = self._machine
        if machine is not None:
            machine.pause()

    def restart(self) -> None:
        self._orders.put(self._build)
        self._end_slice()

    def toggle_breakpoint(self, va: int) -> None:
        self.change_stops(lambda machine: stop_orders.toggle_code(machine, va))

    def remove_breakpoint(self, number: int | None) -> None:
        """Removes one stop, or all of them."""
        self.change_stops(lambda machine: stop_orders.remove(machine, number))

    def change_stops(self, what: Callable[[emu.Machine], str]) -> None:
        """Changes the list of stops, while the guest runs too; one of the orders of `mectui.stop_orders`."""
        self._orders.put(lambda: self._change_stops(what))

    def change_displays(self, what: Callable[[emu.Machine], str]) -> None:
        """Changes the list of what is shown at every stop, while the guest runs too."""
        self._orders.put(lambda: self._change_displays(what))

    def change(self, what: Callable[[emu.Machine], str | None]) -> None:
        """Edits the stopped machine. `what` says in a sentence what it did; an EmuError of its is told as it is."""
        self._orders.put(lambda: self._change(what))

    def tell_of(self, what: Callable[[emu.Machine], str]) -> None:
        """Says what `what` has to say; "", and an EmuError of its, is nothing."""
        self._orders.put(lambda: self._tell_of(what))

    def type_to_guest(self, text: str) -> None:
        self._orders.put(lambda: self._type(text))

    def look(self, looks: Mapping[str, Look]) -> None:
        """Asks for views, each under a key; a newer look under the same key replaces one that waits."""
        with self._lock:
            was_empty = not self._looks
            self._looks.update(looks)
        if was_empty:
            self._orders.put(self._answer_looks)

    def take_looked(self) -> dict[str, Any]:
        """The views that have arrived since last asked; an exception where a look failed."""
        with self._lock:
            self._waiting_news.discard(News.LOOKED)
            taken, self._looked = self._looked, {}
            self.looked_at = dict(self._looked_at)
        return taken

    def take_notices(self) -> list[Notice]:
        with self._lock:
            self._waiting_news.discard(News.NOTICE)
            taken, self._notices = self._notices, []
        return taken

    def take_progress(self) -> Progress:
        with self._lock:
            self._waiting_news.discard(News.STATE)
        return self.progress

    def symbol(self, name: str) -> int | None:
        """A symbol's address. The table does not change after loading, so that any thread may read it."""
        machine = self._machine
        return None if machine is None else machine.symbols.lookup(name)

    def label(self, address: int) -> str:
        """ "name+0x10" for an address, "" where no symbol is near; from any thread, as `symbol`."""
        machine = self._machine
        return "" if machine is None else label(machine, address)

    def source_files(self) -> Sequence[str]:
        """Source files as they are written before a line's number; none while their tables are being read."""
        machine = self._machine
        return () if machine is None else machine.lines.completions()

    def symbol_names(self) -> list[str]:
        machine = self._machine
        return [] if machine is None else list(machine.symbols.names())

    # --- on the worker --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            order = self._orders.get()
            if order is None:
                return
            self._perform(order)
            if self._plan is not None and not self._follow_plan():
                return

    def _perform(self, order: Order) -> None:
        try:
            order()
        except EmuError as error:
            self._say(str(error), is_error=True)
        except Exception as error:  # a bug of ours must not take the screen with it
            self._say(f"This is a bug in mectui or its machine: {type(error).__name__}: {error}.", is_error=True)

    def _follow_plan(self) -> bool:
        """Runs the plan to its end, serving orders between slices. False when the session is to close."""
        last_news = time.perf_counter()
        while self._plan is not None:
            try:
                next(self._plan)
                if self._pause.is_set():
                    self._plan.close()
                    if self._doing == TRAVELLING:
                        self._stay("Stopped on the way: the machine is where it was before.")
                    else:
                        self._end_plan(running.stopped_here(self._the_machine(), StopReason.PAUSED))
            except StopIteration as ended:
                self._end_plan(ended.value)
            except EmuError as error:
                if self._doing == TRAVELLING:
                    text = str(error)
                    self._stay(f"{text[:1].upper()}{text[1:]}.", is_error=True)
                    continue
                self._end_plan(running.stopped_here(self._the_machine(), StopReason.ERROR, str(error)))
            except Exception as error:  # the same: report it, keep everything inspectable
                text = f"this is a bug in the machine: {type(error).__name__}: {error}"
                self._end_plan(running.stopped_here(self._the_machine(), StopReason.ERROR, text))
            if self._plan is not None and time.perf_counter() - last_news > PROGRESS_SECONDS:
                last_news = time.perf_counter()
                self._tell_logged()
                self._refresh(RunState.RUNNING, self._doing)
            while self._plan is not None:
                try:
                    order = self._orders.get_nowait()
                except queue.Empty:
                    break
                if order is None:
                    return False
                self._perform(order)
        return True

    def _begin(self, plan: Callable[..., running.Plan], *arguments: int | str) -> None:
        if self._plan is not None:
            self._say("The guest is running already; pause it first.")
            return
        is_travelling = plan in travelling.BACKWARD or plan in stepping_back.BACKWARD
        if self.progress.state is RunState.ENDED and not is_travelling:
            text = f"The guest has ended ({self.progress.reason}); go back in time, or restart it to run it again."
            self._say(text, is_error=True)
            return
        machine = self._the_machine()
        if not is_travelling:
            machine.tlb.set_going()
        self._pause.clear()
        self._plan = plan(machine, self._pace, *arguments)
        self._waits_for = running.WAITS_FOR.get(plan, "caught")
        self._doing = TRAVELLING if is_travelling else "running"
        if plan is not running.step and plan not in travelling.QUICK:
            self._refresh(RunState.RUNNING, self._doing)

    def _end_plan(self, stop: Stop) -> None:
        self._plan = None
        self._pause.clear()
        self._tell_logged()
        if stop.message and (stop.reason in CAUGHT or stop.reason is StopReason.BREAKPOINT):
            told = numbers.written_alike(stop.message)
            self._say(f"{told[:1].upper()}{told[1:]}{'' if told.endswith('.') else '.'}")
        if self._saved is not None and self._kept != self._the_machine().stops.kept():
            self._save()  # a temporary one is gone
        self._note_time(stop)
        self._stopped(stop)

    def _stay(self, text: str, is_error: bool = False) -> None:
        """A plan that led nowhere: the machine is where it was."""
        self._plan = None
        self._pause.clear()
        self._say(text, is_error)
        self._stopped(self.progress.stop)

    def _note_time(self, stop: Stop) -> None:
        """Mark where the guest stopped by itself; say once that this is the past, and what that means."""
        history = self._the_machine().history
        if history is None:
            return
        if self._doing != TRAVELLING:
            history.marks.stopped(stop)
        elif history.is_in_the_past and not self._was_told_of_the_past:
            self._was_told_of_the_past = True
            self._say(
                "This is the past: what happened happens again; > goes forward to where you were. "
                "A change here begins another future."
            )

    def _stopped(self, stop: Stop | None) -> None:
        """Publishes a stop: the registers before it, the state, and why."""
        machine = self._the_machine()
        self._listen_again()
        self.displays.stopped(machine)
        self._before = self.progress.values
        ended = stop is not None and stop.reason in (StopReason.EXIT, StopReason.HALTED)
        self.progress = Progress(
            state=RunState.ENDED if ended else RunState.STOPPED,
            reason="at the entry point" if stop is None else self._reason(stop),
            status=status(machine),
            stop=stop,
            stops=self.progress.stops + 1,
            console=machine.console,
            values=registers.values(machine),
            breakpoints=dict(machine.breakpoints.items()),
            last_access=self._last_access(),
        )
        self._tell(News.STATE)

    def _listen_again(self) -> None:
        if self._events is None:
            return
        missed = self._events.take_missed()
        if missed is not None:
            self._say(f"Too many exceptions to follow them all: the list of events has none from #{missed:,} on.")
        self._events.listen()

    def _last_access(self) -> int | None:
        request = self._the_machine().last_access
        return self.progress.last_access if request is None else request.va

    def _reason(self, stop: Stop) -> str:
        """Why the guest stopped, in a few words; a longer story is in the stop's message."""
        match stop.reason:
            case StopReason.EXIT:
                return f"exited with code {stop.code}"
            case StopReason.BREAKPOINT | StopReason.WATCHPOINT | StopReason.CATCHPOINT:
                return self._waits_for if stop.number is None else f"{stop.reason.value} {stop.number}"
            case StopReason.LIMIT:
                return stop.message or "limit"
            case StopReason.PAUSED:
                return "paused"
            case _:
                return stop.reason.value

    def _refresh(self, state: RunState | None = None, reason: str | None = None, *, is_edited: bool = False) -> None:
        """Publishes what changed between stops: place, console, breakpoints; `is_edited` where somebody did it."""
        machine, old = self._the_machine(), self.progress
        self.progress = Progress(
            state=old.state if state is None else state,
            reason=old.reason if reason is None else reason,
            status=status(machine),
            stop=old.stop,
            stops=old.stops,
            console=machine.console,
            values=old.values,
            breakpoints=dict(machine.breakpoints.items()),
            last_access=old.last_access,
            edits=old.edits + is_edited,
        )
        self._tell(News.STATE)

    def _build(self) -> None:
        """A fresh machine; the stops of the old one are kept, or those of the last session."""
        old = self._machine
        if self._plan is not None:
            self._plan.close()
            self._plan = None
        told = ""
        if old is not None:
            self._kept = old.stops.kept()
        try:
            machine = self._factory()
        except Exception as error:
            known = isinstance(error, (EmuError, OSError))
            text = str(error) if known else f"This is a bug in mectui: {type(error).__name__}: {error}."
            self.progress = Progress(state=RunState.FAILED, reason=text, stops=self.progress.stops)
            self._tell(News.STATE)
            return
        self._machine = machine
        self._pause.clear()
        if self._kept is None and self._saved is not None:
            kept, told = self._saved.load()
            self._kept = tuple(kept)
        if self._saved is not None and not self._are_displays_loaded:
            self._are_displays_loaded = True
            self.displays.items = tuple(self._saved.displays.load())
        problems = machine.stops.put_back(self._kept or ())
        machine.stops.on_log.append(self._note_logged)
        machine.lines.on_ready.append(lambda: self._orders.put(self._lines_are_ready))
        self._events = EventLog(machine)
        self._history = History(machine)
        machine.history = TimeTravel(machine, (self._events, self._history))
        self._was_told_of_the_past = False
        self.progress = Progress(stops=self.progress.stops)
        self._stopped(None)
        for text in (told, *problems, *(machine.lines.problems() if machine.lines.is_ready else ())):
            if text:
                self._say(text, is_error=text is not told)

    def _lines_are_ready(self) -> None:
        """Line tables that were read in the background are there."""
        machine = self._the_machine()
        if machine.lines.is_ready:
            for text in machine.lines.problems():
                self._say(text, is_error=True)
            self._refresh()

    def add_source_folder(self, folder: str) -> None:
        """One folder more to look for source files in, or "" to be told which there are."""
        self._orders.put(lambda: self._add_source_folder(folder))

    def _add_source_folder(self, folder: str) -> None:
        if folder:
            path = self.sources.add(folder)
            self._say(f"Source files are looked for in {path}.")
            self._refresh()
            return
        known = ", ".join(str(path) for path in self.sources.folders)
        self._say(
            f"Source files are looked for in {known}."
            if known
            else "Source files are looked for where they were built and beside the guest; “source DIR” names a folder."
        )

    def _tell_of(self, what: Callable[[emu.Machine], str]) -> None:
        try:
            text = what(self._the_machine())
        except EmuError:
            return
        if text:
            self._say(text)

    def _change_stops(self, what: Callable[[emu.Machine], str]) -> None:
        machine = self._the_machine()
        try:
            self._say(what(machine))
        except EmuError as error:
            text = str(error)
            self._say(f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}", is_error=True)
            return
        self._save()
        self._refresh(is_edited=True)

    def _change_displays(self, what: Callable[[emu.Machine], str]) -> None:
        try:
            self._say(sentence(what(self._the_machine())))
        except EmuError as error:
            self._say(error_of(error), is_error=True)
            return
        if self._saved is not None:
            self._saved.displays.save(self.displays.items)
        self._refresh(is_edited=True)

    def _save(self) -> None:
        self._kept = self._the_machine().stops.kept()
        if self._saved is not None:
            self._saved.save(self._kept)

    def _note_logged(self, entry: Logged) -> None:
        self._logged = entry
        self._logged_count += 1

    def _tell_logged(self) -> None:
        """Say the last message that a stop wrote down, and how many there were besides."""
        entry, count = self._logged, self._logged_count
        self._logged, self._logged_count = None, 0
        if entry is not None:
            more = f"  (and {count - 1:,} more)" if count > 1 else ""
            self._say(f"#{entry.moment.instruction:,} {entry.text}{more}")

    def _change(self, what: Callable[[emu.Machine], str | None]) -> None:
        if self._plan is not None:
            self._say("The guest is running; pause it before changing anything.", is_error=True)
            return
        machine = self._the_machine()
        text = what(machine)
        lost = self._has_changed(machine)
        if text or lost:
            self._say(" ".join(part for part in (text, lost) if part))
        self._stopped(running.stopped_here(machine, StopReason.LIMIT, "changed"))

    def _has_changed(self, machine: emu.Machine) -> str:
        """The machine is not what the run made of it any more: a sentence where that ends a future that was known."""
        history = machine.history
        if history is None or not history.changed():
            return ""
        return f"You changed the machine in the past: what came after #{machine.instructions:,} is gone."

    def _type(self, text: str) -> None:
        if self._plan is not None and self._doing == TRAVELLING:
            self._say("The machine is on its way through time; type again when it is there.", is_error=True)
            return
        machine = self._the_machine()
        machine.write_console_input(text.encode("utf-8", errors="replace"))
        lost = self._has_changed(machine)
        if lost:
            self._say(lost)

    def _answer_looks(self) -> None:
        with self._lock:
            looks, self._looks = self._looks, {}
        machine = self._machine
        if machine is None:
            return
        around = Surroundings(
            # On the way from one stop to the next what changes does so since the stop.
            self._before if self._plan is None else self.progress.values,
            () if self._events is None else self._events.events,
            self.progress.stops,
            self._history,
            self.sources,
            self.displays,
        )
        found: dict[str, Any] = {}
        last_news = time.perf_counter()
        for key, look in looks.items():
            try:
                found[key] = look(machine, around)
            except Exception as error:  # one pane that fails must not empty the others
                found[key] = error
            if time.perf_counter() - last_news > LOOK_SECONDS:  # nor may a slow one keep the others waiting
                self._publish(found)
                found, last_news = {}, time.perf_counter()
        if found:
            self._publish(found)

    def _publish(self, found: dict[str, Any]) -> None:
        with self._lock:
            self._looked |= found
            self._looked_at |= dict.fromkeys(found, self._the_machine().instructions)
        self._tell(News.LOOKED)

    def _the_machine(self) -> emu.Machine:
        if self._machine is None:
            raise EmuError("There is no machine yet.")
        return self._machine

    def _say(self, text: str, is_error: bool = False) -> None:
        with self._lock:
            self._notices.append(Notice(text, is_error))
        self._tell(News.NOTICE)

    def _tell(self, news: News) -> None:
        with self._lock:
            if news in self._waiting_news:
                return
            self._waiting_news.add(news)
        self._notify(news)
