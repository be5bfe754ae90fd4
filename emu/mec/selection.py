"""Which register supplies the MECID of an access, and why (mec-reference.md 1.3 to 1.5)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from emu.architecture import PAS, MecidSource, Regime, Security
from emu.features import Features
from emu.translation.regimes import RegisterView

SCR_TCR2EN = 1 << 43
SCR_SCTLR2EN = 1 << 44
SCR_MECEN = 1 << 49
SCTLR2_EMEC = 1 << 1
TCR2_AMEC0 = 1 << 12
TCR2_AMEC1 = 1 << 13
TCR_A1 = 1 << 22

_GATED = frozenset((MecidSource.P0, MecidSource.A0, MecidSource.P1, MecidSource.A1, MecidSource.VP, MecidSource.VA))
"""The EL2 MECID registers, which count as 0 while SCR_EL3.MECEn is 0."""


class MecControls(NamedTuple):
    """The bits that decide about MECIDs, raw: what is effective follows from them."""

    has_mec: bool
    has_sctlr2: bool
    has_tcr2: bool
    sctlr2en: bool
    """SCR_EL3.SCTLR2En."""
    tcr2en: bool
    """SCR_EL3.TCR2En."""
    emec_el2: bool
    """SCTLR2_EL2.EMEC."""
    emec_el3: bool
    """SCTLR2_EL3.EMEC."""
    amec0: bool
    """TCR2_EL2.AMEC0."""
    amec1: bool
    """TCR2_EL2.AMEC1."""
    a1: bool
    """TCR_EL2.A1, which picks the register of EL2&0 walks."""
    mecen: bool = True
    """SCR_EL3.MECEn: the EL2 MECID registers count."""

    @property
    def is_el2_on(self) -> bool:
        """Effective EMEC of Realm EL2, EL2&0 and EL1&0."""
        return self.has_mec and self.has_sctlr2 and self.sctlr2en and self.emec_el2

    @property
    def is_el3_on(self) -> bool:
        """Effective EMEC of EL3."""
        return self.has_mec and self.has_sctlr2 and self.emec_el3

    def allows_alternate(self, upper: bool) -> bool:
        """Effective AMEC0 or (for `upper`, VA[55]=1 of EL2&0) AMEC1, in Realm state."""
        return self.has_tcr2 and self.tcr2en and (self.amec1 if upper else self.amec0)


def mec_controls(regs: RegisterView, features: Features) -> MecControls:
    """Read the controlling bits from the registers."""
    scr = regs["SCR_EL3"]
    tcr2 = regs["TCR2_EL2"]
    return MecControls(
        features.has_mec,
        features.has_sctlr2,
        features.has_tcr2,
        bool(scr & SCR_SCTLR2EN),
        bool(scr & SCR_TCR2EN),
        bool(regs["SCTLR2_EL2"] & SCTLR2_EMEC),
        bool(regs["SCTLR2_EL3"] & SCTLR2_EMEC),
        bool(tcr2 & TCR2_AMEC0),
        bool(tcr2 & TCR2_AMEC1),
        bool(regs["TCR_EL2"] & TCR_A1),
        bool(scr & SCR_MECEN),
    )


# --- effective values (1.3) ---------------------------------------------------------------------------------------


def emec_el2(regs: RegisterView, features: Features) -> bool:
    """Effective SCTLR2_EL2.EMEC. EL2 is always enabled in Realm state, the only one it matters to."""
    return mec_controls(regs, features).is_el2_on


def emec_el3(regs: RegisterView, features: Features) -> bool:
    """Effective SCTLR2_EL3.EMEC."""
    return mec_controls(regs, features).is_el3_on


def amec0(regs: RegisterView, features: Features, security: Security) -> bool:
    """Effective TCR2_EL2.AMEC0: leaves with AMEC=1 may be used by EL2 and the lower half of EL2&0."""
    return security == Security.REALM and mec_controls(regs, features).allows_alternate(False)


def amec1(regs: RegisterView, features: Features, security: Security) -> bool:
    """Effective TCR2_EL2.AMEC1: the same for the upper half of EL2&0."""
    return security == Security.REALM and mec_controls(regs, features).allows_alternate(True)


def mecid_value(regs: RegisterView, source: MecidSource, features: Features, mecen: bool | None = None) -> int:
    """The number a source supplies now. With SCR_EL3.MECEn=0 the six EL2 registers supply 0.

    `mecen` is MECEn as a translation remembers it (mec-reference.md 1.6); None asks the register.
    """
    if source is MecidSource.ZERO:
        return 0
    if source in _GATED and not (regs["SCR_EL3"] & SCR_MECEN if mecen is None else mecen):
        return 0
    return regs[source.value] & features.mecid_mask


# --- selection (1.5) ----------------------------------------------------------------------------------------------


def select_stage1(controls: MecControls, regime: Regime, pas: PAS, upper: bool, amec: int) -> MecidSource:
    """Table (a): source for a stage-1 output. `pas` is the output's, `upper` is VA[55], `amec` the leaf's bit 63."""
    if pas != PAS.REALM:
        return MecidSource.ZERO
    if regime is Regime.EL3:
        return MecidSource.RL3 if controls.is_el3_on else MecidSource.ZERO
    if not controls.is_el2_on:
        return MecidSource.ZERO
    if regime is Regime.EL10:
        return MecidSource.VP
    if regime is Regime.EL20 and upper:
        return MecidSource.A1 if amec else MecidSource.P1
    return MecidSource.A0 if amec else MecidSource.P0


def select_stage2(controls: MecControls, pas: PAS, amec: int) -> MecidSource:
    """Table (b): source for a stage-2 output, which overrides stage 1's."""
    if pas != PAS.REALM or not controls.is_el2_on:
        return MecidSource.ZERO
    return MecidSource.VA if amec else MecidSource.VP


