"""Fine-grained traps (FEAT_FGT): the bit for each register and operation, and the registers that hold the bits.

A bit whose registers this machine lacks is RES0. HAFGRTR_EL2 is absent with the activity monitors, and FEAT_FGT2 is
not there. Arm ARM D24.2: HFGRTR_EL2, HFGWTR_EL2, HFGITR_EL2, HDFGRTR_EL2 and HDFGWTR_EL2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from emu.registers.model import Encoding, Field, Mode, Operation, Register, Trap, When, bit

_Bits = tuple[tuple[int, str, str], ...]
"""(bit, its name, the registers it is about)."""

# One table for reads and writes: a bit is in the register for a direction only where one of its registers can be
# accessed in that direction.
_GENERAL: _Bits = (
    (0, "AFSR0_EL1", "AFSR0_EL1"),
    (1, "AFSR1_EL1", "AFSR1_EL1"),
    (2, "AIDR_EL1", "AIDR_EL1"),
    (3, "AMAIR_EL1", "AMAIR_EL1"),
    (4, "APDAKey", "APDAKeyLo_EL1 APDAKeyHi_EL1"),
    (5, "APDBKey", "APDBKeyLo_EL1 APDBKeyHi_EL1"),
    (6, "APGAKey", "APGAKeyLo_EL1 APGAKeyHi_EL1"),
    (7, "APIAKey", "APIAKeyLo_EL1 APIAKeyHi_EL1"),
    (8, "APIBKey", "APIBKeyLo_EL1 APIBKeyHi_EL1"),
    (9, "CCSIDR_EL1", "CCSIDR_EL1"),
    (10, "CLIDR_EL1", "CLIDR_EL1"),
    (11, "CONTEXTIDR_EL1", "CONTEXTIDR_EL1"),
    (12, "CPACR_EL1", "CPACR_EL1"),
    (13, "CSSELR_EL1", "CSSELR_EL1"),
    (14, "CTR_EL0", "CTR_EL0"),
    (15, "DCZID_EL0", "DCZID_EL0"),
    (16, "ESR_EL1", "ESR_EL1"),
    (17, "FAR_EL1", "FAR_EL1"),
    (18, "ISR_EL1", "ISR_EL1"),
    (24, "MAIR_EL1", "MAIR_EL1"),
    (25, "MIDR_EL1", "MIDR_EL1"),
    (26, "MPIDR_EL1", "MPIDR_EL1"),
    (27, "PAR_EL1", "PAR_EL1"),
    (28, "REVIDR_EL1", "REVIDR_EL1"),
    (29, "SCTLR_EL1", "SCTLR_EL1 SCTLR2_EL1"),
    (32, "TCR_EL1", "TCR_EL1 TCR2_EL1"),
    (33, "TPIDR_EL1", "TPIDR_EL1"),
    (34, "TPIDRRO_EL0", "TPIDRRO_EL0"),
    (35, "TPIDR_EL0", "TPIDR_EL0"),
    (36, "TTBR0_EL1", "TTBR0_EL1"),
    (37, "TTBR1_EL1", "TTBR1_EL1"),
    (38, "VBAR_EL1", "VBAR_EL1"),
    (39, "ICC_IGRPENn_EL1", "ICC_IGRPEN0_EL1 ICC_IGRPEN1_EL1"),
)
_DEBUG: _Bits = (
    (0, "DBGBCRn_EL1", "DBGBCR"),
    (1, "DBGBVRn_EL1", "DBGBVR"),
    (2, "DBGWCRn_EL1", "DBGWCR"),
    (3, "DBGWVRn_EL1", "DBGWVR"),
    (4, "MDSCR_EL1", "MDSCR_EL1"),
    (5, "DBGCLAIM", "DBGCLAIMSET_EL1 DBGCLAIMCLR_EL1"),
    (6, "DBGAUTHSTATUS_EL1", "DBGAUTHSTATUS_EL1"),
    (7, "DBGPRCR_EL1", "DBGPRCR_EL1"),
    (8, "OSLAR_EL1", "OSLAR_EL1"),
    (9, "OSLSR_EL1", "OSLSR_EL1"),
    (10, "OSECCR_EL1", "OSECCR_EL1"),
    (11, "OSDLR_EL1", "OSDLR_EL1"),
    (12, "PMEVCNTRn_EL0", "PMEVCNTR PMXEVCNTR_EL0"),
    (13, "PMEVTYPERn_EL0", "PMEVTYPER PMXEVTYPER_EL0"),
    (14, "PMCCFILTR_EL0", "PMCCFILTR_EL0"),
    (15, "PMCCNTR_EL0", "PMCCNTR_EL0"),
    (16, "PMCNTEN", "PMCNTENSET_EL0 PMCNTENCLR_EL0"),
    (17, "PMINTEN", "PMINTENSET_EL1 PMINTENCLR_EL1"),
    (18, "PMOVS", "PMOVSSET_EL0 PMOVSCLR_EL0"),
    (19, "PMSELR_EL0", "PMSELR_EL0"),
    (20, "PMSWINC_EL0", "PMSWINC_EL0"),
    (22, "PMMIR_EL1", "PMMIR_EL1"),
    (57, "PMUSERENR_EL0", "PMUSERENR_EL0"),
    (58, "PMCEIDn_EL0", "PMCEID0_EL0 PMCEID1_EL0"),
)
# Reads of PMCR_EL0 have no bit.
_DEBUG_WRITES: _Bits = ((21, "PMCR_EL0", "PMCR_EL0"),)
_OPERATIONS = (
    "ICIALLUIS", "ICIALLU", "ICIVAU", "DCIVAC", "DCISW", "DCCSW", "DCCISW", "DCCVAU", "DCCVAP", "DCCVADP", "DCCIVAC",
    "DCZVA", "ATS1E1R", "ATS1E1W", "ATS1E0R", "ATS1E0W", "ATS1E1RP", "ATS1E1WP", "TLBIVMALLE1OS", "TLBIVAE1OS",
    "TLBIASIDE1OS", "TLBIVAAE1OS", "TLBIVALE1OS", "TLBIVAALE1OS", "TLBIRVAE1OS", "TLBIRVAAE1OS", "TLBIRVALE1OS",
    "TLBIRVAALE1OS", "TLBIVMALLE1IS", "TLBIVAE1IS", "TLBIASIDE1IS", "TLBIVAAE1IS", "TLBIVALE1IS", "TLBIVAALE1IS",
    "TLBIRVAE1IS", "TLBIRVAAE1IS", "TLBIRVALE1IS", "TLBIRVAALE1IS", "TLBIRVAE1", "TLBIRVAAE1", "TLBIRVALE1",
    "TLBIRVAALE1", "TLBIVMALLE1", "TLBIVAE1", "TLBIASIDE1", "TLBIVAAE1", "TLBIVALE1", "TLBIVAALE1", "CFPRCTX",
    "DVPRCTX", "CPPRCTX", "ERET", "SVC_EL0", "SVC_EL1", "DCCVAC",
)  # fmt: skip
"""Names of the bits of HFGITR_EL2, from bit 0 up."""
_INSTRUCTIONS = {
    "ERET": "Trap ERET, ERETAA and ERETAB of EL1",
    "SVC_EL0": "Trap SVC of EL0",
    "SVC_EL1": "Trap SVC of EL1",
}


def _stem(name: str) -> str:
    """DBGBVR of DBGBVR3_EL1, PMEVCNTR of PMEVCNTR0_EL0; the name itself where nothing is numbered."""
    head, _, _ = name.partition("_")
    stem = head.rstrip("0123456789")
    return stem if stem in ("DBGBVR", "DBGBCR", "DBGWVR", "DBGWCR", "PMEVCNTR", "PMEVTYPER") else name


def _bits_by_register(prefix: str, *tables: _Bits) -> dict[str, str]:
    """For each register name or stem, the bit about it."""
    return {name: f"{prefix}.{item}" for table in tables for _, item, names in table for name in names.split()}


_READS = _bits_by_register("HFGRTR_EL2", _GENERAL) | _bits_by_register("HDFGRTR_EL2", _DEBUG)
_WRITES = _bits_by_register("HFGWTR_EL2", _GENERAL) | _bits_by_register("HDFGWTR_EL2", _DEBUG, _DEBUG_WRITES)


def trapped(control: str, lowest: int, on: str = "rw") -> tuple[Trap, ...]:
    """What a bit does: EL1 is trapped, and EL0 unless it belongs to an EL2 host."""
    el0 = (Trap(0, 2, control, on=on, when=When.GUEST),) if lowest == 0 else ()
    return (*el0, Trap(1, 2, control, on=on))


def _merge(traps: tuple[Trap, ...], added: tuple[Trap, ...]) -> tuple[Trap, ...]:
    """Fine-grained traps come after the other traps to EL2 and before those to EL3."""
    merged = list(traps)
    for trap in added:
        places = (index for index, other in enumerate(merged) if other.source == trap.source and other.target == 3)
        merged.insert(next(places, len(merged)), trap)
    return tuple(merged)


def with_register_bits(registers: Iterable[Register]) -> tuple[Register, ...]:
    """The registers with `fgt_read`, `fgt_write` and the traps that follow from them."""
    return tuple(_with_bits(register) for register in registers)


def _with_bits(register: Register) -> Register:
    name = _stem(register.name)
    read = "" if register.mode is Mode.WO else _READS.get(name, "")
    write = "" if register.mode is Mode.RO else _WRITES.get(name, "")
    added: tuple[Trap, ...] = ()
    if read:
        added += trapped(read, register.el, "r")
    if write:
        added += trapped(write, register.el if register.write_el is None else register.write_el, "w")
    return replace(register, fgt_read=read, fgt_write=write, traps=_merge(register.traps, added))


def with_operation_bits(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations with `fgt` and the traps that follow from it."""
    return tuple(_with_bit(operation) for operation in operations)


