"""Self-hosted debug registers: software step, breakpoints and watchpoints, the locks, the debug channel.

What they do is in `emu.self_hosted_debug`. No external debugger is attached, so nobody reads the debug channel.
"""

from __future__ import annotations

from emu.registers.model import Encoding, Field, Mode, Register, Reset, Trap, bit, packed
from emu.registers.performance import COUNTERS
from emu.registers.traps import DEBUG_CHANNEL, DEBUG_CHANNEL_AT_EL0, debug

BREAKPOINTS, CONTEXT_BREAKPOINTS, WATCHPOINTS = 6, 2, 4
"""How many there are; the last CONTEXT_BREAKPOINTS breakpoints can compare contexts."""

_DEBUG = debug("TDA")
_OS = debug("TDOSA")
_ROM = debug("TDRA")


def _register(
    name: str,
    encoding: Encoding,
    meaning: str,
    fields: tuple[Field, ...] = (),
    mode: Mode = Mode.RW,
    reset: int | Reset = 0,
    traps: tuple[Trap, ...] = _DEBUG,
    hook: str = "",
    el: int = 1,
    res1: int = 0,
) -> Register:
    return Register(
        name, encoding, meaning, fields, el=el, mode=mode, reset=reset, res1=res1, group="debug", traps=traps, hook=hook
    )


_STATES = (
    bit("SSCE", 29, "With SSC, the Security states in which it matches"),
    Field("SSC", 15, 14, "With SSCE, HMC and the levels, the Security states in which it matches"),
    bit("HMC", 13, "Higher levels match too"),
)
_LEVELS = {1: "EL1", 2: "EL0", 3: "EL1 and EL0"}
# Without AArch32 a breakpoint is about whole instructions: BAS is RES1.
_BCR = (
    Field(
        "BT",
        23,
        20,
        "Type",
        {
            0: "address",
            1: "address, linked",
            2: "context ID",
            3: "context ID, to link to",
            6: "CONTEXTIDR_EL1",
            7: "CONTEXTIDR_EL1, to link to",
            8: "VMID",
            9: "VMID, to link to",
            10: "VMID and CONTEXTIDR_EL1",
            11: "VMID and CONTEXTIDR_EL1, to link to",
            12: "CONTEXTIDR_EL2",
            13: "CONTEXTIDR_EL2, to link to",
            14: "both context IDs",
            15: "both context IDs, to link to",
        },
    ),
    Field("LBN", 19, 16, "Number of the breakpoint that a linked one asks too"),
    *_STATES,
    Field("PMC", 2, 1, "Exception levels in which it matches", _LEVELS),
    bit("E", 0, "On"),
)
_BAS_ALL = 0xF << 5
_WCR = (
    Field("MASK", 28, 24, "Low address bits that are not compared, if more than 2"),
    bit("WT", 20, "Linked to a breakpoint"),
    Field("LBN", 19, 16, "Number of the breakpoint that a linked one asks too"),
    *_STATES,
    Field("BAS", 12, 5, "Bytes that are watched"),
    Field("LSC", 4, 3, "Accesses that match", {1: "loads", 2: "stores", 3: "both"}),
    Field("PAC", 2, 1, "Exception levels in which it matches", _LEVELS),
    bit("E", 0, "On"),
)


def _breakpoint(number: int) -> tuple[Register, ...]:
    kind = "address or context" if number >= BREAKPOINTS - CONTEXT_BREAKPOINTS else "address"
    return (
        _register(
            f"DBGBVR{number}_EL1",
            (2, 0, 0, number, 4),
            f"Breakpoint {number}: {kind}",
            (Field("Value", 63, 0, "Address, or context IDs in [63:32] and [31:0], or a VMID in [47:32]"),),
            reset=Reset.UNKNOWN,
        ),
        _register(
            f"DBGBCR{number}_EL1",
            (2, 0, 0, number, 5),
            f"Breakpoint {number}: control",
            _BCR,
            reset=_BAS_ALL,
            res1=_BAS_ALL,
            hook="debug",
        ),
    )


