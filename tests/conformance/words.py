"""Instruction words, each typed from its page in the Arm manual (C6.2); `test_words` asks capstone to agree."""

from __future__ import annotations

from collections.abc import Iterable

Word = int
Code = Word | Iterable["Code"]

# (op0, op1, CRn, CRm, op2), from mec-reference.md 1.2 and Appendix A.
REGISTERS: dict[str, tuple[int, int, int, int, int]] = {
    "MECID_P0_EL2": (3, 4, 10, 8, 0), "MECID_A0_EL2": (3, 4, 10, 8, 1), "MECID_P1_EL2": (3, 4, 10, 8, 2),
    "MECID_A1_EL2": (3, 4, 10, 8, 3), "MECIDR_EL2": (3, 4, 10, 8, 7), "VMECID_P_EL2": (3, 4, 10, 9, 0),
    "VMECID_A_EL2": (3, 4, 10, 9, 1), "MECID_RL_A_EL3": (3, 6, 10, 10, 1),
    "ID_AA64PFR0_EL1": (3, 0, 0, 4, 0), "ID_AA64MMFR3_EL1": (3, 0, 0, 7, 3), "MIDR_EL1": (3, 0, 0, 0, 0),
    "CTR_EL0": (3, 3, 0, 0, 1), "DCZID_EL0": (3, 3, 0, 0, 7),
    "SCTLR_EL1": (3, 0, 1, 0, 0), "SCTLR_EL12": (3, 5, 1, 0, 0), "SCTLR_EL2": (3, 4, 1, 0, 0),
    "SCTLR_EL3": (3, 6, 1, 0, 0), "SCTLR2_EL1": (3, 0, 1, 0, 3), "SCTLR2_EL12": (3, 5, 1, 0, 3),
    "SCTLR2_EL2": (3, 4, 1, 0, 3), "SCTLR2_EL3": (3, 6, 1, 0, 3), "ACTLR_EL1": (3, 0, 1, 0, 1),
    "CPACR_EL1": (3, 0, 1, 0, 2), "CPACR_EL12": (3, 5, 1, 0, 2), "CPTR_EL2": (3, 4, 1, 1, 2),
    "CPTR_EL3": (3, 6, 1, 1, 2), "HCR_EL2": (3, 4, 1, 1, 0), "HCRX_EL2": (3, 4, 1, 2, 2),
    "MDCR_EL2": (3, 4, 1, 1, 1), "SCR_EL3": (3, 6, 1, 1, 0),
    "TTBR0_EL1": (3, 0, 2, 0, 0), "TTBR1_EL1": (3, 0, 2, 0, 1), "TCR_EL1": (3, 0, 2, 0, 2),
    "TTBR0_EL12": (3, 5, 2, 0, 0), "TTBR1_EL12": (3, 5, 2, 0, 1), "TCR_EL12": (3, 5, 2, 0, 2),
    "TTBR0_EL2": (3, 4, 2, 0, 0), "TTBR1_EL2": (3, 4, 2, 0, 1), "TCR_EL2": (3, 4, 2, 0, 2),
    "TTBR0_EL3": (3, 6, 2, 0, 0), "TCR_EL3": (3, 6, 2, 0, 2), "VTTBR_EL2": (3, 4, 2, 1, 0),
    "VTCR_EL2": (3, 4, 2, 1, 2), "VSTTBR_EL2": (3, 4, 2, 6, 0), "VSTCR_EL2": (3, 4, 2, 6, 2),
    "MAIR_EL1": (3, 0, 10, 2, 0), "MAIR_EL12": (3, 5, 10, 2, 0), "MAIR_EL2": (3, 4, 10, 2, 0),
    "MAIR_EL3": (3, 6, 10, 2, 0), "AMAIR_EL1": (3, 0, 10, 3, 0),
    "TCR2_EL1": (3, 0, 2, 0, 3), "TCR2_EL12": (3, 5, 2, 0, 3), "TCR2_EL2": (3, 4, 2, 0, 3),
    "ESR_EL1": (3, 0, 5, 2, 0), "ESR_EL12": (3, 5, 5, 2, 0), "ESR_EL2": (3, 4, 5, 2, 0), "ESR_EL3": (3, 6, 5, 2, 0),
    "AFSR0_EL1": (3, 0, 5, 1, 0), "AFSR1_EL1": (3, 0, 5, 1, 1), "FAR_EL1": (3, 0, 6, 0, 0),
    "FAR_EL12": (3, 5, 6, 0, 0), "FAR_EL2": (3, 4, 6, 0, 0), "FAR_EL3": (3, 6, 6, 0, 0),
    "HPFAR_EL2": (3, 4, 6, 0, 4), "PAR_EL1": (3, 0, 7, 4, 0), "MFAR_EL3": (3, 6, 6, 0, 5),
    "GPCCR_EL3": (3, 6, 2, 1, 6), "GPTBR_EL3": (3, 6, 2, 1, 4),
    "VBAR_EL1": (3, 0, 12, 0, 0), "VBAR_EL12": (3, 5, 12, 0, 0), "VBAR_EL2": (3, 4, 12, 0, 0),
    "VBAR_EL3": (3, 6, 12, 0, 0), "SPSR_EL1": (3, 0, 4, 0, 0), "SPSR_EL12": (3, 5, 4, 0, 0),
    "SPSR_EL2": (3, 4, 4, 0, 0), "SPSR_EL3": (3, 6, 4, 0, 0), "ELR_EL1": (3, 0, 4, 0, 1),
    "ELR_EL12": (3, 5, 4, 0, 1), "ELR_EL2": (3, 4, 4, 0, 1), "ELR_EL3": (3, 6, 4, 0, 1),
    "SP_EL0": (3, 0, 4, 1, 0), "SP_EL1": (3, 4, 4, 1, 0), "SP_EL2": (3, 6, 4, 1, 0), "SPSel": (3, 0, 4, 2, 0),
    "CurrentEL": (3, 0, 4, 2, 2), "DAIF": (3, 3, 4, 2, 1), "NZCV": (3, 3, 4, 2, 0), "PAN": (3, 0, 4, 2, 3),
    "UAO": (3, 0, 4, 2, 4),
    "CONTEXTIDR_EL1": (3, 0, 13, 0, 1), "CONTEXTIDR_EL12": (3, 5, 13, 0, 1), "CONTEXTIDR_EL2": (3, 4, 13, 0, 1),
    "TPIDR_EL0": (3, 3, 13, 0, 2), "TPIDRRO_EL0": (3, 3, 13, 0, 3), "TPIDR_EL1": (3, 0, 13, 0, 4),
    "CNTFRQ_EL0": (3, 3, 14, 0, 0), "CNTPCT_EL0": (3, 3, 14, 0, 1), "CNTVCT_EL0": (3, 3, 14, 0, 2),
    "CNTP_CTL_EL0": (3, 3, 14, 2, 1), "CNTP_CVAL_EL0": (3, 3, 14, 2, 2), "CNTV_CTL_EL0": (3, 3, 14, 3, 1),
    "CNTV_CVAL_EL0": (3, 3, 14, 3, 2), "CNTKCTL_EL1": (3, 0, 14, 1, 0), "CNTHCTL_EL2": (3, 4, 14, 1, 0),
    "CNTVOFF_EL2": (3, 4, 14, 0, 3), "CNTHP_CTL_EL2": (3, 4, 14, 2, 1), "CNTHV_CTL_EL2": (3, 4, 14, 3, 1),
    "TPIDR_EL2": (3, 4, 13, 0, 2), "TPIDR_EL3": (3, 6, 13, 0, 2),
    "CNTPCTSS_EL0": (3, 3, 14, 0, 5), "CNTVCTSS_EL0": (3, 3, 14, 0, 6), "CNTPOFF_EL2": (3, 4, 14, 0, 6),
    "MDSCR_EL1": (2, 0, 0, 2, 2), "OSLAR_EL1": (2, 0, 1, 0, 4), "OSLSR_EL1": (2, 0, 1, 1, 4),
    "OSDLR_EL1": (2, 0, 1, 3, 4), "DBGPRCR_EL1": (2, 0, 1, 4, 4), "MDRAR_EL1": (2, 0, 1, 0, 0),
    "MDCCINT_EL1": (2, 0, 0, 2, 0), "MDCCSR_EL0": (2, 3, 0, 1, 0), "DBGDTR_EL0": (2, 3, 0, 4, 0),
    "DBGDTRTX_EL0": (2, 3, 0, 5, 0), "OSECCR_EL1": (2, 0, 0, 6, 2), "DBGCLAIMSET_EL1": (2, 0, 7, 8, 6),
    "DBGCLAIMCLR_EL1": (2, 0, 7, 9, 6), "DBGBVR0_EL1": (2, 0, 0, 0, 4), "DBGBCR0_EL1": (2, 0, 0, 0, 5),
    "DBGWVR0_EL1": (2, 0, 0, 0, 6), "DBGWCR0_EL1": (2, 0, 0, 0, 7), "DBGBVR5_EL1": (2, 0, 0, 5, 4),
    "DBGBCR5_EL1": (2, 0, 0, 5, 5), "MDCR_EL3": (3, 6, 1, 3, 1), "RNDR": (3, 3, 2, 4, 0),
    "HFGRTR_EL2": (3, 4, 1, 1, 4), "HFGWTR_EL2": (3, 4, 1, 1, 5), "HFGITR_EL2": (3, 4, 1, 1, 6),
    "HDFGRTR_EL2": (3, 4, 3, 1, 4), "HDFGWTR_EL2": (3, 4, 3, 1, 5),
    "PMCR_EL0": (3, 3, 9, 12, 0), "PMCNTENSET_EL0": (3, 3, 9, 12, 1), "PMCNTENCLR_EL0": (3, 3, 9, 12, 2),
    "PMOVSCLR_EL0": (3, 3, 9, 12, 3), "PMSWINC_EL0": (3, 3, 9, 12, 4), "PMSELR_EL0": (3, 3, 9, 12, 5),
    "PMCEID0_EL0": (3, 3, 9, 12, 6), "PMCEID1_EL0": (3, 3, 9, 12, 7), "PMCCNTR_EL0": (3, 3, 9, 13, 0),
    "PMXEVTYPER_EL0": (3, 3, 9, 13, 1), "PMXEVCNTR_EL0": (3, 3, 9, 13, 2), "PMUSERENR_EL0": (3, 3, 9, 14, 0),
    "PMOVSSET_EL0": (3, 3, 9, 14, 3), "PMINTENSET_EL1": (3, 0, 9, 14, 1), "PMINTENCLR_EL1": (3, 0, 9, 14, 2),
    "PMMIR_EL1": (3, 0, 9, 14, 6), "PMCCFILTR_EL0": (3, 3, 14, 15, 7), "PMEVCNTR0_EL0": (3, 3, 14, 8, 0),
    "PMEVCNTR1_EL0": (3, 3, 14, 8, 1), "PMEVCNTR5_EL0": (3, 3, 14, 8, 5), "PMEVCNTR6_EL0": (3, 3, 14, 8, 6),
    "PMEVTYPER0_EL0": (3, 3, 14, 12, 0), "PMEVTYPER5_EL0": (3, 3, 14, 12, 5),
}  # fmt: skip

