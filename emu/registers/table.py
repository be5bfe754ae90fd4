"""The whole table: every system register and SYS instruction of the machine, by name and by encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emu.registers import (
    control,
    debug,
    exceptions,
    fine_grained,
    floating,
    ids,
    mec,
    operations,
    performance,
    pointers,
    rme,
    thread,
    timer,
    tlbi,
    translation,
)
from emu.registers.model import NO_ENCODING, Encoding, Operation, Register

_OPERATIONS = (*operations.OPERATIONS, *tlbi.OPERATIONS)
_REGISTERS = (
    *ids.REGISTERS,
    *control.REGISTERS,
    *translation.REGISTERS,
    *exceptions.REGISTERS,
    *rme.REGISTERS,
    *mec.REGISTERS,
    *timer.REGISTERS,
    *thread.REGISTERS,
    *floating.REGISTERS,
    *debug.REGISTERS,
    *pointers.REGISTERS,
    *performance.REGISTERS,
)

REGISTERS: tuple[Register, ...] = (
    *fine_grained.with_register_bits(_REGISTERS),
    *fine_grained.trap_registers(_REGISTERS, _OPERATIONS),
)
"""Every register with a meaning, in the order in which their storage is laid out."""

BY_NAME: Mapping[str, Register] = {register.name: register for register in (*REGISTERS, *ids.RESERVED)}
BY_ENCODING: Mapping[Encoding, Register] = {
    register.encoding: register for register in BY_NAME.values() if register.encoding != NO_ENCODING
}
"""By (op0, op1, CRn, CRm, op2), with the reserved ID registers, which read as zero; what is missing is UNDEFINED."""

OPERATIONS: tuple[Operation, ...] = fine_grained.with_operation_bits(_OPERATIONS)
OPERATION_BY_NAME: Mapping[str, Operation] = {operation.name: operation for operation in OPERATIONS}
OPERATION_BY_ENCODING: Mapping[Encoding, Operation] = {operation.encoding: operation for operation in OPERATIONS}


@dataclass(frozen=True, slots=True)
class Hook:
    """What the machine adds to a register's storage.

    Where `on_read`, MRS asks the machine for the value. Where `on_write`, the machine is called after the storage
    has been written, with RES0 and RES1 bits as they must be.
    """

    meaning: str
    on_read: bool = False
    on_write: bool = False


HOOKS: Mapping[str, Hook] = {
    "nzcv": Hook("the flags live in slots of their own", on_read=True),
    "daif": Hook("lives in a slot of its own; a write may let a pending interrupt in", on_read=True, on_write=True),
    "spsel": Hook(
        "lives in a slot of its own; a write exchanges the stack pointer in use", on_read=True, on_write=True
    ),
    "currentel": Hook("lives in a slot of its own", on_read=True),
    "pan": Hook(
        "lives in a slot of its own; a write changes what data accesses may reach", on_read=True, on_write=True
    ),
    "uao": Hook(
        "lives in a slot of its own; a write changes what LDTR and STTR may reach", on_read=True, on_write=True
    ),
    "dit": Hook("lives in a slot of its own", on_read=True, on_write=True),
    "ssbs": Hook("lives in a slot of its own", on_read=True, on_write=True),
    "random": Hook("drawn from the machine's seed and the instruction count; clears the flags", on_read=True),
    "sp": Hook("one of the four is in use and then lives in slot SP", on_read=True, on_write=True),
    "counter": Hook("computed from the instruction count", on_read=True),
    "timer": Hook("TVAL and CTL.ISTATUS follow the counter; a write moves a deadline", on_read=True, on_write=True),
    "translation": Hook("a write may change what an address translates to, once it is synchronised", on_write=True),
    "fp_access": Hook("a write changes whether V registers may be used; acts at once", on_write=True),
    "mecid": Hook(
        "a write changes the context of accesses, those of TLB entries too, once it is synchronised", on_write=True
    ),
    "zva": Hook("DCZID_EL0.DZP depends on who reads it: access.zva_prohibited", on_read=True),
    "debug": Hook("a write may arm a debug exception; OSLAR_EL1 sets OSLSR_EL1.OSLK", on_write=True),
    "monitors": Hook(
        "counters follow the instruction count; writes start, stop and clear", on_read=True, on_write=True
    ),
    "warm_reset": Hook("RMR_EL3.RR asks for a Warm reset", on_write=True),
}
"""The hooks that registers name."""
