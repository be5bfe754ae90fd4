"""Registers of exceptions and of the processor state: syndromes, return state, vectors, PSTATE, stack pointers."""

from __future__ import annotations

from emu.registers.model import NO_ENCODING, UNDEFINED_EC, Encoding, Field, Mode, Register, Reset, Trap, bit
from emu.registers.traps import INTERRUPT_MASKS, VIRTUAL_MEMORY

_ESR = (
    Field("ISS2", 55, 32, "Instruction specific syndrome, continued"),
    Field("EC", 31, 26, "Exception class: why the exception was taken"),
    bit("IL", 25, "Instruction length", {0: "16 bits", 1: "32 bits"}),
    Field("ISS", 24, 0, "Instruction specific syndrome: its layout depends on EC"),
)
_FAR = (Field("VA", 63, 0, "Faulting virtual address"),)
_ELR = (Field("ADDR", 63, 0, "Return address"),)
_VBAR = (Field("BASE", 63, 11, "Base address of the vectors, bits [63:11]"),)
_SPSR = (
    bit("N", 31, "Negative flag"),
    bit("Z", 30, "Zero flag"),
    bit("C", 29, "Carry flag"),
    bit("V", 28, "Overflow flag"),
    bit("DIT", 24, "Data-independent timing", feature="FEAT_DIT"),
    bit("UAO", 23, "User Access Override"),
    bit("PAN", 22, "Privileged Access Never"),
    bit("SS", 21, "Software step"),
    bit("IL", 20, "Illegal execution state"),
    bit("SSBS", 12, "Stores may be bypassed speculatively", feature="FEAT_SSBS"),
    Field("BTYPE", 11, 10, "Kind of the branch that led here, for a guarded page", feature="FEAT_BTI"),
    bit("D", 9, "Debug exceptions masked"),
    bit("A", 8, "SErrors masked"),
    bit("I", 7, "IRQs masked"),
    bit("F", 6, "FIQs masked"),
    # There is no AArch32 to return to, but the bit is kept: a return with it set is an illegal one.
    bit("nRW", 4, "Execution state", {0: "AArch64", 1: "AArch32"}),
    Field(
        "M",
        3,
        0,
        "Exception level and stack pointer",
        {0: "EL0t", 4: "EL1t", 5: "EL1h", 8: "EL2t", 9: "EL2h", 12: "EL3t", 13: "EL3h"},
    ),
)
_STACK = (Field("ADDR", 63, 0, "Stack pointer"),)


def _banked(
    stem: str,
    crn: int,
    crm: int,
    op2: int,
    meaning: str,
    fields: tuple[Field, ...],
    traps: tuple[Trap, ...] = (),
    reset: int | Reset = Reset.UNKNOWN,
) -> tuple[Register, ...]:
    """The registers `stem`_EL1, _EL12, _EL2 and _EL3: one meaning at every level, op1 tells them apart."""
    el1 = Register(
        f"{stem}_EL1",
        (3, 0, crn, crm, op2),
        f"{meaning} EL1",
        fields,
        reset=reset,
        group="exceptions",
        traps=traps,
        vhe=f"{stem}_EL2",
    )
    el12 = Register(
        f"{stem}_EL12",
        (3, 5, crn, crm, op2),
        f"{stem}_EL1, from an EL2 host",
        fields,
        el=2,
        group="exceptions",
        alias_of=f"{stem}_EL1",
    )
    higher = tuple(
        Register(
            f"{stem}_EL{el}",
            (3, 2 * el, crn, crm, op2),
            f"{meaning} EL{el}",
            fields,
            el=el,
            reset=reset,
            group="exceptions",
        )
        for el in (2, 3)
    )
    return (el1, el12, *higher)


def _state(
    name: str, encoding: Encoding, meaning: str, fields: tuple[Field, ...], el: int, hook: str, feature: str = ""
) -> Register:
    """A part of PSTATE with a name of its own."""
    return Register(name, encoding, meaning, fields, el=el, group="state", hook=hook, feature=feature)


def _random(name: str, op2: int, meaning: str) -> Register:
    word = (Field("Random", 63, 0, "A random number; PSTATE.NZCV becomes 0000"),)
    traps = tuple(Trap(el, 3, "SCR_EL3.TRNDR", on="r") for el in range(4))
    return Register(
        name, (3, 3, 2, 4, op2), meaning, word, el=0, mode=Mode.RO, group="state", feature="FEAT_RNG", traps=traps,
        hook="random",
    )  # fmt: skip


