"""What catchpoints wait for: by kind the events, which of them an argument means, the values conditions may use."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emu.architecture import Access, Security
from emu.debug.calls import NAMES, call_name, named
from emu.debug.events import (
    Event,
    ExceptionReturned,
    ExceptionTaken,
    FirmwareCalled,
    Hit,
    KeyRefreshed,
    MecidWritten,
    Moment,
    Owner,
    TlbInvalidated,
)
from emu.debug.expressions import ACCESS_WORDS, SECURITY_WORDS, Given
from emu.debug.expressions.names import NOBODY, OWNER_WORDS
from emu.debug.stops.specification import CatchKind
from emu.errors import EmuError
from emu.mec.rules import Finding, Severity
from emu.mec.rules.catalogue import BY_ID
from emu.registers.table import BY_NAME, OPERATIONS
from emu.syndrome import EC

Matches = Callable[[Any], bool]
Namer = Callable[[int], str]
"""Names an address, as `Symbols.describe` does."""


@dataclass(frozen=True, slots=True)
class RegisterAccessed:
    """An MSR or MRS that was executed; not an event of the machine's own, `emu.debug.stops.registers` makes it."""

    moment: Moment
    is_read: bool
    register: str
    """What was reached; with an alias or HCR_EL2.E2H another one than the instruction names."""
    named: str
    """What the instruction names."""
    value: int | None
    """What was read or written; None where the instruction did not get so far."""
    old: int | None
    """Of an MSR: what the register held before, where that is known."""
    outcome: str
    """"", or what became of it instead, such as "trapped to EL2"."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How one kind of catchpoint works."""

    kinds: tuple[type, ...]
    """Events it listens to; () where others tell it."""
    takes: str
    """What its argument is, in words; "" where it takes none."""
    choices: Callable[[], Sequence[str]]
    """The arguments there are names for, for completion."""
    matcher: Callable[[str], Matches]
    """Whether an event is meant, for an argument that is not "". Raises EmuError for nonsense."""
    values: Callable[[Any], dict[str, int]]
    given: tuple[Given, ...]
    sentence: Callable[[Any, Namer], str]


_EL = (Given("from_el", "the exception level before", bits=8), Given("to_el", "the exception level after", bits=8))
_MECID = Given("mecid", "the MECID", bits=16)
_PAIRS = (EC.INSTRUCTION_ABORT, EC.DATA_ABORT, EC.BREAKPOINT, EC.SOFTWARE_STEP, EC.WATCHPOINT)
"""Classes that have two numbers: from a lower exception level, and from the same one."""
_SECURITY = {"realm": Security.REALM, "root": Security.ROOT, "secure": Security.SECURE,
             "non-secure": Security.NON_SECURE}  # fmt: skip


FEW = 6
"""Names that a sentence lists; all of them would be longer than a screen is wide."""


def class_names() -> list[str]:
    """Exception classes as people type them."""
    return [name.lower().replace("_", "-") for name in EC.__members__]


def _number(text: str, what: str, most: int) -> int:
    try:
        value = int(text.replace("_", ""), 0)
    except ValueError:
        raise EmuError(f"{text!r} is not {what}") from None
    if not 0 <= value <= most:
        raise EmuError(f"{text} is not {what}: the largest is {most:#x}")
    return value


def _one_of(text: str, choices: Sequence[str], what: str) -> str:
    lowered = text.lower().replace("_", "-")
    for choice in choices:
        if choice.lower().replace("_", "-") == lowered:
            return choice
    near = difflib.get_close_matches(text.lower(), [choice.lower() for choice in choices], 2)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else f"there are {', '.join(choices[:FEW])}{', …' if len(choices) > FEW else ''}"
    )
    raise EmuError(f"there is no {what} {text!r}: {hint}")


# Exceptions and calls.


def _exception(argument: str) -> Matches:
    if argument[:1].isdigit():
        number = _number(argument, "an exception class", 63)
        return lambda event: bool(event.ec == number)
    name = _one_of(argument, class_names(), "exception class")
    first = EC[name.upper().replace("-", "_")]
    classes = (first, first + 1) if first in _PAIRS else (first,)
    return lambda event: event.ec in classes


def _exception_values(event: ExceptionTaken) -> dict[str, int]:
    return {
        "ec": event.ec, "esr": event.esr, "far": event.far, "elr": event.elr,
        "from_el": event.moment.el, "to_el": event.to_el,
    }  # fmt: skip


def _exception_sentence(event: ExceptionTaken, name: Namer) -> str:
    far = f", FAR {event.far:#x}" if event.far else ""
    return f"{event.kind} (EC {event.ec:#04x}{far}) from EL{event.moment.el} to EL{event.to_el}"


def function_names() -> list[str]:
    """The calls that have a name."""
    return list(dict.fromkeys(NAMES.values()))


def _function(instruction: str) -> Callable[[str], Matches]:
    def matcher(argument: str) -> Matches:
        if argument[:1].isdigit():
            number = _number(argument, "a function id", 0xFFFF_FFFF)
            return lambda event: bool(event.function == number)
        name = _one_of(argument, function_names(), "call")
        return lambda event: call_name(event.function) == name

    return matcher