def _watchpoint(number: int) -> tuple[Register, ...]:
    return (
        _register(
            f"DBGWVR{number}_EL1",
            (2, 0, 0, number, 6),
            f"Watchpoint {number}: address",
            (Field("VA", 63, 2, "Address, bits [63:2]"),),
            reset=Reset.UNKNOWN,
        ),
        _register(f"DBGWCR{number}_EL1", (2, 0, 0, number, 7), f"Watchpoint {number}: control", _WCR, hook="debug"),
    )


_MDCR_EL2 = (
    bit("HPMFZO", 29, "An overflow freezes EL2's event counters"),
    bit("TDCC", 27, "Trap the debug channel"),
    bit("HLP", 26, "EL2's event counters overflow from bit 63", {0: "bit 31", 1: "bit 63"}),
    bit("HCCD", 23, "The cycle counter stops at EL2"),
    bit("HPMD", 17, "The event counters of lower levels stop at EL2"),
    bit("TDRA", 11, "Trap the debug ROM address"),
    bit("TDOSA", 10, "Trap the OS lock registers"),
    bit("TDA", 9, "Trap debug registers"),
    bit("TDE", 8, "Debug exceptions of EL1 and EL0 go to EL2, and debug registers trap"),
    bit("HPME", 7, "EL2's event counters count"),
    bit("TPM", 6, "Trap the performance monitors"),
    bit("TPMCR", 5, "Trap PMCR_EL0"),
    Field("HPMN", 4, 0, "Event counters that EL1 and EL0 may use; the rest is EL2's"),
)
_MDCR_EL3 = (
    bit("MPMX", 35, "With SPME, which event counters count at EL3"),
    bit("MCCD", 34, "The cycle counter stops at EL3"),
    bit("TDCC", 27, "Trap the debug channel"),
    bit("SCCD", 23, "The cycle counter stops in Secure state and at EL3"),
    bit("SPME", 17, "Event counters count in Secure state and at EL3"),
    bit("SDD", 16, "No debug exceptions from Secure state"),
    bit("TDOSA", 10, "Trap the OS lock registers"),
    bit("TDA", 9, "Trap debug registers"),
    bit("TPM", 6, "Trap the performance monitors"),
)
_WORD = (Field("DATA", 31, 0, "A word"),)
_AUTHENTICATION = tuple(
    Field(name, low + 1, low, f"{state} debug by an external debugger", {2: "there, but not enabled"})
    for name, low, state in (
        ("NSID", 0, "Non-secure"),
        ("NSNID", 2, "Non-secure non-invasive"),
        ("SID", 4, "Secure"),
        ("SNID", 6, "Secure non-invasive"),
        ("RLID", 12, "Realm"),
        ("RLNID", 14, "Realm non-invasive"),
        ("RTID", 24, "Root"),
        ("RTNID", 26, "Root non-invasive"),
    )
)

