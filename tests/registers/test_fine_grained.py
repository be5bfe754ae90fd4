"""FEAT_FGT: every bit traps its registers and operations, below EL2 and in its direction alone.

The tables are typed from the bit lists of HFGRTR_EL2, HFGWTR_EL2, HFGITR_EL2, HDFGRTR_EL2 and HDFGWTR_EL2 (Arm ARM
D24.2), as far as this machine has what they are about.
"""

from __future__ import annotations

import pytest

from emu.architecture import Security
from emu.registers.access import Allowed, Decision, Trapped, Undefined, decide, decide_operation, zva_prohibited
from emu.registers.file import RegisterFile
from emu.registers.table import BY_NAME, OPERATION_BY_NAME, OPERATIONS, REGISTERS

NS, NSE, EEL2, FGTEN, OPEN = 1, 1 << 62, 1 << 18, 1 << 27, 1 << 16 | 1 << 17 | 1 << 38 | 1 << 43 | 1 << 44
E2H_TGE = 1 << 34 | 1 << 27
MASK = (1 << 64) - 1

READS_AND_WRITES = """
0 AFSR0_EL1; 1 AFSR1_EL1; 3 AMAIR_EL1; 4 APDAKeyLo_EL1 APDAKeyHi_EL1; 5 APDBKeyLo_EL1 APDBKeyHi_EL1;
6 APGAKeyLo_EL1 APGAKeyHi_EL1; 7 APIAKeyLo_EL1 APIAKeyHi_EL1; 8 APIBKeyLo_EL1 APIBKeyHi_EL1; 11 CONTEXTIDR_EL1;
12 CPACR_EL1; 13 CSSELR_EL1; 16 ESR_EL1; 17 FAR_EL1; 24 MAIR_EL1; 27 PAR_EL1; 29 SCTLR_EL1 SCTLR2_EL1;
32 TCR_EL1 TCR2_EL1; 33 TPIDR_EL1; 35 TPIDR_EL0; 36 TTBR0_EL1; 37 TTBR1_EL1; 38 VBAR_EL1
"""
READS_ONLY = """
2 AIDR_EL1; 9 CCSIDR_EL1; 10 CLIDR_EL1; 14 CTR_EL0; 15 DCZID_EL0; 18 ISR_EL1; 25 MIDR_EL1; 26 MPIDR_EL1; 28 REVIDR_EL1
"""
DEBUG_BOTH = """
0 DBGBCR0_EL1 DBGBCR5_EL1; 1 DBGBVR0_EL1 DBGBVR5_EL1; 2 DBGWCR0_EL1 DBGWCR3_EL1; 3 DBGWVR0_EL1 DBGWVR3_EL1;
4 MDSCR_EL1; 5 DBGCLAIMSET_EL1 DBGCLAIMCLR_EL1; 7 DBGPRCR_EL1; 10 OSECCR_EL1; 11 OSDLR_EL1;
12 PMEVCNTR0_EL0 PMEVCNTR5_EL0 PMXEVCNTR_EL0; 13 PMEVTYPER0_EL0 PMEVTYPER5_EL0 PMXEVTYPER_EL0; 14 PMCCFILTR_EL0;
15 PMCCNTR_EL0; 16 PMCNTENSET_EL0 PMCNTENCLR_EL0; 17 PMINTENSET_EL1 PMINTENCLR_EL1; 18 PMOVSSET_EL0 PMOVSCLR_EL0;
19 PMSELR_EL0
"""
DEBUG_READS = "6 DBGAUTHSTATUS_EL1; 9 OSLSR_EL1; 22 PMMIR_EL1; 58 PMCEID0_EL0 PMCEID1_EL0"
DEBUG_WRITES = "8 OSLAR_EL1; 20 PMSWINC_EL0; 21 PMCR_EL0"
INSTRUCTIONS = """
0 IC IALLUIS; 1 IC IALLU; 2 IC IVAU; 3 DC IVAC; 4 DC ISW; 5 DC CSW; 6 DC CISW; 7 DC CVAU; 8 DC CVAP; 9 DC CVADP;
10 DC CIVAC; 11 DC ZVA; 12 AT S1E1R; 13 AT S1E1W; 14 AT S1E0R; 15 AT S1E0W; 16 AT S1E1RP; 17 AT S1E1WP;
18 TLBI VMALLE1OS; 19 TLBI VAE1OS; 20 TLBI ASIDE1OS; 21 TLBI VAAE1OS; 22 TLBI VALE1OS; 23 TLBI VAALE1OS;
24 TLBI RVAE1OS; 25 TLBI RVAAE1OS; 26 TLBI RVALE1OS; 27 TLBI RVAALE1OS; 28 TLBI VMALLE1IS; 29 TLBI VAE1IS;
30 TLBI ASIDE1IS; 31 TLBI VAAE1IS; 32 TLBI VALE1IS; 33 TLBI VAALE1IS; 34 TLBI RVAE1IS; 35 TLBI RVAAE1IS;
36 TLBI RVALE1IS; 37 TLBI RVAALE1IS; 38 TLBI RVAE1; 39 TLBI RVAAE1; 40 TLBI RVALE1; 41 TLBI RVAALE1;
42 TLBI VMALLE1; 43 TLBI VAE1; 44 TLBI ASIDE1; 45 TLBI VAAE1; 46 TLBI VALE1; 47 TLBI VAALE1; 48 CFP RCTX;
49 DVP RCTX; 50 CPP RCTX; 54 DC CVAC
"""