def _call(instruction: str) -> Catch:
    return Catch(
        (FirmwareCalled,),
        "a call, such as RMI_DATA_CREATE, or a function id",
        function_names,
        _function(instruction),
        lambda event: {"function": event.function, "immediate": event.immediate, "arg1": event.arguments[0],
                       "arg2": event.arguments[1], "arg3": event.arguments[2]},
        (Given("function", "W0 of the call", bits=32), Given("immediate", "the instruction's immediate", bits=16),
         Given("arg1", "X1"), Given("arg2", "X2"), Given("arg3", "X3")),
        lambda event, name: f"{event.instruction} with function id {named(event.function)}",
    )  # fmt: skip


# Registers.


def register_names() -> list[str]:
    """Every system register, by the manual's name."""
    return list(BY_NAME)


def _register(argument: str) -> Matches:
    wanted = _one_of(argument, register_names(), "system register")
    return lambda event: wanted in (event.register, event.named)


def _register_sentence(event: RegisterAccessed, name: Namer) -> str:
    what = f"{'MRS' if event.is_read else 'MSR'} of {event.named}"
    if event.register != event.named:
        what += f" (which is {event.register} here)"
    if event.outcome:
        return f"{what}, {event.outcome}"
    if event.is_read:
        return f"{what}: read {event.value:#x}"
    was = "" if event.old is None else f"{event.old:#x} → "
    return f"{what}: {was}{event.value or 0:#x}"


def _register_access(is_read: bool) -> Catch:
    return Catch(
        (),
        "a system register",
        register_names,
        _register,
        lambda event: {key: item for key, item in (("value", event.value), ("old", event.old)) if item is not None},
        (Given("value", "what is read or written"), Given("old", "what the register held before")),
        _register_sentence,
    )


def _mecid_register(argument: str) -> Matches:
    if argument[:1].isdigit():
        number = _number(argument, "a MECID", 0xFFFF)
        return lambda event: bool(event.new == number)
    wanted = _one_of(argument, _mecid_registers(), "MECID register")
    return lambda event: bool(event.register == wanted)


def _mecid_registers() -> list[str]:
    return [name for name, register in BY_NAME.items() if register.hook == "mecid"]


# Maintenance and memory encryption.


def _operations() -> list[str]:
    return [item.name.partition(" ")[2] for item in OPERATIONS if item.name.startswith("TLBI ")]


def _tlbi(argument: str) -> Matches:
    wanted = _one_of(argument.upper().removeprefix("TLBI "), _operations(), "TLBI operation")
    return lambda event: bool(event.operation == wanted)


def _mecid_matcher(attribute: str) -> Callable[[str], Matches]:
    def matcher(argument: str) -> Matches:
        number = _number(argument, "a MECID", 0xFFFF)
        return lambda event: bool(getattr(event, attribute) == number)

    return matcher


def described_owner(owner: Owner | None) -> str:
    """ "5" for a Realm's MECID, "Root" for another address space, "nobody yet"."""
    if owner is None:
        return "nobody yet"
    return str(owner.mecid) if owner.pas.label == "realm" else owner.pas.label


def _hit_values(event: Hit) -> dict[str, int]:
    return {
        "address": NOBODY if event.va is None else event.va, "pa": event.pa,
        "size": event.size, "access": ACCESS_WORDS[event.access.value],
        "mecid": event.mecid, "owner": event.owner, "pas": int(event.pas),
    }  # fmt: skip


def _hit_sentence(event: Hit, name: Namer) -> str:
    where = f"physical {event.pa:#x}" if event.va is None else name(event.va)
    what = {Access.READ: "a read of", Access.WRITE: "a write to", Access.FETCH: "a fetch from"}.get(
        event.access, "a table walk's read of"
    )
    owner = described_owner(event.owned_by)
    return f"substituted hit: {what} {where} under MECID {event.mecid} meets data of owner {owner}"


def _finding(argument: str) -> Matches:
    choices = [*(severity.value for severity in Severity), *BY_ID]
    wanted = _one_of(argument, choices, "rule or severity")
    return lambda finding: wanted in (finding.rule, finding.severity.value)


# Levels and states.


def change_of_level(event: Event) -> tuple[int, int]:
    """(exception level before, after) of an exception or a return."""
    assert isinstance(event, ExceptionTaken | ExceptionReturned)
    return event.moment.el, event.to_el


def change_of_security(event: Event) -> tuple[Security, Security]:
    """(Security state before, after). An exception leads to Root or stays within its state."""
    assert isinstance(event, ExceptionTaken | ExceptionReturned)
    before = event.moment.security
    if isinstance(event, ExceptionReturned):
        return before, event.to_security
    return before, Security.ROOT if event.to_el == 3 else before


def _level(argument: str) -> Matches:
    number = _number(argument.lower().removeprefix("el"), "an exception level", 3)
    return lambda event: change_of_level(event)[1] == number


def _security(argument: str) -> Matches:
    wanted = _SECURITY[_one_of(argument, list(_SECURITY), "Security state")]
    return lambda event: change_of_security(event)[1] is wanted


