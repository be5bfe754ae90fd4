"""What a rule is, what it says when it is broken, and what it may ask the machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

from emu.architecture import PA, VA
from emu.debug.events import Event, Moment, Owner
from emu.features import Features
from emu.maintenance_log import Maintained
from emu.mec.pages import MecPage
from emu.mec.writers import Writer
from emu.translation.records import Request, Walk
from emu.translation.regimes import RegisterView
from emu.translation.tlb_entry import TlbEntry

T = TypeVar("T")


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Data is lost, leaks, or depends on luck."""
    WARNING = "warning"
    """Probably not what was meant."""
    INFO = "info"
    """Worth knowing; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that the guest broke: where, what happened, what to do. Frozen; a repeat replaces it with a new count."""

    rule: str
    """The rule's stable id."""
    severity: Severity
    moment: Moment
    """The instruction to look at first."""
    message: str
    """One sentence that names registers, addresses and both program counters."""
    fix: str
    """What to do about it, as an order."""
    other: Moment | None = None
    """The other instruction that belongs to the story: who stored the data, who wrote the register."""
    va: VA | None = None
    pa: PA | None = None
    count: int = 1
    """How often it happened in the same way."""

    @property
    def instruction(self) -> int:
        return self.moment.instruction

    @property
    def pc(self) -> VA:
        return self.moment.pc


class References(Protocol):
    """Live uses of a MECID."""

    @property
    def registers(self) -> tuple[str, ...]: ...

    @property
    def tlb(self) -> tuple[TlbEntry, ...]: ...


class Watched(Protocol):
    """What a rule may ask the machine. Asking changes nothing."""

    @property
    def features(self) -> Features: ...

    @property
    def model(self) -> str:
        """The memory model, "cipher" or "substitute"."""

    @property
    def registers(self) -> RegisterView:
        """System registers as they were written last."""

    @property
    def acting(self) -> RegisterView:
        """System registers as the MMU sees them: what waits for a context synchronisation event is not there yet."""

    @property
    def never_written(self) -> AbstractSet[str]:
        """Registers that still hold what reset left, which is UNKNOWN."""

    def steered(self, find: Callable[[Watched], T]) -> T:
        """What `find` answers about the registers that steer translation as they act, and nothing else: remembered."""

    @property
    def after_transition(self) -> int:
        """The instruction after the last one that took an exception or returned from one; 0 before the first."""

    def generation(self, mecid: int) -> int:
        """How often the key of a Realm MECID was refreshed."""

    def owner_of(self, pa: int) -> Owner | None:
        """Who owns the block at an address; None for nobody, and where there is no memory."""

    def last_writer(self, pa: int) -> Writer | None:
        """The last store to the block at an address; None where no guest has stored."""

    def last_stores(self, pa: int, size: int) -> Sequence[int | None]:
        """The instruction of the last store to each block of a piece of memory; None where no guest has stored."""

    def plaintext(self, pa: int, size: int) -> bytes:
        """Memory as the owner of each block sees it. Raises AddressError outside memory."""

    def pages(self) -> Sequence[MecPage]:
        """Every page with an owner."""

    def references(self, mecid: int) -> References:
        """Registers and TLB entries that use a MECID now."""

    def explain(self, request: Request) -> Walk:
        """The walk of an access by the registers and tables as they are now, caches ignored."""

    def fetch_word(self, va: int) -> int | None:
        """The instruction at an address as the present context would fetch it; None where it could not."""

    def symbol(self, address: int) -> str:
        """ "name+0x1c" for an address, or the address in hexadecimal."""


class Report(Protocol):
    """Where a rule says that it is broken."""

    def changed(self) -> None:
        """What a rule has called settled is so no longer."""

    def repeats(self, rule: Rule, key: Hashable) -> bool:
        """Whether a finding with this key was made before: it is counted once more and need not be worded again."""

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
        """A new finding, or one more of those with this key. `fix` only where it is not the rule's own."""


class Rule(ABC):
    """One rule. Its instance attributes are its memory: plain containers of immutable things, for snapshots."""

    id: ClassVar[str]
    """Stable name, as options and reports use it."""
    numbers: ClassVar[tuple[int, ...]] = ()
    """The mistakes of mec-reference.md 5.4 that it finds."""
    flaws: ClassVar[str] = ""
    """The letters of mec-reference.md 2.3 it finds: what the substitute model allows and the architecture doesn't."""
    severity: ClassVar[Severity]
    title: ClassVar[str]
    """The mistake in a few words."""
    why: ClassVar[str]
    """A paragraph for people: what the architecture says, what comes of breaking the rule."""
    fix: ClassVar[str]
    """What to do about it, as an order."""
    needs_mec: ClassVar[bool] = True
    """Whether it makes sense only on a machine with FEAT_MEC."""
    models: ClassVar[tuple[str, ...]] = ("cipher", "substitute")
    """The memory models it has something to say about."""
    kinds: ClassVar[tuple[type, ...]]
    """The events it listens to all the time."""

    @abstractmethod
    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        """One event of its kinds."""

    def finish(self, machine: Watched, report: Report) -> None:  # noqa: B027 - most rules leave nothing open
        """The guest has ended: what was left open until now."""

    def settled(self, event: Event, machine: Watched) -> bool:
        """Whether events like one that it has just heard can do without it until it calls `Report.changed`.

        They are alike but for the instruction, and the system registers that decide about translation and traps are
        the same. Of writes of a MECID register alike are those that leave all of these registers the same. Where it has
        to know when the last of them was, `again` says that.
        """
        return False

    def again(self, event: Event, machine: Watched) -> Callable[[Moment], None] | None:
        """What takes the moment of the last event like this one; None where it need not know."""
        return None

    def can_wait(self, event: Event) -> bool:
        """Whether it may hear of more cache maintenance like this (`hear_later`), before it hears of anything else.

        Alike are DC instructions of the same name that are not ignored, as long as its `wanted` is the same.
        """
        return False

    def hear_later(self, done: Maintained, machine: Watched) -> None:
        """What `hear` would have made of these; it may neither report anything nor change what it wants."""
        raise NotImplementedError

    is_dynamic: ClassVar[bool] = False
    """Whether `wanted` changes, for a rule that may not listen all the time to what it needs now and then."""

    def wanted(self) -> tuple[type, ...]:
        """The events it wants now."""
        return self.kinds

    is_patient: ClassVar[bool] = False
    """Whether `waits` changes."""

    @property
    def waits(self) -> bool:
        """Whether it has to hear of the next exception entry or return, whatever `ignores` says of it."""
        return False

    def ignores(self, event: Event) -> bool:
        """Whether it has no use for an event, nor for another one like it.

        Alike are exceptions with the same levels, Security states and class, accesses of the same kind, the same TLBI
        operation, and writes of the same register, losing bits or not. Machines spare themselves telling of them.
        """
        return False

    def memory(self) -> dict[str, Any]:
        """What a snapshot keeps."""
        return {name: copy(value) for name, value in vars(self).items()}

    def remember(self, memory: dict[str, Any]) -> None:
        """Come back to a snapshot."""
        for name, value in memory.items():
            setattr(self, name, copy(value))
