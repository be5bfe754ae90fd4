"""Names for disassembly."""

from __future__ import annotations

from emu.registers.ids import RESERVED
from emu.registers.model import Encoding
from emu.registers.table import BY_ENCODING, OPERATION_BY_ENCODING


def name_of(encoding: Encoding) -> str | None:
    """The name of the register that MRS or MSR of this encoding names; None if the machine has none there."""
    register = BY_ENCODING.get(encoding)
    return None if register is None or register in RESERVED else register.name


def operation_name(encoding: Encoding) -> str | None:
    """The name of a SYS instruction as it is written ("TLBI VAE1IS"); None if the machine does not have it."""
    operation = OPERATION_BY_ENCODING.get(encoding)
    return None if operation is None else operation.name


def generic_name(encoding: Encoding) -> str:
    """The spelling that every encoding has, for those without a name: S3_4_C10_C8_0."""
    op0, op1, crn, crm, op2 = encoding
    return f"S{op0}_{op1}_C{crn}_C{crm}_{op2}"