def _transition_values(event: Event) -> dict[str, int]:
    level, security = change_of_level(event), change_of_security(event)
    return {"from_el": level[0], "to_el": level[1], "from_security": security[0], "to_security": security[1]}


def _how(event: ExceptionTaken | ExceptionReturned) -> str:
    return "by an exception return" if isinstance(event, ExceptionReturned) else f"by an exception: {event.kind}"


_TRANSITION = (
    *_EL,
    Given("from_security", "the Security state before", SECURITY_WORDS, 8),
    Given("to_security", "the Security state after", SECURITY_WORDS, 8),
)
_NUMBERS: tuple[str, ...] = ()

CATCHES: Mapping[CatchKind, Catch] = {
    CatchKind.EXCEPTION: Catch(
        (ExceptionTaken,), "an exception class by number or name", class_names, _exception, _exception_values,
        (Given("ec", "the exception class", bits=6), Given("esr", "the syndrome"), Given("far", "the fault address"),
         Given("elr", "the return address"), *_EL),
        _exception_sentence,
    ),
    CatchKind.SMC: _call("SMC"),
    CatchKind.HVC: _call("HVC"),
    CatchKind.MSR: _register_access(is_read=False),
    CatchKind.MRS: _register_access(is_read=True),
    CatchKind.TLBI: Catch(
        (TlbInvalidated,), "a TLBI operation, such as VAE1IS", _operations, _tlbi,
        lambda event: {"operand": event.operand, "removed": event.removed},
        (Given("operand", "the operand"), Given("removed", "how many entries went")),
        lambda event, name: f"TLBI {event.operation}, {event.operand:#x}, which removed {event.removed} entries",
    ),
    CatchKind.MECID: Catch(
        (MecidWritten,), "a MECID register, or the MECID written", _mecid_registers, _mecid_register,
        lambda event: {"value": event.new, "old": event.old},
        (Given("value", "the MECID written", bits=16), Given("old", "the MECID before", bits=16)),
        lambda event, name: f"write of {event.register}: MECID {event.old} → {event.new}",
    ),
    CatchKind.KEY: Catch(
        (KeyRefreshed,), "a MECID", lambda: _NUMBERS, _mecid_matcher("mecid"),
        lambda event: {"mecid": event.mecid, "generation": event.generation},
        (_MECID, Given("generation", "the key's new generation", bits=32)),
        lambda event, name: f"new key for MECID {event.mecid} (generation {event.generation})",
    ),
    CatchKind.HIT: Catch(
        (Hit,), "the MECID that the access was made under", lambda: _NUMBERS, _mecid_matcher("mecid"), _hit_values,
        (Given("address", "the virtual address; none for a table walk's own", OWNER_WORDS),
         Given("pa", "the physical address"), Given("size", "bytes", bits=16),
         Given("access", "read, write, fetch or walk", ACCESS_WORDS, 8),
         Given("mecid", "the MECID of the access", bits=16), Given("owner", "the MECID of the owner", bits=16),
         Given("pas", "the address space of the access", SECURITY_WORDS, 8)),
        _hit_sentence,
    ),
    CatchKind.FINDING: Catch(
        (), "a rule's id or a severity", lambda: [*(severity.value for severity in Severity), *BY_ID], _finding,
        lambda finding: {key: int(value) for key, value in (("address", finding.va), ("pa", finding.pa))
                         if value is not None},
        (Given("address", "the virtual address it is about"), Given("pa", "the physical address it is about")),
        lambda finding, name: f"finding {finding.rule}: {finding.message}",
    ),
    CatchKind.SECURITY: Catch(
        (ExceptionTaken, ExceptionReturned), "the Security state that is entered", lambda: list(_SECURITY), _security,
        _transition_values, _TRANSITION,
        lambda event, name: f"{change_of_security(event)[1].label.capitalize()} state entered {_how(event)}",
    ),
    CatchKind.EL: Catch(
        (ExceptionTaken, ExceptionReturned), "the exception level that is entered", lambda: ("0", "1", "2", "3"),
        _level, _transition_values, _TRANSITION,
        lambda event, name: f"EL{event.to_el} entered from EL{event.moment.el} {_how(event)}",
    ),
}  # fmt: skip


def matcher(kind: CatchKind, argument: str) -> Matches:
    """Whether an event (or a finding, or a register access) is one that a catchpoint means. Raises EmuError."""
    chosen = CATCHES[kind].matcher(argument) if argument else None

    def matches(event: Any) -> bool:
        match kind:
            case CatchKind.SMC | CatchKind.HVC if event.instruction != kind.value.upper():
                return False
            case CatchKind.MSR | CatchKind.MRS if event.is_read is not (kind is CatchKind.MRS):
                return False
            case CatchKind.EL if len(set(change_of_level(event))) == 1:
                return False
            case CatchKind.SECURITY if len(set(change_of_security(event))) == 1:
                return False
        return chosen is None or chosen(event)

    return matches


def moment_of(event: Event | Finding | RegisterAccessed) -> Moment:
    return event.moment
