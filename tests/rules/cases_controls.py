"""Programs about enables, identities, synchronisation and the TLB."""

from __future__ import annotations

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import (
    AMEC0,
    AMEC1,
    CODE,
    DATA,
    EMEC,
    HCR_RW,
    MECEN,
    OPEN,
    SCTLR,
    SCTLR2EN,
    SCTLR_M,
    TCR2EN,
    VM,
)
from tests.conformance.realm import ALTERNATE, PRIMARY, HostTables, realm_el2, realm_el20
from tests.rules.bench import (
    ALLE1,
    ALLE2,
    ALLE3,
    EL1_CODE,
    LINE,
    MECIDS,
    VMALLS12E1,
    Bench,
    bad,
    good,
)


def writes_all(bench: Bench, p0: int = 0, vp: int = 0) -> None:
    """All six MECID registers, by MSR."""
    for name in MECIDS:
        bench.does(w.mov(0, {"MECID_P0_EL2": p0, "VMECID_P_EL2": vp}.get(name, 0)), w.msr(name, 0))
    bench.does(w.ISB)


def sets_emec(bench: Bench) -> None:
    bench.does(w.mov(0, EMEC), w.msr("SCTLR2_EL2", 0), w.ISB, ALLE2, ALLE1, w.DSB, w.ISB)


# 1: EMEC never set.


@bad("mec-inactive")
def _a_realm_is_entered_without_emec(bench: Bench) -> None:
    bench.el2(SCTLR2_EL2=0)
    writes_all(bench, vp=5)
    bench.returns(1, EL1_CODE)


@bad("mec-inactive")
def _the_guest_ends_without_emec(bench: Bench) -> None:
    bench.el2(SCTLR2_EL2=0)
    writes_all(bench, p0=5)


@good("mec-inactive")
def _mecids_first_then_emec_then_the_realm(bench: Bench) -> None:
    bench.el2(SCTLR2_EL2=0)
    writes_all(bench, vp=5)
    sets_emec(bench)
    bench.returns(1, EL1_CODE)


# 2: SCTLR2En.


@bad("sctlr2en-missing")
def _sctlr2_traps(bench: Bench) -> None:
    bench.enter(2, Security.REALM, scr=OPEN & ~SCTLR2EN)
    bench.forget()
    assert bench.takes(w.mov(0, EMEC), w.msr("SCTLR2_EL2", 0)).ec == 0x18


@bad("sctlr2en-missing")
def _emec_set_by_el3_counts_as_0(bench: Bench) -> None:
    bench.forget()
    bench.enter(2, Security.REALM, scr=OPEN & ~SCTLR2EN, SCTLR2_EL2=EMEC)


@good("sctlr2en-missing")
def _sctlr2_is_open_to_realm_el2(bench: Bench) -> None:
    bench.forget()
    bench.enter(2, Security.REALM, SCTLR2_EL2=EMEC)
    bench.does(w.mrs(0, "SCTLR2_EL2"))


@good("sctlr2en-missing")
def _the_host_has_no_emec(bench: Bench) -> None:
    bench.forget()
    bench.enter(2, Security.NON_SECURE, scr=OPEN & ~SCTLR2EN)
    bench.takes(w.mrs(0, "SCTLR2_EL2"))


# 3: TCR2En.


@bad("tcr2en-missing")
def _tcr2_traps(bench: Bench) -> None:
    bench.enter(2, Security.REALM, scr=OPEN & ~TCR2EN)
    bench.forget()
    assert bench.takes(w.mov(0, AMEC0), w.msr("TCR2_EL2", 0)).ec == 0x18


@bad("tcr2en-missing")
def _amec_counts_as_0(bench: Bench) -> None:
    bench.forget()
    bench.enter(2, Security.REALM, scr=OPEN & ~TCR2EN, TCR2_EL2=AMEC0)


@bad("tcr2en-missing")
def _a_leaf_with_amec_faults_for_it(bench: Bench) -> None:
    realm_el2(bench)
    bench.sysreg["SCR_EL3"] &= ~TCR2EN
    bench.forget()
    bench.load_fault(ALTERNATE)


@good("tcr2en-missing")
def _tcr2_is_open_to_realm_el2(bench: Bench) -> None:
    realm_el2(bench)
    bench.load(ALTERNATE)
    bench.does(w.mrs(0, "TCR2_EL2"))


# 4: MECEn.


@bad("mecen-missing")
def _a_mecid_register_traps(bench: Bench) -> None:
    bench.enter(2, Security.REALM, scr=OPEN & ~MECEN)
    bench.forget()
    assert bench.takes(w.mov(0, 5), w.msr("MECID_P0_EL2", 0)).ec == 0x18


