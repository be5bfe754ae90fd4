"""Performance monitors (FEAT_PMUv3p7): control, a cycle counter, and COUNTERS event counters.

What they count is in `emu.monitors`. PMCR_EL0.{X, D} are RES0 and LC is RES1 as AArch32 is absent; PMMIR_EL1 is zero as
there are no slots that could stall. Snapshots, thresholds and the instruction counter of later versions are absent.
"""

from __future__ import annotations

from emu.registers.model import UNDEFINED_EC, Encoding, Field, Mode, Register, Reset, Trap, bit

COUNTERS = 6
"""PMCR_EL0.N: the number of event counters."""
CYCLES = 31
"""The number that stands for the cycle counter in masks and in PMSELR_EL0.SEL."""

_USER = {
    "": (),
    "CR": (("PMUSERENR_EL0.CR", 0),),
    "ER": (("PMUSERENR_EL0.ER", 0),),
    "SW": (("PMUSERENR_EL0.SW", 0),),
}


def _closed(on: str, opener: str = "") -> tuple[Trap, ...]:
    """EL0 has no access while EN is 0, and `opener`, a bit that opens this register alone, is 0 too."""
    return (Trap(0, 1, "PMUSERENR_EL0.EN", on=on, value=0, also=_USER[opener]),)


def _higher(*controls: str) -> tuple[Trap, ...]:
    """Traps to EL2 by these controls, and to EL3."""
    return (
        *(Trap(el, 2, f"MDCR_EL2.{control}") for control in controls for el in (0, 1)),
        *(Trap(el, 3, "MDCR_EL3.TPM") for el in (0, 1, 2)),
    )


def _reserved_for_el2(number: int, *also: tuple[str, int]) -> tuple[Trap, ...]:
    """Event counter `number` belongs to EL2 where MDCR_EL2.HPMN is not above it: FEAT_FGT has accesses trapped."""
    return tuple(Trap(el, 2, "MDCR_EL2.HPMN", within=(0, number), also=also) for el in (0, 1))


_ALL = _higher("TPM")
_OPEN_TO_EN = (*_closed("rw"), *_ALL)
_COUNTER_TRAPS = (*_closed("r", "ER"), *_closed("w"), Trap(0, 2, "MDCR_EL2.TPM"), Trap(1, 2, "MDCR_EL2.TPM"))
_TYPE_TRAPS = (*_closed("rw"), Trap(0, 2, "MDCR_EL2.TPM"), Trap(1, 2, "MDCR_EL2.TPM"))
_EL3 = tuple(Trap(el, 3, "MDCR_EL3.TPM") for el in (0, 1, 2))


def _selected(last_absent: int) -> tuple[Trap, ...]:
    """The counter that PMSELR_EL0.SEL names must be there and, below EL2, not be EL2's."""
    absent = tuple(
        Trap(el, el or 1, "PMSELR_EL0.SEL", ec=UNDEFINED_EC, within=(COUNTERS, last_absent)) for el in range(4)
    )
    return (*absent, *(trap for n in range(COUNTERS) for trap in _reserved_for_el2(n, ("PMSELR_EL0.SEL", n))))


_PMCR = (
    bit("E", 0, "The cycle counter and the event counters below MDCR_EL2.HPMN count"),
    bit("P", 1, "Write 1: clear the event counters"),
    bit("C", 2, "Write 1: clear the cycle counter"),
    bit("DP", 5, "The cycle counter stops where event counting is prohibited or frozen"),
    bit("LC", 6, "The cycle counter overflows from bit 63; always 1 here"),
    bit("LP", 7, "Event counters below MDCR_EL2.HPMN overflow from bit 63", {0: "bit 31", 1: "bit 63"}),
    bit("FZO", 9, "An overflow freezes the event counters below MDCR_EL2.HPMN"),
    Field("N", 15, 11, "Number of event counters; to EL1 and EL0 MDCR_EL2.HPMN", read_only=True),
)
_FILTER = (
    bit("P", 31, "Not at EL1"),
    bit("U", 30, "Not at EL0"),
    bit("NSK", 29, "Non-secure EL1: counted if equal to P"),
    bit("NSU", 28, "Non-secure EL0: counted if equal to U"),
    bit("NSH", 27, "At EL2"),
    bit("M", 26, "EL3: counted if equal to P"),
    bit("SH", 24, "Secure EL2: counted if not equal to NSH"),
    bit("RLK", 22, "Realm EL1: counted if equal to P"),
    bit("RLU", 21, "Realm EL0: counted if equal to U"),
    bit("RLH", 20, "Realm EL2: counted if not equal to NSH"),
)
_EVENT = Field(
    "evtCount",
    15,
    0,
    "Event that is counted",
    {
        0x00: "SW_INCR: writes to PMSWINC_EL0",
        0x08: "INST_RETIRED: instructions executed",
        0x11: "CPU_CYCLES: one an instruction",
        0x1E: "CHAIN: overflows of the counter below",
        0x23: "STALL_FRONTEND: never",
        0x24: "STALL_BACKEND: never",
        0x3C: "STALL: never",
    },
)
_MASK = (bit("C", CYCLES, "The cycle counter"), Field("P", COUNTERS - 1, 0, "Event counters, by number"))
_COUNT = (Field("COUNT", 63, 0, "What has been counted"),)
_USERENR = (
    bit("EN", 0, "EL0 may access the monitors"),
    bit("SW", 1, "EL0 may write PMSWINC_EL0"),
    bit("CR", 2, "EL0 may read PMCCNTR_EL0"),
    bit("ER", 3, "EL0 may read event counters and use PMSELR_EL0"),
)
EVENTS = {0x00, 0x08, 0x11, 0x1E, 0x23, 0x24, 0x3C}
"""The events that can be counted."""