def select_mmu_off(controls: MecControls, regime: Regime, pas: PAS) -> MecidSource:
    """Table (c): source for an access with stage 1 off; table (b) follows where stage 2 is on."""
    if pas != PAS.REALM or regime is Regime.EL3 or not controls.is_el2_on:
        return MecidSource.ZERO
    return MecidSource.VP if regime is Regime.EL10 else MecidSource.P0


def select_walk(controls: MecControls, regime: Regime, pas: PAS, stage: int) -> MecidSource:
    """Table (d): source for a descriptor read of a table in `pas`.

    For stage 1 of EL1&0 this is the case of stage 2 disabled; else table (b) for the leaf that maps the table.
    """
    if pas != PAS.REALM or regime is Regime.EL3 or not controls.is_el2_on:
        return MecidSource.ZERO
    if stage == 2 or regime is Regime.EL10:
        return MecidSource.VP
    if regime is Regime.EL2 or controls.a1:
        return MecidSource.P0
    return MecidSource.P1


def is_amec_fault(controls: MecControls, regime: Regime, pas: PAS, upper: bool, amec: int) -> bool:
    """Whether a stage-1 leaf takes a Translation fault for AMEC=1 while AMEC0 or AMEC1 is 0 (1.4).

    Only Realm EL2 and EL2&0, only for Realm output, only when EMEC is on. Stage 2 never faults for AMEC.
    """
    return bool(
        amec
        and pas == PAS.REALM
        and regime in (Regime.EL2, Regime.EL20)
        and controls.is_el2_on
        and not controls.allows_alternate(upper and regime is Regime.EL20)
    )


# --- reasons, in words --------------------------------------------------------------------------------------------


def explain_emec_el2(controls: MecControls) -> str:
    """The chain of enables behind the effective EMEC of EL2."""
    if not controls.has_mec:
        return "FEAT_MEC is not implemented"
    if not controls.has_sctlr2:
        return "FEAT_SCTLR2 is not implemented"
    if not controls.emec_el2:
        return "SCTLR2_EL2.EMEC=0"
    if not controls.sctlr2en:
        return "SCTLR2_EL2.EMEC=1 but SCR_EL3.SCTLR2En=0"
    return "SCTLR2_EL2.EMEC=1"


def explain_emec_el3(controls: MecControls) -> str:
    """The chain of enables behind the effective EMEC of EL3."""
    if not controls.has_mec:
        return "FEAT_MEC is not implemented"
    if not controls.has_sctlr2:
        return "FEAT_SCTLR2 is not implemented"
    return f"SCTLR2_EL3.EMEC={int(controls.emec_el3)}"


def explain_amec(controls: MecControls, upper: bool) -> str:
    """The chain of enables behind the effective AMEC0, or AMEC1 for `upper`."""
    name = "AMEC1" if upper else "AMEC0"
    if not controls.has_tcr2:
        return "FEAT_TCR2 is not implemented"
    if not (controls.amec1 if upper else controls.amec0):
        return f"TCR2_EL2.{name}=0"
    if not controls.tcr2en:
        return f"TCR2_EL2.{name}=1 but SCR_EL3.TCR2En=0"
    return f"TCR2_EL2.{name}=1"


