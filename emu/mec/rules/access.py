"""Rules about accesses: data under the wrong context, and instructions where they do not exist."""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import PAS, Access, MecidSource, Security
from emu.debug.events import Event, ExceptionTaken, Hit
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import EL3_REGISTER, MECID_REGISTERS, at, context
from emu.mec.selection import mec_controls
from emu.registers.table import BY_ENCODING, OPERATION_BY_ENCODING

_UNDEFINED = 0x00
REALM_MECIDS = (MecidSource.VP, MecidSource.VA)
"""The registers that a monitor changes with the Realm."""


def likely(hit: Hit) -> str:
    """The step that is probably missing before a substituted access, in one clause."""
    owner = hit.owned_by
    if owner.pas is not hit.pas:
        return (
            f"stored through the {owner.pas.label} address space, asked for through {hit.pas.label}: "
            "store it again through the address space it is used in"
        )
    if owner.mecid == hit.mecid:
        return f"the key of MECID {owner.mecid} was refreshed after the store: the new owner must initialise the page"
    if hit.pas is PAS.REALM and hit.source is MecidSource.ZERO:
        return "MEC was off (EMEC = 0) or the mapping had no MECID for this access: enable EMEC before it"
    if hit.source is MecidSource.ZERO:
        return f"the access carries no MECID: use a mapping that carries MECID {owner.mecid}"
    if hit.access is Access.WALK:
        return f"the tables were stored under MECID {owner.mecid}: store them under {hit.source.value}'s ({hit.mecid})"
    if hit.source in REALM_MECIDS and hit.writer is not None and hit.writer.el <= 1:
        # Stored by a Realm and read by a Realm: hardly ever one that has lost its MECID, nearly always two of them.
        return (
            f"wipe the page under MECID {hit.mecid} before it goes to another Realm; "
            f"or, within one Realm, set {hit.source.value} to {owner.mecid} (and ISB) before the access"
        )
    return (
        f"set {hit.source.value} to {owner.mecid} (and ISB) before the access, "
        f"or let the new owner store to the page first"
    )


def is_el3_noise(hit: Hit) -> bool:
    """Whether EL3 read what a Realm stored under a MECID that is not EL3's."""
    return hit.el == 3 and hit.pas is PAS.REALM and hit.owned_by.pas is PAS.REALM and hit.owner != hit.mecid


class WrongContext(Rule):
    """Walks are `walks`' business, and EL3's reads `El3Noise`'s."""

    id = "wrong-context"
    needs_mec = False
    numbers = (32,)
    severity = Severity.ERROR
    title = "Data is read under another context than it was stored under"
    why = (
        "Nothing faults when the MECIDs (or address spaces, or keys) of a store and a load differ: the load decrypts "
        "with its own key and gets noise. Whoever waits for a fault waits for ever, and goes on with the noise."
    )
    fix = "use the MECID that the data was stored under, or store to the memory first"
    kinds: ClassVar = (Hit,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, Hit)
        if event.access is Access.WALK or is_el3_noise(event):
            return
        writer = event.writer
        key = (event.pc, event.access, event.pas, event.mecid, event.owned_by, None if writer is None else writer.pc)
        if report.repeats(self, key):
            return
        owner = event.owned_by
        source = f" ({event.source.value})" if event.source is not MecidSource.ZERO else ""
        mine = f"MECID {event.mecid}{source}" if event.pas is PAS.REALM else f"the key of {event.pas.label} memory"
        theirs = context(owner) if owner.pas is PAS.REALM else f"the key of {owner.pas.label} memory"
        if owner.pas is event.pas and owner.mecid == event.mecid:
            theirs = f"an earlier key of it (generation {owner.generation}, now {machine.generation(owner.mecid)})"
        stored = "" if writer is None else f" at {at(machine, writer)}"
        gets = "0xDEADBEEF instead" if machine.model == "substitute" else "noise"
        address = (
            f"{event.va:#x} (PA {event.pa:#x})"
            if event.va is not None and int(event.va) != event.pa
            else f"{event.pa:#x}"
        )
        message = (
            f"the {event.access.value} of {address} at {at(machine, event.moment)} is decrypted with {mine}, but was "
            f"encrypted with {theirs}{stored}: it gets {gets}, and no fault tells"
        )
        report.add(
            self, key, event.moment, message, fix=likely(event), other=writer, va=event.va, pa=event.pa
        )  # fmt: skip


