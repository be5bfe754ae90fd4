"""Everything a person may ask "when did this happen?" about: a closed set of immutable events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from emu.architecture import PA, PAS, VA, Access, MecidSource, Security


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where in the run: instructions executed before, program counter, EL and Security state."""

    instruction: int
    pc: VA
    el: int
    security: Security


@dataclass(frozen=True, slots=True)
class Owner:
    """The encryption context that a block of memory was last stored under."""

    pas: PAS
    mecid: int
    generation: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A substituted access: its context and the owner's differ, so what was returned is not what was stored."""

    moment: Moment
    va: VA | None
    """None for a table walk's own fetch."""
    pa: PA
    access: Access
    size: int
    pas: PAS
    mecid: int
    source: MecidSource
    owned_by: Owner
    writer: Moment | None
    """Who gave the block its owner."""

    @property
    def instruction(self) -> int:
        return self.moment.instruction

    @property
    def pc(self) -> VA:
        return self.moment.pc

    @property
    def el(self) -> int:
        return self.moment.el

    @property
    def security(self) -> Security:
        return self.moment.security

    @property
    def owner(self) -> int:
        """MECID of the owner."""
        return self.owned_by.mecid


@dataclass(frozen=True, slots=True)
class ExceptionTaken:
    """An exception entry. `ec` and `esr` as written to the target's ESR_ELx; `kind` in words."""

    moment: Moment
    to_el: int
    ec: int
    esr: int
    far: int
    elr: int
    kind: str
    mfar: int | None = None


@dataclass(frozen=True, slots=True)
class ExceptionReturned:
    moment: Moment
    to_el: int
    to_security: Security
    pc: VA


@dataclass(frozen=True, slots=True)
class MecidWritten:
    """An MSR to one of the MECID registers."""

    moment: Moment
    register: str
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class KeyRefreshed:
    moment: Moment
    mecid: int
    generation: int


@dataclass(frozen=True, slots=True)
class TlbInvalidated:
    """A TLBI instruction: its name, operand and how many entries it removed."""

    moment: Moment
    operation: str
    operand: int
    removed: int


@dataclass(frozen=True, slots=True)
class OwnerChanged:
    """A store gave a block a new owner. `before` is None for memory nobody had stored to."""

    moment: Moment
    pa: PA
    before: Owner | None
    after: Owner
    is_partial: bool
    """Less than the whole block was written: the rest of it is now noise to everybody."""


Event = ExceptionTaken | ExceptionReturned | MecidWritten | KeyRefreshed | TlbInvalidated | OwnerChanged | Hit


class StopReason(StrEnum):
    """Why a run ended."""

    EXIT = "exit"
    LIMIT = "limit"
    BREAKPOINT = "breakpoint"
    HALTED = "halted"
    ERROR = "error"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a run: reason, where, the guest's exit code, and a sentence where there is more to say."""

    reason: StopReason
    pc: VA
    el: int
    security: Security
    code: int = 0
    message: str | None = None