@bad("mecen-missing")
def _mecids_count_as_0(bench: Bench) -> None:
    bench.forget()
    bench.enter(2, Security.REALM, scr=OPEN & ~MECEN, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)


@good("mecen-missing")
def _mecids_are_open_to_realm_el2(bench: Bench) -> None:
    bench.el2(MECID_P0_EL2=5)
    bench.does(w.mrs(0, "MECID_P0_EL2"), w.mrs(0, "MECIDR_EL2"))


# 27: EL3's EMEC.


@bad("el3-mec-inactive")
def _el3_leaves_without_emec(bench: Bench) -> None:
    bench.enter(3, Security.REALM)
    bench.forget()
    bench.does(w.mov(0, 5), w.msr("MECID_RL_A_EL3", 0), w.ISB)
    bench.returns(2)


@good("el3-mec-inactive")
def _el3_sets_emec_after_its_mecid(bench: Bench) -> None:
    bench.enter(3, Security.REALM)
    bench.forget()
    bench.does(w.mov(0, 5), w.msr("MECID_RL_A_EL3", 0), w.ISB)
    bench.does(w.mov(0, EMEC), w.msr("SCTLR2_EL3", 0), w.ISB, ALLE3, w.DSB, w.ISB)
    bench.returns(2)


@good("el3-mec-inactive")
def _el3_clears_emec_after_its_mecid_had_its_use(bench: Bench) -> None:
    bench.enter(3, Security.REALM)
    bench.forget()
    bench.does(w.mov(0, 5), w.msr("MECID_RL_A_EL3", 0), w.ISB)
    bench.does(w.mov(0, EMEC), w.msr("SCTLR2_EL3", 0), w.ISB, ALLE3, w.DSB, w.ISB)
    bench.does(w.mov(0, 6), w.msr("MECID_RL_A_EL3", 0), w.ISB)
    bench.does(w.msr("SCTLR2_EL3", 31), w.ISB, ALLE3, w.DSB, w.ISB)
    bench.returns(2)


# 5: UNKNOWN MECIDs.


@bad("emec-before-mecids")
def _emec_before_anything(bench: Bench) -> None:
    bench.from_reset()
    bench.does(w.mov(0, 0), w.msr("MECID_P0_EL2", 0), w.msr("MECID_A0_EL2", 0), w.ISB)
    bench.does(w.mov(0, EMEC), w.msr("SCTLR2_EL2", 0))


@bad("emec-before-mecids")
def _el3s_emec_before_its_mecid(bench: Bench) -> None:
    bench.from_reset(3)
    bench.does(w.mov(0, EMEC), w.msr("SCTLR2_EL3", 0), w.ISB)


@good("emec-before-mecids")
def _all_six_then_emec(bench: Bench) -> None:
    bench.from_reset()
    writes_all(bench, p0=5)
    sets_emec(bench)


# 6: code of another MECID.


def code_under_0(bench: Bench, p0: int) -> None:
    """EMEC is set by code that was stored while it was 0 (so under MECID 0)."""
    program = w.assemble(w.mov(0, EMEC), w.msr("SCTLR2_EL2", 0), w.ISB, w.NOP)
    bench.el2(SCTLR2_EL2=0, MECID_P0_EL2=p0)
    for at in range(0, len(program), 8):
        bench.store(DATA + at, int.from_bytes(program[at : at + 8], "little"))
    bench.cpu.pc = DATA
    bench.machine.run(3)
    bench.cpu.pc = CODE


@bad("emec-foreign-code")
def _code_of_mecid_0_under_mecid_5(bench: Bench) -> None:
    code_under_0(bench, 5)


@good("emec-foreign-code")
def _code_of_mecid_0_under_mecid_0(bench: Bench) -> None:
    code_under_0(bench, 0)


# 7, 21, 23: Realms and their MECIDs.


@bad("vmid-under-other-mecid")
def _a_realm_comes_back_under_another_mecid(bench: Bench) -> None:
    bench.rmm()
    bench.visit(5, 7)
    bench.visit(5, 3)


@bad("vmid-under-other-mecid")
def _vmecid_p_is_not_restored(bench: Bench) -> None:
    bench.rmm()
    bench.visit(5, 7)
    bench.visit(5, 0)


@good("vmid-under-other-mecid")
def _two_realms_take_turns(bench: Bench) -> None:
    bench.rmm()
    for _ in range(2):
        bench.visit(5, 7)
        bench.visit(6, 8)


