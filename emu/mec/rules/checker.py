"""Listens to the machine's events on behalf of the chosen rules and collects what they find."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from emu.architecture import PA, VA
from emu.debug.bus import EventBus
from emu.debug.events import CacheMaintained, Event, Moment
from emu.maintenance_log import Maintained
from emu.mec.rules.model import Finding, Rule, Watched

MOST = 4_000
"""Findings that are kept: a guest that makes a new mistake at every instruction must not eat the host."""

_Key = tuple[str, Hashable]


@dataclass(frozen=True, slots=True)
class CheckerState:
    """What a snapshot of the machine keeps."""

    findings: dict[_Key, Finding]
    total: int
    rules: dict[str, dict[str, Any]]


class RuleChecker:
    """The chosen rules at work. It implements `Report`."""

    def __init__(
        self,
        rules: Iterable[Rule],
        bus: EventBus,
        machine: Watched,
        *,
        stops_on: Iterable[str] = (),
        stop: Callable[[Finding], None] | None = None,
        on_waiting: Callable[[int], None] | None = None,
        on_changed: Callable[[], None] | None = None,
        catch_up: Callable[[], None] | None = None,
    ) -> None:
        """`stop` is told of the first finding of each kind by the rules named in `stops_on`, `on_waiting` how many
        rules wait for an exception entry or return, `on_changed` that what `settle` said holds no longer. `catch_up`
        brings what rules remember of settled events up to date.
        """
        self.rules = tuple(rules)
        self.total = 0
        """How many findings there were; `findings` keeps the first thousands."""
        self._bus = bus
        self._machine = machine
        self._stops_on = frozenset(stops_on)
        self._stop = stop
        self.on_found: Callable[[Finding], None] | None = None
        """Told of every finding that is made while the guest runs; a repeat is none."""
        self._findings: dict[_Key, Finding] = {}
        self._is_finishing = False
        self._on_waiting = on_waiting
        self._on_changed, self._catch_up = on_changed, catch_up
        self._rule_of: dict[Callable[[Event], None], Rule] = {}
        self._waiting: set[str] = set()
        self._subscriptions: dict[str, tuple[tuple[type, ...], Callable[[], None]]] = {}
        self._initial = self.snapshot()
        for rule in self.rules:
            self._listen(rule)

    @property
    def findings(self) -> list[Finding]:
        """By the instruction that each is about."""
        return sorted(self._findings.values(), key=lambda finding: finding.instruction)

    # What rules call.

    def changed(self) -> None:
        if self._on_changed is not None:
            self._on_changed()

    def repeats(self, rule: Rule, key: Hashable) -> bool:
        full = (rule.id, key)
        found = self._findings.get(full)
        if found is None:
            return False
        self._findings[full] = replace(found, count=found.count + 1)
        return True

    def add(
        self,
        rule: Rule,
        key: Hashable,
        moment: Moment,
        message: str,
        *,
        fix: str = "",
        other: Moment | None = None,
        va: VA | None = None,
        pa: PA | None = None,
    ) -> None:
        if self.repeats(rule, key):
            return
        finding = Finding(rule.id, rule.severity, moment, message, fix or rule.fix, other, va, pa)
        self.total += 1
        if len(self._findings) < MOST:
            self._findings[rule.id, key] = finding
        if rule.id in self._stops_on and self._stop is not None and not self._is_finishing:
            self._stop(finding)
        if self.on_found is not None and not self._is_finishing:
            self.on_found(finding)

    # What the machine calls.

    def settle(self, event: Event) -> tuple[Callable[[Moment], None], ...] | None:
        """Who has to be told the moment of the last event like this one; None where each of them has to be heard."""
        told = []
        for listener in self._bus.audience(event):
            rule = self._rule_of.get(listener)
            if rule is None or not rule.settled(event, self._machine):
                return None
            again = rule.again(event, self._machine)
            if again is not None:
                told.append(again)
        return tuple(told)

    def defer(self, event: CacheMaintained) -> Callable[[Maintained], None] | None:
        """How to tell of maintenance like this later; None where somebody has to hear of it at once."""
        told = []
        for listener in self._bus.audience(event):
            rule = self._rule_of.get(listener)
            if rule is None or not rule.can_wait(event):
                return None
            told.append(rule.hear_later)

        def later(done: Maintained) -> None:
            for hear in told:
                hear(done, self._machine)

        return later

    def finish(self) -> None:
        """The guest has ended by itself: rules that waited for what would come say what they know."""
        self._is_finishing = True
        for rule in self.rules:
            rule.finish(self._machine, self)
            self._look_whether_waiting(rule)
        self._is_finishing = False

    def reset(self) -> None:
        """The machine starts over."""
        self.restore(self._initial)

    def snapshot(self) -> CheckerState:
        if self._catch_up is not None:
            self._catch_up()
        return CheckerState(dict(self._findings), self.total, {rule.id: rule.memory() for rule in self.rules})

    def restore(self, state: CheckerState) -> None:
        self._findings = dict(state.findings)
        self.total = state.total
        for rule in self.rules:
            rule.remember(state.rules[rule.id])
            self._listen(rule)
            self._look_whether_waiting(rule)

    # Inside.

    def _listen(self, rule: Rule) -> None:
        """Subscribe a rule to what it wants now."""
        wanted = rule.wanted()
        known = self._subscriptions.get(rule.id)
        if known is not None:
            if known[0] == wanted:
                return
            known[1]()
            self._rule_of = {listener: other for listener, other in self._rule_of.items() if other is not rule}
        hear, machine = rule.hear, self._machine

        catch_up = self._catch_up

        def listener(event: Event) -> None:
            hear(event, machine, self)

        def reminded(event: Event) -> None:
            if catch_up is not None:
                catch_up()
            hear(event, machine, self)

        def dynamic(event: Event) -> None:
            hear(event, machine, self)
            if rule.wanted() is not wanted:
                self._listen(rule)

        def patient(event: Event) -> None:
            hear(event, machine, self)
            if rule.waits is not (rule.id in self._waiting):
                self._look_whether_waiting(rule)

        plain = listener if type(rule).again is Rule.again else reminded
        chosen = dynamic if rule.is_dynamic else patient if rule.is_patient else plain
        self._rule_of[chosen] = rule
        self._subscriptions[rule.id] = (wanted, self._bus.subscribe(chosen, *wanted, ignores=rule.ignores))

    def _look_whether_waiting(self, rule: Rule) -> None:
        if rule.waits:
            self._waiting.add(rule.id)
        else:
            self._waiting.discard(rule.id)
        if self._on_waiting is not None:
            self._on_waiting(len(self._waiting))
