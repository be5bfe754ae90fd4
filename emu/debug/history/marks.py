"""What is worth marking on the whole run, the part that lies ahead of a machine that went back included."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from emu.architecture import Security
from emu.debug.events import ENDS, Event, ExceptionReturned, ExceptionTaken, Hit, Moment, Stop, StopReason
from emu.mec.rules import Finding

if TYPE_CHECKING:
    from emu.machine import Machine

MOST = 20_000
"""Changes of level that are remembered: beyond, the strip of levels says that it does not know."""


class Kind(StrEnum):
    """What a mark is of."""

    EXCEPTION = "exception"
    HIT = "hit"
    FINDING = "finding"
    STOP = "stop"
    LEVEL = "exception level"
    SECURITY = "Security state"


class Change(NamedTuple):
    """From this instruction count on the CPU was at this exception level, in this Security state."""

    instruction: int
    el: int
    security: Security


class Marks:
    """Listens to a machine. `reached` is the instruction count up to which everything was heard before.

    What happens again because the machine went back and runs on is the same as the first time, and not written down.
    """

    def __init__(self, machine: Machine, reached: Callable[[], int] = lambda: 0) -> None:
        self._machine, self._reached = machine, reached
        self.changes: list[Change] = []
        self.stops: list[tuple[int, Stop]] = []
        """Where the guest stopped, by instruction count."""
        self.is_complete = True
        """Whether there was room for every change of level."""
        self.exceptions: list[ExceptionTaken] = []
        self.hits: list[Hit] = []
        self.findings: list[Finding] = []
        self._moments: dict[Kind, list[int]] = {}
        self._deaf: list[Callable[[], None]] = []
        """What makes it stop listening, while it does."""
        self.begin()

    def begin(self) -> None:
        """The run begins here."""
        cpu = self._machine.cpu
        self.changes = [Change(self._machine.instructions, cpu.el, cpu.security)]
        self.stops = []
        self.is_complete = True
        self._listen()
        self.exceptions, self.hits, self.findings = [], [], []

    def save(self) -> None:
        """Before the machine goes elsewhere: keep what it knows by now and may not know there."""
        machine = self._machine
        _extend(self.exceptions, list(machine.exceptions))
        _extend(self.hits, machine.cpu.hits)
        findings = machine.mec.findings
        if machine.instructions >= self._reached() and len(findings) >= len(self.findings):
            self.findings = findings

    def put_back(self, exceptions: int, hits: int) -> None:
        """The machine is later than it was: its lists get what they had there."""
        _extend(self._machine.cpu.hits, self.hits[:hits])
        if len(self._machine.exceptions) < exceptions:
            self._machine.put_back_exceptions(self.exceptions[:exceptions])

    def cut(self, instruction: int) -> None:
        """Nothing after an instruction count has happened."""
        self.exceptions, self.hits, self.findings = [], [], []
        self._moments = {}
        is_known = self.is_complete or instruction <= self.changes[-1].instruction
        del self.changes[1 + bisect_left(self.changes[1:], instruction + 1, key=lambda item: item.instruction) :]
        self.stops = [
            (at, stop)
            for at, stop in self.stops
            if at < instruction or (at == instruction and stop.reason not in ENDS)  # it does not end there any more
        ]
        if is_known:
            self.is_complete = True
            self._listen()
        cpu, last = self._machine.cpu, self.changes[-1]
        if (last.el, last.security) != (cpu.el, cpu.security):
            self._note(instruction, cpu.el, cpu.security)

    def stopped(self, stop: Stop) -> None:
        """The guest stopped: where somebody or the guest itself wanted it to."""
        here = self._machine.instructions
        if stop.reason not in (StopReason.LIMIT, StopReason.PAUSED) and all(here != at for at, _ in self.stops):
            self.stops.append((here, stop))
            self.stops.sort(key=lambda item: item[0])

    # The whole run's lists: what was saved, or what the machine has where it never went back.

    def all_exceptions(self) -> list[ExceptionTaken]:
        now = list(self._machine.exceptions)
        return now if len(now) >= len(self.exceptions) else self.exceptions

    def all_hits(self) -> list[Hit]:
        now = self._machine.cpu.hits
        return now if len(now) >= len(self.hits) else self.hits

    def all_findings(self) -> list[Finding]:
        now = self._machine.mec.findings
        return now if len(now) >= len(self.findings) else self.findings

    def places(self, kind: Kind) -> list[int]:
        """The instruction counts at which the machine has just done something of a kind, in order."""
        match kind:
            case Kind.EXCEPTION:
                return [event.moment.instruction + 1 for event in self.all_exceptions()]
            case Kind.HIT:
                return sorted({hit.moment.instruction + 1 for hit in self.all_hits()})
            case Kind.FINDING:
                return sorted({finding.instruction + 1 for finding in self.all_findings()})
            case Kind.STOP:
                return [at for at, _ in self.stops]
            case Kind.LEVEL:
                pairs = zip(self.changes, self.changes[1:], strict=False)
                return [after.instruction for before, after in pairs if before.el != after.el]
            case Kind.SECURITY:
                pairs = zip(self.changes, self.changes[1:], strict=False)
                return [after.instruction for before, after in pairs if before.security is not after.security]

    def moments(self, kind: Kind) -> Sequence[int]:
        """The instruction counts at which something of a kind began to happen, in order: those that its story names."""
        known: Sequence[Any]
        match kind:
            case Kind.EXCEPTION:
                known = self.all_exceptions()
            case Kind.HIT:
                known = self.all_hits()
            case Kind.FINDING:
                return sorted(finding.instruction for finding in self.all_findings())
            case _:
                return self.places(kind)
        cached = self._moments.get(kind)
        if cached is None or len(cached) != len(known) or (known and known[-1].moment.instruction != cached[-1]):
            cached = self._moments[kind] = [event.moment.instruction for event in known]
        return cached

    def last_before(self, kind: Kind, instruction: int) -> int | None:
        """The last of these places before an instruction count."""
        places = self.places(kind)
        at = bisect_left(places, instruction)
        return places[at - 1] if at else None

    # Listening.

    def _listen(self) -> None:
        if not self._deaf:
            subscribe = self._machine.events.subscribe
            self._deaf = [subscribe(self._taken, ExceptionTaken), subscribe(self._returned, ExceptionReturned)]

    def _taken(self, event: Event) -> None:
        assert isinstance(event, ExceptionTaken)
        before = event.moment.security
        self._changed(event.moment, event.to_el, Security.ROOT if event.to_el == 3 else before)

    def _returned(self, event: Event) -> None:
        assert isinstance(event, ExceptionReturned)
        self._changed(event.moment, event.to_el, event.to_security)

    def _changed(self, moment: Moment, el: int, security: Security) -> None:
        if (el, security) != (moment.el, moment.security) and moment.instruction >= self._reached():
            self._note(moment.instruction + 1, el, security)

    def _note(self, instruction: int, el: int, security: Security) -> None:
        if len(self.changes) >= MOST:
            self.is_complete = False
            for stop in self._deaf:
                stop()
            self._deaf = []
        else:
            self.changes.append(Change(instruction, el, security))


def _extend(known: list[Any], longer: list[Any]) -> None:
    known.extend(longer[len(known) :])
