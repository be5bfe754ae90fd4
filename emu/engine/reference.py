"""The reference engine: every operation computed at once on Python ints. The definition the others answer to."""

from __future__ import annotations

from emu import state
from emu.cpu import Cpu
from emu.exceptions import Abandoned
from emu.isa.evaluate import Arithmetic
from emu.isa.ops import Escape, Fp, Mode, Query
from emu.isa.pattern import Value
from emu.state import MASK64


class Reference(Arithmetic):
    """Runs a `Cpu` one instruction at a time."""

    name = "reference"

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.slots = cpu.slots
        self._pc = 0
        self._next = 0
        self._word = 0

    # Registers and control.

    def read_x(self, register: Value) -> int:
        return self.slots[register]

    def write_x(self, register: Value, value: Value) -> None:
        if register != state.XZR:
            self.slots[register] = value

    def read_xsp(self, register: Value) -> int:
        return self.slots[state.SP if register == 31 else register]

    def write_xsp(self, register: Value, value: Value) -> None:
        self.slots[state.SP if register == 31 else register] = value

    def get(self, slot: int) -> int:
        return self.slots[slot]

    def set(self, slot: int, value: Value) -> None:
        self.slots[slot] = value

    def pc(self) -> int:
        return self._pc

    def branch(self, target: Value) -> None:
        self._next = target

    def set_branch_type(self, target: Value, otherwise: int, guarded: Value) -> None:
        self.cpu.set_branch_type(target, otherwise, guarded)

    def branch_if(self, condition: Value, target: Value) -> None:
        if condition:
            self._next = target

    # Memory.

    def load(self, address: Value, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> int:
        return self.cpu.load(address, size, mode, align)

    def store(self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        self.cpu.store(address, size, value & ((1 << 8 * size) - 1), mode, align)

    # V registers and floating point.

    def read_v(self, register: Value, half: int) -> int:
        index: int = state.VECTORS + 2 * register + half
        return self.slots[index]

    def write_v(self, register: Value, low: Value, high: Value) -> None:
        self.slots[state.VECTORS + 2 * register] = low
        self.slots[state.VECTORS + 2 * register + 1] = high

    def fp(self, operation: Fp, width: int, a: Value, b: Value = 0, c: Value = 0) -> int:
        return self.cpu.fp(operation, width, a, b, c)

    def ask(self, query: Query, a: Value = 0, b: Value = 0) -> int:
        return self.cpu.answer(query, a, b)

    def exclusive_begin(self, address: Value, size: int) -> None:
        self.slots[state.EXCLUSIVE] = 1
        self.slots[state.EXCLUSIVE_VA] = address
        self.slots[state.EXCLUSIVE_SIZE] = size

    def exclusive_store(self, address: Value, size: int, values: tuple[Value, ...], element: int) -> int:
        slots = self.slots
        if not (
            slots[state.EXCLUSIVE] and slots[state.EXCLUSIVE_VA] == address and slots[state.EXCLUSIVE_SIZE] == size
        ):
            slots[state.EXCLUSIVE] = 0
            return 1
        for index, value in enumerate(values):
            self.store(address + index * element, element, value, Mode.ALIGNED)
        slots[state.EXCLUSIVE] = 0
        return 0

    # The CPU model's work.

    def escape(self, kind: Escape) -> None:
        if self.cpu.escape(kind, self._word):
            self._next = self.slots[state.PC]

    def escape_if(self, condition: Value, kind: Escape) -> None:
        if condition:
            self.cpu.escape(kind, self._word)
            raise Abandoned

    def step(self) -> None:
        """Execute one instruction, or take the exception it causes; counts as one either way."""
        debug = self.cpu.debug
        if debug.is_armed:
            debug.step(self._execute)
        else:
            self._execute()

    def _execute(self) -> None:
        cpu, slots = self.cpu, self.slots
        pc = slots[state.PC]
        try:
            word = cpu.fetch(pc)
            decoded = cpu.decode(word)
            if decoded is None:
                cpu.escape(Escape.UNDEFINED, word)
                return
            self._pc, self._next, self._word = pc, (pc + 4) & MASK64, word
            decoded.encoding.semantics(self, **decoded.operands)
            slots[state.PC] = self._next
        except Abandoned:
            pass
        finally:
            slots[state.COUNT] += 1

    def run(self, budget: int) -> None:
        """Execute until the budget is used up or the CPU asks to leave."""
        cpu = self.cpu
        slots = self.slots
        for _ in range(budget):
            if slots[state.STOP] or cpu.stops_before(slots[state.PC]):
                return
            self.step()