# (op1, CRn, CRm, op2), from mec-reference.md 1.8, 3.8, 4.9, 4.12 and Appendix A.
OPERATIONS: dict[str, tuple[int, int, int, int]] = {
    "DC CIPAE": (4, 7, 14, 0), "DC CIPAPA": (6, 7, 14, 1), "DC ZVA": (3, 7, 4, 1), "DC IVAC": (0, 7, 6, 1),
    "DC ISW": (0, 7, 6, 2), "DC CSW": (0, 7, 10, 2), "DC CISW": (0, 7, 14, 2), "DC CVAC": (3, 7, 10, 1),
    "DC CVAU": (3, 7, 11, 1), "DC CIVAC": (3, 7, 14, 1), "IC IALLUIS": (0, 7, 1, 0), "IC IALLU": (0, 7, 5, 0),
    "IC IVAU": (3, 7, 5, 1),
    "TLBI ALLE1": (4, 8, 7, 4), "TLBI ALLE2": (4, 8, 7, 0), "TLBI ALLE3": (6, 8, 7, 0), "TLBI VMALLE1": (0, 8, 7, 0),
    "TLBI VMALLE1IS": (0, 8, 3, 0), "TLBI VAE1": (0, 8, 7, 1), "TLBI VAE2": (4, 8, 7, 1), "TLBI VAE3": (6, 8, 7, 1),
    "TLBI IPAS2E1": (4, 8, 4, 1), "TLBI PAALL": (6, 8, 7, 4), "TLBI RPAOS": (6, 8, 4, 3),
    "AT S1E1R": (0, 7, 8, 0), "AT S1E1W": (0, 7, 8, 1), "AT S1E0R": (0, 7, 8, 2), "AT S1E0W": (0, 7, 8, 3),
    "AT S1E2R": (4, 7, 8, 0), "AT S12E1R": (4, 7, 8, 4), "AT S12E1W": (4, 7, 8, 5), "AT S1E3R": (6, 7, 8, 0),
}  # fmt: skip

