"""Stage 1: geometry, the order of checks of mec-reference.md 4.5, output address spaces of 3.3."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.architecture import PAS, Access, Security
from emu.features import Features
from emu.translation.records import FaultKind
from tests.translation.bench import (
    AF,
    AMEC,
    AMEC0,
    BASE,
    CONTIGUOUS,
    DEVICE,
    EL0,
    HIGH,
    NC,
    NG,
    NORMAL,
    NS,
    NSE,
    NT,
    READ_ONLY,
    TCR_ONE,
    TCR_TWO,
    Bench,
)

VA, DATA = 0x40_0000, BASE + 0x10_0000
NON_SECURE = Security.NON_SECURE
EL1: dict[str, Any] = {"el": 1, "security": NON_SECURE}


# Geometry


@settings(deadline=None)
@given(
    va=st.integers(0, (1 << 48) - 1),
    upper=st.booleans(),
    level=st.sampled_from([1, 2, 3]),
    page=st.integers(0, (1 << 36) - 1),
)
def test_any_address_reaches_its_output(va: int, upper: bool, level: int, page: int) -> None:
    bench = Bench()
    bench.enter(NON_SECURE)
    size = {1: 1 << 30, 2: 1 << 21, 3: 1 << 12}[level]
    output = (page << 12) // size * size
    bench.el1().map(va // size * size, output, AF, level)
    located = bench.go((HIGH if upper else 0) + va // 8 * 8, **EL1)
    assert located.pa == output + (va // 8 * 8) % size
    assert (located.translation.level, located.translation.size) == (level, size)
    assert len(bench.memory.reads) == level + 1


@pytest.mark.parametrize("granule", [12, 14, 16])
@settings(deadline=None, max_examples=60)
@given(tsz=st.integers(16, 39), va=st.integers(0, (1 << 48) - 1))
def test_table_bits_follow_from_the_granule_and_txsz(granule: int, tsz: int, va: int) -> None:
    """Walk by hand: split the address from the top with iasize and stride, compare the descriptors' addresses."""
    bench = Bench(Features(granules=(12, 14, 16)))
    bench.enter(Security.REALM)
    bits = 64 - tsz
    va &= (1 << bits) - 1
    va -= va % 8
    stride = granule - 3
    levels = -((bits - granule) // -stride)  # rounded up
    widths = [bits - granule - (levels - 1) * stride] + [stride] * (levels - 1)
    expected, table, low = [], BASE, bits
    for number, width in enumerate(widths):
        low -= width
        index = va >> low & ((1 << width) - 1)
        expected.append(table + 8 * index)
        is_last = number == len(widths) - 1
        following = BASE + (number + 1) * 0x1_0000
        bench.put(table + 8 * index, (0x12_0000_0000 | AF if is_last else following) | 3)
        table = following
    bench.regs["TCR_EL2"] = tsz | {12: 0, 14: 2, 16: 1}[granule] << 14 | 5 << 16
    bench.regs |= {"SCTLR_EL2": 1, "TTBR0_EL2": BASE, "MAIR_EL2": 0xFF}
    located = bench.go(va)
    assert located.pa == 0x12_0000_0000 + va % (1 << granule)
    assert [pa for pa, _, _ in bench.memory.reads] == expected


@pytest.mark.parametrize(
    ("regime_bits", "tg", "expected"),
    [("two", 0b00, 4), ("two", 0b01, 4), ("two", 0b11, 4), ("one", 0b01, 4), ("one", 0b10, 4)],
)
def test_missing_granules_behave_as_4k(regime_bits: str, tg: int, expected: int) -> None:
    bench = Bench(Features(granules=(12,)))
    bench.enter(NON_SECURE)
    if regime_bits == "two":
        bench.el1().map(VA, DATA, AF)
        bench.regs["TCR_EL1"] |= tg << 14
        bench.go(VA, **EL1)
    else:
        bench.el2().map(VA, DATA, AF)
        bench.regs["TCR_EL2"] |= tg << 14
        bench.go(VA, security=NON_SECURE)
    assert len(bench.memory.reads) == expected


@pytest.mark.parametrize(
    ("upper", "encoding", "granule"),
    [(False, 0, 12), (False, 1, 16), (False, 2, 14), (True, 1, 14), (True, 2, 12), (True, 3, 16)],
)
def test_each_half_has_its_own_granule_encoding(upper: bool, encoding: int, granule: int) -> None:
    bench = Bench(Features(granules=(12, 14, 16)))
    bench.enter(NON_SECURE)
    tcr = TCR_TWO & ~(3 << 14 | 3 << 30) | encoding << (30 if upper else 14)
    bench.regs |= {"SCTLR_EL1": 1, "TCR_EL1": tcr, "MAIR_EL1": 0xFF}
    bench.regs["TTBR1_EL1" if upper else "TTBR0_EL1"] = BASE
    va = 3 << (2 * granule - 3)  # index 3 at level 2
    bench.put(BASE, BASE + 0x1_0000 | 3)
    bench.put(BASE + 0x1_0000, BASE + 0x1_0000 | 3)
    bench.put(BASE + 0x1_0000 + 24, DATA | AF | 1)
    located = bench.go((HIGH if upper else 0) + va, **EL1)
    assert located.translation.size == 1 << (2 * granule - 3)


@pytest.mark.parametrize(("tsz", "as_if"), [(0, 16), (15, 16), (40, 39), (63, 39)])
def test_txsz_outside_its_limits_is_the_limit_without_wide_addresses_and_small_tables(tsz: int, as_if: int) -> None:
    bench = Bench(Features(has_lva=False, has_lpa2=False, has_small_tables=False))
    bench.enter(NON_SECURE)
    tables = bench.el1()
    reach = 1 << (64 - as_if)
    top = reach - 0x1000
    start = 3 - (64 - as_if - 1 - 12) // 9
    tables.start = start
    tables.map(top, DATA, AF)
    bench.regs["TCR_EL1"] = TCR_TWO & ~0x3F | tsz
    assert bench.go(top, **EL1).pa == DATA
    fault = bench.fail(reach, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 0)


@pytest.mark.parametrize("offset", [0, 0x1000, 0xF000])
def test_a_contiguous_run_maps_as_one(bench: Bench, offset: int) -> None:
    """4 KiB: 16 entries; the low output bits come from the input address."""
    bench.enter(NON_SECURE)
    bench.el1().map(VA + offset, DATA + 0x3000, AF | CONTIGUOUS)
    located = bench.go(VA + offset + 8, **EL1)
    assert located.pa == DATA + offset + 8
    assert (located.translation.size, located.translation.va_base) == (0x1_0000, VA)
    bench.memory.reads.clear()
    assert bench.go(VA + 0x8000, **EL1).pa == DATA + 0x8000
    assert bench.memory.reads == []


# Order of checks


def test_2_the_address_must_fit_its_range(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    for va in (1 << 48, 1 << 55, HIGH - 8, 1 << 56 | VA, HIGH + VA - (1 << 60)):
        fault = bench.fail(va, **EL1)
        assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 0), hex(va)
    assert bench.memory.reads == []


def test_2_single_range_regimes_have_no_upper_half(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    for va in (HIGH + VA, 1 << 48):
        fault = bench.fail(va, security=NON_SECURE)
        assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 0)


@pytest.mark.parametrize(("half", "bit"), [(0, 37), (HIGH, 38)])
def test_2_tbi_ignores_the_top_byte_of_its_half(bench: Bench, half: int, bit: int) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    tagged = (half + VA) ^ 0x5A << 56
    assert bench.fail(tagged, **EL1).kind is FaultKind.TRANSLATION
    bench.regs["TCR_EL1"] |= 1 << bit
    assert bench.go(tagged, **EL1).pa == DATA
    assert bench.go(tagged, Access.FETCH, **EL1).pa == DATA
    bench.memory.reads.clear()
    assert bench.go(half + VA, **EL1).pa == DATA
    assert bench.memory.reads == [], "one TLB entry serves every tag"


def test_2_tbi_of_a_single_range(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.regs["TCR_EL2"] |= 1 << 20
    assert bench.go(0xFF << 56 | VA, security=NON_SECURE).pa == DATA
    assert bench.fail(0xFF80 << 48 | VA, security=NON_SECURE).kind is FaultKind.TRANSLATION


@pytest.mark.parametrize(("half", "bit"), [(0, 7), (HIGH, 23)])
def test_5_epd_stops_walks_but_not_hits(bench: Bench, half: int, bit: int) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    tables.map(VA + 0x1000, DATA, AF)
    bench.go(half + VA, **EL1)
    bench.regs["TCR_EL1"] |= 1 << bit
    bench.go(half + VA, **EL1)
    fault = bench.fail(half + VA + 0x1000, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 0)
    bench.go((0 if half else HIGH) + VA, **EL1)


def test_6_a_table_beyond_the_output_size(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1()
    bench.regs["TCR_EL1"] = TCR_TWO & ~(7 << 32) | 1 << 32  # 36 bits
    bench.regs["TTBR0_EL1"] = 1 << 36
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.ADDRESS_SIZE, 0)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_9_no_memory_at_a_descriptor(bench: Bench, level: int) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    if level == 0:
        bench.regs["TTBR0_EL1"] = 0x1000
    else:
        bench.put(tables.slot(VA, level - 1), 0x1000 | 3)
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.EXTERNAL_WALK, level)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("invalid", [0, 2, DATA | AF | 2])
def test_10_invalid_descriptors(bench: Bench, level: int, invalid: int) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    bench.put(tables.slot(VA, level), invalid)
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, level)


