"""Generic timer: the counters, their offset and controls, and seven timers of one shape."""

from __future__ import annotations

from emu.registers.model import Encoding, Field, Mode, Register, Reset, Trap, bit
from emu.registers.traps import (
    COUNTER_FREQUENCY,
    PHYSICAL_COUNTER,
    PHYSICAL_TIMER,
    SECURE_EL2,
    SECURE_TIMER,
    VIRTUAL_COUNTER,
    VIRTUAL_TIMER,
)

_HOST = ("HCR_EL2.E2H", 1)
_NOT_HOST = ("HCR_EL2.E2H", 0)

_COUNT = (Field("COUNT", 63, 0, "Ticks since reset"),)
_EVENTS = (
    bit("EVNTEN", 2, "The event stream is on"),
    bit("EVNTDIR", 3, "Edge that makes an event", {0: "0 to 1", 1: "1 to 0"}),
    Field("EVNTI", 7, 4, "Bit of the counter that makes events"),
)
_EVENT_SCALE = bit("EVNTIS", 17, "EVNTI counts from bit 8 of the counter")
_CNTKCTL = (
    bit("EL0PCTEN", 0, "EL0 may read the physical counter"),
    bit("EL0VCTEN", 1, "EL0 may read the virtual counter"),
    *_EVENTS,
    bit("EL0VTEN", 8, "EL0 may use the virtual timer"),
    bit("EL0PTEN", 9, "EL0 may use the physical timer"),
    _EVENT_SCALE,
)
_CNTHCTL = (
    bit("EL1PCTEN", 0, "EL1 and EL0 may read the physical counter", when=_NOT_HOST),
    bit("EL1PCEN", 1, "EL1 and EL0 may use the physical timer", when=_NOT_HOST),
    bit("EL0PCTEN", 0, "The host's EL0 may read the physical counter", when=_HOST),
    bit("EL0VCTEN", 1, "The host's EL0 may read the virtual counter", when=_HOST),
    *_EVENTS,
    bit("EL0VTEN", 8, "The host's EL0 may use the virtual timer", when=_HOST),
    bit("EL0PTEN", 9, "The host's EL0 may use the physical timer", when=_HOST),
    bit("EL1PCTEN", 10, "EL1 and EL0 may read the physical counter", when=_HOST),
    bit("EL1PTEN", 11, "EL1 and EL0 may use the physical timer", when=_HOST),
    bit("ECV", 12, "CNTPOFF_EL2 is taken from the physical counter and timer of EL1 and EL0"),
    bit("EL1TVT", 13, "Trap the virtual timer of EL1 and EL0"),
    bit("EL1TVCT", 14, "Trap the virtual counter of EL1 and EL0"),
    bit("EL1NVPCT", 15, "For nested virtualisation, which is not here: without effect"),
    bit("EL1NVVCT", 16, "For nested virtualisation, which is not here: without effect"),
    _EVENT_SCALE,
    bit("CNTVMASK", 18, "The virtual timer's interrupt is masked, in Realm and Root state"),
    bit("CNTPMASK", 19, "The physical timer's interrupt is masked, in Realm and Root state"),
)
_CTL = (
    bit("ENABLE", 0, "The timer is on"),
    bit("IMASK", 1, "Its interrupt is masked"),
    bit("ISTATUS", 2, "Its condition is met", read_only=True),
)
_CVAL = (Field("CompareValue", 63, 0, "Count at which the condition is met"),)
_TVAL = (Field("TimerValue", 31, 0, "Ticks until the condition is met, signed"),)


def _timer(
    stem: str,
    suffix: str,
    op1: int,
    crm: int,
    meaning: str,
    el: int,
    traps: tuple[Trap, ...] = (),
    host: str = "",
    host_secure: str = "",
    secure_only: bool = False,
    not_at: tuple[int, ...] = (),
    alias_of: str = "",
) -> tuple[Register, ...]:
    """One timer: its TVAL, CTL and CVAL. `host` is the stem of the EL2 timer that a host reaches by these names."""
    parts = (
        ("TVAL", 0, "ticks to go", _TVAL, 0),
        ("CTL", 1, "control", _CTL, 0),
        ("CVAL", 2, "compare value", _CVAL, Reset.UNKNOWN),
    )
    return tuple(
        Register(
            f"{stem}_{part}_{suffix}",
            (3, op1, 14, crm, op2),
            f"{meaning}: {role}",
            fields,
            el=el,
            reset=reset,
            group="timer",
            traps=traps,
            vhe=f"{host}_{part}_EL2" if host else "",
            vhe_secure=f"{host_secure}_{part}_EL2" if host_secure else "",
            alias_of=f"{alias_of}_{part}_EL0" if alias_of else "",
            secure_only=secure_only,
            not_at=not_at,
            hook="timer",
        )
        for part, op2, role, fields, reset in parts
    )


