"""Rules about which MECID is whose: UNKNOWN, truncated, shared, reused and re-keyed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from emu.architecture import PAS, Access, MecidSource, Regime, Security
from emu.debug.events import (
    Event,
    ExceptionReturned,
    KeyRefreshed,
    Moment,
    RegisterWritten,
    TlbInvalidated,
)
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import EL2_REGISTERS, EL3_REGISTER, MECID_REGISTERS, at, listed, several
from emu.mec.selection import SCTLR2_EMEC, mec_controls, mecid_value, select_mmu_off, select_stage1
from emu.translation.controls import vmid_of
from emu.translation.records import Request
from emu.translation.regimes import HCR_DC, HCR_VM, regime_of

_BADDR = (1 << 48) - 2
"""VTTBR_EL2: the base of the stage 2 tables, without CnP and VMID."""


class Realm(NamedTuple):
    """Who runs at Realm EL1: what tells one Realm from another is its VMID and its stage 2 tables."""

    vmid: int
    tables: int


class EmecBeforeMecids(Rule):
    id = "emec-before-mecids"
    numbers = (5,)
    severity = Severity.ERROR
    title = "EMEC is set while MECID registers still hold what reset left"
    why = (
        "The MECID registers are UNKNOWN after reset. From the moment EMEC is 1 they decide under which context code, "
        "data and tables are read: with whatever number they happen to hold, the next fetch may be noise."
    )
    fix = "write all six EL2 MECID registers (for EL3: MECID_RL_A_EL3) and ISB before EMEC is set"
    kinds: ClassVar = (RegisterWritten,)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, RegisterWritten) and event.register not in ("SCTLR2_EL2", "SCTLR2_EL3")

    def __init__(self) -> None:
        self.known: frozenset[str] = frozenset()
        """Controls that were written: before that EMEC is UNKNOWN too, and whatever it is, it was not meant."""

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, RegisterWritten)
        registers = {"SCTLR2_EL2": EL2_REGISTERS, "SCTLR2_EL3": (EL3_REGISTER,)}.get(event.register)
        if registers is None:
            return
        old = event.old if event.register in self.known else 0
        self.known |= {event.register}
        if not event.new & ~old & SCTLR2_EMEC:
            return
        unknown = [name for name in registers if name in machine.never_written]
        if unknown:
            message = (
                f"{event.register}.EMEC is set at {at(machine, event.moment)} while {listed(unknown)} "
                f"{'is' if len(unknown) == 1 else 'are'} UNKNOWN: never written since reset"
            )
            report.add(self, (event.register, event.moment.pc), event.moment, message)


class EmecForeignCode(Rule):
    id = "emec-foreign-code"
    numbers = (6,)
    severity = Severity.ERROR
    title = "EMEC is set under code that was stored under another MECID"
    why = (
        "Setting EMEC changes the MECID of the very next instruction fetch from 0 to that of a P register. Code that "
        "was stored under another MECID turns into noise under the CPU's feet, at once or when the line leaves the "
        "cache."
    )
    fix = "set EMEC while MECID_P0_EL2 is the MECID that the code was stored under, and change over from there"
    kinds: ClassVar = (RegisterWritten,)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, RegisterWritten) and event.register != "SCTLR2_EL2"

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, RegisterWritten)
        moment = event.moment
        if event.register != "SCTLR2_EL2" or not event.new & ~event.old & SCTLR2_EMEC:
            return
        if moment.el != 2 or moment.security is not Security.REALM:
            return
        controls = mec_controls(machine.registers, machine.features)
        if not controls.is_el2_on:
            return
        regime = regime_of(2, machine.registers)
        walk = machine.explain(Request(moment.pc, Access.FETCH, 2, regime, Security.REALM))
        if walk.pa is None or walk.pas is not PAS.REALM:
            return
        upper = regime is Regime.EL20 and bool(moment.pc >> 55 & 1)
        if walk.translation is None or not walk.stage1_enabled:
            source = select_mmu_off(controls, regime, PAS.REALM)
        else:
            source = select_stage1(controls, regime, PAS.REALM, upper, walk.translation.amec)
        mecid = mecid_value(machine.registers, source, machine.features)
        owner = machine.owner_of(walk.pa)
        if owner is None or owner.pas is not PAS.REALM or owner.mecid == mecid:
            return
        writer = machine.last_writer(walk.pa)
        stored = "" if writer is None else f" at {at(machine, writer)}"
        message = (
            f"SCTLR2_EL2.EMEC is set at {at(machine, moment)}: fetches go by {source.value}={mecid} from here on, but "
            f"this code (PA {walk.pa:#x}) was stored under MECID {owner.mecid}{stored}"
        )
        report.add(self, moment.pc, moment, message, other=writer, va=moment.pc, pa=walk.pa)


class MecidTruncated(Rule):
    id = "mecid-truncated"
    numbers = (24,)
    severity = Severity.ERROR
    title = "A MECID has more bits than the machine implements"
    why = (
        "MECIDR_EL2.MECIDWidthm1 says how many bits of a MECID exist; the others are RES0. A larger number loses its "
        "upper bits without notice and means the context of somebody else."
    )
    fix = "use MECIDs below 2^(MECIDR_EL2.MECIDWidthm1 + 1)"
    kinds: ClassVar = (RegisterWritten,)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, RegisterWritten) and (
            event.register not in MECID_REGISTERS or event.given == event.new
        )

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, RegisterWritten)
        if event.register not in MECID_REGISTERS or event.given == event.new:
            return
        if report.repeats(self, (event.register, event.moment.pc)):
            return
        width = machine.features.mecid_width
        message = (
            f"MSR to {event.register} at {at(machine, event.moment)} asks for MECID {event.given:#x}, but only "
            f"{several(width, 'bit')} of a MECID {'is' if width == 1 else 'are'} implemented: it means "
            f"MECID {event.new:#x}"
        )
        report.add(self, (event.register, event.moment.pc), event.moment, message)


def _base(operation: str) -> str:
    """A TLBI's name without what changes nothing here."""
    return operation.removesuffix("NXS").removesuffix("IS").removesuffix("OS")