REGISTERS: tuple[Register, ...] = (
    *_banked("ESR", 5, 2, 0, "Syndrome of the last exception taken to", _ESR, VIRTUAL_MEMORY),
    *_banked("FAR", 6, 0, 0, "Faulting address of the last abort taken to", _FAR, VIRTUAL_MEMORY),
    *_banked("AFSR0", 5, 1, 0, "Auxiliary fault status 0, empty, of", (), VIRTUAL_MEMORY, reset=0),
    *_banked("AFSR1", 5, 1, 1, "Auxiliary fault status 1, empty, of", (), VIRTUAL_MEMORY, reset=0),
    *_banked("VBAR", 12, 0, 0, "Exception vectors of", _VBAR),
    *_banked("SPSR", 4, 0, 0, "Processor state to return to from", _SPSR),
    *_banked("ELR", 4, 0, 1, "Address to return to from", _ELR),
    Register(
        "HPFAR_EL2",
        (3, 4, 6, 0, 4),
        "Faulting intermediate physical address of the last stage 2 abort",
        (bit("NS", 63, "Secure state: the IPA is Non-secure"), Field("FIPA", 47, 4, "IPA, bits [55:12]")),
        el=2,
        reset=Reset.UNKNOWN,
        group="exceptions",
    ),
    Register(
        "ISR_EL1",
        (3, 0, 12, 1, 0),
        "Interrupts that are pending",
        (bit("A", 8, "SError"), bit("I", 7, "IRQ"), bit("F", 6, "FIQ")),
        mode=Mode.RO,
        group="exceptions",
    ),
    Register(
        "RVBAR_EL3",
        (3, 6, 12, 0, 1),
        "Address of the first instruction after reset",
        (Field("ADDR", 63, 0, "Reset address"),),
        el=3,
        mode=Mode.RO,
        group="exceptions",
    ),
    Register(
        "RMR_EL3",
        (3, 6, 12, 0, 2),
        "Reset management",
        (bit("RR", 1, "Write 1: ask for a Warm reset"), bit("AA64", 0, "Reset into AArch64; always 1 here")),
        el=3,
        reset=1,
        res1=1,
        group="exceptions",
        hook="warm_reset",
    ),
    _state(
        "NZCV",
        (3, 3, 4, 2, 0),
        "Condition flags",
        (bit("N", 31, "Negative"), bit("Z", 30, "Zero"), bit("C", 29, "Carry"), bit("V", 28, "Overflow")),
        el=0,
        hook="nzcv",
    ),
    Register(
        "DAIF",
        (3, 3, 4, 2, 1),
        "Interrupt masks",
        (
            bit("D", 9, "Debug exceptions masked"),
            bit("A", 8, "SErrors masked"),
            bit("I", 7, "IRQs masked"),
            bit("F", 6, "FIQs masked"),
        ),
        el=0,
        reset=0x3C0,
        group="state",
        traps=INTERRUPT_MASKS,
        hook="daif",
    ),
    Register(
        "SPSel",
        (3, 0, 4, 2, 0),
        "Which stack pointer is in use",
        (bit("SP", 0, "Stack pointer", {0: "SP_EL0", 1: "that of the level"}),),
        reset=1,
        group="state",
        hook="spsel",
    ),
    Register(
        "CurrentEL",
        (3, 0, 4, 2, 2),
        "Exception level",
        (Field("EL", 3, 2, "Exception level"),),
        mode=Mode.RO,
        reset=3 << 2,
        group="state",
        hook="currentel",
    ),
    _state("PAN", (3, 0, 4, 2, 3), "Privileged Access Never", (bit("PAN", 22, "On"),), el=1, hook="pan"),
    _state("UAO", (3, 0, 4, 2, 4), "User Access Override", (bit("UAO", 23, "On"),), el=1, hook="uao"),
    _state(
        "DIT", (3, 3, 4, 2, 5), "Data-independent timing", (bit("DIT", 24, "On"),), el=0, hook="dit", feature="FEAT_DIT"
    ),
    _state(
        "SSBS",
        (3, 3, 4, 2, 6),
        "Speculative store bypassing",
        (bit("SSBS", 12, "Allowed"),),
        el=0,
        hook="ssbs",
        feature="FEAT_SSBS2",
    ),
    _random("RNDR", 0, "A random number"),
    _random("RNDRRS", 1, "A random number of a generator just reseeded"),
    Register(
        "SP_EL0",
        (3, 0, 4, 1, 0),
        "Stack pointer of EL0; by this name only while it is not the one in use",
        _STACK,
        reset=Reset.UNKNOWN,
        group="state",
        traps=tuple(Trap(el, el, "SPSel.SP", value=0, ec=UNDEFINED_EC) for el in (1, 2, 3)),
        hook="sp",
    ),
    Register(
        "SP_EL1", (3, 4, 4, 1, 0), "Stack pointer of EL1", _STACK, el=2, reset=Reset.UNKNOWN, group="state", hook="sp"
    ),
    Register(
        "SP_EL2", (3, 6, 4, 1, 0), "Stack pointer of EL2", _STACK, el=3, reset=Reset.UNKNOWN, group="state", hook="sp"
    ),
    Register(
        "SP_EL3", NO_ENCODING, "Stack pointer of EL3", _STACK, el=3, reset=Reset.UNKNOWN, group="state", hook="sp"
    ),
)
