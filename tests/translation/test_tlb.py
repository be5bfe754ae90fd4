"""The architectural TLB: what hits, what TLBI removes (mec-reference.md 4.9), replacement, staleness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.architecture import PA, PAS, MecidSource, Regime, Security
from emu.architecture import VA as Va
from emu.translation.attributes import stage1_attributes
from emu.translation.permissions import ALL
from emu.translation.records import FaultKind, Translation
from emu.translation.tlb import Tlb, TlbEntry
from emu.translation.tlbi import OPERATIONS, Stages, base_name, scope_of
from tests.translation.bench import (
    AF,
    BASE,
    EMEC,
    HCR_E2H,
    HCR_TGE,
    HCR_VM,
    HIGH,
    NG,
    READ_ONLY,
    S2_RW,
    SCR_STATE,
    TCR_TWO,
    VTCR,
    Bench,
    Tables,
)

VA, IPA, DATA = 0x40_0000, 0x1_0000_0000, BASE + 0x10_0000
NON_SECURE = Security.NON_SECURE
EL1: dict[str, Any] = {"el": 1, "security": NON_SECURE}


def entry(
    stages: Stages = Stages.BOTH,
    regime: Regime = Regime.EL10,
    security: Security = NON_SECURE,
    vmid: int | None = 1,
    asid: int | None = 7,
    base: int = VA,
    size: int = 0x1000,
    ipa_pas: PAS | None = None,
) -> TlbEntry:
    translation = Translation(
        Va(base), size, PA(0), PAS.NON_SECURE, ALL, None, stage1_attributes(0xFF, 3), MecidSource.ZERO, "", 3
    )
    return TlbEntry(stages, regime, security, vmid, asid, translation, None, ipa_pas)


def registers(security: Security = NON_SECURE, hcr: int = HCR_VM, vmid: int = 1) -> dict[str, int]:
    regs: dict[str, int] = defaultdict(int)
    regs.update(SCR_EL3=SCR_STATE[security], HCR_EL2=hcr, VTCR_EL2=VTCR, VTTBR_EL2=vmid << 48, TCR_EL1=TCR_TWO)
    return regs


def removes(name: str, operand: int, held: TlbEntry, regs: dict[str, int] | None = None, el: int = 2) -> bool:
    tlb = Tlb()
    tlb.insert(held)
    removed = tlb.invalidate(name, operand, regs or registers(), el)
    assert removed == (() if len(tlb) else (held,))
    return not len(tlb)


def va_operand(va: int, asid: int = 0) -> int:
    return asid << 48 | va >> 12 & ((1 << 44) - 1)


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


def range_operand(base: int, scale: int, number: int, *, tg: int = 1, asid: int = 0) -> int:
    granule = {0: 12, 1: 12, 2: 14, 3: 16}[tg]
    return asid << 48 | tg << 46 | scale << 44 | number << 39 | (base >> granule & ((1 << 37) - 1))


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


# Hits through the MMU


def hits(bench: Bench, va: int, **where: Any) -> bool:
    before = len(bench.memory.reads)
    bench.go(va, **where)
    return len(bench.memory.reads) == before


def test_asid_and_global(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF | NG)
    tables.map(VA + 0x1000, DATA, AF)
    bench.regs["TTBR0_EL1"] |= 5 << 48
    for va in (VA, VA + 0x1000):
        assert not hits(bench, va, **EL1)
        assert hits(bench, va, **EL1)
    bench.regs["TTBR0_EL1"] ^= 3 << 48
    assert not hits(bench, VA, **EL1)
    assert hits(bench, VA + 0x1000, **EL1)
    bench.regs["TTBR0_EL1"] ^= 3 << 48
    assert hits(bench, VA, **EL1)


def test_a1_takes_the_asid_from_ttbr1(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.regs["TTBR0_EL1"] |= 5 << 48
    bench.regs["TTBR1_EL1"] |= 6 << 48
    bench.regs["TCR_EL1"] |= 1 << 22
    bench.go(VA, **EL1)
    assert [held.asid for held in bench.mmu.tlb.entries()] == [6]


def test_asids_have_8_bits_without_as(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.regs["TCR_EL1"] &= ~(1 << 36)
    bench.regs["TTBR0_EL1"] |= 0x1234 << 48
    bench.go(VA, **EL1)
    assert [held.asid for held in bench.mmu.tlb.entries()] == [0x34]


@pytest.mark.parametrize("level", [2, 3])
def test_vmid_separates_guests(bench: Bench, level: int) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF, level)
    stage2 = bench.stage2(vmid=3)
    bench.identity2(stage2)
    stage2.map(IPA, BASE, S2_RW, level)
    bench.go(VA, **EL1)
    assert hits(bench, VA, **EL1)
    bench.regs["VTTBR_EL2"] ^= 7 << 48
    assert not hits(bench, VA, **EL1)


def test_el0_and_el1_share_entries_and_regimes_do_not(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | 1 << 6)
    bench.el2().map(VA, DATA + 0x1000, AF)
    assert bench.go(VA, **EL1).pa == DATA
    assert hits(bench, VA, el=0, security=NON_SECURE)
    assert bench.go(VA, el=2, security=NON_SECURE).pa == DATA + 0x1000


def test_security_states_do_not_share_entries(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA, security=NON_SECURE)
    bench.enter(Security.REALM)
    assert bench.go(VA).pas == PAS.REALM
    bench.enter(NON_SECURE)
    assert bench.go(VA, security=NON_SECURE).pas == PAS.NON_SECURE


def test_stage_2_entries_serve_table_fetches_and_data(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    stage1 = bench.el1()
    stage1.map(VA, IPA, AF)
    stage1.map(VA + 0x1000, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    bench.go(VA, **EL1)
    bench.memory.reads.clear()
    bench.go(VA + 0x1000, **EL1)
    assert len(bench.memory.reads) == 4, "four stage-1 descriptors, all of stage 2 from the TLB"
    assert {held.stage for held in bench.mmu.tlb.entries()} == {"1+2", "2"}


def test_an_ipa_invalidation_leaves_combined_entries(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    bench.go(VA, **EL1)
    stage2.map(IPA, DATA + 0x1000, S2_RW)
    assert bench.mmu.invalidate("IPAS2E1IS", IPA >> 12, 2) == 1
    assert bench.go(VA, **EL1).pa == DATA, "stale, until VMALLE1"
    bench.mmu.invalidate("VMALLE1IS", 0, 2)
    assert bench.go(VA, **EL1).pa == DATA + 0x1000


def test_a_stage_1_entry_is_not_used_once_stage_2_is_on(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA, **EL1)
    stage2 = bench.stage2(vmid=0)
    bench.identity2(stage2)
    assert not hits(bench, VA, **EL1)


def test_a_changed_table_is_not_seen_without_tlbi(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    bench.go(VA, **EL1)
    tables.map(VA, DATA + 0x1000, AF)
    assert bench.go(VA, **EL1).pa == DATA
    bench.mmu.invalidate("VAAE1", VA >> 12, 1)
    assert bench.go(VA, **EL1).pa == DATA + 0x1000


def test_faults_are_never_cached(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, READ_ONLY)
    for _ in range(2):
        assert bench.fail(VA, **EL1).kind is FaultKind.ACCESS_FLAG
    tables.map(VA, DATA, AF)
    bench.go(VA, **EL1)


def test_replacement_is_first_in_first_out() -> None:
    bench = Bench(tlb_entries=4)
    bench.enter(NON_SECURE)
    tables = bench.el1()
    gone: list[int] = []
    bench.mmu.tlb.on_removed = lambda held: gone.append(held.base)
    for page in range(6):
        tables.map(VA + (page << 12), DATA, AF)
        bench.go(VA + (page << 12), **EL1)
        bench.go(VA, **EL1) if page < 4 else None
    assert gone == [VA, VA + 0x1000]
    assert [held.base for held in bench.mmu.tlb.entries()] == [VA + (page << 12) for page in range(2, 6)]


def test_removals_are_told(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA, **EL1)
    gone: list[TlbEntry] = []
    bench.mmu.tlb.on_removed = gone.append
    assert bench.mmu.invalidate("VMALLE1", 0, 1) == 1
    assert [held.base for held in gone] == [VA]


@given(
    st.lists(
        st.tuples(st.sampled_from(["in", "va", "asid", "all"]), st.integers(0, 15), st.integers(0, 3)), max_size=60
    )
)
def test_the_index_and_the_list_agree(steps: list[tuple[str, int, int]]) -> None:
    """Lookups through the index find what a plain search of the entries finds."""
    tlb, regs = Tlb(8), registers()
    for what, page, asid in steps:
        base = page << 12
        if what == "in":
            tlb.insert(entry(base=base if asid else base & ~0x3FFF, size=0x1000 if asid else 0x4000, asid=asid or None))
        elif what == "va":
            tlb.invalidate("VAE1", va_operand(base, asid), regs, 1)
        elif what == "asid":
            tlb.invalidate("ASIDE1", asid << 48, regs, 1)
        else:
            tlb.invalidate("VMALLE1", 0, regs, 1)
        for address, tag in product(range(0, 0x1_0000, 0x1000), range(1, 4)):
            found = tlb.lookup(Stages.BOTH, Regime.EL10, NON_SECURE, 1, tag, address)
            fitting = [
                held
                for held in tlb.entries()
                if held.base <= address < held.base + held.size and held.asid in (None, tag)
            ]
            assert (found is None) == (not fitting)
            assert found is None or any(found is held for held in fitting)
        assert len(tlb) <= 8


# Looking


def test_looking_uses_but_never_changes_the_tlb(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    found = bench.mmu.look(bench.request(VA, **EL1))
    assert found is not None
    assert found.pa == DATA
    assert (len(bench.mmu.tlb), bench.memory.reads) == (0, [])
    bench.go(VA, **EL1)
    tables.map(VA, DATA + 0x1000, AF)
    stale = bench.mmu.look(bench.request(VA, **EL1))
    assert stale is not None
    assert stale.pa == DATA
    assert bench.mmu.look(bench.request(VA + 0x1000, **EL1)) is None


def test_staleness_names_the_field(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    bench.regs["MECID_P0_EL2"] = 5
    tables.map(VA, DATA, AF)
    bench.go(VA)
    (held,) = bench.mmu.tlb.entries()
    bench.memory.reads.clear()
    assert bench.mmu.staleness(held) is None
    tables.map(VA, DATA + 0x1000, AF)
    assert bench.mmu.staleness(held) == f"address: a fresh walk gives {DATA + 0x1000:#x}"
    tables.map(VA, DATA, AF | READ_ONLY)
    assert bench.mmu.staleness(held) == "permissions"
    tables.map(VA, DATA, AF | 1 << 5)
    assert bench.mmu.staleness(held) == "address space: a fresh walk gives non-secure"
    tables.map(VA, DATA, AF)
    bench.regs["SCTLR2_EL2"] &= ~EMEC
    assert "MECID" in (bench.mmu.staleness(held) or "")
    tables.map(VA, DATA, 0)
    assert bench.mmu.staleness(held) == "a fresh walk faults: access flag fault at level 3"
    assert bench.memory.reads == []


def test_staleness_of_stage_2_entries(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    stage2 = bench.stage2()
    stage2.map(IPA, DATA, S2_RW)
    bench.go(IPA, **EL1)
    (held,) = bench.mmu.tlb.entries()
    assert (held.stage, held.vmid, held.asid, held.base) == ("2", 1, None, IPA)
    assert bench.mmu.staleness(held) is None
    stage2.map(IPA, DATA + 0x1000, S2_RW)
    assert bench.mmu.staleness(held) == f"address: a fresh walk gives {DATA + 0x1000:#x}"


def test_entries_of_other_contexts_are_not_called_stale(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.go(VA, **EL1)
    (held,) = bench.mmu.tlb.entries()
    bench.regs["TTBR0_EL1"] = Tables(bench).root | 9 << 48
    assert bench.mmu.staleness(held) is None


def test_snapshots_bring_the_tlb_back(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA, **EL1)
    kept = bench.mmu.snapshot()
    bench.mmu.invalidate_all()
    assert len(bench.mmu.tlb) == 0
    bench.mmu.restore(kept)
    assert hits(bench, VA, **EL1)


def test_entries_know_when_they_were_filled(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.time = 1234
    bench.go(VA, **EL1)
    (held,) = bench.mmu.tlb.entries()
    assert held.filled_at is not None
    assert held.filled_at.instruction == 1234
