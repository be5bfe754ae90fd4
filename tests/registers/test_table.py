"""The register table is well formed, and its encodings are those of the manual."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from emu.registers.ids import RESERVED
from emu.registers.model import NO_ENCODING, Field, Operation, Register, Reset
from emu.registers.names import generic_name, name_of, operation_name
from emu.registers.table import (
    BY_ENCODING,
    BY_NAME,
    HOOKS,
    OPERATION_BY_ENCODING,
    OPERATION_BY_NAME,
    OPERATIONS,
    REGISTERS,
)

MASK64 = (1 << 64) - 1

# Appendix A and section 1.2 of the project's reference document, as it gives them: op0,op1,CRn,CRm,op2.
MANUAL_ENCODINGS = """
FPCR 3,3,4,4,0; FPSR 3,3,4,4,1; DIT 3,3,4,2,5; SSBS 3,3,4,2,6; RNDR 3,3,2,4,0; RNDRRS 3,3,2,4,1;
MIDR_EL1 3,0,0,0,0; MPIDR_EL1 3,0,0,0,5; ID_AA64PFR0_EL1 3,0,0,4,0; ID_AA64PFR1_EL1 3,0,0,4,1;
ID_AA64DFR0_EL1 3,0,0,5,0; ID_AA64ISAR0_EL1 3,0,0,6,0; ID_AA64ISAR1_EL1 3,0,0,6,1; ID_AA64ISAR2_EL1 3,0,0,6,2;
ID_AA64MMFR0_EL1 3,0,0,7,0; ID_AA64MMFR1_EL1 3,0,0,7,1; ID_AA64MMFR2_EL1 3,0,0,7,2; CTR_EL0 3,3,0,0,1;
DCZID_EL0 3,3,0,0,7; CLIDR_EL1 3,1,0,0,1; CSSELR_EL1 3,2,0,0,0; CCSIDR_EL1 3,1,0,0,0;
SCTLR_EL1 3,0,1,0,0; SCTLR_EL12 3,5,1,0,0; SCTLR_EL2 3,4,1,0,0; SCTLR_EL3 3,6,1,0,0; CPACR_EL1 3,0,1,0,2;
CPACR_EL12 3,5,1,0,2; CPTR_EL2 3,4,1,1,2; CPTR_EL3 3,6,1,1,2; HCR_EL2 3,4,1,1,0; HCRX_EL2 3,4,1,2,2;
HSTR_EL2 3,4,1,1,3; SCR_EL3 3,6,1,1,0; MDCR_EL2 3,4,1,1,1; MDCR_EL3 3,6,1,3,1;
TTBR0_EL1 3,0,2,0,0; TTBR1_EL1 3,0,2,0,1; TCR_EL1 3,0,2,0,2; TTBR0_EL12 3,5,2,0,0; TTBR1_EL12 3,5,2,0,1;
TCR_EL12 3,5,2,0,2; TTBR0_EL2 3,4,2,0,0; TTBR1_EL2 3,4,2,0,1; TCR_EL2 3,4,2,0,2; TTBR0_EL3 3,6,2,0,0;
TCR_EL3 3,6,2,0,2; VTTBR_EL2 3,4,2,1,0; VTCR_EL2 3,4,2,1,2; VSTTBR_EL2 3,4,2,6,0; VSTCR_EL2 3,4,2,6,2;
MAIR_EL1 3,0,10,2,0; MAIR_EL12 3,5,10,2,0; MAIR_EL2 3,4,10,2,0; MAIR_EL3 3,6,10,2,0; AMAIR_EL1 3,0,10,3,0;
AMAIR_EL2 3,4,10,3,0; AMAIR_EL3 3,6,10,3,0;
ESR_EL1 3,0,5,2,0; ESR_EL12 3,5,5,2,0; ESR_EL2 3,4,5,2,0; ESR_EL3 3,6,5,2,0; AFSR0_EL1 3,0,5,1,0;
AFSR1_EL1 3,0,5,1,1; AFSR0_EL2 3,4,5,1,0; AFSR0_EL3 3,6,5,1,0; FAR_EL1 3,0,6,0,0; FAR_EL12 3,5,6,0,0;
FAR_EL2 3,4,6,0,0; FAR_EL3 3,6,6,0,0; HPFAR_EL2 3,4,6,0,4; PAR_EL1 3,0,7,4,0;
VBAR_EL1 3,0,12,0,0; VBAR_EL12 3,5,12,0,0; VBAR_EL2 3,4,12,0,0; VBAR_EL3 3,6,12,0,0; RVBAR_EL3 3,6,12,0,1;
RMR_EL3 3,6,12,0,2; ISR_EL1 3,0,12,1,0; SPSR_EL1 3,0,4,0,0; SPSR_EL12 3,5,4,0,0; SPSR_EL2 3,4,4,0,0;
SPSR_EL3 3,6,4,0,0; ELR_EL1 3,0,4,0,1; ELR_EL12 3,5,4,0,1; ELR_EL2 3,4,4,0,1; ELR_EL3 3,6,4,0,1;
SP_EL0 3,0,4,1,0; SP_EL1 3,4,4,1,0; SP_EL2 3,6,4,1,0; SPSel 3,0,4,2,0; CurrentEL 3,0,4,2,2; DAIF 3,3,4,2,1;
NZCV 3,3,4,2,0; PAN 3,0,4,2,3; UAO 3,0,4,2,4;
CONTEXTIDR_EL1 3,0,13,0,1; CONTEXTIDR_EL2 3,4,13,0,1; TPIDR_EL0 3,3,13,0,2; TPIDRRO_EL0 3,3,13,0,3;
TPIDR_EL1 3,0,13,0,4; TPIDR_EL2 3,4,13,0,2; TPIDR_EL3 3,6,13,0,2; VPIDR_EL2 3,4,0,0,0; VMPIDR_EL2 3,4,0,0,5;
CNTFRQ_EL0 3,3,14,0,0; CNTPCT_EL0 3,3,14,0,1; CNTVCT_EL0 3,3,14,0,2; CNTP_CTL_EL0 3,3,14,2,1;
CNTP_CVAL_EL0 3,3,14,2,2; CNTP_TVAL_EL0 3,3,14,2,0; CNTV_CTL_EL0 3,3,14,3,1; CNTV_CVAL_EL0 3,3,14,3,2;
CNTV_TVAL_EL0 3,3,14,3,0; CNTKCTL_EL1 3,0,14,1,0; CNTHCTL_EL2 3,4,14,1,0; CNTVOFF_EL2 3,4,14,0,3;
CNTHP_CTL_EL2 3,4,14,2,1; CNTHP_CVAL_EL2 3,4,14,2,2; CNTHV_CTL_EL2 3,4,14,3,1; CNTPS_CTL_EL1 3,7,14,2,1;
ID_AA64MMFR3_EL1 3,0,0,7,3; ID_AA64MMFR4_EL1 3,0,0,7,4; SCTLR2_EL1 3,0,1,0,3; SCTLR2_EL12 3,5,1,0,3;
SCTLR2_EL2 3,4,1,0,3; SCTLR2_EL3 3,6,1,0,3; TCR2_EL1 3,0,2,0,3; TCR2_EL12 3,5,2,0,3; TCR2_EL2 3,4,2,0,3;
GPCCR_EL3 3,6,2,1,6; GPTBR_EL3 3,6,2,1,4; MFAR_EL3 3,6,6,0,5;
HFGRTR_EL2 3,4,1,1,4; HFGWTR_EL2 3,4,1,1,5; HFGITR_EL2 3,4,1,1,6; HDFGRTR_EL2 3,4,3,1,4; HDFGWTR_EL2 3,4,3,1,5;
CNTPCTSS_EL0 3,3,14,0,5; CNTVCTSS_EL0 3,3,14,0,6; CNTPOFF_EL2 3,4,14,0,6;
PMCR_EL0 3,3,9,12,0; PMCNTENSET_EL0 3,3,9,12,1; PMCNTENCLR_EL0 3,3,9,12,2; PMOVSCLR_EL0 3,3,9,12,3;
PMSWINC_EL0 3,3,9,12,4; PMSELR_EL0 3,3,9,12,5; PMCEID0_EL0 3,3,9,12,6; PMCEID1_EL0 3,3,9,12,7; PMCCNTR_EL0 3,3,9,13,0;
PMXEVTYPER_EL0 3,3,9,13,1; PMXEVCNTR_EL0 3,3,9,13,2; PMUSERENR_EL0 3,3,9,14,0; PMOVSSET_EL0 3,3,9,14,3;
PMINTENSET_EL1 3,0,9,14,1; PMINTENCLR_EL1 3,0,9,14,2; PMMIR_EL1 3,0,9,14,6; PMCCFILTR_EL0 3,3,14,15,7;
PMEVCNTR0_EL0 3,3,14,8,0; PMEVCNTR5_EL0 3,3,14,8,5; PMEVTYPER0_EL0 3,3,14,12,0; PMEVTYPER5_EL0 3,3,14,12,5;
MDSCR_EL1 2,0,0,2,2; MDCCINT_EL1 2,0,0,2,0; MDRAR_EL1 2,0,1,0,0; OSLAR_EL1 2,0,1,0,4; OSLSR_EL1 2,0,1,1,4;
OSDLR_EL1 2,0,1,3,4; DBGPRCR_EL1 2,0,1,4,4; DBGBVR0_EL1 2,0,0,0,4; DBGBCR5_EL1 2,0,0,5,5; DBGWVR0_EL1 2,0,0,0,6;
DBGWCR3_EL1 2,0,0,3,7; DBGCLAIMSET_EL1 2,0,7,8,6; DBGCLAIMCLR_EL1 2,0,7,9,6; DBGAUTHSTATUS_EL1 2,0,7,14,6;
MDCCSR_EL0 2,3,0,1,0; DBGDTR_EL0 2,3,0,4,0; DBGDTRTX_EL0 2,3,0,5,0; OSDTRRX_EL1 2,0,0,0,2; OSDTRTX_EL1 2,0,0,3,2;
OSECCR_EL1 2,0,0,6,2;
MECID_P0_EL2 3,4,10,8,0; MECID_A0_EL2 3,4,10,8,1; MECID_P1_EL2 3,4,10,8,2; MECID_A1_EL2 3,4,10,8,3;
MECIDR_EL2 3,4,10,8,7; VMECID_P_EL2 3,4,10,9,0; VMECID_A_EL2 3,4,10,9,1; MECID_RL_A_EL3 3,6,10,10,1
"""

# Registers of Appendix A that belong to features which the ID registers deny.
ABSENT_ENCODINGS = """
HAFGRTR_EL2 3,4,3,1,6; HDFGRTR2_EL2 3,4,3,1,0; HFGITR2_EL2 3,4,3,1,7; PMICNTR_EL0 3,3,9,4,0; PMSSCR_EL1 3,0,9,13,3;
AMCR_EL0 3,3,13,2,0; TRFCR_EL1 3,0,1,2,1; PMEVCNTR6_EL0 3,3,14,8,6; PMEVCNTR30_EL0 3,3,14,11,6;
PMEVTYPER6_EL0 3,3,14,12,6; DBGBVR6_EL1 2,0,0,6,4; DBGWCR4_EL1 2,0,0,4,7; MDSELR_EL1 2,0,0,4,2;
PIRE0_EL1 3,0,10,2,2; PIR_EL1 3,0,10,2,3; POR_EL1 3,0,10,2,4; PIRE0_EL2 3,4,10,2,2;
PIR_EL2 3,4,10,2,3; S2PIR_EL2 3,4,10,2,5; S2POR_EL1 3,0,10,2,5; FGWTE3_EL3 3,6,1,1,5
"""

# Sections 1.8, 3.8, 4.9 and 4.12, and the reminders of Appendix A: op1,CRn,CRm,op2 behind op0 = 1.
MANUAL_OPERATIONS = """
DC IVAC 0,7,6,1; DC ISW 0,7,6,2; DC CSW 0,7,10,2; DC CISW 0,7,14,2; DC CVAC 3,7,10,1; DC CVAU 3,7,11,1;
DC CIVAC 3,7,14,1; DC CVAP 3,7,12,1; DC CVADP 3,7,13,1;
CFP RCTX 3,7,3,4; DVP RCTX 3,7,3,5; CPP RCTX 3,7,3,7; DC ZVA 3,7,4,1; IC IALLUIS 0,7,1,0; IC IALLU 0,7,5,0;
IC IVAU 3,7,5,1;
DC CIPAE 4,7,14,0; DC CIPAPA 6,7,14,1;
AT S1E1R 0,7,8,0; AT S1E1W 0,7,8,1; AT S1E0R 0,7,8,2; AT S1E0W 0,7,8,3; AT S1E1RP 0,7,9,0; AT S1E1WP 0,7,9,1;
AT S1E2R 4,7,8,0; AT S1E2W 4,7,8,1; AT S12E1R 4,7,8,4; AT S12E1W 4,7,8,5; AT S12E0R 4,7,8,6; AT S12E0W 4,7,8,7;
AT S1E3R 6,7,8,0; AT S1E3W 6,7,8,1;
TLBI PAALL 6,8,7,4; TLBI PAALLOS 6,8,1,4; TLBI RPAOS 6,8,4,3; TLBI RPALOS 6,8,4,7;
TLBI VMALLE1 0,8,7,0; TLBI VAE1 0,8,7,1; TLBI ASIDE1 0,8,7,2; TLBI VAAE1 0,8,7,3; TLBI VALE1 0,8,7,5;
TLBI VAALE1 0,8,7,7; TLBI VMALLE1IS 0,8,3,0; TLBI VAE1IS 0,8,3,1; TLBI ASIDE1IS 0,8,3,2; TLBI VAAE1IS 0,8,3,3;
TLBI VALE1IS 0,8,3,5; TLBI VAALE1IS 0,8,3,7; TLBI VMALLE1OS 0,8,1,0; TLBI VAE1OS 0,8,1,1; TLBI ASIDE1OS 0,8,1,2;
TLBI VAAE1OS 0,8,1,3; TLBI VALE1OS 0,8,1,5; TLBI VAALE1OS 0,8,1,7;
TLBI RVAE1 0,8,6,1; TLBI RVAAE1 0,8,6,3; TLBI RVALE1 0,8,6,5; TLBI RVAALE1 0,8,6,7; TLBI RVAE1IS 0,8,2,1;
TLBI RVAAE1IS 0,8,2,3; TLBI RVALE1IS 0,8,2,5; TLBI RVAALE1IS 0,8,2,7; TLBI RVAE1OS 0,8,5,1; TLBI RVAAE1OS 0,8,5,3;
TLBI RVALE1OS 0,8,5,5; TLBI RVAALE1OS 0,8,5,7;
TLBI ALLE2 4,8,7,0; TLBI VAE2 4,8,7,1; TLBI ALLE1 4,8,7,4; TLBI VALE2 4,8,7,5; TLBI VMALLS12E1 4,8,7,6;
TLBI ALLE2IS 4,8,3,0; TLBI VAE2IS 4,8,3,1; TLBI ALLE1IS 4,8,3,4; TLBI VALE2IS 4,8,3,5; TLBI VMALLS12E1IS 4,8,3,6;
TLBI ALLE2OS 4,8,1,0; TLBI VAE2OS 4,8,1,1; TLBI ALLE1OS 4,8,1,4; TLBI VALE2OS 4,8,1,5; TLBI VMALLS12E1OS 4,8,1,6;
TLBI RVAE2 4,8,6,1; TLBI RVALE2 4,8,6,5; TLBI RVAE2IS 4,8,2,1; TLBI RVALE2IS 4,8,2,5; TLBI RVAE2OS 4,8,5,1;
TLBI RVALE2OS 4,8,5,5;
TLBI IPAS2E1IS 4,8,0,1; TLBI RIPAS2E1IS 4,8,0,2; TLBI IPAS2LE1IS 4,8,0,5; TLBI RIPAS2LE1IS 4,8,0,6;
TLBI IPAS2E1OS 4,8,4,0; TLBI IPAS2E1 4,8,4,1; TLBI RIPAS2E1 4,8,4,2; TLBI RIPAS2E1OS 4,8,4,3;
TLBI IPAS2LE1OS 4,8,4,4; TLBI IPAS2LE1 4,8,4,5; TLBI RIPAS2LE1 4,8,4,6; TLBI RIPAS2LE1OS 4,8,4,7;
TLBI ALLE3 6,8,7,0; TLBI VAE3 6,8,7,1; TLBI VALE3 6,8,7,5; TLBI ALLE3IS 6,8,3,0; TLBI VAE3IS 6,8,3,1;
TLBI VALE3IS 6,8,3,5; TLBI ALLE3OS 6,8,1,0; TLBI VAE3OS 6,8,1,1; TLBI VALE3OS 6,8,1,5;
TLBI RVAE3 6,8,6,1; TLBI RVALE3 6,8,6,5; TLBI RVAE3IS 6,8,2,1; TLBI RVALE3IS 6,8,2,5; TLBI RVAE3OS 6,8,5,1;
TLBI RVALE3OS 6,8,5,5
"""


def parse(text: str) -> dict[str, tuple[int, ...]]:
    pairs = (entry.strip().rsplit(" ", 1) for entry in text.split(";"))
    return {name: tuple(int(number) for number in numbers.split(",")) for name, numbers in pairs}


EVERYTHING: tuple[Register | Operation, ...] = (*REGISTERS, *RESERVED, *OPERATIONS)


def name_of_entry(entry: Register | Operation) -> str:
    return entry.name


@pytest.mark.parametrize(("name", "encoding"), parse(MANUAL_ENCODINGS).items())
def test_register_has_the_manuals_encoding(name: str, encoding: tuple[int, ...]) -> None:
    assert BY_NAME[name].encoding == encoding


@pytest.mark.parametrize(("name", "encoding"), parse(ABSENT_ENCODINGS).items())
def test_register_of_a_missing_feature_is_absent(name: str, encoding: tuple[int, int, int, int, int]) -> None:
    assert name not in BY_NAME
    assert encoding not in BY_ENCODING


def test_operations_are_exactly_the_manuals_with_their_encodings() -> None:
    expected = {name: (1, *encoding) for name, encoding in parse(MANUAL_OPERATIONS).items()}
    assert {operation.name: operation.encoding for operation in OPERATIONS} == expected


def test_no_two_registers_or_operations_share_a_name_or_an_encoding() -> None:
    encodings = [entry.encoding for entry in EVERYTHING if entry.encoding != NO_ENCODING]
    names = [entry.name for entry in EVERYTHING]
    assert len(set(encodings)) == len(encodings)
    assert len(set(names)) == len(names)


def test_lookups_find_every_entry() -> None:
    assert all(BY_NAME[register.name] is register for register in (*REGISTERS, *RESERVED))
    assert all(
        BY_ENCODING[register.encoding] is register
        for register in (*REGISTERS, *RESERVED)
        if register.encoding != NO_ENCODING
    )
    assert all(OPERATION_BY_ENCODING[operation.encoding] is operation for operation in OPERATIONS)
    assert all(OPERATION_BY_NAME[operation.name] is operation for operation in OPERATIONS)


@pytest.mark.parametrize("entry", EVERYTHING, ids=name_of_entry)
def test_encoding_fits_its_instruction_bits(entry: Register | Operation) -> None:
    assert all(number <= most for number, most in zip(entry.encoding, (3, 7, 15, 15, 7), strict=True))


def can_hold_at_once(one: Field, other: Field) -> bool:
    if one.when is None or other.when is None or one.when[0] != other.when[0]:
        return True
    return one.when == other.when


@pytest.mark.parametrize("register", REGISTERS, ids=name_of_entry)
def test_fields_lie_within_the_register_and_do_not_overlap(register: Register) -> None:
    for item in register.fields:
        assert 63 >= item.high >= item.low >= 0
    for one, other in combinations(register.fields, 2):
        if can_hold_at_once(one, other):
            assert not one.mask & other.mask, f"{one.name} and {other.name}"
            assert one.name != other.name


@pytest.mark.parametrize("register", REGISTERS, ids=name_of_entry)
def test_named_values_fit_their_field(register: Register) -> None:
    for item in register.fields:
        assert all(0 <= value < 1 << item.width and text for value, text in item.values.items())


@pytest.mark.parametrize("entry", EVERYTHING, ids=name_of_entry)
def test_everything_has_one_line_of_prose(entry: Register | Operation) -> None:
    fields = entry.fields if isinstance(entry, Register) else ()
    for prose in (entry.meaning, *(item.meaning for item in fields)):
        assert len(prose) > 1
        assert "\n" not in prose
        assert len(prose) <= 100
        assert not prose.endswith(".")


@pytest.mark.parametrize("register", REGISTERS, ids=name_of_entry)
def test_reset_value_lies_within_the_bits_that_exist(register: Register) -> None:
    if isinstance(register.reset, Reset):
        assert register.fields, "an UNKNOWN reset needs bits to be unknown"
        return
    existing = register.res1
    for item in register.fields:
        existing |= item.mask
    assert (
        register.reset & ~existing & MASK64
        == register.reset & ~existing
        == (register.reset & register.res1 & ~existing)
    )
    if not register.alias_of:
        assert register.reset & register.res1 == register.res1


def field_exists(control: str) -> bool:
    name, _, wanted = control.partition(".")
    return name in BY_NAME and any(item.name == wanted for item in BY_NAME[name].fields)


@pytest.mark.parametrize("entry", EVERYTHING, ids=name_of_entry)
def test_every_control_that_a_trap_names_is_a_field_of_the_table(entry: Register | Operation) -> None:
    for trap in entry.traps:
        assert field_exists(trap.control), trap.control
        assert all(field_exists(control) for control, _ in trap.also)
        assert trap.target >= trap.source
        assert trap.target > 0
        assert set(trap.on) <= set("rw")
    if isinstance(entry, Register):
        assert not entry.enabled_by or field_exists(entry.enabled_by)
        assert all(item.when is None or field_exists(item.when[0]) for item in entry.fields)


@pytest.mark.parametrize("register", REGISTERS, ids=name_of_entry)
def test_names_of_other_registers_are_in_the_table(register: Register) -> None:
    for other in (register.vhe, register.vhe_secure, register.alias_of, register.virtual):
        assert not other or other in BY_NAME
    if register.alias_of:
        assert register.fields == BY_NAME[register.alias_of].fields
        assert register.hook == BY_NAME[register.alias_of].hook


def test_hooks_are_exactly_those_that_registers_name() -> None:
    assert {register.hook for register in REGISTERS if register.hook} == set(HOOKS)


@pytest.mark.parametrize(
    "name",
    [
        "SCTLR_EL1",
        "SCTLR_EL12",
        "SCTLR_EL2",
        "SCTLR_EL3",
        "SCTLR2_EL2",
        "SCTLR2_EL3",
        "TCR_EL1",
        "TCR_EL12",
        "TCR_EL2",
        "TCR_EL3",
        "TCR2_EL2",
        "TTBR0_EL1",
        "TTBR0_EL12",
        "TTBR0_EL2",
        "TTBR0_EL3",
        "TTBR1_EL1",
        "TTBR1_EL12",
        "TTBR1_EL2",
        "MAIR_EL1",
        "MAIR_EL12",
        "MAIR_EL2",
        "MAIR_EL3",
        "VTCR_EL2",
        "VTTBR_EL2",
        "VSTCR_EL2",
        "VSTTBR_EL2",
        "HCR_EL2",
        "SCR_EL3",
        "GPCCR_EL3",
        "GPTBR_EL3",
    ],
)
def test_write_that_may_change_a_translation_is_told_to_the_machine(name: str) -> None:
    assert BY_NAME[name].hook == "translation"


# 4.13: what an EL2 host reaches by the EL1 names.
BANKED = "SCTLR SCTLR2 TTBR0 TTBR1 TCR TCR2 ESR FAR AFSR0 AFSR1 MAIR AMAIR VBAR CONTEXTIDR ELR SPSR"
REDIRECTED = {
    **{f"{stem}_EL1": f"{stem}_EL2" for stem in BANKED.split()},
    "CPACR_EL1": "CPTR_EL2",
    "CNTKCTL_EL1": "CNTHCTL_EL2",
    **{f"CNTP_{part}_EL0": f"CNTHP_{part}_EL2" for part in ("TVAL", "CTL", "CVAL")},
    **{f"CNTV_{part}_EL0": f"CNTHV_{part}_EL2" for part in ("TVAL", "CTL", "CVAL")},
}


def test_host_reaches_its_own_registers_by_these_el1_names_and_no_others() -> None:
    assert {register.name: register.vhe for register in REGISTERS if register.vhe} == REDIRECTED


def id_field(name: str) -> int:
    register = BY_NAME[name.partition(".")[0]]
    assert isinstance(register.reset, int)
    return next(item for item in register.fields if item.name == name.partition(".")[2]).of(register.reset)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ID_AA64PFR0_EL1.EL3", 1),
        ("ID_AA64PFR0_EL1.FP", 15),
        ("ID_AA64PFR0_EL1.AdvSIMD", 15),
        ("ID_AA64PFR0_EL1.SEL2", 1),
        ("ID_AA64PFR0_EL1.RME", 2),
        ("ID_AA64PFR0_EL1.GIC", 0),
        ("ID_AA64MMFR0_EL1.PARange", 6),
        ("ID_AA64MMFR0_EL1.ASIDBits", 2),
        ("ID_AA64MMFR0_EL1.TGran4", 1),
        ("ID_AA64MMFR0_EL1.TGran16", 2),
        ("ID_AA64MMFR0_EL1.TGran64", 0),
        ("ID_AA64MMFR0_EL1.TGran4_2", 3),
        ("ID_AA64MMFR0_EL1.TGran16_2", 3),
        ("ID_AA64MMFR0_EL1.TGran64_2", 2),
        ("ID_AA64MMFR0_EL1.FGT", 1),
        ("ID_AA64MMFR0_EL1.ECV", 2),
        ("ID_AA64MMFR1_EL1.VMIDBits", 2),
        ("ID_AA64MMFR1_EL1.PAN", 3),
        ("ID_AA64MMFR1_EL1.HCX", 1),
        ("ID_AA64MMFR1_EL1.HAFDBS", 2),
        ("ID_AA64MMFR1_EL1.HPDS", 2),
        ("ID_AA64MMFR2_EL1.VARange", 1),
        ("ID_AA64MMFR2_EL1.ST", 1),
        ("ID_AA64MMFR2_EL1.BBM", 2),
        ("ID_AA64MMFR2_EL1.CnP", 1),
        ("ID_AA64MMFR3_EL1.TCRX", 1),
        ("ID_AA64MMFR3_EL1.SCTLRX", 1),
        ("ID_AA64MMFR3_EL1.MEC", 1),
        ("ID_AA64ISAR0_EL1.TLB", 2),
        ("ID_AA64ISAR0_EL1.Atomic", 0),
        ("ID_AA64ISAR1_EL1.XS", 0),
        ("ID_AA64DFR0_EL1.DebugVer", 7),
        ("ID_AA64DFR0_EL1.PMUVer", 7),
        ("ID_AA64DFR0_EL1.BRPs", 5),
        ("ID_AA64DFR0_EL1.WRPs", 3),
        ("ID_AA64DFR0_EL1.CTX_CMPs", 1),
        ("ID_AA64DFR0_EL1.MTPMU", 15),
        ("ID_AA64DFR0_EL1.DoubleLock", 0),
    ],
)
def test_id_field_says_what_is_there(name: str, value: int) -> None:
    assert id_field(name) == value


def test_cache_type_describes_64_byte_lines_and_coherent_pipt_caches() -> None:
    # b31 RES1, DIC, IDC, CWG = ERG = DminLine = IminLine = 4 (16 words), L1Ip = 3.
    assert BY_NAME["CTR_EL0"].reset == 0xB444_C004
    assert BY_NAME["DCZID_EL0"].reset == 4


def test_the_whole_id_space_is_there() -> None:
    assert all((3, 0, 0, crm, op2) in BY_ENCODING for crm in range(1, 8) for op2 in range(8))


def test_disassembly_names() -> None:
    assert name_of((3, 4, 10, 8, 0)) == "MECID_P0_EL2"
    assert name_of((3, 0, 0, 7, 7)) is None
    assert name_of((3, 3, 4, 4, 0)) == "FPCR"
    assert operation_name((1, 4, 7, 14, 0)) == "DC CIPAE"
    assert operation_name((1, 4, 7, 14, 7)) is None
    assert generic_name((3, 4, 10, 8, 0)) == "S3_4_C10_C8_0"


def test_nxs_forms_of_tlbi_do_not_exist() -> None:
    assert not any(crn == 9 for _, _, crn, _, _ in OPERATION_BY_ENCODING)


def test_an_operation_without_operand_acts_on_everything() -> None:
    without = {operation.name for operation in OPERATIONS if not operation.takes_register}
    stems = {"IC IALLU", "TLBI VMALLE1", "TLBI ALLE1", "TLBI ALLE2", "TLBI ALLE3", "TLBI VMALLS12E1", "TLBI PAALL"}
    assert {re.sub("(IS|OS)$", "", name) for name in without} == stems