def _entered(machine: Watched) -> tuple[Realm, int] | None:
    """The Realm that stage 2 belongs to, and its MECID; None where either is off."""
    registers = machine.acting
    if not registers["HCR_EL2"] & (HCR_VM | HCR_DC) or not mec_controls(registers, machine.features).is_el2_on:
        return None
    realm = Realm(vmid_of(registers["VTTBR_EL2"], registers["VTCR_EL2"]), registers["VTTBR_EL2"] & _BADDR)
    return realm, mecid_value(registers, MecidSource.VP, machine.features)


class _RealmEntry(Rule):
    """What watches Realms being entered: ERET to EL1 or EL0 in Realm state with stage 2 and EMEC on."""

    kinds: ClassVar = (ExceptionReturned, TlbInvalidated)

    def ignores(self, event: Event) -> bool:
        if isinstance(event, TlbInvalidated):
            return _base(event.operation) not in ("ALLE1", "VMALLS12E1")
        if not isinstance(event, ExceptionReturned):
            return False
        return event.to_el > 1 or event.to_security is not Security.REALM or event.moment.el < 2

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, TlbInvalidated):
            operation = _base(event.operation)
            if operation in ("ALLE1", "VMALLS12E1"):
                before = self.memory()
                self.retires(None if operation == "ALLE1" else self._vmid(machine))
                if self.memory() != before:
                    report.changed()
            return
        if not isinstance(event, ExceptionReturned) or event.to_el > 1 or event.to_security is not Security.REALM:
            return
        if event.moment.el < 2:
            return  # within the Realm
        entered = machine.steered(_entered)
        if entered is None:
            return
        if self.is_usual(*entered, machine):
            self.ran(*entered, event.moment)
        else:
            self.enters(*entered, event.moment, machine, report)

    def settled(self, event: Event, machine: Watched) -> bool:
        entered = machine.steered(_entered)
        return entered is None or self.is_usual(*entered, machine)

    def again(self, event: Event, machine: Watched) -> Callable[[Moment], None] | None:
        entered = machine.steered(_entered)
        if entered is None:
            return None
        realm, mecid = entered
        return lambda moment: self.ran(realm, mecid, moment)

    def is_usual(self, realm: Realm, mecid: int, machine: Watched) -> bool:
        """Whether an entry of a Realm under a MECID is news only by its moment."""
        raise NotImplementedError

    def ran(self, realm: Realm, mecid: int, moment: Moment) -> None:
        """Such an entry, the last one so far."""
        raise NotImplementedError

    def _vmid(self, machine: Watched) -> int:
        return vmid_of(machine.acting["VTTBR_EL2"], machine.acting["VTCR_EL2"])

    def retires(self, vmid: int | None) -> None:
        """Everything TLBs know of a VMID was thrown away (None: of every VMID): it may become another Realm's."""

    def enters(self, realm: Realm, mecid: int, moment: Moment, machine: Watched, report: Report) -> None:
        raise NotImplementedError


