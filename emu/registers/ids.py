"""Identification registers: the space op0=3, op1=0, CRn=0 with what is reserved in it, and their like elsewhere."""

from __future__ import annotations

from emu.registers import cache_ids, feature_ids, identity
from emu.registers.model import Mode, Register, Trap
from emu.registers.traps import ID_GROUP_3

REGISTERS: tuple[Register, ...] = (*identity.REGISTERS, *feature_ids.REGISTERS, *cache_ids.REGISTERS)


def _reserved() -> tuple[Register, ...]:
    named = {register.encoding for register in REGISTERS}
    traps: tuple[Trap, ...] = ID_GROUP_3
    return tuple(
        Register(f"S3_0_C0_C{crm}_{op2}", (3, 0, 0, crm, op2), "Reserved, reads as zero", mode=Mode.RO, traps=traps)
        for crm in range(1, 8)
        for op2 in range(8)
        if (3, 0, 0, crm, op2) not in named
    )


RESERVED: tuple[Register, ...] = _reserved()
"""Encodings of the ID space that the architecture holds for later: readable at EL1 and above, always zero."""
