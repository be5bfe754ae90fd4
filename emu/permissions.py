"""Which system register accesses are allowed where, decided once for each situation and kept for native code.

A decision (`emu.registers.access`) depends on the exception level, the Security state and the registers that hold
traps and enables. A situation is one combination of all of these, numbered when it first appears. What is allowed and
needs nothing but storage goes into a table of the state buffer, by situation and instruction, for native code to do.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING

from emu import state
from emu.registers import traps
from emu.registers.access import Allowed, Decision, decide, decide_operation, decide_traps, decide_unallocated
from emu.registers.file import RegisterFile
from emu.registers.model import Encoding, Operation, Register, Trap
from emu.registers.table import BY_ENCODING, BY_NAME, OPERATION_BY_ENCODING, OPERATIONS, REGISTERS

if TYPE_CHECKING:
    from emu.cpu import Cpu

_MOST = 1000
"""Situations that are numbered before all is forgotten."""
_BLANK = memoryview(array("Q", [0]) * (4 * state.GRANT_ENTRIES))
_PLAIN_READS = frozenset(("", "translation", "mecid", "fp_access", "debug", "warm_reset"))
_PSTATE_READS = {
    "daif": (state.DAIF, 6), "currentel": (state.EL, 2), "spsel": (state.SPSEL, 0), "pan": (state.PAN, 22),
    "uao": (state.UAO, 23), "dit": (state.DIT, 24), "ssbs": (state.SSBS, 12),
}  # fmt: skip
_PSTATE_WRITES = {"daif": (state.DAIF, 6, 0xF), "uao": (state.UAO, 23, 1), "dit": (state.DIT, 24, 1),
                  "ssbs": (state.SSBS, 12, 1)}  # fmt: skip
_ARMING = 1 << 0 | 1 << 15
"""MDSCR_EL1.{SS,MDE}: while either is 1 a write of DAIF may arm a debug exception."""


def encoding_of(word: int) -> Encoding:
    """(op0, op1, CRn, CRm, op2) of a system instruction."""
    return (word >> 19 & 3, word >> 16 & 7, word >> 12 & 15, word >> 8 & 15, word >> 5 & 7)


def _controls() -> frozenset[str]:
    """The registers that decisions depend on, by name."""
    named = {"SCR_EL3", "HCR_EL2", "CNTVOFF_EL2", "CNTPOFF_EL2", "CNTHCTL_EL2", "MDSCR_EL1"}

    def look(items: tuple[Trap, ...]) -> None:
        for trap in items:
            named.update(field.partition(".")[0] for field in (trap.control, *(name for name, _ in trap.also)))

    for item in REGISTERS:
        look(item.traps)
    for operation in OPERATIONS:
        look(operation.traps)
    for group in (traps.FLOATING_POINT, traps.SUPERVISOR_CALL, traps.EXCEPTION_RETURN, traps.ZERO_BLOCK):
        look(group)
    for name in tuple(named):
        register = BY_NAME[name]
        named.update(item.when[0].partition(".")[0] for item in register.fields if item.when is not None)
        if register.enabled_by:
            named.add(register.enabled_by.partition(".")[0])
    return frozenset(BY_NAME[name].alias_of or name for name in named)


_CONTROLS = _controls()


class Permissions:
    """The decisions of one CPU."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._slots = cpu.slots
        self._regs: RegisterFile = cpu.regs
        self._watched = cpu.regs.watch(_CONTROLS, self.leave)
        self._numbers: dict[tuple[int, ...], int] = {}
        self._decisions: dict[int, Decision] = {}
        self.prepared: dict[int, Callable[[int], bool]] = {}
        """By situation and instruction as for grants: what carries out a SYS that is allowed, from its operand."""
        self._trap_decisions: dict[tuple[int, int], Decision] = {}
        self._fp_disabled: dict[int, int] = {}
        self._withheld: Callable[[int], bool] | None = None
        self.on_forgotten: Callable[[], None] | None = None
        """Told when the numbers of situations get another meaning."""
        self._here: dict[int, int] = {}
        """Numbers of situations by level, stack and state, for the control registers as they are."""

    def leave(self) -> None:
        """Something that decisions depend on has changed: the situation is another one."""
        self._slots[state.SITUATION] = 0
        self._here.clear()

    def forget(self) -> None:
        """Everything may have changed: a reset, another state."""
        self._slots[state.SITUATION] = 0
        self._slots[state.GRANTS : state.TRANSITIONS] = _BLANK
        self._numbers.clear()
        self._decisions.clear()
        self._trap_decisions.clear()
        self.prepared.clear()
        self._fp_disabled.clear()
        self._here.clear()
        if self.on_forgotten is not None:
            self.on_forgotten()

    def situation(self) -> int:
        """The number of the present situation, shifted to where native code compares it."""
        slots = self._slots
        number = slots[state.SITUATION]
        if number:
            return number
        cpu = self._cpu
        place = slots[state.EL] << 5 | slots[state.SPSEL] << 4 | cpu.security << 2 | cpu.regime.el
        number = self._here.get(place, 0)
        if not number:
            key = (place, *[slots[slot] for slot in self._watched])
            number = self._numbers.get(key, 0)
            if not number:
                if len(self._numbers) >= _MOST:
                    self.forget()
                number = self._numbers[key] = len(self._numbers) + 1 << state.GRANT_KEY_BITS
            self._here[place] = number
        slots[state.SITUATION] = number
        return number

    # Decisions.

    def register(self, word: int, is_read: bool) -> Decision:
        """What becomes of an MRS (`is_read`) or MSR, by its instruction word."""
        key = self.situation() | word >> 5 & state.GRANT_KEY
        known = self._decisions.get(key)
        if known is None:
            known = self._decisions[key] = self.decide(encoding_of(word), is_read)
        return known

    def decide(self, encoding: Encoding, is_read: bool) -> Decision:
        """The same by the encoding, decided anew."""
        cpu = self._cpu
        register = BY_ENCODING.get(encoding)
        if register is None:
            return decide_unallocated(cpu.regs, encoding, cpu.el, cpu.security)
        return decide(cpu.regs, register, cpu.el, cpu.security, is_read)

    def operation(self, word: int) -> tuple[Operation | None, Decision]:
        """The operation that a SYS instruction names, and what becomes of it."""
        cpu, encoding = self._cpu, encoding_of(word)
        operation = OPERATION_BY_ENCODING.get(encoding)
        key = self.situation() | word >> 5 & state.GRANT_KEY
        known = self._decisions.get(key)
        if known is None:
            if operation is None:
                known = decide_unallocated(cpu.regs, encoding, cpu.el, cpu.security)
            else:
                known = decide_operation(cpu.regs, operation, cpu.el, cpu.security)
            self._decisions[key] = known
        return operation, known

    def prepare(self, word: int, execute: Callable[[int], bool]) -> None:
        """Have a SYS that is allowed here carried out by this from now on."""
        self.prepared[self.situation() | word >> 5 & state.GRANT_KEY] = execute

    def trapped(self, group: tuple[Trap, ...]) -> Decision:
        """What becomes of an instruction that only these traps keep from going ahead."""
        key = (self.situation(), id(group))  # the groups are constants of `emu.registers.traps`
        known = self._trap_decisions.get(key)
        if known is None:
            cpu = self._cpu
            known = self._trap_decisions[key] = decide_traps(cpu.regs, group, cpu.el, cpu.security)
        return known

    def fp_disabled(self) -> int:
        """1 where V registers may not be used here, else 0."""
        situation = self.situation()
        known = self._fp_disabled.get(situation)
        if known is None:
            is_allowed = isinstance(self.trapped(traps.FLOATING_POINT), Allowed)
            known = self._fp_disabled[situation] = int(not is_allowed)
        return known

    # Grants to native code. All are given after Python has done the access itself once.

    def withhold(self, withheld: Callable[[int], bool] | None) -> None:
        """Grant nothing for the instruction words that this names, so that each one of them comes to Python."""
        self._withheld = withheld
        self.forget()

    def _grant(self, word: int, slot: int, shift: int, second: int, third: int) -> None:
        if self._withheld is not None and self._withheld(word):
            return
        tag = self.situation() | word >> 5 & state.GRANT_KEY
        place = state.GRANTS + 4 * state.grant_index(tag)
        slots = self._slots
        slots[place + 1], slots[place + 2], slots[place + 3] = slot | shift << 16, second, third
        slots[place] = tag

    def grant_read(self, word: int, register: Register) -> None:
        """Let native code do this MRS of `register` from now on, where it reads nothing but storage."""
        hook = register.hook
        if hook in _PLAIN_READS:
            self._grant(word, self._regs.slot(register.name), 0, 0, 0)
        elif hook in _PSTATE_READS:
            self._grant(word, *_PSTATE_READS[hook], 0, 0)
        elif hook == "sp":
            self._grant(word, self.stack_slot(register.name), 0, 0, 0)

    def grant_counter(self, word: int, offset: int) -> None:
        """Let native code read a counter that is this much behind the instruction count."""
        self._grant(word, state.XZR, 0, offset, state.MASK64)

    def grant_write(self, word: int, register: Register) -> None:
        """Let native code do this MSR to `register`, where it writes nothing but storage that decides nothing."""
        hook = register.hook
        if hook in _PSTATE_WRITES:
            if hook != "daif" or not self._regs["MDSCR_EL1"] & _ARMING:
                slot, shift, mask = _PSTATE_WRITES[hook]
                self._grant(word, slot, shift, mask, 0)
        elif not hook:
            plain = self._regs.plain_write(register.name)
            if plain is not None:
                self._grant(word, plain[0], 0, plain[1], plain[2])

    def grant_step(self, word: int, register: Register) -> None:
        """Let native code do this MSR to a register that steers translation, wherever it finds the step."""
        slot, mask, fixed = self._regs.stored_as(register.name)
        self._grant(word, slot | state.IS_STEP, 0, mask, fixed)

    def grant_immediate(self, word: int, slot: int, keep: int, ones: int) -> None:
        """Let native code do this MSR (immediate): the slot keeps `keep` and gets `ones`."""
        if slot != state.DAIF or not self._regs["MDSCR_EL1"] & _ARMING:
            self._grant(word, slot, 0, keep, ones)

    def grant_zeroing(self, word: int, size: int) -> None:
        """Let native code do this DC ZVA, of 64 bytes."""
        if size == state.ZEROED:
            self._grant(word, state.XZR, 0, 0, 0)

    def grant_maintenance(self, word: int, way: int, number: int) -> None:
        """Let native code do this DC or IC, as far as `emu.maintenance_log` has it."""
        self._grant(word, state.XZR, 0, way, number)

    def stack_slot(self, name: str) -> int:
        """Where SP_ELx is now: the one in use lives in slot SP."""
        slots = self._slots
        bank = int(name[-1])
        current = slots[state.EL] if slots[state.SPSEL] else 0
        return state.SP if bank == current else (state.SP_EL0, state.SP_EL1, state.SP_EL2, state.SP_EL3)[bank]
