"""The stops of one machine: the list, its changes, and what becomes of a stop that is reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emu.architecture import Access
from emu.debug.events import KINDS, Moment, Stop, StopReason
from emu.debug.expressions import ACCESS_WORDS, ExpressionError
from emu.debug.expressions.names import NOBODY
from emu.debug.stops import catches, wording
from emu.debug.stops.catches import CATCHES, Namer, RegisterAccessed
from emu.debug.stops.code import CodeStops
from emu.debug.stops.point import KeptStop, Logged, StopPoint
from emu.debug.stops.registers import Names, RegisterWatch
from emu.debug.stops.specification import AnyStop, CatchKind, CatchStop, CodeStop, WatchStop, checked
from emu.debug.stops.texts import Texts
from emu.debug.stops.watch import Accessed, AccessWatch
from emu.errors import EmuError
from emu.mec.rules import Finding

if TYPE_CHECKING:
    from emu.machine import Machine

_MOST_LOGGED = 10_000
_OURS = (StopReason.WATCHPOINT, StopReason.CATCHPOINT)


class Stops:
    """Breakpoints, watchpoints and catchpoints of one machine.

    Breakpoints stop the run before their instruction, the others after the instruction in which it happened. What is
    not watched costs nothing; all engines stop at the same instruction.
    """

    def __init__(self, machine: Machine) -> None:
        cpu = machine.cpu
        self._machine, self._cpu = machine, cpu
        self._points: dict[int, StopPoint] = {}
        self._hidden: list[StopPoint] = []
        self._next = 1
        self._texts = Texts(machine)
        self._code = CodeStops(cpu, self)
        self._watch = AccessWatch(cpu, self._accessed)
        self._registers = RegisterWatch(cpu, self._register_accessed)
        self._ranges: set[tuple[int | None, AnyStop]] = set()
        self._counted: tuple[int, set[int]] = (-1, set())
        """An instruction, and the stops that it has hit already."""
        self._caught: dict[type, list[StopPoint]] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._is_suspended = False
        self._alone: list[StopPoint] | None = None
        """What is on instead of everything else, while somebody looks for where it was reached."""
        self._spent: list[StopPoint] = []
        """Temporary stops that were reached."""
        self._before: tuple[int, str] | None = None
        self.is_running = False
        """Whether the guest is executing: what a debugger changes in between stops nobody."""
        self.logged: deque[Logged] = deque(maxlen=_MOST_LOGGED)
        """What stops with a message wrote down, oldest first."""
        self.on_log: list[Callable[[Logged], None]] = []

    # The list.

    def items(self) -> list[StopPoint]:
        """Every stop by its number, those that the debugger set for itself left out."""
        return list(self._points.values())

    def __getitem__(self, number: int) -> StopPoint:
        """Raises EmuError."""
        try:
            return self._points[number]
        except KeyError:
            known = ", ".join(map(str, self._points)) or "none at all"
            raise EmuError(f"there is no stop {number}; there is {known}") from None

    def add(self, stop: AnyStop, *, is_enabled: bool = True) -> StopPoint:
        """A new stop. Raises EmuError where it makes no sense, ExpressionError for its condition or message."""
        point = self._made(self._next, stop)
        point.is_enabled = is_enabled
        self._next += 1
        self._points[point.number] = point
        self._install()
        return point

    def add_hidden(self, stop: AnyStop, when: Callable[[], bool] | None = None) -> StopPoint:
        """A stop of the debugger's own, which nobody sees listed; it stops where `when` says so."""
        return self.add_all_hidden([stop], when)[0]

    def add_all_hidden(self, stops: Iterable[AnyStop], when: Callable[[], bool] | None = None) -> list[StopPoint]:
        """The same for many at once."""
        points = [self._made(0, stop) for stop in stops]
        for point in points:
            point.when = when
        self._hidden += points
        self._install()
        return points

    def remove(self, point: StopPoint | int) -> None:
        """Raises EmuError for a number that is none."""
        if isinstance(point, int):
            point = self[point]
        if point.number:
            self._points.pop(point.number, None)
        elif point in self._hidden:
            self._hidden = [other for other in self._hidden if other is not point]
        self._install()

    def remove_all(self, points: Sequence[StopPoint]) -> None:
        """The same for many at once."""
        gone = {id(point) for point in points}
        self._hidden = [point for point in self._hidden if id(point) not in gone]
        self._points = {number: point for number, point in self._points.items() if id(point) not in gone}
        self._install()

    def clear(self) -> None:
        self.remove_all(self.items())

    def enable(self, number: int, is_enabled: bool = True) -> None:
        self[number].is_enabled = is_enabled
        self._install()

    def set_condition(self, number: int, text: str) -> None:
        """Another condition; "" for none. Raises ExpressionError."""
        point = self[number]
        point.condition = self._texts.condition(point.stop, text)
        point.stop = replace(point.stop, condition=text.strip())

    def set_log(self, number: int, text: str) -> None:
        """Another message; "" to stop instead. Raises ExpressionError."""
        point = self[number]
        point.log = self._texts.message(point.stop, text) if text else ()
        point.stop = replace(point.stop, log=text)

    def set_ignore(self, number: int, count: int) -> None:
        """Pass over the next so many hits."""
        point = self[number]
        point.stop = checked(replace(point.stop, ignore=count))
        point.ignore = count

    def at_code(self, va: int) -> list[StopPoint]:
        """The breakpoints at a virtual address."""
        return [
            point
            for point in self._points.values()
            if isinstance(point.stop, CodeStop) and not point.stop.place.is_physical and va in point.addresses
        ]

    def describe(self, point: StopPoint, name: Namer | None = None, write: Namer = hex) -> str:
        """What a stop waits for, in words; `name` names addresses, as `Symbols.describe` does, `write` writes them."""
        return wording.described(point.stop, point.addresses, name or self._name, write)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Run without any of them: nothing is counted, logged or stopped at."""
        was, self._is_suspended = self._is_suspended, True
        self._install()
        try:
            yield
        finally:
            self._is_suspended = was
            self._install()

    @contextmanager
    def only(self, stops: Iterable[KeptStop], when: Callable[[], bool] | None = None) -> Iterator[None]:
        """Run with copies of these and no others; nothing is counted in the list. 0 is the number of nobody's stop."""
        was, points = self._alone, [self._made(item.number, item.stop) for item in stops]
        for point in points:
            point.when = when
        self._alone = points
        self._install()
        try:
            yield
        finally:
            self._alone = was
            self._install()

    def kept(self) -> tuple[KeptStop, ...]:
        """What `put_back` needs to have the same stops again, on another machine too."""
        return tuple(KeptStop(point.number, point.stop, point.is_enabled) for point in self._points.values())

    def put_back(self, kept: Iterable[KeptStop]) -> list[str]:
        """Add stops under the numbers they had. Returns a sentence for each that makes no sense here any more."""
        problems = []
        for item in kept:
            try:
                point = self._made(item.number, item.stop)
            except EmuError as error:
                problems.append(f"Stop {item.number} is gone: {error}")
                continue
            point.is_enabled = item.is_enabled
            self._points[item.number] = point
            self._next = max(self._next, item.number + 1)
        self._install()
        return problems

    def symbols_changed(self) -> None:
        """Symbols came or went: places are looked up anew."""
        if self._points:
            for point in self._points.values():
                point.addresses = self._resolved(point.stop)
                point.address = next(iter(point.addresses), None)
            self._install()

    def _made(self, number: int, stop: AnyStop) -> StopPoint:
        stop = checked(stop)
        addresses = self._resolved(stop)
        point = StopPoint(
            number, stop, self._texts.condition(stop, stop.condition),
            self._texts.message(stop, stop.log) if stop.log else (), ignore=stop.ignore,
            address=next(iter(addresses), None), addresses=addresses,
        )  # fmt: skip
        if isinstance(stop, CatchStop):
            point.matches = catches.matcher(stop.kind, stop.argument)
        return point

    def _resolved(self, stop: AnyStop) -> tuple[int, ...]:
        machine = self._machine
        return () if isinstance(stop, CatchStop) else stop.place.resolve(machine.symbols, machine.lines)

    def _name(self, address: int) -> str:
        return self._machine.symbols.describe(address)

    # Putting them to work.

    def _active(self) -> list[StopPoint]:
        if self._is_suspended:
            return []
        if self._alone is not None:
            return self._alone
        return [point for point in (*self._points.values(), *self._hidden) if point.is_enabled]

    def _install(self) -> None:
        """Bring the machine in line with what is on."""
        cpu, active = self._cpu, self._active()
        placed = [point for point in active if point.address is not None]
        self._code.install(point for point in placed if isinstance(point.stop, CodeStop))
        cpu.code_stops = self._code if self._code.addresses else None
        self._install_watches([point for point in placed if isinstance(point.stop, WatchStop)])
        caught = [point for point in active if isinstance(point.stop, CatchStop)]
        self._registers.install(_registers(caught, CatchKind.MRS), _registers(caught, CatchKind.MSR))
        self._listen(caught)

    def _install_watches(self, points: list[StopPoint]) -> None:
        cpu = self._cpu
        walks = self._watch.install(points)
        cpu.watch = self._watch if points else None
        cpu.memory.walk_watch = self._watch.walked if walks else None
        ranges: set[tuple[int | None, AnyStop]] = {
            (point.address, replace(point.stop, condition="", log="", ignore=0)) for point in points
        }
        if ranges != self._ranges:
            self._ranges = ranges
            cpu.flush_translations()

    def _listen(self, points: list[StopPoint]) -> None:
        caught: dict[type, list[StopPoint]] = {}
        for point in points:
            assert isinstance(point.stop, CatchStop)
            kinds = CATCHES[point.stop.kind].kinds
            for kind in (Finding,) if point.stop.kind is CatchKind.FINDING else kinds or (RegisterAccessed,):
                caught.setdefault(kind, []).append(point)
        if caught.keys() != self._caught.keys():
            if self._unsubscribe is not None:
                self._unsubscribe()
                self._unsubscribe = None
            events = [kind for kind in caught if kind in KINDS]
            if events:
                self._unsubscribe = self._machine.events.subscribe(self._happened, *events)
        self._caught = caught

    # What happens.

    def begin_run(self) -> None:
        """The guest is about to execute."""
        self.is_running = True
        self._before = None
        self._counted = (-1, set())
        self._code.begin()

    def end_run(self) -> None:
        """The run is over: temporary stops that have done their work go."""
        self.is_running = False
        if self._spent:
            spent, self._spent = self._spent, []
            self.remove_all(spent)

    def reached_code(self, points: Iterable[StopPoint], pc: int) -> bool:
        """Breakpoints are reached: whether any of them ends the run before the instruction at pc."""
        moment = self._cpu.moment()
        found = [
            (point.number, text)
            for point in points
            if (text := self._reached(point, {}, moment, lambda: f"at {self._name(pc)}")) is not None
        ]
        if found:
            self._before = max(number for number, _ in found), "; ".join(text for number, text in found if number)
        return bool(found)

    def stop_before(self) -> Stop:
        """The stop that `reached_code` decided on."""
        number, message = self._before or (0, "")
        cpu = self._cpu
        return Stop(StopReason.BREAKPOINT, cpu.pc, cpu.el, cpu.security, message=message or None, number=number or None)

    def before_next(self) -> Stop | None:
        """The stop at the instruction that comes next, for those who execute instructions one by one."""
        if not self._cpu.stops_before(self._cpu.pc):
            return None
        stop = self.stop_before()
        self.end_run()
        return stop

    def _accessed(self, points: Sequence[StopPoint], event: Accessed) -> None:
        if not self.is_running:
            return
        moment = self._cpu.moment()
        values, counted = _values(event, moment), self._counted_in(moment)
        for point in points:
            if id(point) in counted:
                continue  # another part of the same instruction's access
            if self._judge(StopReason.WATCHPOINT, point, values, moment, self._accessed_sentence(point, event)):
                counted.add(id(point))

    def _counted_in(self, moment: Moment) -> set[int]:
        """The stops that an instruction has hit already: what it does twice counts once."""
        if self._counted[0] != moment.instruction:
            self._counted = moment.instruction, set()
        return self._counted[1]

    def _accessed_sentence(self, point: StopPoint, event: Accessed) -> Callable[[], str]:
        stop = point.stop
        assert isinstance(stop, WatchStop)
        return lambda: wording.accessed(event, stop, self._name)

    def _happened(self, event: Any) -> None:
        if self.is_running:
            for point in tuple(self._caught.get(type(event), ())):
                self._catch(point, event)

    def found(self, finding: Finding) -> None:
        """A rule found something."""
        self._happened(finding)

    def _register_accessed(self, event: RegisterAccessed) -> None:
        self._happened(event)

    def _catch(self, point: StopPoint, event: Any) -> None:
        stop = point.stop
        assert isinstance(stop, CatchStop)
        if point.matches is None or not point.matches(event):
            return
        catch, moment = CATCHES[stop.kind], catches.moment_of(event)
        values = {**catch.values(event), "at": moment.pc}
        counted = self._counted_in(moment)
        if id(point) in counted:
            return
        is_counted = self._judge(
            StopReason.CATCHPOINT, point, values, moment, lambda: catch.sentence(event, self._name)
        )
        if is_counted and stop.kind is not CatchKind.FINDING:
            counted.add(id(point))

    def _judge(
        self, reason: StopReason, point: StopPoint, values: Mapping[str, int], moment: Moment,
        sentence: Callable[[], str],
    ) -> bool:  # fmt: skip
        """Count a stop, and end the run after the present instruction where it says so; whether it was meant at all."""
        hits = point.hits
        text = self._reached(
            point, values, moment, lambda: f"{sentence()}, at {self._name(moment.pc)}; stopped after that instruction"
        )
        if text is None:
            return point.hits != hits
        cpu = self._cpu
        if cpu.stop is not None and cpu.stop.reason in _OURS:
            cpu.stop = replace(cpu.stop, message=f"{cpu.stop.message}; {text}")
            return True
        cpu.end_run(
            Stop(reason, cpu.pc, cpu.el, cpu.security, message=text, number=point.number or None, moment=moment)
        )
        return True

    def _reached(
        self, point: StopPoint, values: Mapping[str, int], moment: Moment, sentence: Callable[[], str]
    ) -> str | None:
        """What to say where this stops the guest; None where it does not."""
        prefix = f"{point.name}: " if point.number else ""
        if (point.when is not None and not point.when()) or any(point is spent for spent in self._spent):
            return None
        if point.condition is not None:
            try:
                if not self._texts.is_met(point.condition, values):
                    return None
            except ExpressionError as error:
                point.last = moment
                why = str(error).rstrip(".")
                return f"{prefix}its condition “{point.stop.condition}” cannot be evaluated here: {why}"
        point.hits += 1
        point.last = moment
        if point.ignore:
            point.ignore -= 1
            return None
        if point.log:
            entry = Logged(moment, point.number, self._texts.written(point.log, values))
            self.logged.append(entry)
            for told in self.on_log:
                told(entry)
        if point.stop.is_temporary:
            self._spent.append(point)
        return None if point.log else f"{prefix}{sentence()}"


def _registers(points: list[StopPoint], kind: CatchKind) -> Names:
    """The registers that catchpoints of a kind are about; None for every one."""
    stops = [point.stop for point in points if isinstance(point.stop, CatchStop) and point.stop.kind is kind]
    if any(not stop.argument for stop in stops):
        return None
    names = {name.lower(): name for name in catches.register_names()}
    return frozenset(names[stop.argument.lower()] for stop in stops)


def _values(event: Accessed, moment: Moment) -> dict[str, int]:
    old = event.value if event.access is Access.READ else event.old
    known = {} if old is None else {"old": old}
    return {
        **known, "address": NOBODY if event.va is None else event.va,
        "value": event.value, "pa": event.pa, "size": event.size, "access": ACCESS_WORDS[event.access.value],
        "mecid": event.mecid, "owner": NOBODY if event.owner is None else event.owner.mecid, "pas": int(event.pas),
        "at": moment.pc,
    }  # fmt: skip
