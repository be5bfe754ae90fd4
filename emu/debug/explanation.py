"""What one instruction does, step by step: fetch, decoding, operands, accesses, results, exception.

The reference engine executes it with the meanings that every engine has, on a copy of the CPU (`emu.debug.trial`),
and somebody writes down what it does. So an instruction can be explained before it is executed, and nothing here has
to know what any instruction means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from emu import state
from emu.architecture import VA, Access
from emu.cpu import Cpu
from emu.debug.events import Event, ExceptionTaken, Moment, Stop
from emu.debug.operations import operation
from emu.debug.trial import Trial
from emu.debug.watched import MOST_ACCESSES, AccessTold, Draft, WatchedCpu
from emu.engine.reference import Reference
from emu.isa.ops import Escape
from emu.isa.pattern import Decoded, Value
from emu.registers.table import BY_NAME

if TYPE_CHECKING:
    from emu.machine import Machine

_FLAGS = {state.N: "N", state.Z: "Z", state.C: "C", state.V: "V"}
_PSTATE = {
    state.EL: "EL", state.SPSEL: "SPSel", state.DAIF: "DAIF", state.PAN: "PAN", state.UAO: "UAO", state.SS: "SS",
    state.IL: "IL", state.DIT: "DIT", state.SSBS: "SSBS", state.EXCLUSIVE: "exclusive monitor",
    state.EVENT: "event register",
}  # fmt: skip
_BANKS = ("SP_EL0", "SP_EL1", "SP_EL2", "SP_EL3")


@dataclass(frozen=True, slots=True)
class Operand:
    """A register that is read: x0 to x30, sp, v0 to v31 (128 bits), NZCV's flags, or a system register."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Change:
    """A register, or a part of PSTATE, that holds something else afterwards."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """One instruction at one moment, and all that it does."""

    moment: Moment
    """The instruction's number, its address, EL and Security state before it."""
    fetch: AccessTold | None
    """None where there is no fetch: the PC is misaligned, or a debug exception comes first."""
    word: int | None
    encoding: str
    """The encoding class that the decoder found, or "" for UNDEFINED."""
    feature: str
    """The architecture feature that brings it, or ""."""
    fields: tuple[tuple[str, int], ...]
    """The fields of the encoding and their values."""
    operation: str
    """What a system instruction does, in words; "" for all others."""
    operands: tuple[Operand, ...]
    accesses: tuple[AccessTold, ...]
    """Data accesses in order, the first MOST_ACCESSES."""
    more_accesses: int
    changes: tuple[Change, ...]
    exception: ExceptionTaken | None
    events: tuple[Event, ...]
    """All that the machine would tell of, in order."""
    next_pc: VA
    stop: Stop | None
    """How it ends the run, if it does."""
    uncertain: str
    """What was not to be found out without doing it, or ""."""


class _Recorder(Reference):
    """The reference engine, and what an instruction reads of the registers."""

    def __init__(self, cpu: Cpu) -> None:
        super().__init__(cpu)
        self.operands: dict[str, int] = {}
        self.escapes: list[Escape] = []
        self.written: set[str] = set()

    def begin(self) -> None:
        self.operands.clear()
        self.escapes.clear()
        self.written.clear()

    def _note(self, name: str, value: int) -> int:
        if name not in self.written:
            self.operands.setdefault(name, value)
        return value

    def read_x(self, register: Value) -> int:
        value = super().read_x(register)
        return value if register == state.XZR else self._note(f"x{register}", value)

    def write_x(self, register: Value, value: Value) -> None:
        self.written.add(f"x{register}")
        super().write_x(register, value)

    def read_xsp(self, register: Value) -> int:
        return self._note("sp" if register == 31 else f"x{register}", super().read_xsp(register))

    def write_xsp(self, register: Value, value: Value) -> None:
        self.written.add("sp" if register == 31 else f"x{register}")
        super().write_xsp(register, value)

    def read_v(self, register: Value, half: int) -> int:
        value = super().read_v(register, half)
        self._note(f"v{register}", self.cpu.v[register])
        return value

    def write_v(self, register: Value, low: Value, high: Value) -> None:
        self.written.add(f"v{register}")
        super().write_v(register, low, high)

    def get(self, slot: int) -> int:
        value = super().get(slot)
        return self._note(_FLAGS[slot], value) if slot in _FLAGS else value

    def set(self, slot: int, value: Value) -> None:
        if slot in _FLAGS:
            self.written.add(_FLAGS[slot])
        super().set(slot, value)

    def escape(self, kind: Escape) -> None:
        self.escapes.append(kind)
        super().escape(kind)

    def escape_if(self, condition: Value, kind: Escape) -> None:
        if condition:
            self.escapes.append(kind)
        super().escape_if(condition, kind)