def _counter(name: str, encoding: Encoding, meaning: str, traps: tuple[Trap, ...]) -> Register:
    return Register(name, encoding, meaning, _COUNT, el=0, mode=Mode.RO, group="timer", traps=traps, hook="counter")


REGISTERS: tuple[Register, ...] = (
    # Firmware is meant to set it at EL3, the only level that can; 62.5 MHz is what QEMU's boards start with.
    Register(
        "CNTFRQ_EL0",
        (3, 3, 14, 0, 0),
        "Frequency of the counters, as firmware declares it",
        (Field("Frequency", 31, 0, "Ticks in a second"),),
        el=0,
        reset=62_500_000,
        group="timer",
        traps=COUNTER_FREQUENCY,
        write_el=3,
    ),
    _counter("CNTPCT_EL0", (3, 3, 14, 0, 1), "Physical counter", PHYSICAL_COUNTER),
    _counter("CNTVCT_EL0", (3, 3, 14, 0, 2), "Virtual counter: the physical one minus CNTVOFF_EL2", VIRTUAL_COUNTER),
    _counter("CNTPCTSS_EL0", (3, 3, 14, 0, 5), "Physical counter, read in program order", PHYSICAL_COUNTER),
    _counter("CNTVCTSS_EL0", (3, 3, 14, 0, 6), "Virtual counter, read in program order", VIRTUAL_COUNTER),
    Register(
        "CNTKCTL_EL1",
        (3, 0, 14, 1, 0),
        "What EL0 may use of the timers",
        _CNTKCTL,
        group="timer",
        vhe="CNTHCTL_EL2",
    ),
    Register(
        "CNTKCTL_EL12",
        (3, 5, 14, 1, 0),
        "CNTKCTL_EL1, from an EL2 host",
        _CNTKCTL,
        el=2,
        group="timer",
        alias_of="CNTKCTL_EL1",
    ),
    # The manual leaves it UNKNOWN; starting with EL1's access open, as QEMU does, serves systems without a hypervisor.
    Register(
        "CNTHCTL_EL2",
        (3, 4, 14, 1, 0),
        "What EL1 and EL0 may use of the physical counter and timer",
        _CNTHCTL,
        el=2,
        reset=0b11,
        group="timer",
        hook="timer",
    ),
    Register(
        "CNTVOFF_EL2",
        (3, 4, 14, 0, 3),
        "Offset of the virtual counter",
        (Field("VOffset", 63, 0, "Ticks that the virtual counter is behind"),),
        el=2,
        group="timer",
        hook="timer",
    ),
    Register(
        "CNTPOFF_EL2",
        (3, 4, 14, 0, 6),
        "Offset of the physical counter and timer of EL1 and EL0",
        (Field("POffset", 63, 0, "Ticks that the physical counter is behind"),),
        el=2,
        group="timer",
        traps=(Trap(2, 3, "SCR_EL3.ECVEn", value=0),),
        hook="timer",
        enabled_by="SCR_EL3.ECVEn",
    ),
    *_timer("CNTP", "EL0", 3, 2, "Physical timer of EL1", 0, PHYSICAL_TIMER, host="CNTHP", host_secure="CNTHPS"),
    *_timer("CNTV", "EL0", 3, 3, "Virtual timer", 0, VIRTUAL_TIMER, host="CNTHV", host_secure="CNTHVS"),
    *_timer("CNTP", "EL02", 5, 2, "Physical timer of EL1, from an EL2 host", 2, alias_of="CNTP"),
    *_timer("CNTV", "EL02", 5, 3, "Virtual timer, from an EL2 host", 2, alias_of="CNTV"),
    *_timer("CNTHP", "EL2", 4, 2, "Physical timer of EL2", 2),
    *_timer("CNTHV", "EL2", 4, 3, "Virtual timer of EL2", 2),
    *_timer("CNTHPS", "EL2", 4, 5, "Physical timer of Secure EL2", 2, SECURE_EL2, secure_only=True),
    *_timer("CNTHVS", "EL2", 4, 4, "Virtual timer of Secure EL2", 2, SECURE_EL2, secure_only=True),
    *_timer("CNTPS", "EL1", 7, 2, "Secure timer of EL3", 1, SECURE_TIMER, secure_only=True, not_at=(2,)),
)
