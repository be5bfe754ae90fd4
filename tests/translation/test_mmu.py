"""The facade: what decides a context, regimes and states, hits and misses through granule protection."""

from __future__ import annotations

from collections import defaultdict

import pytest

from emu.architecture import Access, Regime, Security
from emu.features import Features
from emu.translation.mmu import CONTEXT_REGISTERS, Located, Mmu
from emu.translation.records import FaultKind, GpcFailure
from emu.translation.regimes import (
    ReservedSecurityStateError,
    is_el2_enabled,
    regime_of,
    security_below_el3,
    security_of,
)
from tests.translation.bench import (
    AF,
    AMEC,
    BASE,
    EL0,
    HCR_E2H,
    HCR_TGE,
    HCR_VM,
    S2_RW,
    SCR_STATE,
    Bench,
)

VA, IPA, DATA = 0x40_0000, 0x1_0000_0000, BASE + 0x10_0000
NON_SECURE = Security.NON_SECURE


class Watched(defaultdict[str, int]):
    """Registers that remember which of them were read."""

    def __init__(self, values: dict[str, int]) -> None:
        super().__init__(int, values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> int:
        self.names.add(name)
        return super().__getitem__(name)


@pytest.mark.parametrize("security", [Security.REALM, Security.NON_SECURE, Security.SECURE])
@pytest.mark.parametrize("el", [0, 1, 2, 3])
@pytest.mark.parametrize("hcr", [0, HCR_VM, HCR_E2H, HCR_E2H | HCR_TGE, HCR_VM | HCR_E2H])
@pytest.mark.parametrize("is_stage1_on", [True, False])
def test_nothing_outside_the_context_key_decides_an_access(
    security: Security, el: int, hcr: int, is_stage1_on: bool
) -> None:
    bench = Bench()
    bench.enter(security, mec=True)
    bench.el1().map(VA, IPA if hcr & HCR_VM else DATA, AF | EL0)
    bench.el2(e2h=bool(hcr & HCR_E2H)).map(VA, DATA, AF | EL0 | AMEC)
    bench.el3().map(VA, DATA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    bench.regs["VSTTBR_EL2"], bench.regs["VSTCR_EL2"] = stage2.root, bench.regs["VTCR_EL2"]
    table = bench.page()
    bench.put(table + 16, 0xF << 4 | 1)
    bench.regs |= {"GPCCR_EL3": 1 << 16 | 3 << 12 | 0xF << 8, "GPTBR_EL3": table >> 12, "HCR_EL2": hcr}
    if not is_stage1_on:
        bench.regs |= {"SCTLR_EL1": 0, "SCTLR_EL2": 0, "SCTLR_EL3": 0}
    watched = Watched(bench.regs)
    mmu = Mmu(watched, bench.memory, bench.features, now=bench.moment)
    regime = regime_of(el, watched)
    state = security_of(el, watched)
    watched.names.clear()
    for access in (Access.READ, Access.FETCH):
        for _ in range(2):
            mmu.access(bench.request(VA, access, el=el, regime=regime, security=state))
    read = set(watched.names)
    watched.names.clear()
    mmu.context_key(el)
    # The controls of MECIDs are read together, whichever of them the regime then uses.
    assert read - watched.names <= {"SCTLR2_EL3", "SCTLR2_EL2", "TCR2_EL2", "TCR_EL2"}


@pytest.mark.parametrize("name", sorted({name for names in CONTEXT_REGISTERS.values() for name in names}))
def test_a_context_key_tells_each_of_its_registers(bench: Bench, name: str) -> None:
    bench.enter(Security.REALM)
    for el, regime in ((3, Regime.EL3), (2, Regime.EL2), (1, Regime.EL10), (0, Regime.EL10)):
        bench.regs[name] = SCR_STATE[Security.REALM] if name == "SCR_EL3" else 0
        before = bench.mmu.context_key(el)
        bench.regs[name] ^= 1 << 11
        assert (bench.mmu.context_key(el) != before) == (name in CONTEXT_REGISTERS[regime])


def test_context_keys_of_els_differ(bench: Bench) -> None:
    bench.enter(Security.REALM)
    assert len({bench.mmu.context_key(el) for el in range(4)}) == 4


@pytest.mark.parametrize("el", [0, 1, 2, 3])
def test_without_mec_its_registers_are_never_asked_for(el: int) -> None:
    bench = Bench(Features(has_mec=False))
    bench.enter(Security.REALM, mec=True)
    bench.el1().map(VA, DATA, AF | EL0)
    bench.el2().map(VA, DATA, AF | AMEC)
    bench.el3().map(VA, DATA, AF)
    watched = Watched(bench.regs)
    mmu = Mmu(watched, bench.memory, bench.features, now=bench.moment)
    request = bench.request(VA, el=el, security=security_of(el, bench.regs))
    found = mmu.access(request)
    assert isinstance(found, Located)
    assert (found.pa, found.mecid, mmu.explain(request).mecid) == (DATA, 0, 0)
    mmu.context_key(el)
    assert not [name for name in watched.names if "MECID" in name]


# Granule protection on hits


def with_granules(bench: Bench) -> int:
    """Granule protection on, everything accessible; returns the address of the entry for RAM's GiB."""
    table = bench.page()
    bench.put(table + 16, 0xF << 4 | 1)
    bench.regs |= {"GPCCR_EL3": 1 << 16 | 3 << 12 | 0xF << 8, "GPTBR_EL3": table >> 12}
    return table + 16


def test_granule_changes_show_after_tlbi_by_pa(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    entry = with_granules(bench)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA, security=NON_SECURE)
    bench.put(entry, 0xB << 4 | 1)
    bench.go(VA, security=NON_SECURE)
    assert bench.mmu.invalidate("RPALOS", DATA >> 12, 3) == 1
    fault = bench.fail(VA, security=NON_SECURE)
    assert (fault.kind, fault.second_stage) == (FaultKind.GPC, False)
    assert fault.gpc is not None
    assert (fault.gpc.failure, fault.gpc.pa) == (GpcFailure.FAIL, DATA)


def test_turning_granule_protection_on_acts_at_once(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA, security=NON_SECURE)
    with_granules(bench)
    bench.regs["GPCCR_EL3"] |= 7
    assert bench.fail(VA, security=NON_SECURE).kind is FaultKind.GPC


def test_address_translation_does_not_check_its_output(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.put(with_granules(bench), 0xA << 4 | 1)
    assert bench.fail(DATA, security=NON_SECURE).kind is FaultKind.GPC
    bench.go(DATA, security=NON_SECURE, is_at=True)


def test_granule_faults_of_stage_2_tables_name_the_stage(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    entry = with_granules(bench)
    bench.put(entry, 0xA << 4 | 1)
    fault = bench.fail(VA, el=1, security=NON_SECURE)
    assert (fault.kind, fault.level, fault.second_stage, fault.s1ptw) == (FaultKind.GPC_WALK, 0, True, True)
    assert fault.gpc is not None
    assert fault.gpc.pa == stage2.root


def test_granule_reads_are_root_and_mecid_0(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.regs["MECID_P0_EL2"] = 5
    entry = with_granules(bench)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA)
    assert {(pas.label, mecid) for pa, pas, mecid in bench.memory.reads if pa == entry} == {("root", 0)}


# Regimes and states (3.1, 4.1)


@pytest.mark.parametrize(
    ("scr", "expected"),
    [(0, Security.SECURE), (1, Security.NON_SECURE), (1 << 62, None), (1 | 1 << 62, Security.REALM)],
)
def test_scr_names_the_state_below_el3(scr: int, expected: Security | None) -> None:
    regs = {"SCR_EL3": scr}
    assert security_below_el3(regs) is expected
    assert security_of(3, regs) is Security.ROOT
    if expected is None:
        with pytest.raises(ReservedSecurityStateError):
            security_of(2, regs)
    else:
        assert security_of(1, regs) is expected


@pytest.mark.parametrize(
    ("el", "hcr", "expected"),
    [
        (3, HCR_E2H | HCR_TGE, Regime.EL3),
        (2, 0, Regime.EL2),
        (2, HCR_TGE, Regime.EL2),
        (2, HCR_E2H, Regime.EL20),
        (1, HCR_E2H, Regime.EL10),
        (0, 0, Regime.EL10),
        (0, HCR_E2H, Regime.EL10),
        (0, HCR_TGE, Regime.EL10),
        (0, HCR_E2H | HCR_TGE, Regime.EL20),
    ],
)
def test_regimes(el: int, hcr: int, expected: Regime) -> None:
    assert regime_of(el, {"SCR_EL3": 1, "HCR_EL2": hcr}) is expected


def test_secure_el0_without_eel2_is_el10() -> None:
    assert regime_of(0, {"SCR_EL3": 0, "HCR_EL2": HCR_E2H | HCR_TGE}) is Regime.EL10
    assert not is_el2_enabled(Security.SECURE, {"SCR_EL3": 0})
    assert is_el2_enabled(Security.REALM, {"SCR_EL3": 0})


def test_a_located_access_carries_its_translation(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    located = bench.go(VA + 8, security=NON_SECURE)
    assert isinstance(located, Located)
    assert (located.translation.va_base, located.translation.pa_base, located.translation.size) == (VA, DATA, 0x1000)
