"""Who may access what: lowest levels, Security states, traps and their order, redirection."""

from __future__ import annotations

import pytest

from emu.architecture import Security
from emu.registers.access import (
    Allowed,
    Decision,
    Trapped,
    Undefined,
    decide,
    decide_operation,
    decide_unallocated,
    iss_for,
    zva_prohibited,
)
from emu.registers.file import RegisterFile
from emu.registers.table import BY_ENCODING, BY_NAME, OPERATION_BY_NAME
from emu.state import State


@pytest.fixture
def regs(regs: RegisterFile) -> RegisterFile:
    """Nothing is enabled for lower levels but what a test enables."""
    regs["SCR_EL3"] = 0
    return regs


SECURE, NON_SECURE, ROOT, REALM = Security.SECURE, Security.NON_SECURE, Security.ROOT, Security.REALM
UNDEFINED = Undefined()

# SCR_EL3
NS, NSE, EEL2, HXEN, TCR2EN, SCTLR2EN, MECEN = 1, 1 << 62, 1 << 18, 1 << 38, 1 << 43, 1 << 44, 1 << 49
# HCR_EL2
TGE, E2H, TVM, TRVM = 1 << 27, 1 << 34, 1 << 26, 1 << 30
# HCRX_EL2
HCRX_TCR2EN, HCRX_SCTLR2EN = 1 << 14, 1 << 15

MECID_REGISTERS = [
    "MECID_P0_EL2",
    "MECID_A0_EL2",
    "MECID_P1_EL2",
    "MECID_A1_EL2",
    "VMECID_P_EL2",
    "VMECID_A_EL2",
]


def read(regs: RegisterFile, name: str, el: int, security: Security = NON_SECURE) -> Decision:
    return decide(regs, BY_NAME[name], el, security, is_read=True)


def write(regs: RegisterFile, name: str, el: int, security: Security = NON_SECURE) -> Decision:
    return decide(regs, BY_NAME[name], el, security, is_read=False)


def execute(regs: RegisterFile, name: str, el: int, security: Security = NON_SECURE) -> Decision:
    return decide_operation(regs, OPERATION_BY_NAME[name], el, security)


def reaches(name: str) -> Allowed:
    return Allowed(BY_NAME[name])