REGISTERS: tuple[Register, ...] = (
    Register(
        "MDCR_EL2",
        (3, 4, 1, 1, 1),
        "Monitor debug control of EL2: routing, traps, performance monitors",
        _MDCR_EL2,
        el=2,
        reset=COUNTERS,
        group="debug",
        traps=(Trap(2, 3, "MDCR_EL3.TDA"),),
        hook="debug",
    ),
    Register(
        "MDCR_EL3",
        (3, 6, 1, 3, 1),
        "Monitor debug control of EL3: what lower levels may debug and count",
        _MDCR_EL3,
        el=3,
        group="debug",
        hook="debug",
    ),
    _register(
        "MDSCR_EL1",
        (2, 0, 0, 2, 2),
        "Monitor debug control: software step, breakpoints, watchpoints",
        (
            bit("MDE", 15, "Breakpoints and watchpoints may match"),
            bit("KDE", 13, "Debug exceptions at the level they go to"),
            bit("TDCC", 12, "EL0 accesses to the debug channel trap"),
            bit("SS", 0, "Software step is on"),
        ),
        hook="debug",
    ),
    _register("MDCCINT_EL1", (2, 0, 0, 2, 0), "Interrupts of the debug channel: none", traps=DEBUG_CHANNEL),
    _register("MDRAR_EL1", (2, 0, 1, 0, 0), "Address of the debug ROM table: none", mode=Mode.RO, traps=_ROM),
    _register(
        "OSLAR_EL1",
        (2, 0, 1, 0, 4),
        "Locks or unlocks the OS lock",
        (bit("OSLK", 0, "What OSLSR_EL1.OSLK becomes"),),
        mode=Mode.WO,
        traps=_OS,
        hook="debug",
    ),
    _register(
        "OSLSR_EL1",
        (2, 0, 1, 1, 4),
        "State of the OS lock",
        (
            Field("OSLM", 3, 3, "With bit 0, the lock model", {1: "there is an OS lock"}, read_only=True),
            bit("OSLK", 1, "The OS lock is locked: no debug exceptions"),
        ),
        mode=Mode.RO,
        reset=0b1010,
        traps=_OS,
    ),
    _register(
        "OSDLR_EL1",
        (2, 0, 1, 3, 4),
        "OS double lock",
        (bit("DLK", 0, "Locked, unless DBGPRCR_EL1.CORENPDRQ: no debug exceptions"),),
        traps=_OS,
        hook="debug",
    ),
    _register(
        "DBGPRCR_EL1",
        (2, 0, 1, 4, 4),
        "Power request of an external debugger",
        (bit("CORENPDRQ", 0, "Keep the core powered: opens the OS double lock"),),
        traps=_OS,
        hook="debug",
    ),
    *(register for number in range(BREAKPOINTS) for register in _breakpoint(number)),
    *(register for number in range(WATCHPOINTS) for register in _watchpoint(number)),
    # A claim tag is set by one name and cleared by the other, which tells the tags; the first tells how many there are.
    _register(
        "DBGCLAIMSET_EL1",
        (2, 0, 7, 8, 6),
        "Claim tags: write 1 to set",
        (Field("CLAIM", 7, 0, "Always ones: there are 8"),),
        reset=0xFF,
        hook="debug",
    ),
    _register(
        "DBGCLAIMCLR_EL1",
        (2, 0, 7, 9, 6),
        "Claim tags: write 1 to clear",
        (Field("CLAIM", 7, 0, "The tags"),),
        hook="debug",
    ),
    _register(
        "DBGAUTHSTATUS_EL1",
        (2, 0, 7, 14, 6),
        "What an external debugger would be allowed",
        _AUTHENTICATION,
        mode=Mode.RO,
        reset=packed(_AUTHENTICATION, **{item.name: 2 for item in _AUTHENTICATION}),
    ),
    _register(
        "MDCCSR_EL0",
        (2, 3, 0, 1, 0),
        "State of the debug channel",
        (bit("RXfull", 30, "A word is there to be read"), bit("TXfull", 29, "A word waits for an external debugger")),
        mode=Mode.RO,
        traps=DEBUG_CHANNEL_AT_EL0,
        el=0,
    ),
    _register(
        "DBGDTR_EL0",
        (2, 3, 0, 4, 0),
        "Two words of the debug channel",
        (Field("HighWord", 63, 32, "The second"), Field("LowWord", 31, 0, "The first")),
        traps=DEBUG_CHANNEL_AT_EL0,
        el=0,
        hook="debug",
    ),
    _register(
        "DBGDTRTX_EL0",
        (2, 3, 0, 5, 0),
        "A word for an external debugger; read as DBGDTRRX_EL0, a word from it",
        _WORD,
        traps=DEBUG_CHANNEL_AT_EL0,
        el=0,
        hook="debug",
    ),
    _register("OSDTRRX_EL1", (2, 0, 0, 0, 2), "DBGDTRRX_EL0 for an OS to save", _WORD, traps=DEBUG_CHANNEL),
    _register("OSDTRTX_EL1", (2, 0, 0, 3, 2), "DBGDTRTX_EL0 for an OS to save", _WORD, traps=DEBUG_CHANNEL),
    _register("OSECCR_EL1", (2, 0, 0, 6, 2), "Exception catches of an external debugger: none", traps=_DEBUG),
)