@pytest.mark.parametrize("level", [0, 3])
def test_10_blocks_where_none_are_allowed(bench: Bench, level: int) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    bench.put(tables.slot(VA, level), AF | 1)
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, level)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_11_a_next_table_beyond_the_output_size(bench: Bench, level: int) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    bench.regs["TCR_EL1"] = TCR_TWO & ~(7 << 32) | 1 << 32
    bench.put(tables.slot(VA, level), 1 << 36 | 3)
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.ADDRESS_SIZE, level)


@pytest.mark.parametrize("level", [1, 2])
def test_12_nt_in_a_block_faults(bench: Bench, level: int) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(0, 0, AF | NT, level)
    fault = bench.fail(VA if level == 1 else 0, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, level)


def test_12_bit_16_of_a_page_is_address(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA | NT, AF)
    assert bench.go(VA, **EL1).pa == DATA | NT


def test_12_nt_before_amec_before_output_size_before_access_flag(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    bench.regs["TCR_EL2"] = TCR_ONE & ~(7 << 16) | 1 << 16
    slot = tables.slot(VA, 2)

    def reason(*, nt: bool = False, amec: bool = False, large: bool = False, af: bool = False) -> tuple[object, str]:
        word = (NT if nt else 0) | (AMEC if amec else 0) | (1 << 36 if large else 0) | (AF if af else 0) | 1
        bench.put(slot, word)
        fault = bench.fail(VA)
        assert fault.level == 2
        return fault.kind, fault.reason

    assert reason(nt=True, amec=True, large=True) == (FaultKind.TRANSLATION, "block has nT=1")
    assert reason(amec=True, large=True) == (FaultKind.TRANSLATION, "leaf has AMEC=1 but TCR2_EL2.AMEC0 is 0")
    assert reason(large=True)[0] is FaultKind.ADDRESS_SIZE
    assert reason() == (FaultKind.ACCESS_FLAG, "leaf has AF=0")
    bench.regs["TCR2_EL2"] = AMEC0
    assert reason(amec=True, large=True)[0] is FaultKind.ADDRESS_SIZE


def test_13_a_leaf_beyond_the_output_size(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, 1 << 36, AF)
    bench.regs["TCR_EL1"] = TCR_TWO & ~(7 << 32) | 1 << 32
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.ADDRESS_SIZE, 3)


