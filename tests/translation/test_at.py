"""AT instructions and PAR_EL1 (mec-reference.md 4.12), fault status codes (4.11)."""

from __future__ import annotations

import pytest

from emu.architecture import VA as Va
from emu.architecture import Security
from emu.translation.at import AT_OPERATIONS
from emu.translation.faults import fault_status, is_gpc_exception
from emu.translation.records import Fault, FaultKind, GpcFailure
from tests.translation.bench import (
    AF,
    BASE,
    DEVICE,
    EL0,
    HCR_E2H,
    HCR_TGE,
    NC,
    NS,
    NSE,
    READ_ONLY,
    S2_NS,
    S2_RW,
    SCR_GPF,
    Bench,
    Tables,
)

VA, IPA, DATA = 0x40_0000, 0x1_0000_0000, BASE + 0x10_0000
NON_SECURE = Security.NON_SECURE


def par(bench: Bench, name: str, va: int = VA, el: int = 2, *, pan: bool = False) -> int:
    value, fault = bench.mmu.at(name, Va(va), el, pan=pan)
    assert fault is None
    assert value is not None
    return value


def failed(value: int) -> tuple[int, int, int]:
    """(FST, PTW, S) of a PAR_EL1 with F=1."""
    assert value & 1
    assert value >> 11 & 1
    return value >> 1 & 0x3F, value >> 8 & 1, value >> 9 & 1


def guest(bench: Bench, security: Security = NON_SECURE) -> tuple[Tables, Tables]:
    bench.enter(security)
    stage1 = bench.el1()
    stage1.map(VA, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    return stage1, stage2


def test_all_operations_of_4_12_are_there() -> None:
    named = """S1E1R S1E1W S1E0R S1E0W S1E1RP S1E1WP S1E1A S1E2R S1E2W S12E1R S12E1W S12E0R S12E0W S1E2A S1E3R S1E3W
    S1E3A"""
    assert set(named.split()) == set(AT_OPERATIONS)


def test_success_reports_address_attributes_and_shareability(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF | 3 << 8)
    assert par(bench, "S1E2R", VA + 0x123) == 0xFF << 56 | DATA | 3 << 7
    assert par(bench, "AT S1E2R") == 0xFF << 56 | DATA | 3 << 7


@pytest.mark.parametrize(("attributes", "byte"), [(DEVICE, 0x00), (NC, 0x44)])
def test_device_and_non_cacheable_report_outer_shareable(bench: Bench, attributes: int, byte: int) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF | attributes)
    assert par(bench, "S1E2W") == byte << 56 | DATA | 0b10 << 7


@pytest.mark.parametrize(("bits", "nse", "ns"), [(0, 0, 0), (NS, 0, 1), (NSE, 1, 0), (NSE | NS, 1, 1)])
def test_el3_reports_nse_and_ns(bench: Bench, bits: int, nse: int, ns: int) -> None:
    bench.enter(NON_SECURE)
    bench.el3().map(VA, DATA, AF | bits)
    value = par(bench, "S1E3R", el=3)
    assert (value >> 11 & 1, value >> 9 & 1) == (nse, ns)


@pytest.mark.parametrize(
    ("security", "bits", "ns"), [(Security.REALM, 0, 0), (Security.REALM, NS, 1), (Security.SECURE, NS, 1)]
)
def test_realm_and_secure_report_ns(bench: Bench, security: Security, bits: int, ns: int) -> None:
    bench.enter(security)
    bench.el2().map(VA, DATA, AF | bits)
    assert par(bench, "S1E2R") >> 9 & 1 == ns


def test_stage_12_of_a_realm_reports_the_final_address_space(bench: Bench) -> None:
    _, stage2 = guest(bench, Security.REALM)
    assert par(bench, "S12E1R") >> 9 & 1 == 0
    stage2.map(IPA, DATA, S2_RW | S2_NS)
    bench.mmu.invalidate_all()
    assert par(bench, "S12E1R") >> 9 & 1 == 1