ISB, DSB, ERET, NOP = 0xD503_3FDF, 0xD503_3F9F, 0xD69F_03E0, 0xD503_201F
WFE, WFI, SEV, SEVL, CLREX = 0xD503_205F, 0xD503_207F, 0xD503_209F, 0xD503_20BF, 0xD503_3F5F
UNALLOCATED = 0x0000_0000
"""UDF #0, permanently undefined."""
SP = XZR = 31


def assemble(*code: Code) -> bytes:
    """Words, and lists of words, as the bytes of a program."""
    return b"".join(item.to_bytes(4, "little") if isinstance(item, int) else assemble(*item) for item in code)


def mov(rd: int, value: int) -> list[Word]:
    """A 64-bit constant: MOVZ, then a MOVK for each further 16 bits that are not zero."""
    parts = [(half, value >> 16 * half & 0xFFFF) for half in range(4)]
    used = [part for part in parts if part[1]] or [(0, 0)]
    return [
        (0xF280_0000 if index else 0xD280_0000) | half << 21 | bits << 5 | rd for index, (half, bits) in enumerate(used)
    ]


def register_of(name: str | tuple[int, int, int, int, int]) -> tuple[int, int, int, int, int]:
    return REGISTERS[name] if isinstance(name, str) else name


def mrs(rt: int, name: str | tuple[int, int, int, int, int]) -> Word:
    op0, op1, crn, crm, op2 = register_of(name)
    return 0xD530_0000 | (op0 - 2) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | rt