@pytest.mark.parametrize("hit", [False, True])
def test_14_to_16_access_flag_then_alignment_then_permission(bench: Bench, hit: bool) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF * hit | DEVICE | READ_ONLY)
    if hit:
        bench.go(VA, **EL1)
    else:
        assert bench.fail(VA + 1, Access.WRITE, **EL1).kind is FaultKind.ACCESS_FLAG
        tables.map(VA, DATA, AF | DEVICE | READ_ONLY)
    assert bench.fail(VA + 1, Access.WRITE, **EL1).kind is FaultKind.ALIGNMENT
    assert bench.fail(VA, Access.WRITE, **EL1).kind is FaultKind.PERMISSION


def test_alignment_by_sctlr_comes_before_translation(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1()
    assert bench.fail(VA + 1, **EL1).kind is FaultKind.TRANSLATION
    bench.regs["SCTLR_EL1"] |= 2
    assert bench.fail(VA + 1, **EL1).kind is FaultKind.ALIGNMENT
    assert bench.fail(VA, **EL1).kind is FaultKind.TRANSLATION


def test_exclusives_are_aligned_whatever_sctlr_says(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA + 1, **EL1)
    assert bench.fail(VA + 1, **EL1, is_aligned_only=True).kind is FaultKind.ALIGNMENT


@pytest.mark.parametrize(("attributes", "faults"), [(NORMAL, False), (NC, False), (DEVICE, True)])
def test_unaligned_and_zeroing_accesses_fault_on_device_memory_only(
    bench: Bench, attributes: int, faults: bool
) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | attributes)
    for more in ({"va_offset": 3}, {"is_zeroing": True}):
        offset = more.pop("va_offset", 0)
        found = bench.mmu.access(bench.request(VA + offset, Access.WRITE, **EL1, **more))
        assert (getattr(found, "kind", None) is FaultKind.ALIGNMENT) == faults


