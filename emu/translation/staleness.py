"""Does a TLB entry still say what the tables say? In which fields not, and since which control bit changed?"""

from __future__ import annotations

from dataclasses import dataclass

from emu.architecture import PAS, VA, Access, Regime, Security
from emu.mec.selection import MecControls
from emu.translation.faults import describe
from emu.translation.records import Fault, Permissions, Request, Translation
from emu.translation.regimes import RegisterView, hcr_of, regime_of, security_below_el3
from emu.translation.situation import situation_of
from emu.translation.tlb_entry import TlbEntry
from emu.translation.tlbi import Stages
from emu.translation.walk import Walker


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which a fresh walk contradicts an entry, both sides in words."""

    field: str
    kept: str
    fresh: str

    @property
    def text(self) -> str:
        return f"{self.field}: a fresh walk gives {self.fresh}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A TLB entry beside a fresh walk of its address."""

    incomparable: str = ""
    """Why there is nothing to compare with now, or ""."""
    fault: str = ""
    """The fault that a fresh walk takes, or ""."""
    differences: tuple[Difference, ...] = ()
    causes: tuple[str, ...] = ()
    """Control bits that have changed since the entry was made: "created under EMEC=1, which is 0 now"."""

    @property
    def is_stale(self) -> bool:
        return bool(self.fault or self.differences)

    @property
    def text(self) -> str:
        """Everything in one sentence; "" for an entry that is not stale."""
        if not self.is_stale:
            return ""
        parts = [f"a fresh walk faults: {self.fault}"] if self.fault else [item.text for item in self.differences]
        return "; ".join((*parts, *self.causes))


def compare(entry: TlbEntry, walker: Walker, regs: RegisterView, vmid: int | None, asid: int | None) -> Comparison:
    """An entry against the tables, by the registers as they are. `vmid` and `asid` are the regime's current ones."""
    request = Request(
        VA(entry.base),
        Access.READ,
        entry.regime.el,
        entry.regime,
        entry.security,
        is_at=True,
        ignores_permissions=True,
    )
    situation = situation_of(request, regs)
    reason = _incomparable(entry, regs, vmid, asid)
    if reason:
        return Comparison(reason)
    mec = walker.mec_controls(entry.security)
    fresh: Translation | Fault
    if entry.stages is Stages.STAGE2:
        if not situation.is_stage2_on or entry.ipa_pas is None:
            return Comparison("stage 2 is off now")
        fresh = walker.stage2.translate(entry.security, situation.hcr, mec, entry.base, entry.ipa_pas, None)
    else:
        if not situation.is_stage1_on:
            return Comparison("stage 1 is off now")
        if situation.is_stage2_on != (entry.stages is Stages.BOTH):
            return Comparison(f"stage 2 is {'on' if situation.is_stage2_on else 'off'} now")
        fresh = walker.translate(request)
    causes = _causes(entry, mec)
    if isinstance(fresh, Fault):
        text = describe(fresh)
        return Comparison(fault=text[0].lower() + text[1:], causes=causes)
    return Comparison(differences=differences(entry.translation, fresh, entry.base), causes=causes)


def _incomparable(entry: TlbEntry, regs: RegisterView, vmid: int | None, asid: int | None) -> str:
    """Why the registers now are not those that the entry belongs to, or ""."""
    if entry.regime is not Regime.EL3:
        security = security_below_el3(regs)
        if security is not entry.security:
            return f"the state below EL3 is {'reserved' if security is None else security.label} now"
        if entry.regime in (Regime.EL2, Regime.EL20) and regime_of(2, regs, security) is not entry.regime:
            return f"HCR_EL2.E2H={hcr_of(security, regs) >> 34 & 1} now"
    if entry.vmid != vmid:
        return f"VMID {vmid} is current"
    if entry.asid not in (None, asid):
        return f"ASID {asid} is current"
    return ""


def _causes(entry: TlbEntry, mec: MecControls) -> tuple[str, ...]:
    """Enables of MEC that the entry remembers otherwise than they are (mec-reference.md 1.6)."""
    kept, security = entry.translation, entry.security
    if kept.pas is not PAS.REALM:
        return ()
    found = []
    emec = mec.is_el3_on if entry.regime is Regime.EL3 else security is Security.REALM and mec.is_el2_on
    if kept.emec != emec:
        found.append(f"created under EMEC={int(kept.emec)}, which is {int(emec)} now")
    if security is Security.REALM and kept.mecen != mec.mecen:
        found.append(f"created under SCR_EL3.MECEn={int(kept.mecen)}, which is {int(mec.mecen)} now")
    upper = entry.regime is Regime.EL20 and bool(entry.base >> 55 & 1)
    is_alternate = bool(kept.amec) and kept.emec and entry.regime in (Regime.EL2, Regime.EL20)
    if is_alternate and not mec.allows_alternate(upper):
        found.append(f"created under AMEC{int(upper)}=1, which is 0 now")
    return tuple(found)


def differences(kept: Translation, fresh: Translation, address: int) -> tuple[Difference, ...]:
    """Every field in which two translations of an address differ."""
    pa = fresh.pa_base + (address - fresh.va_base)
    fields = (
        ("address", f"{kept.pa_base:#x}", f"{pa:#x}"),
        ("address space", kept.pas.label, fresh.pas.label),
        ("MECID", _mecid(kept), _mecid(fresh)),
        ("EMEC", _emec(kept), _emec(fresh)),
        ("permissions", permissions_text(kept.permissions), permissions_text(fresh.permissions)),
        (
            "stage 2 permissions",
            permissions_text(kept.stage2_permissions),
            permissions_text(fresh.stage2_permissions),
        ),
        ("memory type", _memory(kept), _memory(fresh)),
        ("guarded page", str(int(kept.is_guarded)), str(int(fresh.is_guarded))),
        ("global", _is_global(kept), _is_global(fresh)),
        ("size", _size(kept), _size(fresh)),
    )
    return tuple(Difference(name, before, now) for name, before, now in fields if before != now)


def permissions_text(allowed: Permissions | None) -> str:
    """ "rwx" of the privileged side, "rwx" of EL0's."""
    if allowed is None:
        return "none"
    parts = []
    for side in ("priv", "unpriv"):
        letters = (("read", "r"), ("write", "w"), ("execute", "x"))
        parts.append("".join(letter if getattr(allowed, f"{side}_{what}") else "-" for what, letter in letters))
    return " ".join(parts)


def _mecid(translation: Translation) -> str:
    return f"{translation.source.value}{'' if translation.mecen else ', which counts as 0'}"


def _emec(translation: Translation) -> str:
    """EMEC decides nothing about what is not Realm memory."""
    return str(int(translation.emec)) if translation.pas is PAS.REALM else ""


def _memory(translation: Translation) -> str:
    shareability = ("non-shareable", "reserved", "outer shareable", "inner shareable")
    attributes = translation.attributes
    return f"{attributes.text}, {shareability[attributes.shareability & 3]}"


def _is_global(translation: Translation) -> str:
    return "global" if translation.is_global else "one ASID"


def _size(translation: Translation) -> str:
    level = f"level {translation.level}"
    if translation.stage2_level is not None and translation.stage2_memattr is None:
        level += f", stage 2 level {translation.stage2_level}"
    return f"{translation.size >> 10} KiB at {level}"