def parse(text: str) -> list[tuple[int, str]]:
    rows = (row.split(maxsplit=1) for row in text.split(";"))
    return [(int(bit), name) for bit, names in rows for name in names.split()]


ROWS = [
    *(("HFGRTR_EL2", bit, name, True) for bit, name in parse(READS_AND_WRITES + ";" + READS_ONLY)),
    *(("HFGWTR_EL2", bit, name, False) for bit, name in parse(READS_AND_WRITES)),
    ("HFGRTR_EL2", 34, "TPIDRRO_EL0", True),
    ("HFGWTR_EL2", 34, "TPIDRRO_EL0", False),
    *(("HDFGRTR_EL2", bit, name, True) for bit, name in parse(DEBUG_BOTH + ";" + DEBUG_READS)),
    *(("HDFGWTR_EL2", bit, name, False) for bit, name in parse(DEBUG_BOTH + ";" + DEBUG_WRITES)),
    ("HDFGRTR_EL2", 57, "PMUSERENR_EL0", True),
    ("HDFGWTR_EL2", 57, "PMUSERENR_EL0", False),
]
OPERATION_ROWS = [(int(bit), name) for bit, name in (row.split(maxsplit=1) for row in INSTRUCTIONS.strip().split(";"))]
HOLDERS = ("HFGRTR_EL2", "HFGWTR_EL2", "HFGITR_EL2", "HDFGRTR_EL2", "HDFGWTR_EL2")


@pytest.fixture
def open_regs(regs: RegisterFile) -> RegisterFile:
    """Nothing is trapped or closed by anything but fine-grained traps."""
    regs["SCR_EL3"] = NS | FGTEN | OPEN
    regs["HCRX_EL2"] = 1 << 14 | 1 << 15
    regs["HCR_EL2"] = 1 << 40 | 1 << 41
    regs["MDCR_EL2"] = 6
    regs["PMUSERENR_EL0"] = 1
    regs["PMSELR_EL0"] = 0
    regs["SCTLR_EL1"] = regs["SCTLR_EL2"] = 1 << 10 | 1 << 14 | 1 << 15 | 1 << 26
    for name in ("CPTR_EL2", "CPTR_EL3", "MDCR_EL3", "MDSCR_EL1", *HOLDERS):
        regs[name] = 0
    return regs


def ask(regs: RegisterFile, name: str, el: int, is_read: bool, security: Security = Security.NON_SECURE) -> Decision:
    return decide(regs, BY_NAME[name], el, security, is_read)


def levels(name: str, is_read: bool) -> list[int]:
    register = BY_NAME[name]
    lowest = register.el if is_read or register.write_el is None else register.write_el
    return [1] if lowest else [0, 1]


@pytest.mark.parametrize(("holder", "bit", "name", "is_read"), ROWS)
def test_bit(open_regs: RegisterFile, holder: str, bit: int, name: str, is_read: bool) -> None:
    regs = open_regs
    register = BY_NAME[name]
    assert (register.fgt_read if is_read else register.fgt_write).partition(".")[0] == holder
    for el in levels(name, is_read):
        regs[holder] = 1 << bit
        assert regs[holder] == 1 << bit
        assert ask(regs, name, el, is_read) == Trapped(2, 0x18)
        for other in HOLDERS:
            regs[other] = MASK
        regs[holder] = MASK & ~(1 << bit)
        assert isinstance(ask(regs, name, el, is_read), Allowed), el
        for other in HOLDERS:
            regs[other] = 0


@pytest.mark.parametrize(("bit", "name"), OPERATION_ROWS)
def test_instruction_bit(open_regs: RegisterFile, bit: int, name: str) -> None:
    regs, operation = open_regs, OPERATION_BY_NAME[name]
    assert operation.fgt.startswith("HFGITR_EL2.")
    for el in [0, 1] if operation.el == 0 else [1]:
        regs["HFGITR_EL2"] = 1 << bit
        assert decide_operation(regs, operation, el, Security.NON_SECURE) == Trapped(2, 0x18)
        regs["HFGITR_EL2"] = MASK & ~(1 << bit)
        assert decide_operation(regs, operation, el, Security.NON_SECURE) == Allowed()