def _with_bit(operation: Operation) -> Operation:
    name = operation.name.replace(" ", "")
    if name not in _OPERATIONS:
        return operation
    control = f"HFGITR_EL2.{name}"
    return replace(operation, fgt=control, traps=_merge(operation.traps, trapped(control, operation.el)))


def _register(name: str, encoding: Encoding, meaning: str, fields: tuple[Field, ...]) -> Register:
    # The manual leaves the reset value UNKNOWN; with 0 nothing is trapped by software that never heard of it.
    return Register(
        name,
        encoding,
        meaning,
        fields,
        el=2,
        group="control",
        traps=(Trap(2, 3, "SCR_EL3.FGTEn", value=0),),
        enabled_by="SCR_EL3.FGTEn",
    )


def _fields(present: dict[str, str], verb: str, *tables: _Bits) -> tuple[Field, ...]:
    """The bits about registers that are there; `present` names the feature that each of those belongs to."""
    return tuple(
        bit(name, position, f"Trap {verb} of {name} below EL2", feature=present[known[0]])
        for table in tables
        for position, name, names in table
        if (known := [item for item in names.split() if item in present])
    )


def trap_registers(registers: Iterable[Register], operations: Iterable[Operation]) -> tuple[Register, ...]:
    """The registers that hold the bits: those about the given registers and operations, and ERET's and SVC's."""
    named = tuple(registers)
    readable = {_stem(item.name): item.feature for item in named if item.mode is not Mode.WO}
    writable = {_stem(item.name): item.feature for item in named if item.mode is not Mode.RO}
    known = {item.name.replace(" ", ""): (f"Trap {item.name} below EL2", item.feature) for item in operations}
    known |= {name: (text, "") for name, text in _INSTRUCTIONS.items()}
    instructions = tuple(
        bit(name, position, known[name][0], feature=known[name][1])
        for position, name in enumerate(_OPERATIONS)
        if name in known
    )
    return (
        _register(
            "HFGRTR_EL2", (3, 4, 1, 1, 4), "Fine-grained traps of register reads", _fields(readable, "reads", _GENERAL)
        ),
        _register(
            "HFGWTR_EL2", (3, 4, 1, 1, 5), "Fine-grained traps of register writes",
            _fields(writable, "writes", _GENERAL),
        ),
        _register("HFGITR_EL2", (3, 4, 1, 1, 6), "Fine-grained traps of instructions", instructions),
        _register(
            "HDFGRTR_EL2", (3, 4, 3, 1, 4), "Fine-grained traps of debug register reads",
            _fields(readable, "reads", _DEBUG),
        ),
        _register(
            "HDFGWTR_EL2", (3, 4, 3, 1, 5), "Fine-grained traps of debug register writes",
            _fields(writable, "writes", _DEBUG, _DEBUG_WRITES),
        ),
    )  # fmt: skip
