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
from emu.translation.invalidations import KEPT, removers
from emu.translation.permissions import ALL
from emu.translation.records import FaultKind, Translation
from emu.translation.tlb import Tlb, TlbEntry
from emu.translation.tlbi import OPERATIONS, Stages, base_name, scope_of
from tests.translation.bench import (
    AF,
    AMEC,
    AMEC0,
    AMEC1,
    BASE,
    EMEC,
    HCR_E2H,
    HCR_TGE,
    HCR_VM,
    HIGH,
    NG,
    READ_ONLY,
    S2_RW,
    SCR_MECEN,
    SCR_SCTLR2EN,
    SCR_STATE,
    SCR_TCR2EN,
    TCR_A1,
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
    assert bench.mmu.staleness(held) == "permissions: a fresh walk gives r-x ---"
    tables.map(VA, DATA, AF | 1 << 5)
    assert fields(bench) == {"address space": "non-secure", "MECID": "0", "EMEC": "", "permissions": "rw- ---"}
    tables.map(VA, DATA, AF | 1 << 2)
    assert fields(bench) == {"memory type": "Device-nGnRnE, outer shareable"}
    tables.map(VA, DATA, 0)
    found = bench.mmu.compare(held)
    assert (found.is_stale, found.differences) == (True, ())
    assert found.fault.startswith("access flag fault at level 3")
    assert bench.memory.reads == []


def fields(bench: Bench) -> dict[str, str]:
    """What a fresh walk of the only entry gives, by field that differs."""
    (held,) = bench.mmu.tlb.entries()
    return {item.field: item.fresh for item in bench.mmu.compare(held).differences}


def test_staleness_names_size_and_global(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    slot = tables.map(VA, DATA, AF | NG)
    bench.go(VA, **EL1)
    tables.write(slot, DATA | AF | 3)
    assert fields(bench) == {"global": "global"}
    tables.write(slot, DATA | AF | NG | 1 << 52 | 3)
    assert fields(bench) == {"size": "64 KiB at level 3"}


def test_staleness_names_what_changed_of_the_enables(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.regs["TCR2_EL2"] = AMEC0
    tables = bench.el2()
    tables.map(VA, DATA, AF | AMEC)
    bench.go(VA)
    (held,) = bench.mmu.tlb.entries()
    assert bench.mmu.compare(held).causes == ()
    bench.regs["TCR2_EL2"] = 0
    found = bench.mmu.compare(held)
    assert found.fault.startswith("translation fault at level 3")
    assert found.causes == ("created under AMEC0=1, which is 0 now",)
    bench.regs["TCR2_EL2"] = AMEC0
    bench.regs["SCTLR2_EL2"] &= ~EMEC
    assert bench.mmu.compare(held).causes == ("created under EMEC=1, which is 0 now",)
    assert fields(bench) == {"MECID": "0", "EMEC": "0"}
    bench.regs["SCTLR2_EL2"] |= EMEC
    bench.regs["SCR_EL3"] &= ~SCR_MECEN
    assert bench.mmu.compare(held).causes == ("created under SCR_EL3.MECEn=1, which is 0 now",)
    assert fields(bench) == {"MECID": "MECID_A0_EL2, which counts as 0"}


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
    assert bench.mmu.compare(held).incomparable == "ASID 9 is current"


def test_entries_of_other_states_and_regimes_are_not_compared(bench: Bench) -> None:
    """Software keeps one set of EL2 registers for all states: they belong to the current one."""
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA, security=NON_SECURE)
    (held,) = bench.mmu.tlb.entries()
    bench.enter(Security.REALM)
    assert bench.mmu.compare(held).incomparable == "the state below EL3 is realm now"
    bench.regs["SCR_EL3"] = 1 << 62
    assert bench.mmu.compare(held).incomparable == "the state below EL3 is reserved now"
    bench.enter(NON_SECURE)
    bench.regs["HCR_EL2"] |= HCR_E2H
    assert bench.mmu.compare(held).incomparable == "HCR_EL2.E2H=1 now"


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


# A leaf that stage 2 cuts into pieces


def test_any_address_of_the_stage_1_leaf_removes_all_its_pieces(bench: Bench) -> None:
    """A 2 MiB block of stage 1 over 4 KiB pages of stage 2: one TLBI by VA is enough for all of it."""
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF, level=2)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    for page in range(3):
        stage2.map(IPA + (page << 12), DATA + (page << 12), S2_RW)
        bench.go(VA + (page << 12), **EL1)
    assert [held.size for held in bench.mmu.tlb.entries() if held.stage == "1+2"] == [0x1000] * 3
    assert bench.mmu.invalidate("VAAE1", VA + 0x1F_F000 >> 12, 1) == 3
    assert {held.stage for held in bench.mmu.tlb.entries()} == {"2"}


# What is remembered of the enables of MEC (mec-reference.md 1.6)


def mec_bench(bench: Bench) -> Tables:
    """Realm EL2 with every register at a number of its own."""
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    bench.regs["TCR2_EL2"] = AMEC0 | AMEC1
    for number, name in enumerate(("P0", "A0", "P1", "A1"), 1):
        bench.regs[f"MECID_{name}_EL2"] = number
    tables.map(VA, DATA, AF)
    tables.map(VA + 0x1000, DATA, AF | AMEC)
    return tables


@pytest.mark.parametrize(
    ("register", "mask"), [("SCTLR2_EL2", EMEC), ("SCR_EL3", SCR_SCTLR2EN), ("SCR_EL3", SCR_MECEN)]
)
def test_enables_of_mec_are_remembered_both_ways(bench: Bench, register: str, mask: int) -> None:
    mec_bench(bench)
    assert bench.go(VA).mecid == 1
    bench.regs[register] &= ~mask
    assert bench.go(VA).mecid == 1, "the entry made under 1 works as before"
    bench.mmu.invalidate("ALLE2", 0, 2)
    assert bench.go(VA).mecid == 0
    bench.regs[register] |= mask
    assert bench.go(VA).mecid == 0, "the entry made under 0 goes on giving MECID 0"
    bench.mmu.invalidate("ALLE2", 0, 2)
    assert bench.go(VA).mecid == 1


@pytest.mark.parametrize(("register", "mask"), [("TCR2_EL2", AMEC0), ("SCR_EL3", SCR_TCR2EN)])
def test_amec_is_remembered_only_while_it_is_1(bench: Bench, register: str, mask: int) -> None:
    mec_bench(bench)
    bench.regs[register] &= ~mask
    assert bench.fail(VA + 0x1000).kind is FaultKind.TRANSLATION
    assert len(bench.mmu.tlb) == 0
    bench.regs[register] |= mask
    assert bench.go(VA + 0x1000).mecid == 2, "0 to 1 needs no TLBI"
    bench.regs[register] &= ~mask
    assert bench.go(VA + 0x1000).mecid == 2, "1 to 0 does"
    bench.mmu.invalidate("VAE2", VA + 0x1000 >> 12, 2)
    assert bench.fail(VA + 0x1000).kind is FaultKind.TRANSLATION


def test_mecid_values_are_never_remembered(bench: Bench) -> None:
    mec_bench(bench)
    for value in (1, 7, 0xFFFF):
        bench.regs["MECID_P0_EL2"] = value
        assert bench.go(VA).mecid == value


def test_a1_changes_the_next_walk_at_once_and_the_asid_with_it(bench: Bench) -> None:
    mec_bench(bench)
    tables = bench.el2(e2h=True)
    for page in range(2):
        tables.map(VA + (page << 12), DATA, AF | NG)
    bench.regs["TTBR0_EL2"] |= 5 << 48
    bench.regs["TTBR1_EL2"] |= 6 << 48
    used = []
    for _ in range(2):
        bench.memory.reads.clear()
        bench.go(VA)
        used.append({mecid for _, _, mecid in bench.memory.reads})
        bench.regs["TCR_EL2"] ^= TCR_A1
    assert used == [{3}, {1}]
    assert [held.asid for held in bench.mmu.tlb.entries()] == [5, 6]


# Forgiving


def test_a_forgiving_tlb_never_contradicts_the_tables() -> None:
    bench = Bench(is_forgiving=True)
    tables = mec_bench(bench)
    assert bench.go(VA).pa == DATA
    tables.map(VA, DATA + 0x1000, AF)
    assert bench.go(VA).pa == DATA + 0x1000
    bench.regs["SCTLR2_EL2"] = 0
    assert bench.go(VA).mecid == 0
    (held,) = bench.mmu.tlb.entries()
    assert bench.mmu.compare(held).is_stale is False
    tables.map(VA, DATA, 0)
    assert bench.fail(VA).kind is FaultKind.ACCESS_FLAG
    assert len(bench.mmu.tlb) == 0


def test_a_forgiving_tlb_follows_stage_2_too() -> None:
    bench = Bench(is_forgiving=True)
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    for output in (DATA, DATA + 0x1000):
        stage2.map(IPA, output, S2_RW)
        assert bench.go(VA, **EL1).pa == output
    assert not any(bench.mmu.compare(held).is_stale for held in bench.mmu.tlb.entries())


# The log, and what would help


def test_the_log_tells_what_was_asked_and_removed(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.regs["TTBR0_EL1"] |= 5 << 48
    bench.go(VA, **EL1)
    bench.time = 99
    bench.mmu.invalidate("TLBI VALE1IS", va_operand(VA, 5) | 0b0111 << 44, 1)
    bench.mmu.invalidate("RVAAE1", range_operand(HIGH + VA, 0, 1) | 2 << 37, 1)
    bench.mmu.invalidate("RIPAS2E1", range_operand(VA, 0, 1, tg=0), 2)
    bench.mmu.invalidate("VMALLS12E1", 0, 2)
    bench.mmu.invalidate("RPALOS", 3 << 44 | 0x20_0000 >> 12, 3)
    bench.mmu.invalidate("PAALL", 0, 3)
    log = bench.mmu.log.entries()
    assert [(item.moment.instruction, item.operation, item.count) for item in log] == [
        (99, "VALE1IS", 1), (99, "RVAAE1", 0), (99, "RIPAS2E1", 0), (99, "VMALLS12E1", 0), (99, "RPALOS", 0),
        (99, "PAALL", 0),
    ]  # fmt: skip
    assert [held.base for held in log[0].removed] == [VA]
    assert [item.text for item in log] == [
        "VA 0x400000, ASID 5, hint: 4 KiB level 3, non-secure EL1&0, VMID 0",
        "VA 0xffff000000400000-0xffff000000403fff, any ASID, hint: level 2, non-secure EL1&0, VMID 0",
        "nothing: the range has no granule, or the state has no such regime",
        "everything, non-secure EL1&0, VMID 0, both stages",
        "PA 0x200000-0x3fffff",
        "all granule protection information",
    ]


def test_the_log_is_bounded_and_part_of_snapshots(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    kept = bench.mmu.snapshot()
    for _ in range(KEPT + 5):
        bench.time += 1
        bench.mmu.invalidate("ALLE2", 0, 2)
    log = bench.mmu.log.entries()
    assert (len(log), log[0].moment.instruction) == (KEPT, 6)
    bench.mmu.restore(kept)
    assert bench.mmu.log.entries() == ()


@pytest.mark.parametrize("stages", list(Stages))
@pytest.mark.parametrize("asid", [None, 7])
@pytest.mark.parametrize("base", [VA, HIGH + VA])
def test_every_remover_removes(stages: Stages, asid: int | None, base: int) -> None:
    """EL1&0; the narrowest first: it must not remove a neighbour."""
    if stages is Stages.STAGE2:
        held = entry(stages, asid=None, base=VA, ipa_pas=PAS.NON_SECURE)
    else:
        held = entry(stages, asid=asid, base=base)
    for operation, operand in removers(held):
        assert removes(operation, operand or 0, held), operation
    operation, operand = removers(held)[0]
    neighbour = entry(stages, asid=held.asid, base=held.base + 0x1000, ipa_pas=held.ipa_pas)
    assert not removes(operation, operand or 0, neighbour)


@pytest.mark.parametrize(("regime", "hcr"), [(Regime.EL2, 0), (Regime.EL20, HCR_E2H), (Regime.EL3, 0)])
def test_every_remover_of_other_regimes_removes(regime: Regime, hcr: int) -> None:
    security = Security.ROOT if regime is Regime.EL3 else NON_SECURE
    held = entry(Stages.STAGE1, regime, security, None, 7 if regime is Regime.EL20 else None)
    for operation, operand in removers(held):
        assert removes(operation, operand or 0, held, registers(hcr=hcr), 3), operation


def test_secure_removers_choose_the_ipa_space() -> None:
    for space in (PAS.SECURE, PAS.NON_SECURE):
        held = entry(Stages.STAGE2, security=Security.SECURE, asid=None, base=IPA, ipa_pas=space)
        for operation, operand in removers(held):
            assert removes(operation, operand or 0, held, registers(Security.SECURE)), operation


def test_fills_and_evictions_are_told_before_removals() -> None:
    tlb, told = Tlb(1), []
    tlb.on_filled = lambda held: told.append(("filled", held.base))
    tlb.on_evicted = lambda held: told.append(("evicted", held.base))
    tlb.on_removed = lambda held: told.append(("removed", held.base))
    tlb.insert(entry())
    tlb.insert(entry(base=VA + 0x1000))
    tlb.invalidate("ALLE1", 0, registers(), 2)
    assert told == [("filled", VA), ("evicted", VA), ("removed", VA), ("filled", VA + 0x1000), ("removed", VA + 0x1000)]
