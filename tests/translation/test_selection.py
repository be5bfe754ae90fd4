"""Tables 1.3 and 1.5 of mec-reference.md, row by row."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest

from emu.architecture import PAS, MecidSource, Regime, Security
from emu.features import Features
from emu.mec.selection import (
    amec0,
    amec1,
    effective_enables,
    emec_el2,
    emec_el3,
    explain_amec,
    explain_amec_fault,
    explain_emec_el2,
    explain_mecid,
    explain_mmu_off,
    explain_stage1,
    explain_stage2,
    explain_walk,
    is_amec_fault,
    mec_controls,
    mecid_value,
    select_mmu_off,
    select_stage1,
    select_stage2,
    select_walk,
)

MECEN, SCTLR2EN, TCR2EN = 1 << 49, 1 << 44, 1 << 43
ALL_ON = {
    "SCR_EL3": MECEN | SCTLR2EN | TCR2EN,
    "SCTLR2_EL2": 2,
    "SCTLR2_EL3": 2,
    "TCR2_EL2": 1 << 12 | 1 << 13,
}
FEATURES = Features()
ZERO, P0, A0, P1, A1, VP, VA, RL3 = (
    MecidSource.ZERO,
    MecidSource.P0,
    MecidSource.A0,
    MecidSource.P1,
    MecidSource.A1,
    MecidSource.VP,
    MecidSource.VA,
    MecidSource.RL3,
)
OTHERS = (PAS.SECURE, PAS.NON_SECURE, PAS.ROOT)


def regs(**changes: int) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    found.update(ALL_ON)
    found.update(changes)
    return found


ON = mec_controls(regs(), FEATURES)
OFF = mec_controls(regs(SCTLR2_EL2=0, SCTLR2_EL3=0), FEATURES)


@pytest.mark.parametrize("mec", [True, False])
@pytest.mark.parametrize("sctlr2", [True, False])
@pytest.mark.parametrize("enabled", [0, SCTLR2EN])
@pytest.mark.parametrize("emec", [0, 2])
def test_emec_el2_needs_everything(mec: bool, sctlr2: bool, enabled: int, emec: int) -> None:
    features = Features(has_mec=mec, has_sctlr2=sctlr2)
    expected = mec and sctlr2 and enabled != 0 and emec != 0
    assert emec_el2(regs(SCR_EL3=enabled, SCTLR2_EL2=emec), features) == expected


def test_emec_el3_has_no_enable_above_it() -> None:
    assert emec_el3(regs(SCR_EL3=0), FEATURES)
    assert not emec_el3(regs(SCTLR2_EL3=0), FEATURES)
    assert not emec_el3(regs(), Features(has_mec=False))


@pytest.mark.parametrize(("bit", "effective"), [(12, amec0), (13, amec1)])
def test_amec_enables_need_realm_state_tcr2_and_its_bit(bit: int, effective: object) -> None:
    assert callable(effective)
    assert effective(regs(TCR2_EL2=1 << bit), FEATURES, Security.REALM)
    assert not effective(regs(TCR2_EL2=~(1 << bit) & (1 << 64) - 1), FEATURES, Security.REALM)
    assert not effective(regs(SCR_EL3=MECEN | SCTLR2EN), FEATURES, Security.REALM)
    assert not effective(regs(), Features(has_tcr2=False), Security.REALM)
    for security in (Security.SECURE, Security.NON_SECURE, Security.ROOT):
        assert not effective(regs(), FEATURES, security)


@pytest.mark.parametrize("source", [P0, A0, P1, A1, VP, VA])
def test_mecen_0_zeroes_the_six_el2_registers(source: MecidSource) -> None:
    held = {source.value: 0xABCD}
    assert mecid_value(regs(**held), source, FEATURES) == 0xABCD
    assert mecid_value(regs(**held, SCR_EL3=SCTLR2EN | TCR2EN), source, FEATURES) == 0
    assert "MECEn=0" in explain_mecid(regs(**held, SCR_EL3=0), source, FEATURES)


def test_mecen_does_not_gate_the_el3_register() -> None:
    assert mecid_value(regs(SCR_EL3=0, MECID_RL_A_EL3=12), RL3, FEATURES) == 12


@pytest.mark.parametrize("width", range(1, 17))
def test_mecids_have_the_implemented_width(width: int) -> None:
    assert mecid_value(regs(MECID_P0_EL2=0xFFFF_FFFF), P0, Features(mecid_width=width)) == (1 << width) - 1


def test_the_zero_source_is_0() -> None:
    assert mecid_value(regs(), ZERO, FEATURES) == 0


# (a)


@pytest.mark.parametrize(("regime", "upper", "amec"), list(product(Regime, (False, True), (0, 1))))
def test_stage1_without_emec_or_outside_realm_is_zero(regime: Regime, upper: bool, amec: int) -> None:
    assert select_stage1(OFF, regime, PAS.REALM, upper, amec) is ZERO
    for pas in OTHERS:
        assert select_stage1(ON, regime, pas, upper, amec) is ZERO


@pytest.mark.parametrize(
    ("regime", "upper", "amec", "expected"),
    [
        (Regime.EL3, False, 0, RL3),
        (Regime.EL3, False, 1, RL3),
        (Regime.EL2, False, 0, P0),
        (Regime.EL2, False, 1, A0),
        (Regime.EL2, True, 0, P0),  # one range: bit 55 chooses nothing
        (Regime.EL2, True, 1, A0),
        (Regime.EL20, False, 0, P0),
        (Regime.EL20, False, 1, A0),
        (Regime.EL20, True, 0, P1),
        (Regime.EL20, True, 1, A1),
        (Regime.EL10, False, 0, VP),
        (Regime.EL10, True, 0, VP),
        (Regime.EL10, True, 1, VP),
    ],
)
def test_stage1_sources(regime: Regime, upper: bool, amec: int, expected: MecidSource) -> None:
    assert select_stage1(ON, regime, PAS.REALM, upper, amec) is expected


def test_each_el_has_its_own_emec() -> None:
    only_el3 = mec_controls(regs(SCTLR2_EL2=0), FEATURES)
    only_el2 = mec_controls(regs(SCTLR2_EL3=0), FEATURES)
    assert select_stage1(only_el3, Regime.EL3, PAS.REALM, False, 0) is RL3
    assert select_stage1(only_el3, Regime.EL2, PAS.REALM, False, 0) is ZERO
    assert select_stage1(only_el2, Regime.EL3, PAS.REALM, False, 0) is ZERO
    assert select_stage1(only_el2, Regime.EL2, PAS.REALM, False, 0) is P0


# (b)


def test_stage2_sources() -> None:
    assert select_stage2(ON, PAS.REALM, 0) is VP
    assert select_stage2(ON, PAS.REALM, 1) is VA
    for amec in (0, 1):
        assert select_stage2(OFF, PAS.REALM, amec) is ZERO
        assert select_stage2(ON, PAS.NON_SECURE, amec) is ZERO


def test_stage2_has_no_enable_for_amec() -> None:
    assert select_stage2(mec_controls(regs(TCR2_EL2=0), FEATURES), PAS.REALM, 1) is VA


# (c)


def test_mmu_off_sources() -> None:
    assert select_mmu_off(ON, Regime.EL2, PAS.REALM) is P0
    assert select_mmu_off(ON, Regime.EL20, PAS.REALM) is P0
    assert select_mmu_off(ON, Regime.EL10, PAS.REALM) is VP
    assert select_mmu_off(ON, Regime.EL3, PAS.ROOT) is ZERO
    for regime in Regime:
        assert select_mmu_off(OFF, regime, PAS.REALM) is ZERO
        for pas in OTHERS:
            assert select_mmu_off(ON, regime, pas) is ZERO


# (d)


@pytest.mark.parametrize("stage", [1, 2])
def test_walks_outside_realm_without_emec_or_of_el3_use_zero(stage: int) -> None:
    for regime in Regime:
        assert select_walk(OFF, regime, PAS.REALM, stage) is ZERO
        for pas in OTHERS:
            assert select_walk(ON, regime, pas, stage) is ZERO
    assert select_walk(ON, Regime.EL3, PAS.ROOT, 1) is ZERO


def test_walk_sources() -> None:
    with_a1 = mec_controls(regs(TCR_EL2=1 << 22), FEATURES)
    assert select_walk(ON, Regime.EL2, PAS.REALM, 1) is P0
    assert select_walk(with_a1, Regime.EL2, PAS.REALM, 1) is P0
    assert select_walk(with_a1, Regime.EL20, PAS.REALM, 1) is P0
    assert select_walk(ON, Regime.EL20, PAS.REALM, 1) is P1
    assert select_walk(ON, Regime.EL10, PAS.REALM, 1) is VP
    assert select_walk(ON, Regime.EL10, PAS.REALM, 2) is VP


# 1.4


@pytest.mark.parametrize(("regime", "upper", "pas", "amec"), list(product(Regime, (False, True), PAS, (0, 1))))
@pytest.mark.parametrize("emec", [0, 2])
@pytest.mark.parametrize("tcr2", [0, 1 << 12, 1 << 13, 3 << 12])
def test_amec_faults_only_where_1_4_says(
    regime: Regime, upper: bool, pas: PAS, amec: int, emec: int, tcr2: int
) -> None:
    controls = mec_controls(regs(SCTLR2_EL2=emec, TCR2_EL2=tcr2), FEATURES)
    if regime is Regime.EL20:
        allowed = tcr2 >> (13 if upper else 12) & 1
    else:
        allowed = tcr2 >> 12 & 1
    expected = regime in (Regime.EL2, Regime.EL20) and pas == PAS.REALM and amec == 1 and emec == 2 and not allowed
    assert is_amec_fault(controls, regime, pas, upper, amec) == expected


# Reasons


def test_reasons_name_the_chain_of_enables() -> None:
    assert explain_emec_el2(mec_controls(regs(SCR_EL3=0), FEATURES)) == "SCTLR2_EL2.EMEC=1 but SCR_EL3.SCTLR2En=0"
    assert explain_emec_el2(OFF) == "SCTLR2_EL2.EMEC=0"
    assert explain_amec(mec_controls(regs(SCR_EL3=0), FEATURES), True) == "TCR2_EL2.AMEC1=1 but SCR_EL3.TCR2En=0"
    assert explain_stage1(ON, Regime.EL20, PAS.REALM, True, 1) == "TCR2_EL2.AMEC1=1, leaf AMEC=1, VA[55]=1"
    assert explain_stage1(ON, Regime.EL20, PAS.REALM, False, 0) == "SCTLR2_EL2.EMEC=1, leaf AMEC=0, VA[55]=0"
    assert explain_stage1(ON, Regime.EL2, PAS.NON_SECURE, False, 1) == "output PAS is non-secure, leaf AMEC=1 ignored"
    assert explain_stage1(ON, Regime.EL3, PAS.REALM, False, 1) == "SCTLR2_EL3.EMEC=1, EL3 ignores AMEC"
    assert explain_stage2(ON, PAS.REALM, 1) == "SCTLR2_EL2.EMEC=1, stage-2 leaf AMEC=1"
    assert explain_walk(ON, Regime.EL20, PAS.REALM, 1) == "SCTLR2_EL2.EMEC=1, TCR_EL2.A1=0"
    assert explain_mmu_off(OFF, Regime.EL2, PAS.REALM) == "stage 1 off, SCTLR2_EL2.EMEC=0"
    assert explain_amec_fault(mec_controls(regs(TCR2_EL2=0), FEATURES), Regime.EL2, False) == (
        "leaf has AMEC=1 but TCR2_EL2.AMEC0 is 0"
    )


@pytest.mark.parametrize(("regime", "pas", "upper", "amec"), list(product(Regime, PAS, (False, True), (0, 1))))
@pytest.mark.parametrize("controls", [ON, OFF])
def test_there_is_a_reason_for_every_choice(controls: object, regime: Regime, pas: PAS, upper: bool, amec: int) -> None:
    from emu.mec.selection import MecControls

    assert isinstance(controls, MecControls)
    assert explain_stage1(controls, regime, pas, upper, amec)
    assert explain_stage2(controls, pas, amec)
    assert explain_mmu_off(controls, regime, pas)
    assert explain_walk(controls, regime, pas, 1)


def test_effective_enables_tell_all_four() -> None:
    found = effective_enables(regs(SCR_EL3=SCTLR2EN), FEATURES)
    assert found == {
        "emec_el2": (True, "SCTLR2_EL2.EMEC=1"),
        "emec_el3": (True, "SCTLR2_EL3.EMEC=1"),
        "amec0": (False, "TCR2_EL2.AMEC0=1 but SCR_EL3.TCR2En=0"),
        "amec1": (False, "TCR2_EL2.AMEC1=1 but SCR_EL3.TCR2En=0"),
    }
