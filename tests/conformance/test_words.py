"""The tests' own assembler: capstone reads each word back as the instruction that was meant."""

from __future__ import annotations

import capstone
import pytest

from tests.conformance import words as w


def disassemble(word: int) -> str:
    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    found = next(engine.disasm(word.to_bytes(4, "little"), 0))
    return f"{found.mnemonic} {found.op_str}".strip()


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (w.ISB, "isb"), (w.DSB, "dsb sy"), (w.ERET, "eret"), (w.NOP, "nop"), (w.WFE, "wfe"), (w.WFI, "wfi"),
        (w.SEV, "sev"), (w.SEVL, "sevl"), (w.CLREX, "clrex"), (w.UNALLOCATED, "udf #0"),
        (w.svc(0x1234), "svc #0x1234"), (w.hvc(0x1234), "hvc #0x1234"), (w.smc(0x1234), "smc #0x1234"),
        (w.brk(0x1234), "brk #0x1234"), (w.hlt(0xF000), "hlt #0xf000"), (w.br(3), "br x3"),
        (w.ldr(1, 2, 24), "ldr x1, [x2, #0x18]"), (w.str_(1, 2, 24), "str x1, [x2, #0x18]"),
        (w.ldr_w(1, 2, 12), "ldr w1, [x2, #0xc]"), (w.ldrb(1, 2, 3), "ldrb w1, [x2, #3]"),
        (w.strb(1, 2, 3), "strb w1, [x2, #3]"), (w.ldrh(1, 2, 6), "ldrh w1, [x2, #6]"),
        (w.ldrsb_x(1, 2), "ldrsb x1, [x2]"), (w.ldrsb_w(1, 2), "ldrsb w1, [x2]"), (w.ldrsw(1, 2), "ldrsw x1, [x2]"),
        (w.ldr_register(1, 2, 3), "ldr x1, [x2, x3]"), (w.ldur(1, 2, -3), "ldur x1, [x2, #-3]"),
        (w.ldr_post(1, 2, 8), "ldr x1, [x2], #8"), (w.ldtr(1, 2), "ldtr x1, [x2]"), (w.sttr(1, 2), "sttr x1, [x2]"),
        (w.ldp(1, 2, 3), "ldp x1, x2, [x3]"), (w.ldxr(1, 2), "ldxr x1, [x2]"), (w.stxr(1, 2, 3), "stxr w1, x2, [x3]"),
        (w.ldar(1, 2), "ldar x1, [x2]"), (w.stlr(1, 2), "stlr x1, [x2]"), (w.ldr(1, w.SP), "ldr x1, [sp]"),
        (w.mrs(1, "TTBR0_EL1"), "mrs x1, ttbr0_el1"), (w.msr("VBAR_EL2", 1), "msr vbar_el2, x1"),
        (w.sys("TLBI ALLE3"), "tlbi alle3"), (w.sys("AT S12E1W", 4), "at s12e1w, x4"),
        (w.msr_immediate("DAIFSet", 5), "msr daifset, #5"), (w.msr_immediate("SPSel", 1), "msr spsel, #1"),
        (w.msr_immediate("PAN", 1), "msr pan, #1"), (w.msr_immediate("UAO", 1), "msr uao, #1"),
        (w.msr_immediate("DAIFClr", 5), "msr daifclr, #5"),
    ],
)  # fmt: skip
def test_word_is_the_instruction_it_says(word: int, text: str) -> None:
    assert disassemble(word) == text


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # mec-reference.md 1.2, 1.8, 3.4, 3.8 and Appendix A give these words in full.
        (w.mrs(0, "MECID_P0_EL2"), 0xD53C_A800), (w.msr("MECID_P0_EL2", 0), 0xD51C_A800),
        (w.mrs(0, "MECID_A0_EL2"), 0xD53C_A820), (w.msr("MECID_A1_EL2", 0), 0xD51C_A860),
        (w.mrs(0, "MECIDR_EL2"), 0xD53C_A8E0), (w.msr("VMECID_P_EL2", 0), 0xD51C_A900),
        (w.mrs(0, "VMECID_A_EL2"), 0xD53C_A920), (w.msr("MECID_RL_A_EL3", 0), 0xD51E_AA20),
        (w.sys("DC CIPAE", 0), 0xD50C_7E00), (w.sys("DC CIPAPA", 0), 0xD50E_7E20),
        (w.mrs(0, "GPCCR_EL3"), 0xD53E_21C0), (w.mrs(0, "GPTBR_EL3"), 0xD53E_2180),
        (w.sys("TLBI PAALL"), 0xD50E_879F), (w.sys("TLBI RPAOS", 0), 0xD50E_8460), (w.sys("TLBI ALLE2"), 0xD50C_871F),
    ],
)  # fmt: skip
def test_words_of_rme_and_mec_are_those_of_the_reference(word: int, expected: int) -> None:
    assert word == expected


def test_mov_builds_every_64_bit_constant() -> None:
    assert [disassemble(word) for word in w.mov(7, 0x1234_0000_5678_0000)] == [
        "mov x7, #0x56780000", "movk x7, #0x1234, lsl #48",
    ]  # fmt: skip
    assert [disassemble(word) for word in w.mov(7, 0)] == ["mov x7, #0"]


@pytest.mark.parametrize("name", w.REGISTERS)
def test_register_encodings_are_capstones(name: str) -> None:
    if name in ("OSLAR_EL1", "DBGDTRTX_EL0", "PMSWINC_EL0"):  # names of what is written
        assert disassemble(w.msr(name, 0)) == f"msr {name.lower()}, x0"
        return
    text = disassemble(w.mrs(0, name))
    if not text.startswith("mrs x0, s3_"):  # a raw name: capstone 5 does not know this register
        assert text == f"mrs x0, {name.lower()}"


@pytest.mark.parametrize("name", [name for name in w.OPERATIONS if not name.endswith("PAE")])
def test_operation_encodings_are_capstones(name: str) -> None:
    text = disassemble(w.sys(name, 0))
    if text.startswith("sys "):  # capstone 5 does not know it
        assert name in ("DC CIPAPA", "TLBI PAALL", "TLBI RPAOS")
    else:
        assert text.partition(",")[0] == name.lower()
