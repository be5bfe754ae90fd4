"""Self-hosted debug registers: software step and the OS lock; the breakpoints never match."""

from __future__ import annotations

from emu.registers.model import Encoding, Field, Mode, Register, Reset, Trap, bit
from emu.registers.traps import debug

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
) -> Register:
    return Register(name, encoding, meaning, fields, mode=mode, reset=reset, group="debug", traps=traps, hook=hook)


# The control registers keep what software sets apart from E, the enable, which is RES0: a guest that reads it back
# sees that its breakpoint did not take.
_BCR = (
    Field("BT", 23, 20, "Breakpoint type"),
    Field("LBN", 19, 16, "Linked breakpoint number"),
    Field("SSC", 15, 14, "Security states in which it matches"),
    bit("HMC", 13, "Higher mode control"),
    Field("BAS", 8, 5, "Bytes of the instruction that are compared"),
    Field("PMC", 2, 1, "Exception levels in which it matches"),
)
_WCR = (
    Field("MASK", 28, 24, "Address bits that are not compared"),
    bit("WT", 20, "Linked to a breakpoint"),
    Field("LBN", 19, 16, "Linked breakpoint number"),
    Field("SSC", 15, 14, "Security states in which it matches"),
    bit("HMC", 13, "Higher mode control"),
    Field("BAS", 12, 5, "Bytes that are watched"),
    Field("LSC", 4, 3, "Accesses that match", {1: "loads", 2: "stores", 3: "both"}),
    Field("PAC", 2, 1, "Exception levels in which it matches"),
)

REGISTERS: tuple[Register, ...] = (
    Register(
        "MDCR_EL2",
        (3, 4, 1, 1, 1),
        "Debug control of EL2: routing and traps",
        (
            bit("TDE", 8, "Debug exceptions of EL1 and EL0 go to EL2, and debug registers trap"),
            bit("TDA", 9, "Trap debug registers"),
            bit("TDOSA", 10, "Trap the OS lock registers"),
            bit("TDRA", 11, "Trap the debug ROM address"),
        ),
        el=2,
        group="debug",
        traps=(Trap(2, 3, "MDCR_EL3.TDA"),),
        hook="debug",
    ),
    Register(
        "MDCR_EL3",
        (3, 6, 1, 3, 1),
        "Debug control of EL3: what lower levels may debug",
        (
            bit("TDA", 9, "Trap debug registers"),
            bit("TDOSA", 10, "Trap the OS lock registers"),
            bit("SDD", 16, "No debug exceptions from Secure state"),
        ),
        el=3,
        group="debug",
        hook="debug",
    ),
    _register(
        "MDSCR_EL1",
        (2, 0, 0, 2, 2),
        "Monitor debug control: software step",
        (
            bit("MDE", 15, "Breakpoints and watchpoints may match"),
            bit("KDE", 13, "Debug exceptions at the level they go to"),
            bit("TDCC", 12, "EL0 accesses to the debug channel trap"),
            bit("SS", 0, "Software step is on"),
        ),
        hook="debug",
    ),
    _register("MDCCINT_EL1", (2, 0, 0, 2, 0), "Interrupts of the debug channel: no such channel"),
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
            bit("OSLK", 1, "The OS lock is locked"),
        ),
        mode=Mode.RO,
        reset=0b1010,
        traps=_OS,
    ),
    _register(
        "OSDLR_EL1",
        (2, 0, 1, 3, 4),
        "OS double lock",
        (bit("DLK", 0, "Locked: stored only"),),
        traps=_OS,
    ),
    _register(
        "DBGPRCR_EL1",
        (2, 0, 1, 4, 4),
        "Power request of an external debugger",
        (bit("CORENPDRQ", 0, "Keep the core powered: stored only"),),
        traps=_OS,
    ),
    _register(
        "DBGBVR0_EL1",
        (2, 0, 0, 0, 4),
        "Breakpoint 0: address",
        (Field("VA", 63, 2, "Address, bits [63:2]"),),
        reset=Reset.UNKNOWN,
    ),
    _register("DBGBCR0_EL1", (2, 0, 0, 0, 5), "Breakpoint 0: control, without an enable", _BCR),
    _register(
        "DBGWVR0_EL1",
        (2, 0, 0, 0, 6),
        "Watchpoint 0: address",
        (Field("VA", 63, 2, "Address, bits [63:2]"),),
        reset=Reset.UNKNOWN,
    ),
    _register("DBGWCR0_EL1", (2, 0, 0, 0, 7), "Watchpoint 0: control, without an enable", _WCR),
)
