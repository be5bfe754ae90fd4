"""Rules about what the memory model `substitute` allows and the architecture does not (mec-reference.md 2.3).

The model marks whole pages with their last writer and transforms no data. These rules name each leak as a guest runs
into it; under the `cipher` model they never say anything.
"""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import BLOCK, PA, PAGE, PAS, Access
from emu.debug.events import Event, FirstOwner, Hit, Owner, OwnerChanged
from emu.mec.rules.handover import HandoverRule
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import at, context

_ELSEWHERE = "the architecture does not allow this: run the guest with --mec-model cipher to see what hardware does"


class _Retag(HandoverRule):
    """A page changed hands with bytes that the new owner did not write: what it left of them when it was done."""

    severity = Severity.ERROR
    needs_mec = False
    models = ("substitute",)
    fix = _ELSEWHERE
    size = PAGE

    def is_mine(self, event: OwnerChanged, machine: Watched) -> bool:
        return event.before is not None and self.is_about(event.before, event.after)

    def judge(self, event: OwnerChanged, before: bytes, now: bytes, machine: Watched, report: Report) -> None:
        # Blocks that hold something, and that the new owner has not stored to.
        stores = machine.last_stores(self._piece(event.pa), PAGE)
        kept = [
            number
            for number, instruction in enumerate(stores)
            if instruction is not None
            and instruction < event.moment.instruction
            and any(now[number * BLOCK : (number + 1) * BLOCK])
        ]
        if not kept:
            return
        assert event.before is not None
        key = (event.pa // PAGE, event.before, event.after)
        if not report.repeats(self, key):
            message = f"{self.told(event, machine)}{self.stored(event, machine)}"
            report.add(self, key, event.moment, message, other=event.written, pa=event.pa)

    def is_about(self, before: Owner, after: Owner) -> bool:
        raise NotImplementedError

    def told(self, event: OwnerChanged, machine: Watched) -> str:
        raise NotImplementedError

    def stored(self, event: OwnerChanged, machine: Watched) -> str:
        return "" if event.written is None else f", last stored at {at(machine, event.written)}"


class RetagLeak(_Retag):
    id = "substitute-retag-leak"
    flaws = "gt"
    title = "substitute model: one store takes a whole page, with its plaintext"
    why = (
        "In the substitute model a store of any size makes its MECID the owner of the whole 4 KiB page, and leaves the "
        "other bytes as they are: the new owner reads the old one's data in plaintext, and the old owner reads "
        "0xDEADBEEF everywhere. Hardware garbles the rest of one 16-byte block and touches nothing else."
    )

    def is_about(self, before: Owner, after: Owner) -> bool:
        return before.pas is after.pas and before.mecid != after.mecid

    def told(self, event: OwnerChanged, machine: Watched) -> str:
        assert event.before is not None
        return (
            f"the store at {at(machine, event.moment)} makes {context(event.after)} the owner of the whole page at PA "
            f"{event.pa:#x}: it can read there in plaintext what {context(event.before)} stored"
        )


class RefreshLeak(_Retag):
    id = "substitute-refresh-undone"
    flaws = "l"
    title = "substitute model: a store brings back what a new key had retired"
    why = (
        "A new key should make what was stored under the old one unreadable for ever. In the substitute model the "
        "bytes are still there: the first store under the new key makes the whole page the new owner's, and everything "
        "the earlier user of the MECID left in it can be read."
    )

    def is_about(self, before: Owner, after: Owner) -> bool:
        return before.pas is after.pas and before.mecid == after.mecid

    def told(self, event: OwnerChanged, machine: Watched) -> str:
        before, after = event.before, event.after
        assert before is not None
        return (
            f"the store at {at(machine, event.moment)} to the page at PA {event.pa:#x} makes readable again what "
            f"{context(before)} stored before its key was replaced (generation {before.generation}, now "
            f"{after.generation})"
        )


class SpaceLeak(_Retag):
    id = "substitute-space-leak"
    flaws = "k"
    title = "substitute model: a store takes a page across address spaces"
    why = (
        "Each physical address space has keys of its own. In the substitute model one store through another address "
        "space, say by the host after a granule was undelegated, makes the whole page readable there in plaintext."
    )

    def is_about(self, before: Owner, after: Owner) -> bool:
        return before.pas is not after.pas

    def told(self, event: OwnerChanged, machine: Watched) -> str:
        assert event.before is not None
        return (
            f"the store at {at(machine, event.moment)} through {context(event.after)} takes the whole page at PA "
            f"{event.pa:#x}: what {context(event.before)} stored can be read through {event.after.pas.label} in "
            "plaintext"
        )


class OwnerOracle(Rule):
    id = "substitute-owner-oracle"
    needs_mec = False
    models = ("substitute",)
    flaws = "m"
    severity = Severity.INFO
    title = "substitute model: every stranger reads the same 0xDEADBEEF"
    why = (
        "What a wrong key makes of a block depends on the key, the address and the data, and looks like any other "
        "noise. The substitute model returns one constant: a reader learns for certain that the page is somebody "
        "else's and when that changes, two strangers see the same, and data that happens to be 0xDEADBEEF looks "
        "foreign."
    )
    fix = _ELSEWHERE
    kinds: ClassVar = (Hit,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, Hit)
        if event.access is Access.WALK:
            return
        key = (event.pas, event.mecid)
        if report.repeats(self, key):
            return
        reader = f"MECID {event.mecid}" if event.pas is PAS.REALM else f"the {event.pas.label} address space"
        stored = "" if event.writer is None else f", stored at {at(machine, event.writer)}"
        message = (
            f"the {event.access.value} of PA {event.pa:#x} at {at(machine, event.moment)} tells {reader} by its "
            f"0xDEADBEEF that the page is not its own, but {context(event.owned_by)}'s{stored}"
        )
        report.add(self, key, event.moment, message, other=event.writer, va=event.va, pa=event.pa)


class PlaintextMemory(Rule):
    id = "substitute-plaintext-memory"
    needs_mec = False
    models = ("substitute",)
    flaws = "g"
    severity = Severity.INFO
    title = "substitute model: memory holds plaintext"
    why = (
        "The substitute model transforms no data: a probe on the memory bus, or whatever reads memory past the "
        "Point of Encryption, sees what Realms stored. On hardware it sees ciphertext."
    )
    fix = _ELSEWHERE
    kinds: ClassVar = (OwnerChanged, FirstOwner)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, OwnerChanged)
        if event.after.pas is not PAS.REALM:
            return
        key = event.after.mecid
        if not report.repeats(self, key):
            message = (
                f"what {context(event.after)} stores from {at(machine, event.moment)} on (first at PA {event.pa:#x}) "
                "lies in memory as plaintext"
            )
            report.add(self, key, event.moment, message, pa=PA(event.pa))


RULES: tuple[type[Rule], ...] = (RetagLeak, RefreshLeak, SpaceLeak, OwnerOracle, PlaintextMemory)
