"""What people ask of stops, as orders to a machine: each returns the sentence that tells what was done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emu.architecture import PAS
from emu.debug.stops import AnyStop, CatchKind, CatchStop, CodeStop, Place, StopPoint, WatchStop
from mectui.plain import sentence
from mectui.queries.labels import label
from mectui.render.numbers import address as written
from mectui.render.numbers import plural

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class Common:
    """What may follow every new stop."""

    condition: str = ""
    log: str = ""
    ignore: int = 0


@dataclass(frozen=True, slots=True)
class NewCode:
    """A breakpoint at an address, or at a line of the source; both are looked up where the machine is."""

    address: int
    is_physical: bool = False
    is_temporary: bool = False
    common: Common = Common()
    source: str = ""
    """ "mec.c:40"; the address does not count then."""

    def note(self, machine: emu.Machine) -> str:
        """Which line stands for one without code, or "". Raises EmuError where there is no such line."""
        return machine.lines.note(self.source) if self.source else ""

    def carry_out(self, machine: emu.Machine) -> str:
        told = self.note(machine)
        if self.source:
            place = Place(source=self.source, is_physical=self.is_physical)
        else:
            place = Place.at(self.address, machine.symbols, is_physical=self.is_physical)
        stop = with_common(CodeStop(place=place, is_temporary=self.is_temporary), self.common)
        for point in machine.stops.items():
            if point.stop == stop:
                return f"{named(point)} is there already: {described(machine, point)}."
        return f"{added(machine, stop)}{f' {sentence(told)}' if told else ''}"


@dataclass(frozen=True, slots=True)
class NewWatch:
    """A watchpoint. Without a size it is the symbol's that starts there, else 8 bytes."""

    address: int
    size: int | None
    reads: bool
    writes: bool
    is_physical: bool = False
    walks: bool = False
    pas: PAS | None = None
    common: Common = Common()

    def carry_out(self, machine: emu.Machine) -> str:
        size = self.size or machine.symbols.size_at(self.address) or 8
        stop = WatchStop(
            place=Place.at(self.address, machine.symbols, is_physical=self.is_physical), size=size, reads=self.reads,
            writes=self.writes, walks=self.walks, pas=self.pas,
        )  # fmt: skip
        return added(machine, with_common(stop, self.common))


@dataclass(frozen=True, slots=True)
class NewCatch:
    kind: CatchKind
    argument: str = ""
    common: Common = Common()

    def carry_out(self, machine: emu.Machine) -> str:
        return added(machine, with_common(CatchStop(kind=self.kind, argument=self.argument), self.common))


NewStop = NewCode | NewWatch | NewCatch


def with_common(stop: AnyStop, common: Common) -> AnyStop:
    return replace(stop, condition=common.condition, log=common.log, ignore=common.ignore)


def added(machine: emu.Machine, stop: AnyStop) -> str:
    point = machine.stops.add(stop)
    return f"{named(point)} set: {described(machine, point)}{told(point)}."


def described(machine: emu.Machine, point: StopPoint) -> str:
    """What a stop waits for, addresses by their symbols."""
    return machine.stops.describe(point, lambda address: label(machine, address) or written(address), written)


def named(point: StopPoint) -> str:
    """ "Breakpoint 2"."""
    return f"{point.name[:1].upper()}{point.name[1:]}"


def told(point: StopPoint) -> str:
    """What a stop asks for besides its place, as clauses."""
    stop = point.stop
    parts = [f", if {stop.condition}"] if stop.condition else []
    parts += [", logs only"] if stop.log else []
    parts += [f", ignored {plural(point.ignore, 'time')}"] if point.ignore else []
    parts += [", once"] if stop.is_temporary else []
    return "".join(parts)


def toggle_code(machine: emu.Machine, va: int) -> str:
    """Set a breakpoint at an address, or remove what is there."""
    present = machine.stops.at_code(va)
    if not present:
        return NewCode(va).carry_out(machine)
    machine.stops.remove_all(present)
    return f"{' and '.join(named(point) for point in present)} removed: {described(machine, present[0])}."


def remove(machine: emu.Machine, number: int | None) -> str:
    """One stop, or all of them."""
    if number is None:
        count = len(machine.stops.items())
        machine.stops.clear()
        return f"{plural(count, 'stop')} removed." if count else "There are no stops."
    point = machine.stops[number]
    machine.stops.remove(point)
    return f"{named(point)} removed: {described(machine, point)}."


def enable(machine: emu.Machine, number: int | None, is_enabled: bool) -> str:
    """One stop, or all of them."""
    how = "on" if is_enabled else "off"
    if number is None:
        for point in machine.stops.items():
            machine.stops.enable(point.number, is_enabled)
        return f"Every stop is {how}." if machine.stops.items() else "There are no stops."
    machine.stops.enable(number, is_enabled)
    return f"{named(machine.stops[number])} is {how}."


def toggle(machine: emu.Machine, number: int) -> str:
    return enable(machine, number, not machine.stops[number].is_enabled)


def set_condition(machine: emu.Machine, number: int, text: str) -> str:
    machine.stops.set_condition(number, text)
    name = named(machine.stops[number])
    return f"{name} stops only if {text.strip()}." if text.strip() else f"{name} stops without condition."


def set_ignore(machine: emu.Machine, number: int, count: int) -> str:
    machine.stops.set_ignore(number, count)
    name = named(machine.stops[number])
    return f"{name} ignores its next {plural(count, 'hit')}." if count else f"{name} stops at its next hit."


def listed(machine: emu.Machine) -> str:
    """All stops in one line, for the command line; the pane says more."""
    points = machine.stops.items()
    if not points:
        return "There are no stops: break, watch, catch and log make them."
    return "; ".join(
        f"{point.name} {described(machine, point)}{told(point)}{'' if point.is_enabled else ', off'}"
        for point in points
    )