class VmidUnderOtherMecid(_RealmEntry):
    id = "vmid-under-other-mecid"
    numbers = (7,)
    severity = Severity.ERROR
    title = "A Realm runs under another VMECID_P_EL2 than before"
    why = (
        "VMECID_P_EL2 is the context of a Realm's memory and of its stage 2 tables. Entered under another number, the "
        "Realm finds noise, or its tables are walked as noise and fault at random addresses; under 0 it shares the "
        "context of the RMM."
    )
    fix = "write the Realm's own MECID to VMECID_P_EL2 together with VTTBR_EL2, before every ERET to it"

    def __init__(self) -> None:
        self.last: dict[int, tuple[int, int, Moment]] = {}
        """MECID, stage 2 tables and moment at which each VMID was last entered."""

    def retires(self, vmid: int | None) -> None:
        if vmid is None:
            self.last.clear()
        else:
            self.last.pop(vmid, None)

    def is_usual(self, realm: Realm, mecid: int, machine: Watched) -> bool:
        before = self.last.get(realm.vmid)
        return before is not None and before[:2] == (mecid, realm.tables)

    def ran(self, realm: Realm, mecid: int, moment: Moment) -> None:
        self.last[realm.vmid] = (mecid, realm.tables, moment)

    def enters(self, realm: Realm, mecid: int, moment: Moment, machine: Watched, report: Report) -> None:
        before = self.last.get(realm.vmid)
        if before is not None and before[0] != mecid:
            message = (
                f"VMID {realm.vmid} is entered at {at(machine, moment)} with VMECID_P_EL2={mecid}, but it ran with "
                f"VMECID_P_EL2={before[0]} before, entered at {at(machine, before[2])}"
            )
            report.add(self, (realm.vmid, before[0], mecid, moment.pc), moment, message, other=before[2])
        if before is not None:
            report.changed()
        self.last[realm.vmid] = (mecid, realm.tables, moment)


class _User(NamedTuple):
    realm: Realm
    generation: int
    moment: Moment


class MecidReused(_RealmEntry):
    id = "mecid-reused"
    numbers = (21,)
    severity = Severity.ERROR
    title = "A MECID passes to another Realm without a new key"
    why = (
        "Whatever the earlier Realm left in memory was encrypted under the MECID's key. As long as the key stays, the "
        "next Realm with that MECID reads it in plaintext wherever a granule was not scrubbed."
    )
    fix = "refresh the MECID's key (RMM_MEC_REFRESH or FIRME_MECID_REFRESH) between the two Realms"

    def __init__(self) -> None:
        self.users: dict[int, _User] = {}
        """By MECID: the last Realm that ran under it."""
        self.gone: frozenset[Realm] = frozenset()
        """Realms whose VMID was invalidated since they last ran."""
        self.contested: frozenset[int] = frozenset()
        """MECIDs that several Realms ran under with their present keys."""

    def retires(self, vmid: int | None) -> None:
        realms = {user.realm for user in self.users.values()}
        self.gone |= {realm for realm in realms if vmid is None or realm.vmid == vmid}

    def is_usual(self, realm: Realm, mecid: int, machine: Watched) -> bool:
        before = self.users.get(mecid)
        if before is None or before.realm != realm or realm in self.gone or mecid in self.contested:
            return False
        return before.generation == machine.generation(mecid)

    def ran(self, realm: Realm, mecid: int, moment: Moment) -> None:
        self.users[mecid] = self.users[mecid]._replace(moment=moment)

    def enters(self, realm: Realm, mecid: int, moment: Moment, machine: Watched, report: Report) -> None:
        before, generation = self.users.get(mecid), machine.generation(mecid)
        if (
            before is not None
            and before.realm != realm
            and before.realm in self.gone
            and before.generation == generation
            and mecid
        ):
            left = [page.pa for page in machine.pages() if page.pas is PAS.REALM and page.mecid == mecid]
            if left:
                message = (
                    f"MECID {mecid} passes from VMID {before.realm.vmid} (entered at {at(machine, before.moment)}) to "
                    f"VMID {realm.vmid} at {at(machine, moment)} with its key unchanged (generation {generation}): "
                    f"{several(len(left), 'granule')} can still be read in plaintext"
                )
                report.add(self, (mecid, before.realm, realm), moment, message, other=before.moment)
        self.gone -= {realm}
        if before is None or before.generation != generation:
            self.contested -= {mecid}
        elif before.realm != realm and mecid not in self.contested:
            self.contested |= {mecid}
            report.changed()
        self.users[mecid] = _User(realm, generation, moment)


