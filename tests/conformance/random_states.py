"""Random states of the CPU for test_against_qemu, MMUs off: traps, routing, returns, instruction by instruction."""

from __future__ import annotations

import random

from tests.conformance import words as w
from tests.conformance.bare_metal import Case, Configuration

# What both machines have; who may use it, and what traps it, is the question.
ACCESSED = [
    "SCTLR_EL1", "TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "ESR_EL1", "FAR_EL1", "AFSR0_EL1", "AFSR1_EL1", "MAIR_EL1",
    "AMAIR_EL1", "CONTEXTIDR_EL1", "VBAR_EL1", "SPSR_EL1", "ELR_EL1", "CPACR_EL1", "PAR_EL1", "TPIDR_EL0",
    "TPIDRRO_EL0", "TPIDR_EL1", "TPIDR_EL2", "TPIDR_EL3", "ACTLR_EL1", "SP_EL0", "SP_EL1", "SP_EL2", "NZCV", "DAIF",
    "CurrentEL", "SPSel", "PAN", "UAO", "SCTLR_EL12", "TTBR0_EL12", "TTBR1_EL12", "TCR_EL12", "ESR_EL12", "FAR_EL12",
    "MAIR_EL12", "VBAR_EL12", "SPSR_EL12", "ELR_EL12", "CPACR_EL12", "CONTEXTIDR_EL12", "CONTEXTIDR_EL2", "SCTLR_EL2",
    "TTBR0_EL2", "TTBR1_EL2", "TCR_EL2", "MAIR_EL2", "ESR_EL2", "FAR_EL2", "HPFAR_EL2", "VBAR_EL2", "SPSR_EL2",
    "ELR_EL2", "HCR_EL2", "CPTR_EL2", "MDCR_EL2", "VTCR_EL2", "VTTBR_EL2", "VSTTBR_EL2", "VSTCR_EL2", "SCR_EL3",
    "SCTLR_EL3", "TTBR0_EL3", "TCR_EL3", "VBAR_EL3", "CPTR_EL3", "MIDR_EL1", "ID_AA64PFR0_EL1", "ID_AA64MMFR3_EL1",
    "CTR_EL0", "DCZID_EL0", "CNTFRQ_EL0", "CNTPCT_EL0", "CNTVCT_EL0", "CNTP_CTL_EL0", "CNTP_CVAL_EL0", "CNTV_CTL_EL0",
    "CNTV_CVAL_EL0", "CNTKCTL_EL1", "CNTHCTL_EL2", "CNTVOFF_EL2", "CNTHP_CTL_EL2", "CNTHV_CTL_EL2",
]  # fmt: skip
OPERATIONS = [name for name in w.OPERATIONS if not name.endswith("PAE") and name not in (
    "DC CIPAPA", "TLBI PAALL", "TLBI RPAOS", "DC ZVA",
)]  # fmt: skip
UNALLOCATED = [(3, 7, 14, 15, 7), (3, 0, 0, 7, 7), (3, 0, 0, 3, 7), (3, 3, 9, 15, 7), (2, 0, 14, 0, 0)]


def register_pieces() -> dict[str, str]:
    """name -> assembly: read a register, write back what was read; operations; calls; PSTATE."""
    pieces = {}
    for name in ACCESSED:
        op0, op1, crn, crm, op2 = w.REGISTERS[name]
        register = f"S{op0}_{op1}_C{crn}_C{crm}_{op2}"
        pieces[f"read_{name}"] = f"mrs x0, {register}"
        pieces[f"write_{name}"] = f"mrs x0, {register}; msr {register}, x0"
    for name in OPERATIONS:
        op1, crn, crm, op2 = w.OPERATIONS[name]
        pieces["op_" + name.replace(" ", "_")] = f"sys #{op1}, C{crn}, C{crm}, #{op2}, x1"
    for number, (op0, op1, crn, crm, op2) in enumerate(UNALLOCATED):
        pieces[f"odd_{number}"] = f".inst {0xD530_0000 | (op0 - 2) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5}"
    pieces |= {
        "call_svc": "svc #0x123", "call_hvc": "hvc #0x123", "call_smc": "smc #0x123", "call_brk": "brk #0x123",
        "call_udf": "udf #0", "call_hlt": "hlt #1", "call_ret": "ret x1",
        "daifset": "msr daifset, #3", "daifclr": "msr daifclr, #3", "spsel_0": "msr spsel, #0",
        "spsel_1": "msr spsel, #1", "stack": "ldr x0, [sp]", "load_far": "ldr x0, [x1]",
    }  # fmt: skip
    pieces["pan_1"], pieces["uao_1"] = f".inst {w.msr_immediate('PAN', 1)}", f".inst {w.msr_immediate('UAO', 1)}"
    for el in (1, 2, 3):
        pieces[f"return_el{el}"] = f"msr SPSR_EL{el}, x0; msr ELR_EL{el}, x1; eret"
    return {f"state_{name}": text for name, text in pieces.items()}