class El3Noise(Rule):
    id = "el3-reads-realm"
    numbers = (26,)
    severity = Severity.ERROR
    title = "EL3 reads Realm memory under a MECID that is not its owner's"
    why = (
        "EL3's accesses to the Realm address space have MECID 0, or with SCTLR2_EL3.EMEC=1 the one in MECID_RL_A_EL3. "
        "What a Realm stored under another MECID is noise to EL3. The same goes for devices without MECIDs."
    )
    fix = "set SCTLR2_EL3.EMEC and MECID_RL_A_EL3 to the owner's MECID, then ISB, or leave Realm memory alone"
    kinds: ClassVar = (Hit,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, Hit)
        if not is_el3_noise(event):
            return
        writer = event.writer
        key = (event.pc, event.mecid, event.owned_by, None if writer is None else writer.pc)
        if report.repeats(self, key):
            return
        if mec_controls(machine.acting, machine.features).is_el3_on:
            why = f"{EL3_REGISTER}={event.mecid}"
        else:
            why = "SCTLR2_EL3.EMEC=0"
        stored = "" if writer is None else f" at {at(machine, writer)}"
        message = (
            f"EL3's {event.access.value} of PA {event.pa:#x} at {at(machine, event.moment)} has MECID {event.mecid} "
            f"({why}), but the memory was stored under MECID {event.owner}{stored}: EL3 gets noise"
        )
        report.add(self, key, event.moment, message, other=writer, va=event.va, pa=event.pa)


def undefined_name(word: int) -> str | None:
    """The MEC register or operation that an MRS, MSR or SYS names; None for any other word."""
    if word >> 22 != 0b1101010100:
        return None
    encoding = (word >> 19 & 3, word >> 16 & 7, word >> 12 & 15, word >> 8 & 15, word >> 5 & 7)
    if encoding[0] == 1:
        operation = OPERATION_BY_ENCODING.get(encoding)
        return operation.name if operation is not None and operation.name == "DC CIPAE" else None
    register = BY_ENCODING.get(encoding)
    if register is None or register.name not in (*MECID_REGISTERS, "MECIDR_EL2"):
        return None
    return f"{'MRS from' if word >> 21 & 1 else 'MSR to'} {register.name}"


class _Undefined(Rule):
    """An instruction about MECIDs that is UNDEFINED where it was executed."""

    severity = Severity.WARNING
    kinds: ClassVar = (ExceptionTaken,)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, ExceptionTaken) and event.ec != _UNDEFINED

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, ExceptionTaken)
        moment = event.moment
        if event.ec != _UNDEFINED or not self.is_mine(moment.el, moment.security):
            return
        word = machine.fetch_word(moment.pc)
        name = None if word is None else undefined_name(word)
        if name is None or not self.concerns(name):
            return
        key = (moment.pc, moment.el, moment.security)
        if not report.repeats(self, key):
            message = f"{name} at {at(machine, moment)} is UNDEFINED {self.where(moment.el, moment.security)}"
            report.add(self, key, moment, message)

    def is_mine(self, el: int, security: Security) -> bool:
        raise NotImplementedError

    def concerns(self, name: str) -> bool:
        return True

    def where(self, el: int, security: Security) -> str:
        raise NotImplementedError


class UndefinedBelowEl2(_Undefined):
    id = "mec-below-el2"
    numbers = (28,)
    title = "MEC registers or DC CIPAE used below EL2"
    why = (
        "The MECID registers and DC CIPAE belong to EL2 and EL3. At EL1 and EL0 they are UNDEFINED at that level: EL2 "
        "does not see the attempt, nested virtualization (HCR_EL2.NV) makes no difference."
    )
    fix = "leave MECIDs to EL2: a Realm cannot see or choose its own"

    def is_mine(self, el: int, security: Security) -> bool:
        return el < 2

    def where(self, el: int, security: Security) -> str:
        return f"at EL{el}, and not trapped to EL2 either"


class UndefinedOutsideRealm(_Undefined):
    id = "mec-outside-realm"
    numbers = (29,)
    title = "MEC registers or DC CIPAE used by EL2 outside Realm state"
    why = (
        "Only Realm memory has MECIDs: at EL2 in Non-secure and Secure state the MECID registers and DC CIPAE are "
        "UNDEFINED. MECIDR_EL2 can be read everywhere."
    )
    fix = "use them in Realm state (or at EL3) only"

    def is_mine(self, el: int, security: Security) -> bool:
        return el == 2 and security is not Security.REALM

    def concerns(self, name: str) -> bool:
        return EL3_REGISTER not in name

    def where(self, el: int, security: Security) -> str:
        return f"at EL2 in {security.label} state"


RULES: tuple[type[Rule], ...] = (WrongContext, El3Noise, UndefinedBelowEl2, UndefinedOutsideRealm)