class MecidShared(_RealmEntry):
    id = "mecid-shared"
    numbers = (23,)
    severity = Severity.INFO
    title = "Two Realms use one MECID"
    why = (
        "Realms may share a MECID by policy. Realms that should be private and share one by mistake show no symptom: "
        "only their isolation is gone, and a new key for one of them takes the memory of the other."
    )
    fix = "give each private Realm a MECID of its own; where the sharing is meant, ignore this"

    def __init__(self) -> None:
        self.users: dict[int, dict[Realm, Moment]] = {}

    def retires(self, vmid: int | None) -> None:
        self.users = {
            mecid: {realm: moment for realm, moment in users.items() if vmid is not None and realm.vmid != vmid}
            for mecid, users in self.users.items()
        }

    def is_usual(self, realm: Realm, mecid: int, machine: Watched) -> bool:
        return self.users.get(mecid, {}).keys() == {realm}

    def ran(self, realm: Realm, mecid: int, moment: Moment) -> None:
        self.users[mecid] = {realm: moment}

    def enters(self, realm: Realm, mecid: int, moment: Moment, machine: Watched, report: Report) -> None:
        users = dict(self.users.get(mecid, {}))
        for other, entered in users.items():
            if other != realm:
                message = (
                    f"VMID {realm.vmid}, entered at {at(machine, moment)}, and VMID {other.vmid}, entered at "
                    f"{at(machine, entered)}, both run under MECID {mecid}"
                )
                report.add(self, (mecid, frozenset((realm, other))), moment, message, other=entered)
        if users and realm not in users:
            report.changed()
        self.users[mecid] = users | {realm: moment}


class RefreshInUse(Rule):
    id = "refresh-in-use"
    numbers = (22,)
    severity = Severity.ERROR
    title = "A key is replaced while its MECID is in use"
    why = (
        "A new key makes everything stored under the old one noise at once. A register or a TLB entry that still "
        "leads to the MECID belongs to somebody who is about to read that noise."
    )
    fix = "stop using the MECID first: other values in the registers, mappings removed and invalidated, lines cleaned"
    kinds: ClassVar = (KeyRefreshed,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, KeyRefreshed)
        references = machine.references(event.mecid)
        el2 = mec_controls(machine.acting, machine.features).is_el2_on
        el3 = mec_controls(machine.acting, machine.features).is_el3_on
        registers = [
            name
            for name in references.registers
            if name not in machine.never_written and (el3 if name == EL3_REGISTER else el2)
        ]
        entries = references.tlb if el2 or el3 else ()
        if not registers:
            return
        mapped = f" and {len(entries)} TLB entries lead to it" if len(entries) > 1 else ""
        message = (
            f"the key of MECID {event.mecid} is replaced at {at(machine, event.moment)} (generation "
            f"{event.generation}) while {listed(registers)} still {'holds' if len(registers) == 1 else 'hold'} that "
            f"MECID{mapped}"
        )
        report.add(self, (event.mecid, event.moment.pc), event.moment, message)


RULES: tuple[type[Rule], ...] = (
    EmecBeforeMecids,
    EmecForeignCode,
    VmidUnderOtherMecid,
    MecidReused,
    RefreshInUse,
    MecidShared,
    MecidTruncated,
)
