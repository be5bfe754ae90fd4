"""One step outwards in a list of calls: who called the function that a context is in, and by what that is known."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from emu import state as slots
from emu.debug.frames import Place, PlaceKind, Rules
from emu.translation.regimes import regime_of
from mectui.queries.call_code import FP, LINK, SLOT, SOFT, SP, State, call_target, is_call
from mectui.queries.call_context import Caller, Context, EndError, How
from mectui.queries.call_paths import Paths, Piece
from mectui.queries.labels import shown
from mectui.queries.stack import MASK64, Stack, UnreadableError

if TYPE_CHECKING:
    import emu

VECTOR = 0x80
"""Bytes between two exception vectors."""
_BANKED = (slots.SP_EL0, slots.SP_EL1, slots.SP_EL2, slots.SP_EL3)
KEPT = range(19, 30)
"""What functions give back as they found it (AAPCS64), besides SP."""


class Unwinder:
    """For one list of calls. `floor` is what the next frame cannot be below."""

    def __init__(self, machine: emu.Machine) -> None:
        self.machine = machine
        self.floor = machine.cpu.sp
        self._paths = Paths(machine)
        self._vectors: dict[int, list[Piece]] = {}
        self._seen: set[tuple[int, int]] = set()
        """Return addresses, each with what the frame there cannot be below."""
        self._left: set[int] = set()
        """Exception levels whose ELR and SPSR have told what they know."""

    def start(self) -> Context:
        """The present instruction."""
        cpu = self.machine.cpu
        registers = {number: cpu.x[number] for number in range(31)} | {SP: cpu.sp}
        return Context(cpu.pc, registers, True, cpu.el, Stack(self.machine))

    def plain(self, address: int, el: int) -> int:
        """A return address without what pointer authentication or a tag put into it."""
        cpu = self.machine.cpu
        return cpu.authentication.plain_address(address & MASK64, regime_of(el, cpu.acting))

    # One step outwards.

    def caller(self, context: Context) -> Caller | Context:
        """Who called, or the context that an exception interrupted. Raises EndError, UnreadableError."""
        found = self._caller(context)
        if isinstance(found, Context):
            return found
        low = found.frame if found.frame is not None else found.floor
        # A function that keeps nothing in memory has no frame of its own.
        least = self.floor if context.is_exact or found.is_kept else self.floor + 1
        if low is not None:
            if low < least:
                raise EndError(f"its frame would be at {low:#x}, not above the one before: that is no stack of calls")
            self.floor = low
        return found

    def at(self, caller: Caller, address: int, context: Context) -> Context:
        """The caller, where its address can be one. Raises EndError."""
        if not address:
            raise EndError("its return address is 0: nothing called it")
        if address & 3:
            raise EndError(f"its return address {address:#x} is no address of an instruction")
        stack = context.stack
        before = stack.instruction(address - 4)
        if before is None and stack.instruction(address) is None:
            raise EndError(f"its return address {address:#x} leads to no code: {stack.why_no_code(address)}")
        if (address, self.floor) in self._seen:
            raise EndError(f"its return address {address:#x} leads to a call that is listed already")
        self._seen.add((address, self.floor))
        is_behind_call = before is not None and is_call(before)
        found = caller.found if is_behind_call else f"{caller.found}; not behind a call"
        is_sure = caller.is_sure and is_behind_call
        return Context(address, caller.registers, False, context.el, stack, caller.how, found, is_sure)

    def _caller(self, context: Context) -> Caller | Context:
        rules = self.machine.frames.at(context.here)
        if rules is not None:
            found = self._by_tables(context, rules)
            return self._corrected(context, rules, found) if context.is_exact else found
        interrupted = self._interrupted(context)
        if interrupted is not None:
            return interrupted
        return self._by_code(context)

    # By what the compiler wrote down.

    def _corrected(self, context: Context, rules: Rules, found: Caller) -> Caller:
        """Tables may be right at calls alone; where the code says something else that a call bears out, it is right."""
        try:
            told = self._by_code(context)
        except (EndError, UnreadableError):
            return found
        address = self.plain(told.address, context.el)
        if told.frame is None or (told.frame, address) == (found.frame, self.plain(found.address, context.el)):
            return found
        led = self._paths.led_by_call(context, address)
        if led is None or self._entry(context, led) != told.frame:
            return found
        return told._replace(found=f"{told.found}; {rules.section} is wrong here")

    def _by_tables(self, context: Context, rules: Rules) -> Caller:
        if rules.base is None:
            raise EndError(f"{rules.section} computes its frame address by an expression, which is not evaluated here")
        base = context.registers.get(rules.base)
        if base is None:
            raise EndError(f"{rules.section} counts its frame from {name_of(rules.base)}, which is not known any more")
        frame = base + rules.offset & MASK64
        link = rules.places.get(rules.return_register, Place(PlaceKind.SAME))
        if link.kind is PlaceKind.UNDEFINED:
            raise EndError(f"{rules.section} says that nothing called it", frame)
        if link.kind is PlaceKind.SAME and not context.is_exact:
            raise EndError(f"{rules.section} has its return address in x30, where the call has put another", frame)
        address = self._value(context, rules.return_register, link, frame)
        if address is None:
            raise EndError(f"{rules.section} does not say where its return address is", frame)
        registers = {SP: frame}
        for number in KEPT:
            place = rules.places.get(number, Place(PlaceKind.SAME))
            try:
                value = self._value(context, number, place, frame)
            except UnreadableError:
                continue
            if value is not None:
                registers[number] = value
        where = ", x30" if link.kind is PlaceKind.SAME else ""
        return Caller(
            frame, address, registers, How.TABLES, f"{rules.section}{where}", is_kept=link.kind is PlaceKind.REGISTER
        )

    def _value(self, context: Context, number: int, place: Place, frame: int) -> int | None:
        """Raises UnreadableError."""
        match place.kind:
            case PlaceKind.SAME:
                return context.registers.get(number)
            case PlaceKind.OFFSET:
                return context.stack.word(frame + place.value)
            case PlaceKind.VALUE:
                return frame + place.value & MASK64
            case PlaceKind.REGISTER:
                return context.registers.get(place.value)
        return None

    # By the code itself.

    def _by_code(self, context: Context) -> Caller:
        known = self._paths.function(context)
        if context.is_exact and context.stack.instruction(context.pc) is None:
            why = "x30; there is no code at the pc"
            return Caller(
                context.registers.get(SP), self._link(context), context.registers, How.LINK, why, False, is_kept=True
            )
        if known is None:
            return self._by_record(context, "where its code begins is not known")
        entry = self._entry(context, known)
        if LINK in known.of(LINK) and context.is_exact:
            return self._by_link(context, known)
        value, where = self._resolved(context, known, LINK, entry)
        registers = self._registers(context, known, entry)
        if value is None and known.called:
            return self._by_copy(context, known, entry, registers)
        if value is None:
            return self._by_record(context, "where its code keeps x30 is not known")
        if where is None:
            how, found = How.STORED, "x30, kept in another register"
        elif entry is not None and known.record == where - entry - 8:
            how, found = How.RECORD, f"frame record at {where - 8:#x}"
        else:
            how, found = How.STORED, f"x30, stored at {where:#x}"
        return Caller(entry, value, registers, how, found, is_kept=where is None)

    def _by_copy(self, context: Context, known: State, entry: int | None, registers: dict[int, int]) -> Caller:
        """The function kept X30 over its calls in a register that calls may change, as some assembler does."""
        symbol = self.machine.symbols.nearest(context.here)
        name = "its code" if symbol is None else shown(symbol[0])
        for place in sorted(known.of(LINK)):
            value = context.registers.get(place - SOFT) if SOFT <= place < SLOT // 2 else None
            if value is None:
                continue
            plain = self.plain(value, context.el)
            if self._paths.led_by_call(context, plain) is not None:
                return Caller(
                    entry, value, registers, How.STORED, f"x30, kept in x{place - SOFT} over a call", False, True
                )
        raise EndError(f"{name} has made a call and did not store x30: nothing is left of where it was called from")

    def _registers(self, context: Context, known: State, entry: int | None) -> dict[int, int]:
        """What the registers of the caller hold, as far as its callee's code tells."""
        registers = {} if entry is None else {SP: entry}
        numbers = range(LINK) if context.is_exact else [*(each for each in context.registers if each < 19), *KEPT]
        for number in numbers:
            try:
                value, _ = self._resolved(context, known, number, entry)
            except UnreadableError:
                continue  # it may never be asked for
            if value is not None:
                registers[number] = value
        return registers

    def _entry(self, context: Context, known: State) -> int | None:
        """SP where the code was entered."""
        for register, moved in ((SP, known.sp), (FP, known.fp)):
            value = context.registers.get(register)
            if moved is not None and value is not None:
                return value - moved & MASK64
        return None

    def _resolved(
        self, context: Context, known: State, number: int, entry: int | None
    ) -> tuple[int | None, int | None]:
        """(what a register held at the entry, where in memory that is). Raises UnreadableError."""
        places = sorted(place for place in known.of(number) if not SOFT <= place < SLOT // 2)
        for place in places:
            if place < SLOT // 2 and place in context.registers:
                return context.registers[place], None
        for place in places:
            if place >= SLOT // 2 and entry is not None:
                where = entry + place - SLOT & MASK64
                return context.stack.word(where), where
        return None, None

    def _by_link(self, context: Context, known: State) -> Caller:
        """The innermost function still has its return address in X30."""
        address = self._link(context)
        plain = self.plain(address, context.el)
        word = context.stack.instruction(plain - 4) if plain and not plain & 3 else None
        if word is not None and not is_call(word):
            raise EndError(f"x30 holds {plain:#x}, which is behind no call: what led here is not known")
        if word is not None and call_target(word) is not None:
            led = self._paths.led_by_call(context, plain)
            if led is None or LINK not in led.of(LINK):
                raise EndError(
                    f"x30 holds {plain:#x}, and the call before that does not lead here: what did is not known"
                )
            known = led  # from where the function begins, whatever names there are within it
        entry = self._entry(context, known)
        return Caller(entry, address, self._registers(context, known, entry), How.LINK, "x30, not stored yet")

    @staticmethod
    def _link(context: Context) -> int:
        """X30. Raises EndError."""
        address = context.registers.get(LINK)
        if address is None:
            raise EndError("its return address is in x30, and what that held is not known")
        return address

    def _by_record(self, context: Context, why: str) -> Caller:
        """X29 leads to a frame record {X29, X30} (AAPCS64, "The Frame Pointer")."""
        record = context.registers.get(FP)
        if record is None:
            raise EndError("nothing says where it was called from: x29 is not known any more, and it has no tables")
        if not record:
            raise EndError("x29 is 0: this is the end of the frame records")
        if record & 7:
            raise EndError(f"x29 holds {record:#x}, which is no frame record")
        if record < self.floor:
            raise EndError(f"x29 holds {record:#x}, which is below the stack: it is no frame record of this call")
        before, address = context.stack.word(record), context.stack.word(record + 8)
        found = f"frame record at {record:#x}" + (f"; {why}" if why else "")
        return Caller(None, address, {FP: before}, How.RECORD, found, False, floor=record + 16)

    # Exceptions.

    def _interrupted(self, context: Context) -> Context | None:
        """What an exception interrupted, where code is reached from the vectors of its level without a call."""
        cpu, el = self.machine.cpu, context.el
        if not el:
            return None
        spsr, returns_to = cpu.regs[f"SPSR_EL{el}"], cpu.regs[f"ELR_EL{el}"]
        source, stack_bit, is_32bit = spsr >> 2 & 3, spsr & 1, bool(spsr & 0x10)
        group = 0x600 if is_32bit else 0x400 if source < el else 0x200 if stack_bit else 0
        base = (cpu.regs[f"VBAR_EL{el}"] & ~0x7FF) + group
        vectors = range(base, base + 4 * VECTOR, VECTOR)
        if el not in self._vectors:
            self._vectors[el] = [piece for at in vectors for piece in self._paths.begun(context.stack, at, at + VECTOR)]
        # Its first instruction may not be there: nobody has set the vectors, say.
        at_vector = context.is_exact and context.pc in vectors
        known = State() if at_vector else self._paths.led(context, self._vectors[el])
        if known is None or (source > el and not is_32bit):
            return None
        what = f"exception from {'AArch32' if is_32bit else f'EL{source}'} to EL{el}"
        if is_32bit:
            raise EndError(f"{what}: the code that it interrupted cannot be followed")
        if el in self._left:
            raise EndError(f"{what}: ELR_EL{el} and SPSR_EL{el} tell of the last one alone")
        self._left.add(el)
        entry = self._entry(context, known)
        registers = self._registers(context, known, entry)
        with suppress(UnreadableError):
            value, _ = self._resolved(context, known, LINK, entry)
            if value is not None:
                registers[LINK] = value
        bank = source if stack_bit else 0
        if bank != el:
            registers[SP] = self._banked(bank)
        stack = context.stack if source == el else Stack(self.machine, source)
        self.floor = registers.get(SP, 0)
        what += f": ELR_EL{el}={returns_to:#x}, SPSR_EL{el}={spsr:#x}"
        return Context(returns_to, registers, True, source, stack, How.EXCEPTION, f"ELR_EL{el}", True, what, entry)

    def _banked(self, bank: int) -> int:
        cpu = self.machine.cpu
        return cpu.sp if bank == (cpu.el if cpu.slots[slots.SPSEL] else 0) else int(cpu.slots[_BANKED[bank]])


def name_of(register: int) -> str:
    return "sp" if register == SP else f"x{register}" if register < SP else f"register {register}"