def test_cache_maintenance_is_never_unaligned(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | DEVICE)
    bench.go(VA + 5, **EL1, is_cache_maintenance=True)


# Output address space


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(0, PAS.SECURE), (NS, PAS.NON_SECURE), (NSE, PAS.ROOT), (NSE | NS, PAS.REALM)],
)
def test_el3_leaves_choose_any_address_space(bench: Bench, bits: int, expected: PAS) -> None:
    bench.enter(NON_SECURE)
    bench.el3().map(VA, DATA, AF | bits)
    assert bench.go(VA, el=3, security=Security.ROOT).pas == expected
    assert {pas for _, pas, _ in bench.memory.reads} == {PAS.ROOT}


@pytest.mark.parametrize("e2h", [False, True])
@pytest.mark.parametrize(
    ("security", "bits", "expected"),
    [
        (Security.REALM, 0, PAS.REALM),
        (Security.REALM, NS, PAS.NON_SECURE),
        (Security.SECURE, 0, PAS.SECURE),
        (Security.SECURE, NS, PAS.NON_SECURE),
        (Security.NON_SECURE, 0, PAS.NON_SECURE),
        (Security.NON_SECURE, NS, PAS.NON_SECURE),
    ],
)
def test_el2_leaves_choose_with_ns(bench: Bench, e2h: bool, security: Security, bits: int, expected: PAS) -> None:
    bench.enter(security)
    bench.el2(e2h=e2h).map(VA, DATA, AF | bits)
    assert bench.go(VA, security=security).pas == expected
    assert {pas for _, pas, _ in bench.memory.reads} == {security.pas}


def test_realm_el1_ignores_ns(bench: Bench) -> None:
    bench.enter(Security.REALM)
    bench.el1().map(VA, DATA, AF | NS)
    assert bench.go(VA, el=1).pas == PAS.REALM