class TestMecid:
    @pytest.mark.parametrize("name", MECID_REGISTERS)
    @pytest.mark.parametrize("el", [0, 1])
    def test_undefined_below_el2_whatever_mecen_says(self, regs: RegisterFile, name: str, el: int) -> None:
        for enable in (0, MECEN):
            regs["SCR_EL3"] = NS | NSE | enable
            assert read(regs, name, el, REALM) == UNDEFINED
            assert write(regs, name, el, REALM) == UNDEFINED

    # V11, and the order of section 1.2: "not Realm" is tested before MECEn.
    @pytest.mark.parametrize("name", MECID_REGISTERS)
    @pytest.mark.parametrize("security", [SECURE, NON_SECURE])
    def test_undefined_at_el2_outside_realm_state(self, regs: RegisterFile, name: str, security: Security) -> None:
        for enable in (0, MECEN):
            regs["SCR_EL3"] = EEL2 | enable | (NS if security is NON_SECURE else 0)
            assert read(regs, name, 2, security) == UNDEFINED
            assert write(regs, name, 2, security) == UNDEFINED

    # V10
    @pytest.mark.parametrize("name", MECID_REGISTERS)
    def test_realm_el2_traps_to_el3_without_mecen(self, regs: RegisterFile, name: str) -> None:
        regs["SCR_EL3"] = NS | NSE
        assert read(regs, name, 2, REALM) == Trapped(3, 0x18)
        assert write(regs, name, 2, REALM) == Trapped(3, 0x18)

    @pytest.mark.parametrize("name", MECID_REGISTERS)
    def test_realm_el2_with_mecen_and_el3_always_reach_it(self, regs: RegisterFile, name: str) -> None:
        assert write(regs, name, 3, ROOT) == reaches(name)
        regs["SCR_EL3"] = NS | NSE | MECEN
        assert read(regs, name, 2, REALM) == reaches(name)
        assert write(regs, name, 2, REALM) == reaches(name)

    # V10, V11
    @pytest.mark.parametrize("security", [SECURE, NON_SECURE, REALM])
    def test_mecidr_is_readable_by_every_el2_without_mecen(self, regs: RegisterFile, security: Security) -> None:
        assert read(regs, "MECIDR_EL2", 2, security) == reaches("MECIDR_EL2")
        assert read(regs, "MECIDR_EL2", 1, security) == UNDEFINED

    def test_mecidr_cannot_be_written(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS | NSE | MECEN
        assert write(regs, "MECIDR_EL2", 2, REALM) == UNDEFINED
        assert write(regs, "MECIDR_EL2", 3, ROOT) == UNDEFINED

    def test_el3_context_belongs_to_el3(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS | NSE | MECEN
        assert write(regs, "MECID_RL_A_EL3", 2, REALM) == UNDEFINED
        assert write(regs, "MECID_RL_A_EL3", 3, ROOT) == reaches("MECID_RL_A_EL3")

    def test_undefined_everywhere_without_mec(self) -> None:
        regs = RegisterFile(State().slots, seed=1, has_mec=False, mecid_width=16)
        regs["SCR_EL3"] = NS | NSE
        assert write(regs, "MECID_P0_EL2", 3, ROOT) == UNDEFINED
        assert read(regs, "MECIDR_EL2", 2, REALM) == UNDEFINED
        assert execute(regs, "DC CIPAE", 3, ROOT) == UNDEFINED

    # V10: ISS Op0=3 Op1=4 CRn=10 CRm=8 Op2=0, Rt and direction in their places.
    def test_syndrome_of_a_trapped_mrs(self) -> None:
        assert iss_for((3, 4, 10, 8, 0), rt=5, is_read=True) == 3 << 20 | 4 << 14 | 10 << 10 | 5 << 5 | 8 << 1 | 1
        assert iss_for((3, 7, 15, 15, 7), rt=31, is_read=False) == 0x3FFFFE
        assert iss_for((1, 4, 7, 14, 7), rt=0, is_read=False) == 1 << 20 | 7 << 17 | 4 << 14 | 7 << 10 | 14 << 1


class TestExtendedControls:
    """Appendix C, for SCTLR2 and TCR2 alike."""

    PAIRS = (("SCTLR2", SCTLR2EN, HCRX_SCTLR2EN), ("TCR2", TCR2EN, HCRX_TCR2EN))

    @pytest.mark.parametrize(("stem", "enable", "hcrx"), PAIRS)
    def test_el1_access_passes_four_gates_in_order(self, regs: RegisterFile, stem: str, enable: int, hcrx: int) -> None:
        name = f"{stem}_EL1"
        assert read(regs, name, 0) == UNDEFINED
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = TVM | TRVM
        assert write(regs, name, 1) == Trapped(2)
        assert read(regs, name, 1) == Trapped(2)
        regs["HCR_EL2"] = 0
        assert read(regs, name, 1) == Trapped(2), "HCRX_EL2 is 0"
        regs["HCRX_EL2"] = hcrx
        assert read(regs, name, 1) == Trapped(2), "HCRX_EL2 acts as 0 while HXEn is 0"
        regs["SCR_EL3"] = NS | HXEN
        assert read(regs, name, 1) == Trapped(3)
        regs["SCR_EL3"] = NS | HXEN | enable
        assert read(regs, name, 1) == reaches(name)
        assert write(regs, name, 1) == reaches(name)

    @pytest.mark.parametrize(("stem", "enable", "_hcrx"), PAIRS)
    def test_secure_el1_without_el2_meets_only_scr_el3(
        self, regs: RegisterFile, stem: str, enable: int, _hcrx: int
    ) -> None:
        regs["HCR_EL2"] = TVM
        assert write(regs, f"{stem}_EL1", 1, SECURE) == Trapped(3)
        regs["SCR_EL3"] = enable
        assert write(regs, f"{stem}_EL1", 1, SECURE) == reaches(f"{stem}_EL1")

    @pytest.mark.parametrize(("stem", "enable", "_hcrx"), PAIRS)
    def test_el2_traps_before_it_is_redirected(self, regs: RegisterFile, stem: str, enable: int, _hcrx: int) -> None:
        regs["SCR_EL3"] = NS
        for host in (0, E2H):
            regs["HCR_EL2"] = host
            assert read(regs, f"{stem}_EL1", 2) == Trapped(3)
        regs["SCR_EL3"] = NS | enable
        assert read(regs, f"{stem}_EL1", 2) == reaches(f"{stem}_EL2")
        regs["HCR_EL2"] = 0
        assert read(regs, f"{stem}_EL1", 2) == reaches(f"{stem}_EL1")

    @pytest.mark.parametrize(("stem", "enable", "_hcrx"), PAIRS)
    def test_el12_name_needs_e2h_first(self, regs: RegisterFile, stem: str, enable: int, _hcrx: int) -> None:
        name = f"{stem}_EL12"
        regs["SCR_EL3"] = NS
        assert read(regs, name, 1) == UNDEFINED
        assert read(regs, name, 2) == UNDEFINED
        assert read(regs, name, 3, ROOT) == UNDEFINED
        regs["HCR_EL2"] = E2H
        assert read(regs, name, 1) == UNDEFINED
        assert read(regs, name, 2) == Trapped(3)
        assert read(regs, name, 3, ROOT) == reaches(f"{stem}_EL1")
        regs["SCR_EL3"] = NS | enable
        assert read(regs, name, 2) == reaches(f"{stem}_EL1")

    # V20
    @pytest.mark.parametrize(("stem", "enable", "_hcrx"), PAIRS)
    def test_el2_register_traps_to_el3_while_disabled(
        self, regs: RegisterFile, stem: str, enable: int, _hcrx: int
    ) -> None:
        name = f"{stem}_EL2"
        regs["SCR_EL3"] = NS | NSE
        assert read(regs, name, 1, REALM) == UNDEFINED
        assert write(regs, name, 2, REALM) == Trapped(3, 0x18)
        assert write(regs, name, 3, ROOT) == reaches(name)
        regs["SCR_EL3"] = NS | NSE | enable
        assert write(regs, name, 2, REALM) == reaches(name)

    @pytest.mark.parametrize("name", ["SCTLR2_EL3", "SCR_EL3", "GPCCR_EL3", "GPTBR_EL3", "MFAR_EL3"])
    def test_el3_registers_are_undefined_below(self, regs: RegisterFile, name: str) -> None:
        for el in (0, 1, 2):
            assert read(regs, name, el, REALM) == UNDEFINED
        assert write(regs, name, 3, ROOT) == reaches(name)

    def test_hcrx_traps_to_el3_without_hxen(self, regs: RegisterFile) -> None:
        assert write(regs, "HCRX_EL2", 2) == Trapped(3)
        regs["SCR_EL3"] = HXEN
        assert write(regs, "HCRX_EL2", 2) == reaches("HCRX_EL2")


class TestHost:
    def test_el1_name_reaches_el2_register_only_at_el2_with_e2h(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        assert write(regs, "TTBR1_EL1", 2) == reaches("TTBR1_EL1")
        regs["HCR_EL2"] = E2H
        assert write(regs, "TTBR1_EL1", 2) == reaches("TTBR1_EL2")
        assert write(regs, "CPACR_EL1", 2) == reaches("CPTR_EL2")
        assert write(regs, "TTBR1_EL1", 1) == reaches("TTBR1_EL1")
        assert write(regs, "TTBR1_EL1", 3, ROOT) == reaches("TTBR1_EL1")

    def test_el12_name_at_el3_needs_el2_in_the_state_below(self, regs: RegisterFile) -> None:
        regs["HCR_EL2"] = E2H
        assert read(regs, "SPSR_EL12", 3, ROOT) == UNDEFINED
        regs["SCR_EL3"] = EEL2
        assert read(regs, "SPSR_EL12", 3, ROOT) == reaches("SPSR_EL1")

    def test_el0_timer_of_a_host_is_el2s(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = E2H | TGE
        regs["CNTHCTL_EL2"] = 1 << 8 | 1 << 9
        assert read(regs, "CNTP_CTL_EL0", 0) == reaches("CNTHP_CTL_EL2")
        assert read(regs, "CNTV_CVAL_EL0", 0) == reaches("CNTHV_CVAL_EL2")

    def test_secure_host_has_secure_timers(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = EEL2
        regs["HCR_EL2"] = E2H
        assert read(regs, "CNTP_CTL_EL0", 2, SECURE) == reaches("CNTHPS_CTL_EL2")
        assert read(regs, "CNTV_TVAL_EL0", 2, SECURE) == reaches("CNTHVS_TVAL_EL2")
        assert read(regs, "CNTV_TVAL_EL02", 2, SECURE) == reaches("CNTV_TVAL_EL0")


class TestHypervisorTraps:
    @pytest.mark.parametrize(
        "name",
        [
            "SCTLR_EL1",
            "TTBR0_EL1",
            "TTBR1_EL1",
            "TCR_EL1",
            "ESR_EL1",
            "FAR_EL1",
            "AFSR0_EL1",
            "AFSR1_EL1",
            "MAIR_EL1",
            "AMAIR_EL1",
            "CONTEXTIDR_EL1",
        ],
    )
    def test_tvm_traps_writes_and_trvm_reads(self, regs: RegisterFile, name: str) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = TVM
        assert write(regs, name, 1) == Trapped(2)
        assert read(regs, name, 1) == reaches(name)
        regs["HCR_EL2"] = TRVM
        assert write(regs, name, 1) == reaches(name)
        assert read(regs, name, 1) == Trapped(2)
        assert read(regs, name, 2) == reaches(name)

    def test_hypervisor_traps_nothing_in_secure_state_without_eel2(self, regs: RegisterFile) -> None:
        regs["HCR_EL2"] = TVM
        assert write(regs, "TCR_EL1", 1, SECURE) == reaches("TCR_EL1")
        regs["SCR_EL3"] = EEL2
        assert write(regs, "TCR_EL1", 1, SECURE) == Trapped(2)

    @pytest.mark.parametrize(
        ("bit", "names"),
        [
            (16, ["REVIDR_EL1", "AIDR_EL1"]),
            (17, ["CTR_EL0", "CCSIDR_EL1", "CLIDR_EL1", "CSSELR_EL1"]),
            (18, ["ID_AA64PFR0_EL1", "ID_AA64MMFR3_EL1", "ID_ISAR0_EL1", "S3_0_C0_C7_7"]),
        ],
    )
    def test_id_groups_trap_reads_of_el1(self, regs: RegisterFile, bit: int, names: list[str]) -> None:
        regs["SCR_EL3"] = NS
        for name in names:
            regs["HCR_EL2"] = 0
            assert read(regs, name, 1) == reaches(name)
            regs["HCR_EL2"] = 1 << bit
            assert read(regs, name, 1) == Trapped(2)
            assert read(regs, name, 2) == reaches(name)

    def test_writes_of_id_registers_are_undefined_and_not_trapped(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = 1 << 18
        assert write(regs, "ID_AA64PFR0_EL1", 1) == UNDEFINED
        assert read(regs, "ID_AA64PFR0_EL1", 0) == UNDEFINED

    def test_el1_reads_the_identity_that_el2_gives_it(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        assert read(regs, "MIDR_EL1", 1) == reaches("VPIDR_EL2")
        assert read(regs, "MPIDR_EL1", 1) == reaches("VMPIDR_EL2")
        assert read(regs, "MPIDR_EL1", 2) == reaches("MPIDR_EL1")
        regs["SCR_EL3"] = 0
        assert read(regs, "MIDR_EL1", 1, SECURE) == reaches("MIDR_EL1")

    def test_cpacr_is_trapped_by_el2_before_el3(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["CPTR_EL3"] = 1 << 31
        assert write(regs, "CPACR_EL1", 1) == Trapped(3)
        assert write(regs, "CPTR_EL2", 2) == Trapped(3)
        regs["CPTR_EL2"] = 1 << 31
        assert write(regs, "CPACR_EL1", 1) == Trapped(2)

    def test_tacr_traps_actlr(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = 1 << 21
        assert write(regs, "ACTLR_EL1", 1) == Trapped(2)

    @pytest.mark.parametrize("bit", [8, 9])
    def test_debug_registers_trap_to_el2_and_then_el3(self, regs: RegisterFile, bit: int) -> None:
        regs["SCR_EL3"] = NS
        regs["MDCR_EL3"] = 1 << 9
        assert write(regs, "MDSCR_EL1", 1) == Trapped(3)
        assert write(regs, "MDSCR_EL1", 2) == Trapped(3)
        assert write(regs, "MDCR_EL2", 2) == Trapped(3)
        regs["MDCR_EL2"] = 1 << bit
        assert write(regs, "MDSCR_EL1", 1) == Trapped(2)


class TestEl0:
    def test_counter_traps_to_el1_until_cntkctl_opens_it(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        assert read(regs, "CNTVCT_EL0", 0) == Trapped(1)
        regs["CNTKCTL_EL1"] = 0b10
        assert read(regs, "CNTVCT_EL0", 0) == reaches("CNTVCT_EL0")
        assert read(regs, "CNTFRQ_EL0", 0) == reaches("CNTFRQ_EL0")
        assert read(regs, "CNTPCT_EL0", 0) == Trapped(1)

    def test_tge_sends_el0_traps_to_el2(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = TGE
        assert read(regs, "CNTVCT_EL0", 0) == Trapped(2)
        assert read(regs, "DAIF", 0) == Trapped(2)
        assert read(regs, "CNTVCT_EL0", 0, SECURE) == Trapped(1), "there is no Secure EL2"

    def test_host_controls_come_from_el2(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["CNTKCTL_EL1"] = 0b11
        regs["SCTLR_EL1"] = 1 << 9 | 1 << 14 | 1 << 15 | 1 << 26
        regs["HCR_EL2"] = E2H | TGE
        regs["CNTHCTL_EL2"] = 0
        assert read(regs, "CNTVCT_EL0", 0) == Trapped(2)
        assert read(regs, "CTR_EL0", 0) == Trapped(2)
        assert read(regs, "DAIF", 0) == Trapped(2)
        assert execute(regs, "DC CIVAC", 0) == Trapped(2)
        assert execute(regs, "DC ZVA", 0) == Trapped(2)
        regs["CNTHCTL_EL2"] = 0b11
        regs["SCTLR_EL2"] = 1 << 14 | 1 << 15 | 1 << 26
        assert read(regs, "CNTVCT_EL0", 0) == reaches("CNTVCT_EL0")
        assert read(regs, "CTR_EL0", 0) == reaches("CTR_EL0")
        assert execute(regs, "DC CIVAC", 0) == Allowed()
        assert execute(regs, "DC ZVA", 0) == Allowed()

    def test_physical_counter_has_a_second_gate_at_el2(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["CNTKCTL_EL1"] = 1
        regs["CNTHCTL_EL2"] = 0
        assert read(regs, "CNTPCT_EL0", 0) == Trapped(2)
        assert read(regs, "CNTPCT_EL0", 1) == Trapped(2)
        regs["CNTHCTL_EL2"] = 1
        assert read(regs, "CNTPCT_EL0", 0) == reaches("CNTPCT_EL0")
        regs["HCR_EL2"] = E2H
        assert read(regs, "CNTPCT_EL0", 1) == Trapped(2), "the enable is bit 10 in this layout"
        regs["CNTHCTL_EL2"] = 1 << 10
        assert read(regs, "CNTPCT_EL0", 1) == reaches("CNTPCT_EL0")

    def test_physical_timer_of_el1_is_gated_by_el1pcen_or_el1pten(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["CNTHCTL_EL2"] = 1 << 11
        assert write(regs, "CNTP_CTL_EL0", 1) == Trapped(2)
        regs["CNTHCTL_EL2"] = 1 << 1
        assert write(regs, "CNTP_CTL_EL0", 1) == reaches("CNTP_CTL_EL0")
        assert write(regs, "CNTV_CTL_EL0", 1) == reaches("CNTV_CTL_EL0")
        regs["HCR_EL2"] = E2H
        assert write(regs, "CNTP_CTL_EL0", 1) == Trapped(2)
        regs["CNTHCTL_EL2"] = 1 << 11
        assert write(regs, "CNTP_CTL_EL0", 1) == reaches("CNTP_CTL_EL0")

    def test_daif_needs_uma(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        assert write(regs, "DAIF", 0) == Trapped(1)
        regs["SCTLR_EL1"] = 1 << 9
        assert write(regs, "DAIF", 0) == reaches("DAIF")
        assert read(regs, "NZCV", 0) == reaches("NZCV")

    def test_cache_type_needs_uct_and_passes_tid2(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = 1 << 17
        assert read(regs, "CTR_EL0", 0) == Trapped(1)
        regs["SCTLR_EL1"] = 1 << 15
        assert read(regs, "CTR_EL0", 0) == Trapped(2)

    def test_read_only_thread_register_can_be_written_by_el1(self, regs: RegisterFile) -> None:
        assert read(regs, "TPIDRRO_EL0", 0) == reaches("TPIDRRO_EL0")
        assert write(regs, "TPIDRRO_EL0", 0) == UNDEFINED
        assert write(regs, "TPIDRRO_EL0", 1) == reaches("TPIDRRO_EL0")
        assert write(regs, "TPIDR_EL0", 0) == reaches("TPIDR_EL0")

    def test_frequency_can_be_written_only_at_el3(self, regs: RegisterFile) -> None:
        assert write(regs, "CNTFRQ_EL0", 2) == UNDEFINED
        assert write(regs, "CNTFRQ_EL0", 3, ROOT) == reaches("CNTFRQ_EL0")


class TestOddOnesOut:
    def test_sp_el0_is_undefined_while_in_use(self, regs: RegisterFile) -> None:
        assert read(regs, "SP_EL0", 1) == reaches("SP_EL0")
        regs["SPSel"] = 0
        for el in (1, 2, 3):
            assert read(regs, "SP_EL0", el) == UNDEFINED
        assert read(regs, "SP_EL1", 2) == reaches("SP_EL1")

    def test_stack_pointer_of_el1_and_el2_belong_to_the_level_above(self, regs: RegisterFile) -> None:
        assert read(regs, "SP_EL1", 1) == UNDEFINED
        assert read(regs, "SP_EL2", 2) == UNDEFINED

    def test_write_only_register_cannot_be_read(self, regs: RegisterFile) -> None:
        assert read(regs, "OSLAR_EL1", 1) == UNDEFINED
        assert write(regs, "OSLAR_EL1", 1) == reaches("OSLAR_EL1")
        assert write(regs, "CurrentEL", 1) == UNDEFINED

    def test_secure_stage_2_is_undefined_without_secure_el2(self, regs: RegisterFile) -> None:
        assert read(regs, "VSTTBR_EL2", 2, NON_SECURE) == UNDEFINED
        assert read(regs, "VSTTBR_EL2", 2, REALM) == UNDEFINED
        assert read(regs, "VSTTBR_EL2", 3, ROOT) == UNDEFINED
        regs["SCR_EL3"] = EEL2
        assert read(regs, "VSTTBR_EL2", 2, SECURE) == reaches("VSTTBR_EL2")
        assert read(regs, "VSTTBR_EL2", 3, ROOT) == reaches("VSTTBR_EL2")

    def test_secure_timer_is_lent_by_el3(self, regs: RegisterFile) -> None:
        assert read(regs, "CNTPS_CTL_EL1", 1, SECURE) == Trapped(3)
        assert read(regs, "CNTPS_CTL_EL1", 1, NON_SECURE) == UNDEFINED
        regs["SCR_EL3"] = 1 << 11
        assert read(regs, "CNTPS_CTL_EL1", 1, SECURE) == reaches("CNTPS_CTL_EL1")
        assert read(regs, "CNTPS_CTL_EL1", 2, SECURE) == UNDEFINED
        regs["SCR_EL3"] = 1 << 11 | EEL2
        assert read(regs, "CNTPS_CTL_EL1", 1, SECURE) == UNDEFINED
        assert read(regs, "CNTPS_CTL_EL1", 3, ROOT) == reaches("CNTPS_CTL_EL1")

    @pytest.mark.parametrize("encoding", [(3, 0, 11, 0, 0), (3, 5, 15, 2, 0), (1, 0, 11, 0, 0), (1, 7, 15, 3, 1)])
    def test_implementation_defined_space_is_undefined_or_trapped_by_tidcp(
        self, regs: RegisterFile, encoding: tuple[int, int, int, int, int]
    ) -> None:
        assert encoding not in BY_ENCODING
        regs["SCR_EL3"] = NS
        for el in range(4):
            assert decide_unallocated(regs, encoding, el, NON_SECURE) == UNDEFINED
        regs["HCR_EL2"] = 1 << 20
        assert decide_unallocated(regs, encoding, 1, NON_SECURE) == Trapped(2)
        assert decide_unallocated(regs, encoding, 2, NON_SECURE) == UNDEFINED
        assert decide_unallocated(regs, encoding, 1, SECURE) == UNDEFINED

    def test_tidcp_leaves_other_unallocated_encodings_undefined(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        regs["HCR_EL2"] = 1 << 20
        assert decide_unallocated(regs, (3, 3, 4, 4, 0), 1, NON_SECURE) == UNDEFINED


class TestOperations:
    # V12
    def test_cipae_works_in_realm_el2_and_el3_only(self, regs: RegisterFile) -> None:
        assert execute(regs, "DC CIPAE", 2, REALM) == Allowed(), "neither MECEn nor EMEC gates it"
        assert execute(regs, "DC CIPAE", 3, ROOT) == Allowed()
        assert execute(regs, "DC CIPAE", 2, NON_SECURE) == UNDEFINED
        assert execute(regs, "DC CIPAE", 2, SECURE) == UNDEFINED
        assert execute(regs, "DC CIPAE", 1, REALM) == UNDEFINED
        assert execute(regs, "DC CIPAE", 0, REALM) == UNDEFINED

    @pytest.mark.parametrize("name", ["DC CIPAPA", "TLBI PAALL", "TLBI PAALLOS", "TLBI RPAOS", "TLBI RPALOS"])
    def test_granule_protection_operations_are_el3s(self, regs: RegisterFile, name: str) -> None:
        for el in (0, 1, 2):
            assert execute(regs, name, el, REALM) == UNDEFINED
        assert execute(regs, name, 3, ROOT) == Allowed()

    @pytest.mark.parametrize("name", ["TLBI VMALLE1", "TLBI VAE1IS", "TLBI ASIDE1OS", "TLBI RVAALE1IS"])
    def test_ttlb_traps_tlbi_of_el1(self, regs: RegisterFile, name: str) -> None:
        regs["SCR_EL3"] = NS
        assert execute(regs, name, 0) == UNDEFINED
        assert execute(regs, name, 1) == Allowed()
        regs["HCR_EL2"] = 1 << 25
        assert execute(regs, name, 1) == Trapped(2)
        assert execute(regs, name, 2) == Allowed()

    @pytest.mark.parametrize(
        ("name", "bit"),
        [
            ("DC IVAC", 23),
            ("DC CVAC", 23),
            ("DC CIVAC", 23),
            ("DC CVAU", 24),
            ("IC IVAU", 24),
            ("IC IALLU", 24),
            ("IC IALLUIS", 24),
            ("DC ISW", 22),
            ("DC CSW", 22),
            ("DC CISW", 22),
            ("DC ZVA", 28),
            ("AT S1E1R", 44),
            ("AT S1E0W", 44),
            ("AT S1E1WP", 44),
        ],
    )
    def test_hcr_el2_traps_operations_of_el1(self, regs: RegisterFile, name: str, bit: int) -> None:
        regs["SCR_EL3"] = NS
        assert execute(regs, name, 1) == Allowed()
        regs["HCR_EL2"] = 1 << bit
        assert execute(regs, name, 1) == Trapped(2)
        assert execute(regs, name, 2) == Allowed()
        assert execute(regs, name, 1, SECURE) == Allowed()

    @pytest.mark.parametrize("name", ["DC CVAC", "DC CVAU", "DC CIVAC", "IC IVAU"])
    def test_el0_maintenance_by_address_needs_uci(self, regs: RegisterFile, name: str) -> None:
        regs["SCR_EL3"] = NS
        assert execute(regs, name, 0) == Trapped(1)
        regs["SCTLR_EL1"] = 1 << 26
        assert execute(regs, name, 0) == Allowed()

    @pytest.mark.parametrize("name", ["DC IVAC", "DC ISW", "IC IALLU", "AT S1E0R"])
    def test_other_maintenance_is_undefined_at_el0(self, regs: RegisterFile, name: str) -> None:
        assert execute(regs, name, 0) == UNDEFINED

    def test_zva_at_el0_needs_dze_and_dczid_says_so(self, regs: RegisterFile) -> None:
        regs["SCR_EL3"] = NS
        assert execute(regs, "DC ZVA", 0) == Trapped(1)
        assert zva_prohibited(regs, 0, NON_SECURE)
        assert not zva_prohibited(regs, 1, NON_SECURE)
        regs["SCTLR_EL1"] = 1 << 14
        assert not zva_prohibited(regs, 0, NON_SECURE)
        regs["HCR_EL2"] = 1 << 28
        assert zva_prohibited(regs, 1, NON_SECURE)

    # 3.1 and 4.12: {NSE,NS} = {1,0} is no Security state.
    @pytest.mark.parametrize("name", ["AT S1E1R", "AT S1E0W", "AT S1E2R", "AT S12E1W"])
    def test_at_for_a_lower_level_is_undefined_at_el3_in_the_reserved_state(
        self, regs: RegisterFile, name: str
    ) -> None:
        regs["SCR_EL3"] = NSE | EEL2
        assert execute(regs, name, 3, ROOT) == UNDEFINED
        assert execute(regs, "AT S1E3R", 3, ROOT) == Allowed()
        regs["SCR_EL3"] = NSE | NS
        assert execute(regs, name, 3, ROOT) == Allowed()

    @pytest.mark.parametrize("name", ["AT S1E2R", "TLBI ALLE2", "TLBI VAE2IS", "TLBI RVALE2OS"])
    def test_operation_on_el2_is_undefined_at_el3_without_el2(self, regs: RegisterFile, name: str) -> None:
        assert execute(regs, name, 3, ROOT) == UNDEFINED
        regs["SCR_EL3"] = EEL2
        assert execute(regs, name, 3, ROOT) == Allowed()
        assert execute(regs, "TLBI ALLE1", 3, ROOT) == Allowed()
