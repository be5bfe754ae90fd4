"""Conditions of lessons: expressions, and phrases about what has happened, each true or false of a situation.

    pc == lesson_load               an expression; true when it is not 0
    stopped at NAME                 the program counter is there
    hit owner=5 mecid=6             a substituted access; also access=, pa=
    exception ec=0x25 to=2          an exception was taken; also from=, far=, mfar=, esr=
    event KeyRefreshed mecid=5      an event was logged, with these fields
    finding some-rule               a MEC rule was broken; no rule named: any
    exited code=0                   the guest has ended by itself; code may be left out
    walk of ADDRESS works           the address translates now, for a read (or "for write", "for fetch")
    walk of ADDRESS faults
    walk of ADDRESS reads 15        so many descriptors are read for it
    stale entry for ADDRESS         a TLB entry covers it and a fresh walk would contradict that entry
    entry for ADDRESS               a TLB entry covers it
    looked at memory shared_granule the pane was looked at during this step, at this address; or no address: anywhere
    not ...                         the opposite of any of these

ADDRESS and every value after = is an expression without spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from emu.architecture import PAGE
from emu.debug import events
from emu.debug.events import Event, Stop, StopReason
from emu.debug.expressions import ExpressionError
from emu.debug.expressions.parser import parse
from mectui.lessons.values import Values

if TYPE_CHECKING:
    import emu

EVENT_KINDS = {kind.__name__: kind for kind in events.KINDS}
"""Events by the name of their class."""


@dataclass(frozen=True, slots=True)
class Look:
    """A pane that was in front, and the address it showed, if it shows one."""

    pane: str
    address: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a condition may be about."""

    machine: emu.Machine
    events: tuple[Event, ...] = ()
    looks: frozenset[Look] = field(default_factory=frozenset)
    """Since the step began."""
    stop: Stop | None = None


