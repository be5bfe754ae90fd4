"""Stage 2: its checks and geometry (mec-reference.md 4.3, 4.7), Secure address spaces (3.3), nested table fetches."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.architecture import PAS, Access, Security
from emu.features import Features
from emu.translation.geometry import stage2_geometry
from emu.translation.records import FaultKind
from tests.translation.bench import (
    AF,
    BASE,
    HCR_DC,
    HCR_TGE,
    NS,
    S2_DEVICE,
    S2_NORMAL,
    S2_NS,
    S2_READ,
    S2_RW,
    S2_WRITE,
    SCR_EEL2,
    SIZE,
    VTCR,
    Bench,
    Tables,
)

VA, IPA, DATA = 0x40_0000, 0x1_0000_0000, BASE + 0x10_0000
NON_SECURE = Security.NON_SECURE
EL1: dict[str, Any] = {"el": 1, "security": NON_SECURE}
HCR_PTW, HCR_FWB = 1 << 2, 1 << 46


def guest(bench: Bench, security: Security = NON_SECURE) -> tuple[Tables, Tables]:
    """Stage 1 maps VA to IPA; stage 2 maps RAM to itself and IPA to DATA."""
    bench.enter(security)
    stage1 = bench.el1()
    stage1.map(VA, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    return stage1, stage2


def test_both_stages_lead_to_the_physical_address(bench: Bench) -> None:
    guest(bench)
    located = bench.go(VA + 0x18, **EL1)
    assert located.pa == DATA + 0x18
    assert (located.translation.ipa_base, located.translation.level, located.translation.stage2_level) == (IPA, 3, 3)


@settings(deadline=None, max_examples=40)
@given(first=st.sampled_from([1, 2, 3]), second=st.sampled_from([1, 2, 3]), low=st.integers(0, (1 << 30) // 8 - 1))
def test_the_smaller_leaf_decides_the_size(first: int, second: int, low: int) -> None:
    bench = Bench()
    bench.enter(NON_SECURE)
    sizes = {1: 1 << 30, 2: 1 << 21, 3: 1 << 12}
    stage1, stage2 = bench.el1(), bench.stage2()
    bench.identity2(stage2)
    va, ipa, pa = 0x40_0000_0000 + low * 8, 0x80_0000_0000 + low * 8, 0xC0_0000_0000 + low * 8
    stage1.map(va // sizes[first] * sizes[first], ipa // sizes[first] * sizes[first], AF, first)
    stage2.map(ipa // sizes[second] * sizes[second], pa // sizes[second] * sizes[second], S2_RW, second)
    for _ in range(2):
        located = bench.go(va, **EL1)
        assert located.pa == pa
        assert located.translation.size == min(sizes[first], sizes[second])


def test_stage_2_translates_el1_with_stage_1_off(bench: Bench) -> None:
    guest(bench)
    bench.regs["SCTLR_EL1"] = 0
    assert bench.go(IPA, **EL1).pa == DATA
    assert {entry.stage for entry in bench.mmu.tlb.entries()} == {"2"}


@pytest.mark.parametrize("bit", [HCR_DC, HCR_TGE])
def test_dc_and_tge_turn_stage_1_off(bench: Bench, bit: int) -> None:
    guest(bench)
    bench.regs["HCR_EL2"] |= bit
    assert bench.go(IPA, **EL1).pa == DATA


def test_dc_alone_turns_stage_2_on_and_makes_data_cacheable(bench: Bench) -> None:
    guest(bench)
    bench.regs["HCR_EL2"] = HCR_DC
    located = bench.go(IPA, **EL1)
    assert (located.pa, located.is_device, located.attributes.mair) == (DATA, False, 0xFF)
    bench.go(IPA + 1, **EL1)


def test_stage_2_is_for_el1_and_el0_only(bench: Bench) -> None:
    guest(bench)
    assert bench.go(DATA, el=2, security=NON_SECURE).pa == DATA


# Faults


def test_a_missing_intermediate_address_is_a_stage_2_fault(bench: Bench) -> None:
    stage1, _ = guest(bench)
    stage1.map(VA + 0x1000, IPA + 0x1000, AF)
    fault = bench.fail(VA + 0x1008, **EL1)
    assert (fault.kind, fault.level, fault.second_stage, fault.s1ptw) == (FaultKind.TRANSLATION, 3, True, False)
    assert fault.ipa == IPA + 0x1008


def test_a_stage_1_fault_is_not_a_stage_2_fault(bench: Bench) -> None:
    guest(bench)
    fault = bench.fail(VA + 0x1000, **EL1)
    assert (fault.kind, fault.level, fault.second_stage, fault.ipa) == (FaultKind.TRANSLATION, 3, False, None)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_stage_1_table_missing_from_stage_2(bench: Bench, level: int) -> None:
    stage1, _ = guest(bench)
    table = 0x2_0000_0000
    if level:
        bench.put(stage1.slot(VA, level - 1), table | 3)
    else:
        bench.regs["TTBR0_EL1"] = table
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.second_stage, fault.s1ptw, fault.level) == (FaultKind.TRANSLATION, True, True, 1)
    assert fault.ipa == table + 8 * (VA >> (39 - 9 * level) & 0x1FF)


def test_the_walk_needs_read_permission_but_not_for_the_data(bench: Bench) -> None:
    stage1, stage2 = guest(bench)
    table = stage1.slot(VA, 3) & ~0xFFF
    for page in range(table & ~0x1F_FFFF, (table & ~0x1F_FFFF) + 0x20_0000, 0x1000):
        bits = S2_RW & ~S2_READ if page == table else S2_RW
        stage2_slot = page
        if page == table & ~0x1F_FFFF:
            bench.put(stage2.slot(page, 2), 0)
        stage2.map(stage2_slot, page, bits)
    fault = bench.fail(VA, Access.WRITE, **EL1)
    assert (fault.kind, fault.second_stage, fault.s1ptw, fault.level) == (FaultKind.PERMISSION, True, True, 3)
    assert fault.ipa == stage1.slot(VA, 3)


@pytest.mark.parametrize(("ptw", "faults"), [(0, False), (HCR_PTW, True)])
def test_ptw_forbids_tables_in_device_memory(bench: Bench, ptw: int, faults: bool) -> None:
    guest(bench)
    tables = Tables(bench)
    bench.regs["VTTBR_EL2"] = tables.root | 9 << 48
    bench.identity2(tables, S2_DEVICE | S2_READ | S2_WRITE | AF)
    tables.map(IPA, DATA, S2_RW)
    bench.regs["HCR_EL2"] |= ptw
    found = bench.mmu.access(bench.request(VA, **EL1))
    if faults:
        assert (getattr(found, "kind", None), getattr(found, "s1ptw", None)) == (FaultKind.PERMISSION, True)
    else:
        assert getattr(found, "pa", None) == DATA


def test_realm_tables_must_not_be_non_secure(bench: Bench) -> None:
    guest(bench, Security.REALM)
    tables = Tables(bench)
    bench.regs["VTTBR_EL2"] = tables.root | 9 << 48
    bench.identity2(tables, S2_RW | S2_NS)
    fault = bench.fail(VA, el=1)
    assert (fault.kind, fault.second_stage, fault.s1ptw) == (FaultKind.PERMISSION, True, True)


def test_stage_2_order_output_size_then_access_flag_then_permission(bench: Bench) -> None:
    _, stage2 = guest(bench)
    bench.regs["VTCR_EL2"] = VTCR & ~(7 << 16) | 1 << 16
    stage2.map(IPA, 1 << 36, S2_NORMAL)
    assert bench.fail(VA, **EL1).kind is FaultKind.ADDRESS_SIZE
    stage2.map(IPA, DATA, S2_NORMAL)
    assert bench.fail(VA, **EL1).kind is FaultKind.ACCESS_FLAG
    stage2.map(IPA, DATA, S2_NORMAL | AF)
    assert bench.fail(VA, **EL1).kind is FaultKind.PERMISSION


@pytest.mark.parametrize("access", [Access.READ, Access.WRITE])
def test_stage_2_device_alignment_comes_before_its_permission(bench: Bench, access: Access) -> None:
    _, stage2 = guest(bench)
    stage2.map(IPA, DATA, S2_DEVICE | AF)
    assert bench.fail(VA + 1, access, **EL1).kind is FaultKind.ALIGNMENT
    assert bench.fail(VA, access, **EL1).kind is FaultKind.PERMISSION


def test_stage_2_device_memory_is_not_fetched_from(bench: Bench) -> None:
    _, stage2 = guest(bench)
    stage2.map(IPA, DATA, S2_DEVICE | S2_READ | AF)
    fault = bench.fail(VA, Access.FETCH, **EL1)
    assert (fault.kind, fault.second_stage, fault.level) == (FaultKind.PERMISSION, True, 3)


def test_an_intermediate_address_beyond_t0sz(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    stage2 = bench.stage2()
    bench.regs["VTCR_EL2"] = VTCR & ~0xFF | 25 | 1 << 6  # 39 bits from level 1
    stage2.start = 1
    stage2.map(DATA, DATA, S2_RW)
    assert bench.go(DATA, **EL1).pa == DATA
    fault = bench.fail(1 << 39, **EL1)
    assert (fault.kind, fault.level, fault.second_stage, fault.ipa) == (FaultKind.TRANSLATION, 0, True, 1 << 39)


def test_a_first_table_beyond_the_output_size(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.stage2()
    bench.regs |= {"VTCR_EL2": VTCR & ~(7 << 16) | 1 << 16, "VTTBR_EL2": 1 << 36}
    fault = bench.fail(DATA, **EL1)
    assert (fault.kind, fault.level, fault.second_stage) == (FaultKind.ADDRESS_SIZE, 0, True)


def test_bit_55_is_ignored_outside_realm(bench: Bench) -> None:
    _, stage2 = guest(bench)
    stage2.map(IPA, DATA, S2_RW | S2_NS | 1 << 63)
    assert bench.go(VA, **EL1).pas == PAS.NON_SECURE


# Geometry


@pytest.mark.parametrize(("granule", "sl0"), list(product((12, 14, 16), range(4))))
@pytest.mark.parametrize("bits", range(25, 49))
def test_first_level_and_input_size_must_agree(granule: int, sl0: int, bits: int) -> None:
    starts = {12: {0: 2, 1: 1, 2: 0, 3: 3}, 14: {0: 3, 1: 2, 2: 1}, 16: {0: 3, 1: 2, 2: 1}}[granule]
    found = stage2_geometry(granule, bits, sl0, False, Features(granules=(12, 14, 16)))
    if sl0 not in starts:
        assert found is None
        return
    levels = 3 - starts[sl0]
    stride = granule - 3
    least = levels * stride + granule + 1
    assert (found is not None) == (least <= bits <= least + stride - 1 + 4)
    if found is not None:
        assert found.start == starts[sl0]


@pytest.mark.parametrize(("pa_bits", "granule", "sl0"), [(42, 12, 2), (40, 14, 2), (42, 16, 2)])
def test_deep_first_levels_need_a_large_pa(pa_bits: int, granule: int, sl0: int) -> None:
    bits = {12: 42, 14: 40, 16: 44}[granule]
    assert stage2_geometry(granule, bits, sl0, False, Features(pa_bits=pa_bits)) is None
    assert stage2_geometry(granule, bits, sl0, False, Features(pa_bits=48)) is not None


def test_concatenated_first_tables(bench: Bench) -> None:
    """40 bits from level 1: two tables side by side, 8 KiB aligned; bit 39 chooses."""
    bench.enter(NON_SECURE)
    bench.stage2()
    root = BASE + 0x2000
    bench.regs |= {"VTCR_EL2": VTCR & ~0xFF | 24 | 1 << 6, "VTTBR_EL2": root | 0x1000}
    for index in (2, 512 + 5):
        bench.put(root + 8 * index, index << 30 | S2_RW | 1)
    assert bench.go(2 << 30, **EL1).pa == 2 << 30
    assert bench.go(1 << 39 | 5 << 30, **EL1).pa == 1 << 39 | 5 << 30
    assert [pa for pa, _, _ in bench.memory.reads] == [root + 16, root + 8 * 517]


def test_a_reserved_first_level_is_a_translation_fault(bench: Bench) -> None:
    guest(bench)
    bench.regs["VTCR_EL2"] = VTCR | 3 << 6
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level, fault.second_stage, fault.s1ptw) == (FaultKind.TRANSLATION, 0, True, True)


# Secure state


@pytest.mark.parametrize(("sw", "sa", "nsw", "nsa"), list(product((0, 1), repeat=4)))
@pytest.mark.parametrize("is_secure", [True, False])
def test_secure_stage_2_address_spaces(bench: Bench, sw: int, sa: int, nsw: int, nsa: int, is_secure: bool) -> None:
    bench.enter(Security.SECURE)
    stage1 = bench.el1()
    stage1.map(VA, IPA, AF | (0 if is_secure else NS))
    both = bench.stage2()
    bench.identity2(both)
    secure = Tables(bench)
    bench.identity2(secure)
    bench.regs["VSTTBR_EL2"] = secure.root
    bench.regs["VSTCR_EL2"] = VTCR & 0xFFFF | sw << 29 | sa << 30
    bench.regs["VTCR_EL2"] |= nsw << 29 | nsa << 30
    (secure if is_secure else both).map(IPA, DATA, S2_RW)
    located = bench.go(VA, el=1, security=Security.SECURE)
    expected = not (sw or sa) if is_secure else not (sw or sa or nsw or nsa)
    assert (located.pa, located.pas) == (DATA, PAS.SECURE if expected else PAS.NON_SECURE)
    tree = secure if is_secure else both
    mine = {entry for level in range(4) for entry in [tree.slot(IPA, level)]}
    expected_tables = PAS.NON_SECURE if (sw if is_secure else nsw) else PAS.SECURE
    assert {pas for pa, pas, _ in bench.memory.reads if pa in mine} == {expected_tables}


def test_secure_stage_2_needs_eel2(bench: Bench) -> None:
    guest(bench)
    bench.enter(Security.SECURE)
    bench.regs["SCR_EL3"] &= ~SCR_EEL2
    bench.regs["SCTLR_EL1"] = 0
    assert bench.go(DATA, el=1, security=Security.SECURE).pa == DATA
    assert bench.memory.reads == []


# Attributes


@pytest.mark.parametrize(
    ("stage1", "memattr", "fwb", "device", "mair"),
    [
        (0xFF, 0b1111, False, False, 0xFF),
        (0xFF, 0b1010, False, False, 0xBB),  # WT at stage 2, allocation hints of stage 1
        (0xFF, 0b0101, False, False, 0x44),
        (0xFF, 0b0111, False, False, 0x4F),  # outer NC, inner WB
        (0x44, 0b1111, False, False, 0x44),
        (0xBB, 0b1111, False, False, 0xBB),
        (0xFF, 0b0000, False, True, 0x00),
        (0xFF, 0b0010, False, True, 0x08),
        (0x04, 0b1111, False, True, 0x04),
        (0x04, 0b0011, False, True, 0x04),
        (0x0C, 0b0001, False, True, 0x04),
        (0x44, 0b0110, True, False, 0xFF),
        (0x04, 0b0110, True, False, 0xFF),
        (0xBB, 0b0111, True, False, 0xBB),
        (0x04, 0b0111, True, True, 0x04),
        (0xFF, 0b0101, True, False, 0x44),
        (0x04, 0b0101, True, True, 0x04),
        (0xFF, 0b0010, True, True, 0x08),
        (0x04, 0b0010, True, True, 0x04),
    ],
)
def test_both_stages_combine(bench: Bench, stage1: int, memattr: int, fwb: bool, device: bool, mair: int) -> None:
    _, stage2 = guest(bench)
    bench.regs["MAIR_EL1"] = stage1
    bench.regs["HCR_EL2"] |= HCR_FWB if fwb else 0
    stage2.map(IPA, DATA, memattr << 2 | S2_READ | S2_WRITE | AF)
    for _ in range(2):
        located = bench.go(VA, **EL1)
        assert (located.is_device, located.attributes.mair) == (device, mair)


@pytest.mark.parametrize(("first", "second"), list(product((0, 2, 3), repeat=2)))
def test_the_stronger_shareability_wins(bench: Bench, first: int, second: int) -> None:
    stage1, stage2 = guest(bench)
    stage1.map(VA, IPA, AF | first << 8)
    stage2.map(IPA, DATA, S2_NORMAL | S2_READ | AF | second << 8)
    expected = 2 if 2 in (first, second) else 3 if 3 in (first, second) else 0
    assert bench.go(VA, **EL1).attributes.shareability == expected


def test_ram_size_of_the_bench_is_mapped_in_whole_blocks() -> None:
    assert SIZE % (2 << 20) == 0