def msr(name: str | tuple[int, int, int, int, int], rt: int) -> Word:
    op0, op1, crn, crm, op2 = register_of(name)
    return 0xD510_0000 | (op0 - 2) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | rt


def sys(name: str | tuple[int, int, int, int], rt: int = XZR) -> Word:
    """AT, DC, IC or TLBI."""
    op1, crn, crm, op2 = OPERATIONS[name] if isinstance(name, str) else name
    return 0xD508_0000 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | rt


def msr_immediate(field: str, value: int) -> Word:
    """MSR (immediate): the PSTATE fields of C5.1.3 by name."""
    op1, op2 = {"UAO": (0, 3), "PAN": (0, 4), "SPSel": (0, 5), "DAIFSet": (3, 6), "DAIFClr": (3, 7)}[field]
    return 0xD500_401F | op1 << 16 | value << 8 | op2 << 5


def svc(imm: int) -> Word:
    return 0xD400_0001 | imm << 5


def hvc(imm: int) -> Word:
    return 0xD400_0002 | imm << 5


def smc(imm: int) -> Word:
    return 0xD400_0003 | imm << 5


def brk(imm: int) -> Word:
    return 0xD420_0000 | imm << 5


def hlt(imm: int) -> Word:
    return 0xD440_0000 | imm << 5


def br(rn: int) -> Word:
    return 0xD61F_0000 | rn << 5


def _unsigned(base: int, scale: int, rt: int, rn: int, offset: int) -> Word:
    return base | (offset >> scale) << 10 | rn << 5 | rt


def ldr(rt: int, rn: int, offset: int = 0) -> Word:
    return _unsigned(0xF940_0000, 3, rt, rn, offset)


def str_(rt: int, rn: int, offset: int = 0) -> Word:
    return _unsigned(0xF900_0000, 3, rt, rn, offset)


def ldr_w(rt: int, rn: int, offset: int = 0) -> Word:
    return _unsigned(0xB940_0000, 2, rt, rn, offset)


def ldrb(rt: int, rn: int, offset: int = 0) -> Word:
    return _unsigned(0x3940_0000, 0, rt, rn, offset)


def strb(rt: int, rn: int, offset: int = 0) -> Word:
    return _unsigned(0x3900_0000, 0, rt, rn, offset)


def ldrh(rt: int, rn: int, offset: int = 0) -> Word:
    return _unsigned(0x7940_0000, 1, rt, rn, offset)


def ldrsb_x(rt: int, rn: int) -> Word:
    return _unsigned(0x3980_0000, 0, rt, rn, 0)


def ldrsb_w(rt: int, rn: int) -> Word:
    return _unsigned(0x39C0_0000, 0, rt, rn, 0)


def ldrsw(rt: int, rn: int) -> Word:
    return _unsigned(0xB980_0000, 2, rt, rn, 0)


def ldr_register(rt: int, rn: int, rm: int) -> Word:
    """LDR Xt, [Xn, Xm]"""
    return 0xF860_6800 | rm << 16 | rn << 5 | rt


def ldur(rt: int, rn: int, offset: int) -> Word:
    return 0xF840_0000 | (offset & 0x1FF) << 12 | rn << 5 | rt


def ldr_post(rt: int, rn: int, offset: int) -> Word:
    """LDR Xt, [Xn], #offset"""
    return 0xF840_0400 | (offset & 0x1FF) << 12 | rn << 5 | rt


def ldtr(rt: int, rn: int) -> Word:
    return 0xF840_0800 | rn << 5 | rt


def sttr(rt: int, rn: int) -> Word:
    return 0xF800_0800 | rn << 5 | rt


def ldp(rt: int, rt2: int, rn: int) -> Word:
    return 0xA940_0000 | rt2 << 10 | rn << 5 | rt


def ldxr(rt: int, rn: int) -> Word:
    return 0xC85F_7C00 | rn << 5 | rt


def stxr(rs: int, rt: int, rn: int) -> Word:
    return 0xC800_7C00 | rs << 16 | rn << 5 | rt


def ldar(rt: int, rn: int) -> Word:
    return 0xC8DF_FC00 | rn << 5 | rt


def stlr(rt: int, rn: int) -> Word:
    return 0xC89F_FC00 | rn << 5 | rt