Test = Callable[[Situation, Values], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it was written, and its test."""

    text: str
    test: Test = field(compare=False, repr=False)

    def holds(self, situation: Situation) -> bool:
        """Raises EmuError where a name in it means nothing to this machine."""
        return self.test(situation, Values(situation.machine))


class NoCondition(Exception):
    """A text that is no condition; the message says why, in a few words."""


def condition(text: str) -> Condition:
    """Reads a condition. Raises NoCondition."""
    stripped = text.strip()
    if not stripped:
        raise NoCondition("it is empty")
    if stripped.startswith("not "):
        inner = condition(stripped.removeprefix("not "))
        return Condition(stripped, lambda situation, values: not inner.test(situation, values))
    for pattern, make in PHRASES:
        match = re.fullmatch(pattern, stripped)
        if match is not None:
            return Condition(stripped, make(match))
    well_formed(stripped)
    return Condition(stripped, lambda situation, values: values.of(stripped) != 0)


def well_formed(text: str) -> str:
    """`text`, if it is an expression at all; what its names mean, only a machine knows. Raises NoCondition."""
    try:
        parse(text)
    except ExpressionError as error:
        raise NoCondition(str(error).rstrip(".")) from error
    return text


# --- phrases ----------------------------------------------------------------------------------------------------------


def pairs(text: str, known: Mapping[str, Any] | tuple[str, ...]) -> dict[str, str]:
    """ "a=1 b=2" as a dictionary of expressions. Raises NoCondition for a name that is not `known`."""
    found: dict[str, str] = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise NoCondition(f"“{part}” is not NAME=VALUE")
        if name not in known:
            raise NoCondition(f"there is no “{name}” to compare; there are {', '.join(known)}")
        found[name] = well_formed(value)
    return found


def number_of(value: object) -> int | None:
    """A field of an event as the number it is compared by."""
    if isinstance(value, Enum):
        value = value.value
    return int(value) if isinstance(value, int) else None


def same(item: object, wanted: Mapping[str, str], fields: Mapping[str, str], values: Values) -> bool:
    """Whether each wanted field of an event has its value; `fields` maps names to attribute paths."""
    for name, text in wanted.items():
        value: object = item
        for attribute in fields[name].split("."):
            value = getattr(value, attribute)
        if isinstance(value, str) and not isinstance(value, Enum):
            if value != text:
                return False
        elif isinstance(value, Enum) and isinstance(value.value, str):
            if value.value != text:
                return False
        elif number_of(value) != values.of(text):
            return False
    return True


HIT_FIELDS = {"owner": "owned_by.mecid", "mecid": "mecid", "access": "access", "size": "size", "stage": "stage"}
EXCEPTION_FIELDS = {
    "ec": "ec", "to": "to_el", "from": "moment.el", "far": "far", "mfar": "mfar", "esr": "esr", "elr": "elr",
}  # fmt: skip


def hit(match: re.Match[str]) -> Test:
    wanted = pairs(match[1], (*HIT_FIELDS, "pa"))
    place = wanted.pop("pa", None)

    def test(situation: Situation, values: Values) -> bool:
        page = None if place is None else values.of(place) // PAGE
        return any(
            (page is None or item.pa // PAGE == page) and same(item, wanted, HIT_FIELDS, values)
            for item in situation.machine.mec.hits
        )

    return test


def exception(match: re.Match[str]) -> Test:
    wanted = pairs(match[1], EXCEPTION_FIELDS)
    return lambda situation, values: any(
        same(item, wanted, EXCEPTION_FIELDS, values) for item in situation.machine.exceptions
    )


def event(match: re.Match[str]) -> Test:
    kind = EVENT_KINDS.get(match[1])
    if kind is None:
        raise NoCondition(f"there is no event “{match[1]}”; there are {', '.join(sorted(EVENT_KINDS))}")
    names = {name: name for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
    wanted = pairs(match[2], names)
    return lambda situation, values: any(
        isinstance(item, kind) and same(item, wanted, names, values) for item in situation.events
    )


def finding(match: re.Match[str]) -> Test:
    rule = match[1]
    return lambda situation, values: any(rule in (None, item.rule) for item in situation.machine.mec.findings)


def exited(match: re.Match[str]) -> Test:
    code = match[1] and well_formed(match[1])

    def test(situation: Situation, values: Values) -> bool:
        stop = situation.stop
        if stop is None or stop.reason is not StopReason.EXIT:
            return False
        return code is None or stop.code == values.of(code)

    return test


def walk(match: re.Match[str]) -> Test:
    address, access, works = well_formed(match[1]), match[2] or "read", match[3] == "works"

    def test(situation: Situation, values: Values) -> bool:
        return (situation.machine.translate(values.of(address), access).fault is None) is works

    return test


def walk_reads(match: re.Match[str]) -> Test:
    address, wanted = well_formed(match[1]), int(match[2])

    def test(situation: Situation, values: Values) -> bool:
        made = situation.machine.translate(values.of(address))
        return len(made.stage2) + sum(1 + len(step.stage2) for step in made.steps) == wanted

    return test


def tlb_entry(match: re.Match[str]) -> Test:
    is_stale, address = bool(match[1]), well_formed(match[2])

    def test(situation: Situation, values: Values) -> bool:
        machine, va = situation.machine, values.of(address)
        for entry in machine.tlb.entries():
            made = entry.translation
            if made.va_base <= va < made.va_base + made.size:
                return not is_stale or machine.tlb_staleness(entry) is not None
        return False

    return test


def looked(match: re.Match[str]) -> Test:
    pane, address = match[1], match[2] and well_formed(match[2])

    def test(situation: Situation, values: Values) -> bool:
        place = None if address is None else values.of(address)
        return any(look.pane == pane and place in (None, look.address) for look in situation.looks)

    return test


def stopped(match: re.Match[str]) -> Test:
    place = well_formed(match[1])
    return lambda situation, values: situation.machine.cpu.pc == values.of(place)


PHRASES: tuple[tuple[str, Callable[[re.Match[str]], Test]], ...] = (
    (r"stopped at (\S+)", stopped),
    (r"hit((?: \S+)*)", hit),
    (r"exception((?: \S+)*)", exception),
    (r"event (\w+)((?: \S+)*)", event),
    (r"finding(?: (\S+))?", finding),
    (r"exited(?: code=(\S+))?", exited),
    (r"walk of (\S+)(?: for (read|write|fetch))? (works|faults)", walk),
    (r"walk of (\S+) reads (\d+)", walk_reads),
    (r"(stale )?entry for (\S+)", tlb_entry),
    (r"looked at (\w+)(?: (\S+))?", looked),
)
