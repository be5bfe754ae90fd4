"""FEAT_MOPS: the memory copy and memory set instructions of one CPU (Arm ARM C6.2: CPYP, CPYFP, SETP and relatives).

Of the manual's two register conventions this is Option A, PSTATE.C=0 after the prologue. Going forwards the address
registers hold the ends and Xn the negative of what is left; going backwards they hold the beginnings and Xn what is
left. The prologue only prepares; main and epilogue move everything that is left, a piece at a time, so that an abort
finds the registers at what was done before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu import state
from emu.architecture import Access
from emu.isa.ops import Mode
from emu.syndrome import EC

if TYPE_CHECKING:
    from emu.cpu import Cpu

_MASK = state.MASK64
_PIECE = 64
"""Bytes moved at once, at most, and to a multiple of it."""
_PIECES_AT_ONCE = 256
"""After so many pieces the instruction starts again, as if interrupted, so that a run can be stopped."""
_LOW56 = (1 << 56) - 1
_LARGEST_COPY, _LARGEST = (1 << 55) - 1, (1 << 63) - 1
_SET, _PROLOGUE, _EPILOGUE = 3, 0, 2


@dataclass(frozen=True, slots=True)
class _Instruction:
    """The fields of one instruction."""

    is_set: bool
    stage: int
    """0 prologue, 1 main, 2 epilogue."""
    is_forward_only: bool
    options: int
    rs: int
    rn: int
    rd: int

    @property
    def reads(self) -> Mode:
        return Mode.UNPRIVILEGED if self.options & 2 else Mode.NORMAL

    @property
    def writes(self) -> Mode:
        return Mode.UNPRIVILEGED if self.options & 1 else Mode.NORMAL


def _decode(word: int) -> _Instruction:
    kind, options = word >> 22 & 3, word >> 12 & 0xF
    is_set = kind == _SET
    return _Instruction(
        is_set,
        options >> 2 if is_set else kind,
        not word >> 26 & 1,
        options & 3 if is_set else options,
        word >> 16 & 31,
        word >> 5 & 31,
        word & 31,
    )


class MemoryCopy:
    """Executes the instructions on a CPU's registers and memory."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    def execute(self, word: int) -> bool:
        """One instruction; True when the PC says where to go on. Raises Abandoned where it takes an exception."""
        cpu = self._cpu
        if not self._is_enabled():
            cpu.exceptions.undefined()
            return True
        instruction = _decode(word)
        if instruction.stage == _PROLOGUE:
            self._prepare(instruction)
            return False
        if cpu.slots[state.C]:
            self._refuse(instruction)
            return True
        move = self._set_piece if instruction.is_set else self._copy_piece
        for _ in range(_PIECES_AT_ONCE):
            if not cpu.slots[instruction.rn]:
                return False
            move(instruction)
        return cpu.slots[instruction.rn] != 0  # the PC still points here: go on with the rest

    def _is_enabled(self) -> bool:
        """CheckMOPSEnabled: HCRX_EL2.MSCEn for EL1 and EL0, SCTLR_ELx.MSCEn for EL0."""
        cpu = self._cpu
        regs, el = cpu.regs, cpu.el
        if el > 1:
            return True
        has_el2 = cpu.exceptions.is_el2_enabled()
        is_host = bool(regs.field("HCR_EL2.E2H") and regs.field("HCR_EL2.TGE")) and has_el2
        if has_el2 and not is_host and not regs.effective("HCRX_EL2.MSCEn"):
            return False
        return el == 1 or bool(regs.field(f"SCTLR_EL{2 if is_host and el == 0 else 1}.MSCEn"))

    def _refuse(self, instruction: _Instruction) -> None:
        """The registers are those of Option B, which this machine does not have."""
        cpu = self._cpu
        regs, target = cpu.regs, cpu.exceptions.general_target()
        if cpu.el < 2 and cpu.exceptions.is_el2_enabled() and regs.effective("HCRX_EL2.MCE2"):
            target = 2
        iss = (
            int(instruction.is_set) << 24
            | instruction.options << 19
            | int(instruction.stage == _EPILOGUE) << 18
            | 1 << 17
            | 1 << 16
            | instruction.rd << 10
            | instruction.rs << 5
            | instruction.rn
        )
        cpu.exceptions.take(target, EC.MEMORY_COPY, iss)

    def _prepare(self, instruction: _Instruction) -> None:
        slots = self._cpu.slots
        rs, rn, rd = instruction.rs, instruction.rn, instruction.rd
        self._cpu.nzcv = 0
        bounded_by_tags = not instruction.is_set and not instruction.is_forward_only
        size = min(slots[rn], _LARGEST_COPY if bounded_by_tags else _LARGEST)
        if bounded_by_tags:
            start, target = slots[rs] & _LOW56, slots[rd] & _LOW56
            if start < target < start + size:
                slots[rn] = size
                return
        slots[rd] = slots[rd] + size & _MASK
        if not instruction.is_set:
            slots[rs] = slots[rs] + size & _MASK
        slots[rn] = -size & _MASK

    def _limit(self, at: int, access: Access, mode: Mode) -> int:
        """How many bytes may be moved at once: one where the access would fault, or where memory is Device."""
        cpu = self._cpu
        where = cpu.mmu.look(cpu.request(at, 1, access, mode))
        return 1 if where is None or where.is_device else _PIECE

    def _set_piece(self, instruction: _Instruction) -> None:
        cpu = self._cpu
        slots = cpu.slots
        left = -slots[instruction.rn] & _MASK
        at = slots[instruction.rd] - left & _MASK
        size = min(left, _PIECE - at % _PIECE, self._limit(at, Access.WRITE, instruction.writes))
        value = (slots[instruction.rs] & 0xFF) * ((1 << 8 * size) // 255)
        cpu.store(at, size, value, instruction.writes, 1)
        slots[instruction.rn] = slots[instruction.rn] + size & _MASK

    def _copy_piece(self, instruction: _Instruction) -> None:
        cpu = self._cpu
        slots = cpu.slots
        rs, rn, rd = instruction.rs, instruction.rn, instruction.rd
        is_forward = bool(slots[rn] >> 63)
        left = -slots[rn] & _MASK if is_forward else slots[rn]
        if is_forward:
            first = [slots[rs] - left & _MASK, slots[rd] - left & _MASK]
            rooms = [_PIECE - at % _PIECE for at in first]
        else:
            first = [slots[rs] + left - 1 & _MASK, slots[rd] + left - 1 & _MASK]
            rooms = [at % _PIECE + 1 for at in first]
        limits = [
            self._limit(first[0], Access.READ, instruction.reads),
            self._limit(first[1], Access.WRITE, instruction.writes),
        ]
        size = min(left, *rooms, *limits)
        source, target = first if is_forward else (at - size + 1 & _MASK for at in first)
        value = cpu.load(source, size, instruction.reads, 1)
        cpu.store(target, size, value, instruction.writes, 1)
        slots[rn] = slots[rn] + size & _MASK if is_forward else left - size
