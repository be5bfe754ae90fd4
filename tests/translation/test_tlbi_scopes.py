"""What each TLBI removes: names, groups, ranges (4.9)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.architecture import PAS, Regime, Security
from emu.translation.tlb_entry import TlbEntry
from emu.translation.tlbi import OPERATIONS, Stages, base_name, scope_of
from tests.translation.bench import (
    HCR_E2H,
    HCR_TGE,
    HIGH,
)
from tests.translation.tlb_entries import (
    IPA,
    NON_SECURE,
    VA,
    entry,
    range_operand,
    registers,
    removes,
    va_operand,
)

# Names


def all_names() -> Iterator[str]:
    for name in OPERATIONS:
        for domain, extra in product(("", "IS", "OS"), ("", "NXS")):
            yield name + domain + extra


@pytest.mark.parametrize("name", list(all_names()))
def test_every_name_with_its_suffixes_is_known(name: str) -> None:
    assert base_name(name) in OPERATIONS
    assert base_name(f"TLBI {name}") == base_name(name)
    assert name.startswith(base_name(name))


def test_the_whole_family_of_4_9_is_there() -> None:
    named = """VMALLE1 VAE1 ASIDE1 VAAE1 VALE1 VAALE1 RVAE1 RVAAE1 RVALE1 RVAALE1 ALLE2 VAE2 ALLE1 VALE2 VMALLS12E1
    RVAE2 RVALE2 IPAS2E1 RIPAS2E1 IPAS2LE1 RIPAS2LE1 ALLE3 VAE3 VALE3 RVAE3 RVALE3"""
    assert set(named.split()) == set(OPERATIONS)


# What each group matches


@pytest.mark.parametrize("stages", list(Stages))
@pytest.mark.parametrize(
    ("name", "hits"),
    [
        ("VMALLE1", {Stages.STAGE1, Stages.BOTH}),
        ("VMALLE1IS", {Stages.STAGE1, Stages.BOTH}),
        ("VMALLS12E1", set(Stages)),
        ("VMALLS12E1OS", set(Stages)),
        ("ALLE1", set(Stages)),
        ("ALLE2", set()),
        ("ALLE3", set()),
    ],
)
def test_stages_of_the_whole_regime_operations(name: str, stages: Stages, hits: set[Stages]) -> None:
    assert removes(name, 0, entry(stages, ipa_pas=PAS.NON_SECURE)) == (stages in hits)


@pytest.mark.parametrize(("name", "any_vmid"), [("VMALLE1", False), ("VMALLS12E1", False), ("ALLE1", True)])
def test_vmid_matters_but_for_alle1(name: str, any_vmid: bool) -> None:
    assert removes(name, 0, entry(vmid=1))
    assert removes(name, 0, entry(vmid=2)) == any_vmid


def test_vmids_have_8_bits_without_vs() -> None:
    regs = registers(vmid=0x0102)
    regs["VTCR_EL2"] &= ~(1 << 19)
    assert removes("VMALLE1", 0, entry(vmid=2), regs)
    assert removes("VMALLE1", 0, entry(vmid=0x0102), registers(vmid=0x0102))


def test_aside1_removes_its_asid_and_nothing_global() -> None:
    assert removes("ASIDE1", 7 << 48, entry(asid=7))
    assert not removes("ASIDE1", 8 << 48, entry(asid=7))
    assert not removes("ASIDE1", 7 << 48, entry(asid=None))
    assert not removes("ASIDE1", 7 << 48, entry(asid=7, vmid=2))
    assert not removes("ASIDE1", 7 << 48, entry(Stages.STAGE2, asid=None, ipa_pas=PAS.NON_SECURE))


@pytest.mark.parametrize("name", ["VAE1", "VALE1", "VAE1IS", "VALE1OS"])
def test_va_operations_match_address_and_asid_or_global(name: str) -> None:
    assert removes(name, va_operand(VA, 7), entry(asid=7))
    assert not removes(name, va_operand(VA, 8), entry(asid=7))
    assert removes(name, va_operand(VA, 8), entry(asid=None))
    assert not removes(name, va_operand(VA + 0x1000, 7), entry(asid=7))
    assert not removes(name, va_operand(VA, 7), entry(asid=7, vmid=2))
    assert removes(name, va_operand(HIGH + VA, 7), entry(asid=7, base=HIGH + VA))
    assert not removes(name, va_operand(VA, 7), entry(asid=7, base=HIGH + VA))


@pytest.mark.parametrize("name", ["VAAE1", "VAALE1"])
def test_vaa_operations_match_any_asid(name: str) -> None:
    assert removes(name, va_operand(VA, 8), entry(asid=7))
    assert removes(name, va_operand(VA), entry(asid=None))
    assert not removes(name, va_operand(VA + 0x1000), entry(asid=7))
    assert not removes(name, va_operand(VA), entry(asid=7, vmid=2))


def test_any_address_in_a_block_removes_it() -> None:
    assert removes("VAE1", va_operand(VA + 0x1F_F000, 7), entry(size=1 << 21))
    assert not removes("VAE1", va_operand(VA + 0x20_0000, 7), entry(size=1 << 21))


@pytest.mark.parametrize("ttl", range(16))
def test_ttl_is_a_hint(ttl: int) -> None:
    assert removes("VAE1", va_operand(VA, 7) | ttl << 44, entry())


@pytest.mark.parametrize("name", ["IPAS2E1", "IPAS2LE1", "IPAS2E1IS", "IPAS2LE1OS"])
def test_ipa_operations_touch_only_stage_2(name: str) -> None:
    held = entry(Stages.STAGE2, asid=None, base=IPA, ipa_pas=PAS.NON_SECURE)
    assert removes(name, IPA >> 12, held)
    assert not removes(name, IPA + 0x1000 >> 12, held)
    assert not removes(name, IPA >> 12, entry(base=IPA))
    assert not removes(name, IPA >> 12, held, registers(vmid=2))


def test_secure_ipa_operations_choose_their_space_with_bit_63() -> None:
    regs = registers(Security.SECURE)
    for space, bit in ((PAS.SECURE, 0), (PAS.NON_SECURE, 1)):
        held = entry(Stages.STAGE2, security=Security.SECURE, asid=None, base=IPA, ipa_pas=space)
        assert removes("IPAS2E1", bit << 63 | IPA >> 12, held, regs)
        assert not removes("IPAS2E1", (1 - bit) << 63 | IPA >> 12, held, regs)


@pytest.mark.parametrize("other", [Security.SECURE, Security.REALM])
@pytest.mark.parametrize("name", ["VMALLE1", "VMALLS12E1", "ALLE1"])
def test_security_states_are_apart(name: str, other: Security) -> None:
    assert not removes(name, 0, entry(security=other))
    assert removes(name, 0, entry(security=other), registers(other))


def test_el3_names_a_state_with_scr() -> None:
    assert removes("ALLE1", 0, entry(security=Security.REALM), registers(Security.REALM), el=3)
    reserved = registers()
    reserved["SCR_EL3"] = 1 << 62
    for security in Security:
        assert not removes("ALLE1", 0, entry(security=security), reserved, el=3)
    held = entry(Stages.STAGE1, Regime.EL3, Security.ROOT, None, None)
    assert removes("ALLE3", 0, held, reserved, el=3)


def el2_entry(regime: Regime, asid: int | None = None) -> TlbEntry:
    return entry(Stages.STAGE1, regime, NON_SECURE, None, asid)


def test_e2_operations_act_on_the_regime_e2h_selects() -> None:
    vhe = registers(hcr=HCR_E2H)
    for name, operand in (("ALLE2", 0), ("VAE2", va_operand(VA, 7)), ("VALE2IS", va_operand(VA, 7))):
        assert removes(name, operand, el2_entry(Regime.EL2))
        assert not removes(name, operand, el2_entry(Regime.EL20, 7))
        assert removes(name, operand, el2_entry(Regime.EL20, 7), vhe)
        assert not removes(name, operand, el2_entry(Regime.EL2), vhe)
    assert not removes("VAE2", va_operand(VA, 8), el2_entry(Regime.EL20, 7), vhe)
    assert removes("VAE2", va_operand(VA, 8), el2_entry(Regime.EL20), vhe)


@pytest.mark.parametrize(
    ("name", "operand"), [("VMALLE1", 0), ("ASIDE1", 7 << 48), ("VAE1", 7 << 48 | VA >> 12), ("VAAE1", VA >> 12)]
)
def test_host_e1_operations_act_on_el20(name: str, operand: int) -> None:
    host = registers(hcr=HCR_E2H | HCR_TGE)
    assert removes(name, operand, el2_entry(Regime.EL20, 7), host)
    assert not removes(name, operand, entry(Stages.STAGE1), host)
    guest = registers(hcr=HCR_E2H)
    assert not removes(name, operand, el2_entry(Regime.EL20, 7), guest)
    assert removes(name, operand, entry(Stages.STAGE1), guest)


def test_host_stage_2_operations_still_act_on_the_guest() -> None:
    host = registers(hcr=HCR_E2H | HCR_TGE)
    assert removes("VMALLS12E1", 0, entry(), host)
    assert removes("ALLE1", 0, entry(), host)


# Ranges


@given(
    st.integers(0, (1 << 36) - 64),
    st.integers(0, 3),
    st.integers(0, 31),
    st.integers(-3, 3),
    st.booleans(),
    st.booleans(),
)
def test_ranges_remove_exactly_what_they_meet(
    page: int, scale: int, number: int, off: int, at_end: bool, upper: bool
) -> None:
    """length = (NUM+1) << (5*SCALE + 1 + g)."""
    high = HIGH if upper else 0
    start = (page + 16) << 12
    length = (number + 1) << (5 * scale + 1 + 12)
    edge = (start + length if at_end else start) + (off << 12)
    if edge + 0x1000 > 1 << 48:
        return
    expected = start <= edge < start + length
    operand = range_operand(high + start, scale, number, asid=7)
    assert removes("RVAE1", operand, entry(base=high + edge)) == expected
    held = entry(Stages.STAGE2, asid=None, base=edge, ipa_pas=PAS.NON_SECURE)
    assert removes("RIPAS2E1", range_operand(start, scale, number), held) == expected


@pytest.mark.parametrize("name", ["RVAE1", "RVAAE1", "RVALE1", "RVAALE1", "RIPAS2E1", "RIPAS2LE1"])
def test_a_range_without_granule_does_nothing(name: str) -> None:
    operand = range_operand(VA, 3, 31, tg=0, asid=7)
    for stages in Stages:
        assert not removes(name, operand, entry(stages, ipa_pas=PAS.NON_SECURE))


def test_ranges_count_in_their_granule() -> None:
    assert removes("RVAE1", range_operand(0x40_0000, 0, 0, tg=3, asid=7), entry(base=0x41_F000))
    assert not removes("RVAE1", range_operand(0x40_0000, 0, 0, tg=3, asid=7), entry(base=0x42_0000))
    assert removes("RVAE1", range_operand(0x40_0000, 0, 0, tg=2, asid=7), entry(base=0x40_7000))
    assert not removes("RVAE1", range_operand(0x40_0000, 0, 0, tg=2, asid=7), entry(base=0x40_8000))


def test_bases_of_virtual_ranges_are_sign_extended_and_of_intermediate_ones_not() -> None:
    operand = range_operand(1 << 48, 0, 0)
    virtual, intermediate = (scope_of(name, operand, registers(), 2) for name in ("RVAE1", "RIPAS2E1"))
    assert virtual is not None
    assert intermediate is not None
    assert (virtual.span, intermediate.span) == ((0xFF << 48, (0xFF << 48) + 0x2000), (1 << 48, (1 << 48) + 0x2000))


def test_range_asids() -> None:
    assert not removes("RVAE1", range_operand(VA, 0, 0, asid=8), entry())
    assert removes("RVAAE1", range_operand(VA, 0, 0, asid=8), entry())
