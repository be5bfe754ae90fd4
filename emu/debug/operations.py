"""What a system instruction does, in words, from what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from emu.cpu import Cpu
from emu.debug.calls import named
from emu.debug.events import (
    BarrierExecuted,
    CacheMaintained,
    Event,
    ExceptionReturned,
    ExceptionTaken,
    FirmwareCalled,
    Synchronised,
    TlbInvalidated,
)
from emu.devices.semihosting import IMMEDIATE as SEMIHOSTING
from emu.isa.ops import Escape
from emu.permissions import encoding_of
from emu.registers.names import generic_name, name_of, operation_name

T = TypeVar("T")

_ENDS = {
    Escape.SP_ALIGNMENT: "the stack pointer is not a multiple of 16",
    Escape.EXCLUSIVE_ALIGNMENT: "the address of an exclusive access is not a multiple of its size",
    Escape.UNDEFINED: "UNDEFINED here",
    Escape.FP_ACCESS: "uses a V register where that is not allowed",
}


def operation(escapes: Sequence[Escape], word: int, before: Cpu, after: Cpu, events: Sequence[Event]) -> str:
    """A sentence about an instruction that reached the CPU model by these escapes; "" where there is nothing to say.

    `before` and `after` are the CPU without and with the instruction, `events` what was told of it.
    """
    if not escapes:
        return ""
    kind = escapes[0]
    taken = _one(ExceptionTaken, events)
    if kind in _ENDS:
        return _ENDS[kind]
    match kind:
        case Escape.SVC | Escape.HVC | Escape.BRK:
            return f"{kind.name} #{word >> 5 & 0xFFFF:#x}: {_goes(taken)}"
        case Escape.SMC:
            call = _one(FirmwareCalled, events)
            if call is not None and taken is None:
                return f"SMC, function {named(call.function)}: the machine's own firmware answers"
            return f"SMC #{word >> 5 & 0xFFFF:#x}: {_goes(taken)}"
        case Escape.HLT:
            if word >> 5 & 0xFFFF == SEMIHOSTING and taken is None:
                return f"semihosting operation {before.slots[0] & 0xFFFF_FFFF:#x}, answered by the host"
            return f"HLT #{word >> 5 & 0xFFFF:#x}: {_goes(taken)}"
        case Escape.ERET:
            returned = _one(ExceptionReturned, events)
            if returned is None:
                return f"ERET: {_goes(taken)}"
            return f"returns to EL{returned.to_el} {returned.to_security.label} at {returned.pc:#x}"
        case Escape.MRS | Escape.MSR:
            return _register(kind, word, before, after, taken)
        case Escape.MSR_IMMEDIATE:
            return "changes a field of PSTATE" if taken is None else _goes(taken)
        case Escape.SYS | Escape.SYSL:
            return _system(word, after, events, taken)
        case Escape.ISB:
            return _synchronised("ISB", events)
        case Escape.BARRIER:
            barrier = _one(BarrierExecuted, events)
            return "" if barrier is None else f"{barrier.kind} {barrier.domain}: accesses before it are complete"
        case Escape.WFE | Escape.WFI | Escape.WFET | Escape.WFIT:
            if taken is not None:
                return f"{kind.name}: {_goes(taken)}"
            return f"{kind.name}: " + ("nothing could wake it, the run ends" if after.stop else "goes on at once")
        case Escape.MEMORY_COPY:
            return "copies or sets memory, a piece at a time"
    return ""


def _register(kind: Escape, word: int, before: Cpu, after: Cpu, taken: ExceptionTaken | None) -> str:
    encoding = encoding_of(word)
    name = name_of(encoding) or generic_name(encoding)
    if taken is not None:
        return f"{'reads' if kind is Escape.MRS else 'writes'} {name}: {_goes(taken)}"
    if kind is Escape.MRS:
        return f"reads {name}"
    waits = after.acting.pending()
    storage = next((each for each in (name, *waits) if each in waits and before.regs[each] != after.regs[each]), None)
    if storage is None:
        return f"writes {name}"
    held = waits[storage]
    return f"writes {name}; the MMU goes by {held.acting:#x} until the next ISB, exception or return"


def _system(word: int, after: Cpu, events: Sequence[Event], taken: ExceptionTaken | None) -> str:
    encoding = encoding_of(word)
    name = operation_name(encoding) or generic_name(encoding)
    if taken is not None:
        return f"{name}: {_goes(taken)}"
    invalidated = _one(TlbInvalidated, events)
    if invalidated is not None:
        meaning = after.mmu.log.entries(1)[-1].text
        count = invalidated.removed
        return f"{name}: {meaning}; removes {count} entr{'y' if count == 1 else 'ies'}"
    maintained = _one(CacheMaintained, events)
    if maintained is not None:
        where = "" if maintained.pa is None or maintained.pas is None else f" {maintained.pas.label} {maintained.pa:#x}"
        if maintained.ignored:
            return f"{name}{where}: without effect, {maintained.ignored}"
        return f"{name}{where}" + ("" if after.memory.cache is not None else ": no data cache is modelled")
    if name.startswith("AT "):
        par = after.regs["PAR_EL1"]
        return f"{name}: " + (f"fails, PAR_EL1.FST={par >> 1 & 63:#b}" if par & 1 else f"PAR_EL1={par:#x}")
    return name


def _goes(taken: ExceptionTaken | None) -> str:
    return "no exception" if taken is None else f"taken to EL{taken.to_el}"


def _synchronised(cause: str, events: Sequence[Event]) -> str:
    found = _one(Synchronised, events)
    if found is None:
        return f"{cause}: no register waits for it"
    return f"{cause}: {', '.join(found.registers)} act{'s' if len(found.registers) == 1 else ''} from here on"


def _one(kind: type[T], events: Sequence[Event]) -> T | None:
    return next((event for event in events if isinstance(event, kind)), None)