def _present(first: int) -> int:
    """PMCEID: the events from `first` on that can be counted, a bit each."""
    return sum(1 << event - first for event in EVENTS if first <= event < first + 32)


_CEID = (Field("ID", 31, 0, "Common events that can be counted, a bit each"),)


def _register(
    name: str,
    encoding: Encoding,
    meaning: str,
    fields: tuple[Field, ...],
    traps: tuple[Trap, ...],
    *,
    el: int = 0,
    mode: Mode = Mode.RW,
    reset: int | Reset = 0,
    res1: int = 0,
    hook: str = "monitors",
    write_el: int | None = None,
) -> Register:
    return Register(
        name, encoding, meaning, fields, el=el, mode=mode, reset=reset, res1=res1, group="monitors", traps=traps,
        hook=hook, write_el=write_el,
    )  # fmt: skip


def _counter(number: int) -> tuple[Register, ...]:
    traps = (*_reserved_for_el2(number), *_EL3)
    high, low = number >> 3, number & 7
    return (
        _register(
            f"PMEVCNTR{number}_EL0",
            (3, 3, 14, 8 + high, low),
            f"Event counter {number}",
            _COUNT,
            (*_COUNTER_TRAPS, *traps),
            reset=Reset.UNKNOWN,
        ),
        _register(
            f"PMEVTYPER{number}_EL0",
            (3, 3, 14, 12 + high, low),
            f"What event counter {number} counts, and where",
            (*_FILTER, _EVENT),
            (*_TYPE_TRAPS, *traps),
            reset=Reset.UNKNOWN,
        ),
    )


# Arm leaves most of these UNKNOWN out of reset; the ones that start anything are zero here.
REGISTERS: tuple[Register, ...] = (
    _register(
        "PMCR_EL0", (3, 3, 9, 12, 0), "Control of the monitors", _PMCR, (*_closed("rw"), *_higher("TPM", "TPMCR")),
        reset=COUNTERS << 11 | 1 << 6, res1=1 << 6,
    ),
    _register("PMCNTENSET_EL0", (3, 3, 9, 12, 1), "Counters that are on: write 1 to switch on", _MASK, _OPEN_TO_EN),
    _register("PMCNTENCLR_EL0", (3, 3, 9, 12, 2), "Counters that are on: write 1 to switch off", _MASK, _OPEN_TO_EN),
    _register("PMOVSCLR_EL0", (3, 3, 9, 12, 3), "Overflows: write 1 to clear", _MASK, _OPEN_TO_EN),
    _register(
        "PMSWINC_EL0", (3, 3, 9, 12, 4), "Counts SW_INCR", _MASK[1:], (*_closed("w", "SW"), *_ALL), mode=Mode.WO
    ),
    _register(
        "PMSELR_EL0", (3, 3, 9, 12, 5), "Selects the counter that PMXEVTYPER_EL0 and PMXEVCNTR_EL0 reach",
        (Field("SEL", 4, 0, "Number of the counter", {CYCLES: "the cycle counter's filter"}),),
        (*_closed("rw", "ER"), *_ALL), hook="",
    ),
    _register(
        "PMCEID0_EL0", (3, 3, 9, 12, 6), "Common events 0x00 to 0x1F", _CEID, _OPEN_TO_EN, mode=Mode.RO,
        reset=_present(0), hook="",
    ),
    _register(
        "PMCEID1_EL0", (3, 3, 9, 12, 7), "Common events 0x20 to 0x3F", _CEID, _OPEN_TO_EN, mode=Mode.RO,
        reset=_present(32), hook="",
    ),
    _register(
        "PMCCNTR_EL0", (3, 3, 9, 13, 0), "Cycle counter: one cycle an instruction", _COUNT,
        (*_closed("r", "CR"), *_closed("w"), *_ALL), reset=Reset.UNKNOWN,
    ),
    _register(
        "PMXEVTYPER_EL0", (3, 3, 9, 13, 1), "PMEVTYPERn_EL0 or PMCCFILTR_EL0 as PMSELR_EL0 says", (*_FILTER, _EVENT),
        (*_TYPE_TRAPS, *_selected(CYCLES - 1), *_EL3),
    ),
    _register(
        "PMXEVCNTR_EL0", (3, 3, 9, 13, 2), "PMEVCNTRn_EL0 as PMSELR_EL0 says", _COUNT,
        (*_COUNTER_TRAPS, *_selected(CYCLES), *_EL3),
    ),
    _register(
        "PMUSERENR_EL0", (3, 3, 9, 14, 0), "What EL0 may do with the monitors", _USERENR, _ALL, write_el=1, hook="",
    ),
    _register(
        "PMOVSSET_EL0", (3, 3, 9, 14, 3), "Overflows: write 1 to set", _MASK, _OPEN_TO_EN
    ),
    _register(
        "PMINTENSET_EL1", (3, 0, 9, 14, 1), "Overflows that interrupt: write 1 to switch on", _MASK, _ALL, el=1
    ),
    _register(
        "PMINTENCLR_EL1", (3, 0, 9, 14, 2), "Overflows that interrupt: write 1 to switch off", _MASK, _ALL, el=1
    ),
    _register(
        "PMMIR_EL1", (3, 0, 9, 14, 6), "Size of the machine for stall events: none", (), _ALL, el=1, mode=Mode.RO,
        hook="",
    ),
    _register(
        "PMCCFILTR_EL0", (3, 3, 14, 15, 7), "Where the cycle counter counts", _FILTER, _OPEN_TO_EN
    ),
    *(register for number in range(COUNTERS) for register in _counter(number)),
)  # fmt: skip