@good("vmid-under-other-mecid")
def _a_vmid_gets_another_realm_after_its_tlbi(bench: Bench) -> None:
    bench.rmm()
    bench.visit(5, 7)
    bench.does(VMALLS12E1, w.DSB, w.ISB)
    bench.visit(5, 3)


def recycles_mecid(bench: Bench, refresh: bool) -> None:
    """Realm 1 has memory under MECID 7 and goes; Realm 2 gets MECID 7."""
    bench.rmm()
    bench.stores_block(DATA, 7)
    bench.does(w.mov(0, 0), w.msr("MECID_P0_EL2", 0), w.ISB)
    bench.visit(1, 7)
    bench.does(VMALLS12E1, w.DSB, w.mov(0, 0), w.msr("VMECID_P_EL2", 0), w.ISB)
    if refresh:
        bench.machine.mec.refresh(7)
    bench.visit(2, 7)


@bad("mecid-reused")
def _a_mecid_passes_on_with_its_key(bench: Bench) -> None:
    recycles_mecid(bench, refresh=False)


@good("mecid-reused")
def _a_mecid_passes_on_with_a_new_key(bench: Bench) -> None:
    recycles_mecid(bench, refresh=True)


@bad("mecid-shared")
def _two_live_realms_under_one_mecid(bench: Bench) -> None:
    bench.rmm()
    bench.visit(1, 7)
    bench.visit(2, 7)


@good("mecid-shared")
def _each_realm_has_its_own(bench: Bench) -> None:
    bench.rmm()
    bench.visit(1, 7)
    bench.visit(2, 8)
    bench.visit(1, 7)


# 22: refresh.


@bad("refresh-in-use")
def _a_new_key_for_the_mecid_of_a_loaded_realm(bench: Bench) -> None:
    bench.el2(VMECID_P_EL2=7)
    bench.machine.mec.refresh(7)


@good("refresh-in-use")
def _a_new_key_for_a_mecid_nobody_uses(bench: Bench) -> None:
    bench.el2(VMECID_P_EL2=7)
    bench.does(w.mov(0, 0), w.msr("VMECID_P_EL2", 0), w.ISB)
    bench.machine.mec.refresh(7)


# 24: width.


@bad("mecid-truncated", width=8)
def _nine_bits_where_there_are_eight(bench: Bench) -> None:
    bench.el2()
    bench.does(w.mov(0, 0x105), w.msr("MECID_A0_EL2", 0), w.ISB)
    assert bench.sysreg["MECID_A0_EL2"] == 5


@good("mecid-truncated", width=8)
def _eight_bits_where_there_are_eight(bench: Bench) -> None:
    bench.el2()
    bench.does(w.mov(0, 0xFF), w.msr("MECID_A0_EL2", 0), w.ISB)


# 8: ISB.