def test_stage_1_of_a_guest_gives_its_intermediate_address(bench: Bench) -> None:
    guest(bench)
    for name in ("S1E1R", "S1E1W"):
        assert par(bench, name, el=1) & 0xFFFF_FFFF_F000 == IPA
    for name in ("S12E1R", "S12E1W"):
        assert par(bench, name) & 0xFFFF_FFFF_F000 == DATA


def test_failures_report_status_and_stage(bench: Bench) -> None:
    stage1, stage2 = guest(bench)
    assert failed(par(bench, "S12E1R", VA + 0x1000)) == (0b000111, 0, 0)
    assert failed(par(bench, "S12E0R")) == (0b001111, 0, 0)
    stage1.map(VA, IPA, AF | READ_ONLY)
    assert failed(par(bench, "S12E1W")) == (0b001111, 0, 0)
    stage1.map(VA, IPA + 0x1000, AF)
    assert failed(par(bench, "S12E1R")) == (0b000111, 0, 1)
    stage1.map(VA, IPA, 0)
    assert failed(par(bench, "S1E1R")) == (0b001011, 0, 0)
    bench.put(stage1.slot(VA, 2), 0x2_0000_0000 | 3)
    assert failed(par(bench, "S1E1R")) == (0b000101, 1, 1)
    assert stage2.start == 0


def test_a_stage_2_fault_on_the_walk_at_el1_is_an_exception(bench: Bench) -> None:
    stage1, _ = guest(bench)
    bench.put(stage1.slot(VA, 2), 0x2_0000_0000 | 3)
    value, fault = bench.mmu.at("S1E1R", Va(VA), 1)
    assert value is None
    assert fault is not None
    assert (fault.kind, fault.s1ptw, fault.second_stage) == (FaultKind.TRANSLATION, True, True)


