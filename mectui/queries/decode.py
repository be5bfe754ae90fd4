"""One instruction word as text: our own names for system registers and operations, capstone for the rest.

capstone 5 shows MEC registers and DC CIPAE as raw numbers, so MRS, MSR and SYS are decoded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emu.architecture import Access
from emu.registers.model import Encoding
from emu.registers.names import generic_name, name_of, operation_name

CALLS = frozenset({"bl", "blr", "svc", "hvc", "smc", "blraa", "blraaz", "blrab", "blrabz"})
RETURNS = frozenset({"ret", "eret", "retaa", "retab", "eretaa", "eretab"})


@dataclass(frozen=True, slots=True)
class Instruction:
    """A decoded word. `target` is where a direct branch or an ADR/ADRP points."""

    mnemonic: str
    operands: str
    target: int | None = None

    @property
    def is_call(self) -> bool:
        """Control comes back to the next instruction."""
        return self.mnemonic in CALLS

    @property
    def is_return(self) -> bool:
        return self.mnemonic in RETURNS


@lru_cache(maxsize=1)
def disassembler() -> Any:
    import capstone  # 0.12 s: loaded by the first instruction somebody looks at

    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    engine.detail = True
    return engine


def system_name(encoding: Encoding) -> str:
    """A register's name, or the generic form the manual gives it: S3_4_C10_C8_0."""
    return name_of(encoding) or generic_name(encoding)


def encoding_of(word: int) -> Encoding:
    return (word >> 19) & 3, (word >> 16) & 7, (word >> 12) & 15, (word >> 8) & 15, (word >> 5) & 7


def decode_system(word: int) -> Instruction | None:
    """MRS, MSR (register) and SYS/SYSL, or None for any other word."""
    if word & 0xFFC0_0000 != 0xD500_0000:
        return None
    encoding = encoding_of(word)
    rt = word & 31
    register = "xzr" if rt == 31 else f"x{rt}"
    is_read = bool(word & (1 << 21))
    if encoding[0] >= 2:
        name = system_name(encoding)
        return Instruction("mrs", f"{register}, {name}") if is_read else Instruction("msr", f"{name}, {register}")
    if encoding[0] == 1 and not is_read:
        operation = operation_name(encoding)
        if operation is None:
            _, op1, crn, crm, op2 = encoding
            operands = f"#{op1}, c{crn}, c{crm}, #{op2}"
            return Instruction("sys", operands if rt == 31 else f"{operands}, {register}")
        kind, _, rest = operation.partition(" ")
        return Instruction(kind.lower(), ", ".join(filter(None, (rest, register if rt != 31 else ""))))
    return None


@lru_cache(maxsize=65536)
def decode(word: int, address: int) -> Instruction:
    """The instruction `word` at `address`; ".word" where nobody can decode it."""
    system = decode_system(word)
    if system is not None:
        return system
    found = next(disassembler().disasm(word.to_bytes(4, "little"), address), None)
    if found is None:
        return Instruction("udf" if word < 0x10000 else ".word", f"#{word:#x}" if word < 0x10000 else f"0x{word:08x}")
    return Instruction(found.mnemonic, found.op_str, branch_target(word, address))


def sign_extend(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def branch_target(word: int, address: int) -> int | None:
    """Where B, BL, B.cond, CBZ, TBZ, ADR, ADRP or LDR (literal) points; None for everything else."""
    offset: int | None = None
    if word & 0x7C00_0000 == 0x1400_0000:  # B, BL
        offset = sign_extend(word & 0x3FF_FFFF, 26) * 4
    elif word & 0xFF00_0000 == 0x5400_0000 or word & 0x7E00_0000 == 0x3400_0000:  # B.cond, CBZ/CBNZ
        offset = sign_extend(word >> 5 & 0x7FFFF, 19) * 4
    elif word & 0x7E00_0000 == 0x3600_0000:  # TBZ/TBNZ
        offset = sign_extend(word >> 5 & 0x3FFF, 14) * 4
    elif word & 0x3B00_0000 == 0x1800_0000:  # LDR (literal)
        offset = sign_extend(word >> 5 & 0x7FFFF, 19) * 4
    elif word & 0x1F00_0000 == 0x1000_0000:  # ADR, ADRP
        immediate = sign_extend((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
        if word >> 31:
            return ((address & ~0xFFF) + (immediate << 12)) & (1 << 64) - 1
        offset = immediate
    return None if offset is None else (address + offset) & (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class DataAccess:
    """The memory a load or store will touch: which registers make its address, and what it does there."""

    base: str
    index: str
    shift: int
    extend: str
    displacement: int
    access: Access


@lru_cache(maxsize=4096)
def data_access(word: int) -> DataAccess | None:
    """How a load or store makes its address; None for other instructions and for PC-relative ones."""
    if word & 0x0A00_0000 != 0x0800_0000:  # the Loads and Stores group of the A64 encoding index
        return None
    engine = disassembler()
    found = next(engine.disasm(word.to_bytes(4, "little"), 0), None)
    if found is None or found.mnemonic.startswith("prf"):
        return None
    for operand in found.operands:
        if operand.type == _memory_operand():
            return DataAccess(
                base=found.reg_name(operand.mem.base) or "",
                index=found.reg_name(operand.mem.index) or "" if operand.mem.index else "",
                shift=operand.shift.value if operand.mem.index else 0,
                extend=_extend_of(word),
                displacement=operand.mem.disp,
                access=Access.WRITE if found.mnemonic.startswith(("st", "swp", "cas")) else Access.READ,
            )
    return None


def _extend_of(word: int) -> str:
    """The extension of a register offset: LDR/STR (register offset) carry it in option, bits [15:13]."""
    if word & 0x3B20_0C00 == 0x3820_0800:
        return {2: "uxtw", 6: "sxtw"}.get(word >> 13 & 7, "")
    return ""


@lru_cache(maxsize=1)
def _memory_operand() -> int:
    import capstone.arm64

    return int(capstone.arm64.ARM64_OP_MEM)
