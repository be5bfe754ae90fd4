"""Everything a person may ask "when did this happen?" about: a closed set of immutable events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, get_args

from emu.architecture import PA, PAS, VA, Access, MecidSource, Regime, Security

if TYPE_CHECKING:
    from emu.translation.records import Fault, Request, Translation
    from emu.translation.tlb_entry import TlbEntry


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
    stage: int = 0
    """Of a walk: the stage whose table it read, 1 or 2."""
    regime: Regime | None = None
    """Of a walk: the translation regime it was made for."""

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
    """A store gave a block another owner. Memory that nobody had stored to is `FirstOwner`'s, its `before` None."""

    moment: Moment
    pa: PA
    before: Owner | None
    after: Owner
    is_partial: bool
    """Less than the whole block was written: the rest of it is now noise to everybody."""
    written: Moment | None = None
    """The last store under the owner before; None where that is not known."""


@dataclass(frozen=True, slots=True)
class FirstOwner(OwnerChanged):
    """A store gave a block that nobody owned its first owner: a kind of its own, because there are so many of them."""


@dataclass(frozen=True, slots=True)
class RegisterWritten:
    """An MSR to a register that steers translation, granule protection or MECs; MECID registers included."""

    moment: Moment
    register: str
    old: int
    new: int
    """What the register holds now, RES0 bits dropped."""
    given: int
    """What the instruction asked for."""


@dataclass(frozen=True, slots=True)
class Synchronised:
    """A context synchronisation event that made written registers act."""

    moment: Moment
    cause: str
    """"ISB", "exception entry" or "exception return"."""
    registers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PendingUsed:
    """An access went by the old value of a register whose new value no context synchronisation event has made act."""

    moment: Moment
    register: str
    used: int
    pending: int
    access: Access
    va: VA
    written: Moment
    """When the new value was written."""


@dataclass(frozen=True, slots=True)
class BarrierExecuted:
    """ISB, DSB or DMB. `domain` and `types` as in the manual ("SY", "ISH", "OSH", "NSH"; "", "LD", "ST")."""

    moment: Moment
    kind: str
    domain: str


@dataclass(frozen=True, slots=True)
class CacheMaintained:
    """A DC instruction. `ignored` says why it did nothing, or is ""."""

    moment: Moment
    operation: str
    """"CIPAE", "CIPAPA", "CIVAC", ..."""
    operand: int
    pa: PA | None
    pas: PAS | None
    ignored: str


@dataclass(frozen=True, slots=True)
class TlbFilled:
    """A walk ended in a new TLB entry."""

    moment: Moment
    entry: TlbEntry


@dataclass(frozen=True, slots=True)
class TlbEvicted:
    """A TLB entry made room for another."""

    moment: Moment
    entry: TlbEntry


@dataclass(frozen=True, slots=True)
class StaleControlUsed:
    """A data access went by a TLB entry that was made under another EMEC or AMEC than acts now."""

    moment: Moment
    request: Request
    translation: Translation
    control: str
    """"SCTLR2_EL2.EMEC", "SCTLR2_EL3.EMEC", "TCR2_EL2.AMEC0" or "TCR2_EL2.AMEC1"."""
    made_under: int
    acting: int


@dataclass(frozen=True, slots=True)
class AddressTranslated:
    """An AT instruction: its operation ("S12E1R") and its address."""

    moment: Moment
    operation: str
    va: VA


@dataclass(frozen=True, slots=True)
class TranslationFailed:
    """An access took a fault of translation or granule protection."""

    moment: Moment
    request: Request
    fault: Fault


@dataclass(frozen=True, slots=True)
class FirmwareCalled:
    """An SMC or HVC, with the function id (W0) and X1 to X7 as they were."""

    moment: Moment
    instruction: str
    immediate: int
    function: int
    arguments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LineWrittenBack:
    """The data cache model wrote a dirty line to memory under the line's own MECID."""

    moment: Moment
    pa: PA
    owner: Owner
    cause: str
    overwritten: Owner | None
    """Another context that owned memory under the line by a later store than the line's: its data is lost.

    None where memory was the line's own, or was taken over by its store, as it may be.
    """


Event = (
    ExceptionTaken
    | ExceptionReturned
    | MecidWritten
    | KeyRefreshed
    | TlbInvalidated
    | OwnerChanged
    | FirstOwner
    | Hit
    | RegisterWritten
    | Synchronised
    | PendingUsed
    | BarrierExecuted
    | CacheMaintained
    | TlbFilled
    | TlbEvicted
    | StaleControlUsed
    | AddressTranslated
    | TranslationFailed
    | FirmwareCalled
    | LineWrittenBack
)

KINDS: tuple[type, ...] = get_args(Event)
"""Every class of event."""


class StopReason(StrEnum):
    """Why a run ended."""

    EXIT = "exit"
    LIMIT = "limit"
    BREAKPOINT = "breakpoint"
    HALTED = "halted"
    ERROR = "error"
    PAUSED = "paused"
    FINDING = "finding"
    """A rule was broken that the run was to stop at."""
    WATCHPOINT = "watchpoint"
    """Memory was accessed that a watchpoint watches."""
    CATCHPOINT = "catchpoint"
    """Something happened that a catchpoint waits for."""


ENDS = (StopReason.EXIT, StopReason.HALTED, StopReason.ERROR)
"""The guest has ended by itself."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a run: reason, where, the guest's exit code, and a sentence where there is more to say."""

    reason: StopReason
    pc: VA
    """Of the instruction that would come next."""
    el: int
    security: Security
    code: int = 0
    """What the guest exited with, where the reason is an exit; 0 otherwise."""
    message: str | None = None
    """One sentence about a stop or a guest that ran wild; None where the reason says it all."""
    number: int | None = None
    """Of the breakpoint, watchpoint or catchpoint."""
    moment: Moment | None = None
    """Of watchpoints and catchpoints: the instruction that did it, after which the run ended."""