def test_everything_else_has_no_bit() -> None:
    known = {(name, is_read) for _, _, name, is_read in ROWS}
    numbered = ("DBGBCR", "DBGBVR", "DBGWCR", "DBGWVR", "PMEVCNTR", "PMEVTYPER", "ICC_IGRPEN")
    for register in REGISTERS:
        if not register.name.startswith(numbered):
            assert bool(register.fgt_read) == ((register.name, True) in known), register.name
            assert bool(register.fgt_write) == ((register.name, False) in known), register.name
    assert {operation.name for operation in OPERATIONS if operation.fgt} == {name for _, name in OPERATION_ROWS}


def test_el2_and_el3_are_not_trapped(open_regs: RegisterFile) -> None:
    for name in HOLDERS:
        open_regs[name] = MASK
    for el, security in ((2, Security.NON_SECURE), (3, Security.ROOT)):
        for _, _, name, is_read in ROWS:
            assert isinstance(ask(open_regs, name, el, is_read, security), Allowed)


def test_a_hosts_el0_is_not_trapped(open_regs: RegisterFile) -> None:
    open_regs["HFGRTR_EL2"] = open_regs["HFGITR_EL2"] = MASK
    assert ask(open_regs, "TPIDR_EL0", 0, True) == Trapped(2, 0x18)
    open_regs["HCR_EL2"] |= E2H_TGE
    assert isinstance(ask(open_regs, "TPIDR_EL0", 0, True), Allowed)
    assert isinstance(ask(open_regs, "CTR_EL0", 0, True), Allowed)
    assert decide_operation(open_regs, OPERATION_BY_NAME["DC CVAC"], 0, Security.NON_SECURE) == Allowed()


def test_without_fgten_the_bits_act_as_zero_and_el2_traps_to_el3(open_regs: RegisterFile) -> None:
    for name in HOLDERS:
        open_regs[name] = MASK
    open_regs["SCR_EL3"] = NS | OPEN
    assert isinstance(ask(open_regs, "TTBR0_EL1", 1, True), Allowed)
    for name in HOLDERS:
        assert ask(open_regs, name, 2, True) == ask(open_regs, name, 2, False) == Trapped(3, 0x18)
        assert ask(open_regs, name, 1, True) == Undefined()
        assert isinstance(ask(open_regs, name, 3, True, Security.ROOT), Allowed)


@pytest.mark.parametrize(
    ("security", "scr", "trapped"),
    [(Security.SECURE, 0, False), (Security.SECURE, EEL2, True), (Security.REALM, NS | NSE, True)],
)
def test_they_need_el2_in_this_state(open_regs: RegisterFile, security: Security, scr: int, trapped: bool) -> None:
    open_regs["HFGRTR_EL2"] = MASK
    open_regs["SCR_EL3"] = FGTEN | OPEN | scr
    assert isinstance(ask(open_regs, "TTBR0_EL1", 1, True, security), Trapped) == trapped


def test_they_come_before_traps_to_el3_and_behind_those_to_el1(open_regs: RegisterFile) -> None:
    open_regs["HFGRTR_EL2"] = MASK
    open_regs["SCR_EL3"] = NS | FGTEN
    assert ask(open_regs, "APIAKeyLo_EL1", 1, True) == Trapped(2, 0x18)
    assert ask(open_regs, "SCTLR2_EL1", 1, True) == Trapped(2, 0x18)
    open_regs["SCTLR_EL1"] = 0
    assert ask(open_regs, "CTR_EL0", 0, True) == Trapped(1, 0x18)


def test_dczid_does_not_tell_of_them(open_regs: RegisterFile) -> None:
    open_regs["HFGITR_EL2"] = MASK
    assert not zva_prohibited(open_regs, 1, Security.NON_SECURE)


def test_bits_of_absent_registers_are_res0(open_regs: RegisterFile) -> None:
    for name in HOLDERS:
        open_regs[name] = MASK
    implemented = dict.fromkeys(HOLDERS, 0)
    for holder, bit, _, _ in ROWS:
        implemented[holder] |= 1 << bit
    for bit, _ in OPERATION_ROWS:
        implemented["HFGITR_EL2"] |= 1 << bit
    implemented["HFGITR_EL2"] |= 0b111 << 51  # ERET, SVC of EL0 and EL1
    gic = 1 << 39 if "ICC_IGRPEN1_EL1" in BY_NAME else 0
    implemented["HFGRTR_EL2"] |= gic
    implemented["HFGWTR_EL2"] |= gic
    for holder, bits in implemented.items():
        assert open_regs[holder] == bits, holder