def explain_amec_fault(controls: MecControls, regime: Regime, upper: bool) -> str:
    """Why a leaf with AMEC=1 faults, for inputs where `is_amec_fault` says so."""
    is_upper = upper and regime is Regime.EL20
    name = f"TCR2_EL2.{'AMEC1' if is_upper else 'AMEC0'}"
    half = f" (VA[55]={int(upper)})" if regime is Regime.EL20 else ""
    if not controls.has_tcr2:
        return f"leaf has AMEC=1 but {name} is 0: FEAT_TCR2 is not implemented"
    if not (controls.amec1 if is_upper else controls.amec0):
        return f"leaf has AMEC=1 but {name} is 0{half}"
    return f"leaf has AMEC=1 but {name}=1 counts as 0: SCR_EL3.TCR2En=0{half}"


@lru_cache(maxsize=1024)
def explain_stage1(controls: MecControls, regime: Regime, pas: PAS, upper: bool, amec: int) -> str:
    """Why `select_stage1` chose as it did, for the same inputs."""
    if pas != PAS.REALM:
        ignored = ", leaf AMEC=1 ignored" if amec and regime in (Regime.EL2, Regime.EL20) else ""
        return f"output PAS is {pas.label}{ignored}"
    if regime is Regime.EL3:
        return f"{explain_emec_el3(controls)}, EL3 ignores AMEC" if amec else explain_emec_el3(controls)
    if not controls.is_el2_on:
        ignored = ", leaf AMEC=1 ignored" if amec and regime is not Regime.EL10 else ""
        return explain_emec_el2(controls) + ignored
    if regime is Regime.EL10:
        return "SCTLR2_EL2.EMEC=1, EL1&0 without stage 2"
    half = f", VA[55]={int(upper)}" if regime is Regime.EL20 else ""
    if amec:
        return f"{explain_amec(controls, upper and regime is Regime.EL20)}, leaf AMEC=1{half}"
    return f"SCTLR2_EL2.EMEC=1, leaf AMEC=0{half}"


@lru_cache(maxsize=1024)
def explain_stage2(controls: MecControls, pas: PAS, amec: int) -> str:
    """Why `select_stage2` chose as it did."""
    if pas != PAS.REALM:
        return f"output PAS is {pas.label}{', stage-2 leaf AMEC=1 ignored' if amec and controls.is_el2_on else ''}"
    if not controls.is_el2_on:
        return explain_emec_el2(controls) + (", stage-2 leaf AMEC=1 ignored" if amec else "")
    return f"SCTLR2_EL2.EMEC=1, stage-2 leaf AMEC={amec}"


@lru_cache(maxsize=1024)
def explain_mmu_off(controls: MecControls, regime: Regime, pas: PAS) -> str:
    """Why `select_mmu_off` chose as it did."""
    if pas != PAS.REALM:
        return f"stage 1 off, PAS is {pas.label}"
    return f"stage 1 off, {explain_emec_el2(controls)}"


@lru_cache(maxsize=1024)
def explain_walk(controls: MecControls, regime: Regime, pas: PAS, stage: int) -> str:
    """Why `select_walk` chose as it did."""
    if regime is Regime.EL3:
        return "EL3 walks use the root PAS"
    if pas != PAS.REALM:
        return f"table is in the {pas.label} PAS"
    if not controls.is_el2_on:
        return explain_emec_el2(controls)
    if stage == 2:
        return "SCTLR2_EL2.EMEC=1, stage-2 walk"
    if regime is Regime.EL10:
        return "SCTLR2_EL2.EMEC=1, stage-1 walk of EL1&0 without stage 2"
    if regime is Regime.EL2:
        return "SCTLR2_EL2.EMEC=1, walk of the EL2 regime"
    return f"SCTLR2_EL2.EMEC=1, TCR_EL2.A1={int(controls.a1)}"


def explain_mecid(regs: RegisterView, source: MecidSource, features: Features) -> str:
    """Why a source's number is not what its register holds, or "" when it is."""
    if source is MecidSource.ZERO:
        return ""
    held = regs[source.value]
    if source in _GATED and not regs["SCR_EL3"] & SCR_MECEN:
        return f"SCR_EL3.MECEn=0 makes {source.value} count as 0"
    if held != held & features.mecid_mask:
        return f"only {features.mecid_width} bits of a MECID are implemented"
    return ""


def effective_enables(regs: RegisterView, features: Features) -> dict[str, tuple[bool, str]]:
    """Each enable as it acts on Realm state now, with the reason: emec_el2, emec_el3, amec0, amec1."""
    controls = mec_controls(regs, features)
    return {
        "emec_el2": (controls.is_el2_on, explain_emec_el2(controls)),
        "emec_el3": (controls.is_el3_on, explain_emec_el3(controls)),
        "amec0": (controls.allows_alternate(False), explain_amec(controls, False)),
        "amec1": (controls.allows_alternate(True), explain_amec(controls, True)),
    }