@bad("missing-isb")
def _a_load_right_after_the_msr(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.does(w.mov(1, PRIMARY), w.mov(0, 6), w.msr("MECID_P0_EL2", 0), w.ldr(2, 1), w.ISB)


@good("missing-isb")
def _a_load_after_the_isb(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.does(w.mov(1, PRIMARY), w.mov(0, 6), w.msr("MECID_P0_EL2", 0), w.ISB, w.ldr(2, 1))


@good("missing-isb")
def _a_load_that_does_not_depend_on_it(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.does(w.mov(1, PRIMARY), w.mov(0, 6), w.msr("VMECID_P_EL2", 0), w.msr("MECID_A0_EL2", 0), w.ldr(2, 1), w.ISB)


@good("missing-isb")
def _an_eret_synchronises(bench: Bench) -> None:
    bench.rmm()
    bench.visit(5, 7)


# 9: TLBI.


@bad("needless-tlbi")
def _a_tlbi_for_a_mecid(bench: Bench) -> None:
    bench.el2()
    bench.does(w.mov(0, 5), w.msr("MECID_A0_EL2", 0), w.ISB, ALLE2, w.DSB, w.ISB)


@good("needless-tlbi")
def _isb_alone(bench: Bench) -> None:
    bench.el2()
    bench.does(w.mov(0, 5), w.msr("MECID_A0_EL2", 0), w.ISB)


@good("needless-tlbi")
def _a_tlbi_for_a_new_vttbr(bench: Bench) -> None:
    bench.rmm()
    bench.does(
        w.mov(0, 3 << 48 | bench.tables), w.msr("VTTBR_EL2", 0), w.mov(0, 5), w.msr("VMECID_P_EL2", 0), w.ISB,
        VMALLS12E1, w.DSB, w.ISB,
    )  # fmt: skip


# 31: AT.


@bad("at-under-other-mecid")
def _at_after_a_change_of_vmecid(bench: Bench) -> None:
    bench.rmm(VTTBR_EL2=0)
    bench.does(w.mov(0, bench.tables), w.msr("VTTBR_EL2", 0), w.ISB)
    bench.does(w.mov(0, 7), w.msr("VMECID_P_EL2", 0), w.ISB, w.mov(1, DATA), w.sys("AT S12E1R", 1))


@good("at-under-other-mecid")
def _at_in_the_realm_that_was_there(bench: Bench) -> None:
    bench.rmm()
    bench.visit(5, 7)
    bench.does(w.mov(1, DATA), w.sys("AT S12E1R", 1))


# 10: entries of another EMEC or AMEC.


@bad("stale-entry-after-emec")
def _a_load_by_an_entry_from_before_emec(bench: Bench) -> None:
    realm_el2(bench, SCTLR2_EL2=0)
    bench.forget()
    bench.load(PRIMARY)
    bench.does(w.mov(0, EMEC), w.msr("SCTLR2_EL2", 0), w.ISB)
    bench.load(PRIMARY)


@good("stale-entry-after-emec")
def _tlbi_between_emec_and_the_load(bench: Bench) -> None:
    realm_el2(bench, SCTLR2_EL2=0)
    bench.forget()
    bench.load(PRIMARY)
    sets_emec(bench)
    bench.load(PRIMARY)


@bad("stale-entry-after-amec")
def _a_load_by_an_entry_from_before_amec_was_cleared(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.load(ALTERNATE)
    bench.does(w.mov(0, 0), w.msr("TCR2_EL2", 0), w.ISB)
    bench.load(ALTERNATE)


@good("stale-entry-after-amec")
def _amec_set_needs_no_tlbi(bench: Bench) -> None:
    realm_el20(bench, TCR2_EL2=AMEC0)
    bench.forget()
    bench.load(ALTERNATE)
    bench.does(w.mov(0, AMEC0 | AMEC1), w.msr("TCR2_EL2", 0), w.ISB)
    bench.load(ALTERNATE)


@good("stale-entry-after-amec")
def _amec_cleared_and_only_primary_leaves_used(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.load(ALTERNATE)
    bench.does(w.mov(0, 0), w.msr("TCR2_EL2", 0), w.ISB, ALLE2, w.DSB, w.ISB)
    bench.load(PRIMARY)


# 30: MMU off.


def turns_mmu_off(bench: Bench) -> None:
    bench.does(w.mov(0, SCTLR), w.msr("SCTLR_EL2", 0), w.ISB)
    assert not bench.sysreg["SCTLR_EL2"] & SCTLR_M


@bad("mmu-off-uses-p0")
def _the_halves_had_different_mecids(bench: Bench) -> None:
    realm_el20(bench, HostTables(bench).put())
    bench.forget()
    turns_mmu_off(bench)


@good("mmu-off-uses-p0")
def _the_halves_had_the_same_mecid(bench: Bench) -> None:
    realm_el20(bench, MECID_P1_EL2=1)
    bench.forget()
    turns_mmu_off(bench)


@good("mec-below-el2")
@good("mec-outside-realm")
def _mecids_where_they_belong(bench: Bench) -> None:
    bench.el2(HCR_EL2=HCR_RW | VM)
    bench.does(w.mrs(0, "MECID_P0_EL2"), w.mrs(0, "VMECID_A_EL2"))
    bench.cleans(DATA, LINE)


@good("mec-outside-realm")
def _the_size_of_a_mecid_is_no_secret(bench: Bench) -> None:
    bench.enter(2, Security.NON_SECURE)
    bench.forget()
    bench.does(w.mrs(0, "MECIDR_EL2"))


@bad("mec-below-el2")
def _a_realm_reads_its_mecid(bench: Bench) -> None:
    bench.enter(1, Security.REALM, HCR_EL2=HCR_RW)
    bench.forget()
    assert bench.takes(w.mrs(0, "VMECID_P_EL2")).ec == 0


@bad("mec-below-el2")
def _a_realm_cleans_to_the_point_of_encryption(bench: Bench) -> None:
    bench.enter(1, Security.REALM, HCR_EL2=HCR_RW)
    bench.forget()
    assert bench.takes(w.sys("DC CIPAE", 2)).ec == 0


@bad("mec-outside-realm")
def _the_host_writes_a_mecid(bench: Bench) -> None:
    bench.enter(2, Security.NON_SECURE)
    bench.forget()
    assert bench.takes(w.msr("MECID_P0_EL2", 0)).ec == 0