PIECES = register_pieces()


def pieces_text() -> str:
    return "".join(f"{name}:\n{text.replace('; ', chr(10))}\nsvc #0xfff\n" for name, text in PIECES.items())


def bits(source: random.Random, *positions: int, probability: float = 0.3) -> int:
    return sum(1 << position for position in positions if source.random() < probability)


IDENTIFICATION = ("ID_AA", "MIDR", "state_odd_1", "state_odd_2")


def is_comparable(name: str, el: int, is_host: bool, is_el2_on: bool, is_secure_el2: bool) -> bool:
    """Whether QEMU 7.2 does here what the manual says for this machine; the reasons are in test_against_qemu."""
    if el == 0 and any(part in name for part in IDENTIFICATION):
        return False
    if name == "state_call_hvc" and (el == 3 or not is_el2_on):
        return False
    if el == 0 and "CNTPCT" in name and is_el2_on and not is_host:
        return False
    if el == 0 and name in ("state_daifset", "state_daifclr"):
        return False
    if "EL12" in name and el >= 2 and not is_host:
        return False
    if el == 3 and not is_el2_on and name in ("state_op_TLBI_ALLE2", "state_op_TLBI_VAE2"):
        return False
    return not (el == 3 and not is_secure_el2 and "_VST" in name)


def state(seed: int, count: int) -> Configuration:
    """One random set of controls, and random instructions at every level that it has."""
    source = random.Random(seed)
    is_secure, has_el2 = source.random() < 0.4, source.random() < 0.6
    e2h, tge = source.random() < 0.4, source.random() < 0.3
    scr = 0x430 | int(not is_secure) | (1 << 18 if is_secure and has_el2 else 0)
    registers = {
        "SCR_EL3": scr | bits(source, 8, 9, 38),
        # TID1, TID2, TID3, TACR, TSW, TPC, TPU, TTLB, TVM, TRVM
        "HCR_EL2": 1 << 31 | e2h << 34 | tge << 27 | bits(source, 16, 17, 18, 21, 22, 23, 24, 25, 26, 30),
        "SCTLR_EL1": 0x30D0_0800 | bits(source, 3, 4, 9, 15, 23, 26),
        "SCTLR_EL2": 0x30C5_0830 & ~0x18 | bits(source, 3, 4, 15, 23, 26),
        "SCTLR_EL3": 0x30C5_0830 & ~8 | bits(source, 3),
        "MDCR_EL2": bits(source, 8),
        "CPTR_EL3": bits(source, 31),
        "CNTKCTL_EL1": bits(source, 0, 1, 8, 9, probability=0.5),
        "CNTHCTL_EL2": bits(source, 0, 1, 8, 9, 10, 11, probability=0.5),
        "SP_EL0": 0x40F0_0000,
        "SP_EL1": 0x40F1_0000,
        "SP_EL2": 0x40F2_0000,
    }
    is_el2_on = has_el2 or not is_secure
    levels = [0, 3] + ([] if tge and is_el2_on else [1]) + ([2] if is_el2_on else [])
    cases = []
    names = list(PIECES)
    for _ in range(count):
        el = source.choice(levels)
        pstate = 0x3C0 | el << 2 | (source.choice((0, 1, 1)) if el else 0) | source.getrandbits(4) << 28
        name = source.choice(names)
        if source.random() < 0.15:
            name = f"state_return_el{source.choice((1, 2, 3))}"
        if name.startswith("state_return_el"):
            el = int(name[-1])
            if el not in levels:
                continue
            pstate = 0x3C0 | el << 2 | 1
            value = source.getrandbits(4) << 28 | bits(source, 20) | source.getrandbits(4) << 6 | source.getrandbits(4)
            cases.append(Case(name, pstate, CODE_ADDRESS + source.choice((0, 0, 0, 2)), value))
            continue
        if not is_comparable(name, el, e2h and is_el2_on, is_el2_on, is_secure and has_el2):
            continue
        address = CODE_ADDRESS
        if name == "state_load_far":
            address = source.choice((0x4080_0000, 0x2_0000_0000))
        elif name == "state_call_ret":
            address = source.choice((CODE_ADDRESS + 1, CODE_ADDRESS + 2, 0x2_0000_0000))
        cases.append(Case(name, pstate, address))
    world = "Secure" if is_secure else "Non-secure"
    kind = f"{world}, EL2 {'on' if is_el2_on else 'off'}, E2H={int(e2h)} TGE={int(tge)}"
    return Configuration(kind, registers, {}, cases)


CODE_ADDRESS = 0x4080_0100
"""SVC instructions, which the driver puts there."""


def states(seed: int, number: int, count: int) -> list[Configuration]:
    found = [state(seed + index, count) for index in range(number)]
    found[0].pieces = pieces_text()
    return found