def test_nstable_moves_secure_walks_and_output_to_non_secure(bench: Bench) -> None:
    bench.enter(Security.SECURE)
    tables = bench.el2(e2h=True)
    tables.map(VA, DATA, AF)
    word = int.from_bytes(bench.memory.encrypted.peek(tables.slot(VA, 1) - BASE, 8), "little")
    bench.put(tables.slot(VA, 1), word | 1 << 63)
    located = bench.go(VA, security=Security.SECURE)
    assert located.pas == PAS.NON_SECURE
    assert [pas for _, pas, _ in bench.memory.reads] == [PAS.SECURE] * 2 + [PAS.NON_SECURE] * 2
    assert not located.translation.is_global, "what comes from Non-secure tables is never global in Secure state"


@pytest.mark.parametrize("security", [Security.REALM, Security.NON_SECURE])
def test_bit_63_of_a_table_is_nothing_outside_secure(bench: Bench, security: Security) -> None:
    """5.4, mistake 14: AMEC exists in leaves only."""
    bench.enter(security, mec=True)
    tables = bench.el2()
    tables.table_bits = 1 << 63
    tables.map(VA, DATA, AF)
    bench.regs |= {"MECID_P0_EL2": 5, "MECID_A0_EL2": 6}
    located = bench.go(VA, security=security)
    assert located.pas == security.pas
    assert located.mecid == (5 if security is Security.REALM else 0)


def test_el3_ignores_nstable(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el3()
    tables.table_bits = 1 << 63
    tables.map(VA, DATA, AF | NSE)
    assert bench.go(VA, el=3, security=Security.ROOT).pas == PAS.ROOT


@pytest.mark.parametrize(("bits", "is_global"), [(0, True), (NG, False)])
def test_ng(bench: Bench, bits: int, is_global: bool) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | bits)
    assert bench.go(VA, **EL1).translation.is_global == is_global


def test_bit_11_means_nothing_for_globality_in_single_range_regimes(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el3().map(VA, DATA, AF | NSE)
    assert bench.go(VA, el=3, security=Security.ROOT).translation.is_global


def test_el0_permission_bit_is_res1_for_el2(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF | EL0)
    bench.go(VA, Access.WRITE, security=NON_SECURE)
    bench.go(VA, Access.FETCH, security=NON_SECURE)


# Stage 1 off


@pytest.mark.parametrize("va", [1 << 52, 1 << 55, HIGH + VA, 1 << 63])
def test_stage_1_off_has_no_addresses_beyond_the_pa_size(bench: Bench, va: int) -> None:
    bench.enter(NON_SECURE)
    fault = bench.fail(va, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.ADDRESS_SIZE, 0)


def test_stage_1_off_obeys_tbi(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tagged = 0x7F << 56 | DATA
    assert bench.fail(tagged, **EL1).kind is FaultKind.ADDRESS_SIZE
    bench.regs["TCR_EL1"] = 1 << 37
    assert bench.go(tagged, **EL1).pa == DATA


@pytest.mark.parametrize(
    ("el", "security"),
    [
        (3, Security.ROOT),
        (2, Security.REALM),
        (2, Security.SECURE),
        (2, Security.NON_SECURE),
        (1, Security.REALM),
        (1, Security.SECURE),
        (0, Security.NON_SECURE),
    ],
)
def test_stage_1_off_gives_the_states_own_address_space(bench: Bench, el: int, security: Security) -> None:
    bench.enter(security)
    located = bench.go(DATA, Access.WRITE, el=el, security=security)
    assert (located.pa, located.pas, located.is_device) == (DATA, security.pas, True)
    assert located.attributes.text == "Device-nGnRnE"
    fetched = bench.go(DATA, Access.FETCH, el=el, security=security)
    assert (fetched.is_device, fetched.attributes.mair, fetched.attributes.shareability) == (False, 0x44, 2)
    assert len(bench.mmu.tlb) == 0, "accesses with stage 1 off are not kept"


def test_stage_1_off_fetches_are_cached_with_sctlr_i(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.regs["SCTLR_EL1"] = 1 << 12
    assert bench.go(DATA, Access.FETCH, **EL1).attributes.mair == 0xAA


def test_stage_1_off_data_is_device_and_so_aligned(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    assert bench.fail(DATA + 1, **EL1).kind is FaultKind.ALIGNMENT