def test_an_external_abort_on_the_walk_is_an_exception(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el2()
    bench.put(tables.slot(VA, 0), 0x1000 | 3)
    value, fault = bench.mmu.at("S1E2R", Va(VA), 2)
    assert value is None
    assert fault is not None
    assert (fault.kind, fault.level) == (FaultKind.EXTERNAL_WALK, 1)


def gpt_of_root(bench: Bench) -> None:
    """One 1 GiB block per entry: all of RAM is Root."""
    table = bench.page()
    bench.put(table + 16, 0xA << 4 | 1)
    bench.regs |= {"GPCCR_EL3": 1 << 16 | 3 << 12 | 0xF << 8, "GPTBR_EL3": table >> 12}


def test_a_failed_granule_check_on_the_walk(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    gpt_of_root(bench)
    assert failed(par(bench, "S1E2R")) == (0b100100, 0, 0)
    bench.regs["SCR_EL3"] |= SCR_GPF
    value, fault = bench.mmu.at("S1E2R", Va(VA), 2)
    assert value is None
    assert fault is not None
    assert (fault.kind, fault.level) == (FaultKind.GPC_WALK, 0)
    assert fault.gpc is not None
    assert fault.gpc.failure is GpcFailure.FAIL


def test_a_failed_granule_check_at_el1_with_hcr_gpf_is_an_exception(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    gpt_of_root(bench)
    assert failed(par(bench, "S1E1R", el=1)) == (0b100100, 0, 0)
    bench.regs["HCR_EL2"] |= 1 << 48
    assert bench.mmu.at("S1E1R", Va(VA), 1)[1] is not None


def test_a_check_that_cannot_be_made_is_always_an_exception(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.regs["GPCCR_EL3"] = 1 << 16 | 7
    fault = bench.mmu.at("S1E2R", Va(VA), 2)[1]
    assert fault is not None
    assert fault.gpc is not None
    assert fault.gpc.failure is GpcFailure.WALK


def test_the_output_itself_is_not_checked(bench: Bench) -> None:
    bench.enter(Security.NON_SECURE)
    bench.el3().map(VA, DATA, AF | NS)
    gpt_of_root(bench)
    assert par(bench, "S1E3R", el=3) & 0xFFFF_FFFF_F000 == DATA


def test_el0_forms_use_el0_permissions(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    tables.map(VA + 0x1000, DATA, AF | EL0)
    assert failed(par(bench, "S1E0R", el=1)) == (0b001111, 0, 0)
    assert not par(bench, "S1E0W", VA + 0x1000, el=1) & 1


@pytest.mark.parametrize(
    ("name", "pan", "fails"),
    [("S1E1R", True, False), ("S1E1RP", True, True), ("S1E1RP", False, False), ("S1E1WP", True, True)],
)
def test_only_the_p_forms_honour_pan(bench: Bench, name: str, pan: bool, fails: bool) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | EL0)
    assert bool(par(bench, name, el=1, pan=pan) & 1) == fails


def test_the_a_forms_ignore_permissions(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | READ_ONLY)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    assert not par(bench, "S1E1A", el=1) & 1


def test_unaligned_addresses_do_not_matter(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF | DEVICE)
    bench.regs["SCTLR_EL2"] |= 2
    assert not par(bench, "S1E2R", VA + 3) & 1


def test_e2h_and_tge_move_the_stage_1_forms_to_el20(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.el2(e2h=True).map(VA, DATA + 0x1000, AF | EL0)
    assert par(bench, "S1E1R") & 0xFFFF_FFFF_F000 == DATA
    bench.regs["HCR_EL2"] = HCR_E2H | HCR_TGE
    for name in ("S1E1R", "S1E0R"):
        assert par(bench, name) & 0xFFFF_FFFF_F000 == DATA + 0x1000


def test_reserved_state_at_el3_is_undefined_below_it(bench: Bench) -> None:
    bench.el3().map(VA, DATA, AF)
    bench.regs["SCR_EL3"] = 1 << 62
    assert bench.mmu.at("S1E1R", Va(VA), 3) == (None, None)
    assert bench.mmu.at("S1E2R", Va(VA), 3) == (None, None)
    assert bench.mmu.at("S1E3R", Va(VA), 3)[0] is not None


def test_secure_el2_that_is_not_enabled_is_undefined(bench: Bench) -> None:
    bench.regs["SCR_EL3"] = 0
    assert bench.mmu.at("S1E2R", Va(VA), 3) == (None, None)
    assert bench.mmu.at("S12E1R", Va(DATA), 3)[0] is not None


def test_at_does_not_fill_entries_of_the_regime(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    par(bench, "S1E2R")
    assert len(bench.mmu.tlb) == 0


# Status codes, from the table of 4.11


@pytest.mark.parametrize(
    ("kind", "level", "code"),
    [
        (FaultKind.ADDRESS_SIZE, 0, 0b000000),
        (FaultKind.ADDRESS_SIZE, 3, 0b000011),
        (FaultKind.TRANSLATION, 0, 0b000100),
        (FaultKind.TRANSLATION, 2, 0b000110),
        (FaultKind.ACCESS_FLAG, 3, 0b001011),
        (FaultKind.PERMISSION, 1, 0b001101),
        (FaultKind.EXTERNAL, 0, 0b010000),
        (FaultKind.EXTERNAL_WALK, 3, 0b010111),
        (FaultKind.ALIGNMENT, 0, 0b100001),
        (FaultKind.GPC_WALK, 0, 0b100100),
        (FaultKind.GPC_WALK, 3, 0b100111),
        (FaultKind.GPC, 0, 0b101000),
    ],
)
def test_fault_status_codes(kind: FaultKind, level: int, code: int) -> None:
    assert fault_status(Fault(kind, level, "")) == code


def test_gpc_exceptions(bench: Bench) -> None:
    """3.7: Fail is one only below EL3 with SCR_EL3.GPF=1, the others always."""
    bench.enter(NON_SECURE)
    gpt_of_root(bench)
    fault = bench.fail(DATA, security=NON_SECURE)
    assert [is_gpc_exception(fault, el, scr) for el in (2, 3) for scr in (0, SCR_GPF)] == [False, True, False, False]
    bench.regs["GPCCR_EL3"] |= 7
    fault = bench.fail(DATA, security=NON_SECURE)
    assert [is_gpc_exception(fault, el, scr) for el in (2, 3) for scr in (0, SCR_GPF)] == [True] * 4
    assert not is_gpc_exception(Fault(FaultKind.TRANSLATION, 0, ""), 1, SCR_GPF)