@dataclass(slots=True)
class _Registers:
    """Every register at one moment."""

    slots: list[int]
    banks: tuple[int, ...] = field(default=())

    @classmethod
    def of(cls, cpu: Cpu) -> _Registers:
        return cls(cpu.slots[: state.LOAD_TLB].tolist(), tuple(cpu.regs.reads(name) for name in _BANKS))


class Rehearsal:
    """Explains the next instruction of a machine, any number of times."""

    def __init__(self, machine: Machine) -> None:
        self._original = machine.cpu
        self._trial = Trial(machine, WatchedCpu)
        self._cpu = cast(WatchedCpu, self._trial.cpu)
        self._cpu.told = self._trial.events
        self._engine = _Recorder(self._cpu)
        self._names = self._system_names()

    def _system_names(self) -> dict[int, str]:
        """Slot -> system register, those whose slots belong to PSTATE or the stack pointers aside."""
        places = self._cpu.regs.storage[1]
        first = state.SYSTEM
        names = {slot: name for name, slot in places.items() if slot >= first and not BY_NAME[name].alias_of}
        return names | {state.FPCR: "FPCR", state.FPSR: "FPSR"}

    def explain(self) -> Explanation:
        """What the machine's next instruction will do."""
        trial, cpu, engine = self._trial, self._cpu, self._engine
        cpu.drafts = None
        trial.begin()
        engine.begin()
        moment, before = cpu.moment(), _Registers.of(cpu)
        drafts: list[Draft] = []
        cpu.drafts, cpu.count = drafts, 0
        try:
            engine.step()
        finally:
            cpu.drafts = None
        fetch = drafts.pop(0).finish() if drafts and drafts[0].request.access is Access.FETCH else None
        word = None if fetch is None else fetch.value
        decoded = None if word is None else cpu.decode(word)
        events = tuple(trial.events)
        taken = next((event for event in events if isinstance(event, ExceptionTaken)), None)
        names = self._operands(decoded)
        return Explanation(
            moment=moment,
            fetch=fetch,
            word=word,
            encoding="" if decoded is None else decoded.encoding.name,
            feature="" if decoded is None else decoded.encoding.feature,
            fields=() if decoded is None else tuple(decoded.operands.items()),
            operation=operation(engine.escapes, word or 0, self._original, cpu, events)
            if decoded is not None or word is None
            else "no instruction of this machine: UNDEFINED",
            operands=names,
            accesses=tuple(draft.finish() for draft in drafts[:MOST_ACCESSES]),
            more_accesses=max(cpu.count - (fetch is not None) - MOST_ACCESSES, 0),
            changes=self._changes(before, _Registers.of(cpu)),
            exception=taken,
            events=events,
            next_pc=cpu.pc,
            stop=cpu.stop,
            uncertain=trial.uncertain,
        )

    def _operands(self, decoded: Decoded | None) -> tuple[Operand, ...]:
        """What was read, in the order of reading; of a system instruction the register it moves."""
        found = [Operand(name, value) for name, value in self._engine.operands.items()]
        if decoded is not None and set(self._engine.escapes) & {Escape.MSR, Escape.SYS}:
            register = decoded.word & 31
            if register != state.XZR:
                found.append(Operand(f"x{register}", self._original.x[register]))
        return tuple(found)

    def _changes(self, before: _Registers, after: _Registers) -> tuple[Change, ...]:
        old, new = before.slots, after.slots
        found = [Change(f"x{n}", old[n], new[n]) for n in range(31) if old[n] != new[n]]
        if old[state.SP] != new[state.SP]:
            found.append(Change("sp", old[state.SP], new[state.SP]))
        for number in range(32):
            at = state.VECTORS + 2 * number
            if old[at : at + 2] != new[at : at + 2]:
                found.append(Change(f"v{number}", old[at] | old[at + 1] << 64, new[at] | new[at + 1] << 64))
        flags = [sum(held[slot] << 3 - at for at, slot in enumerate(_FLAGS)) for held in (old, new)]
        if flags[0] != flags[1]:
            found.append(Change("NZCV", *flags))
        found += [Change(name, old[slot], new[slot]) for slot, name in _PSTATE.items() if old[slot] != new[slot]]
        if (old[state.EL], old[state.SPSEL]) == (new[state.EL], new[state.SPSEL]):
            in_use = _BANKS[old[state.EL] if old[state.SPSEL] else 0]
        else:
            in_use = ""
        found += [
            Change(name, was, now)
            for name, was, now in zip(_BANKS, before.banks, after.banks, strict=True)
            if was != now and name != in_use
        ]
        found += [Change(name, old[slot], new[slot]) for slot, name in self._names.items() if old[slot] != new[slot]]
        return tuple(found)
