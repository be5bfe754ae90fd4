"""The operations as LLVM IR: an instruction's meaning becomes native code, one basic block after another."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir

from emu import state
from emu.engine import native_fp, native_system, native_transition
from emu.isa.evaluate import Arithmetic
from emu.isa.ops import Escape, Fp, Mode, Query
from emu.isa.pattern import Value
from emu.mec.memory import CODE_TAG
from emu.mec.writers import COUNT_SHIFT
from emu.state import LEAVE, MASK64

I64, I32, I8, I1, I128 = ir.IntType(64), ir.IntType(32), ir.IntType(8), ir.IntType(1), ir.IntType(128)
PTR = ir.PointerType()
HANDLER = ir.FunctionType(I64, [PTR, I64, I64, I64])
"""A handler: (state, instruction word, pc, budget left) -> next pc, or LEAVE."""
CALLBACK = ir.FunctionType(I64, [PTR, I64, I64, I64])
"""A callback into Python: (state, three operands) -> CONTINUE or REDIRECTED or LEFT."""

CONTINUE, REDIRECTED, LEFT = 0, 1, 2
AGAIN = 3
"""What only the decoder answers: the word has a new handler by now, look it up again."""


def _pure(name: str, emit: Callable[..., Any]) -> Callable[..., Value]:
    """An operation that folds constants by the reference's own definition and emits code for anything else."""
    fold = getattr(Arithmetic, name)

    def operation(self: Lower, *operands: Value) -> Value:
        if all(isinstance(operand, int) for operand in operands):
            return fold(*operands)
        return emit(self, self.b, *(self.value(operand) for operand in operands))

    return operation


def _compare(kind: str, signed: bool = False) -> Callable[..., Any]:
    def emit(lower: Lower, b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        compare = b.icmp_signed if signed else b.icmp_unsigned
        return b.zext(compare(kind, x, y), I64)

    return emit


def _high_product(extend: str) -> Callable[..., Any]:
    def emit(lower: Lower, b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        wide = getattr(b, extend)
        product = b.mul(wide(x, I128), wide(y, I128))
        return b.trunc(b.lshr(product, ir.Constant(I128, 64)), I64)

    return emit


def _udiv(lower: Lower, b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    is_zero = b.icmp_unsigned("==", y, I64(0))
    return b.select(is_zero, I64(0), b.udiv(x, b.select(is_zero, I64(1), y)))


def _sdiv(lower: Lower, b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    # Division by -1 is negation; the host would trap on the most negative number.
    is_zero, is_minus = b.icmp_unsigned("==", y, I64(0)), b.icmp_unsigned("==", y, I64(MASK64))
    quotient = b.sdiv(x, b.select(b.or_(is_zero, is_minus), I64(1), y))
    return b.select(is_zero, I64(0), b.select(is_minus, b.neg(x), quotient))


def strictness(mode: Mode) -> int:
    """Ones where an access of this kind must be aligned even in memory that does not ask for it."""
    return MASK64 if mode in (Mode.ALIGNED, Mode.ATOMIC, Mode.ORDERED) else 0


def table_of_load(mode: Mode) -> int:
    """The software TLB that a load looks into."""
    return state.STORE_TLB if mode is Mode.ATOMIC else state.LOAD_TLB


class Lower:
    """Builds one function's body. `word` is the instruction word, `pc` and `budget` the handler's arguments."""

    def __init__(
        self, builder: ir.IRBuilder, state_pointer: ir.Value, word: ir.Value, pc: ir.Value, budget: ir.Value
    ) -> None:
        self.b = builder
        self.state = state_pointer
        self.word = word
        self._pc = pc
        self.budget = budget
        self.next_pc: ir.Value = builder.add(pc, I64(4))
        self.is_finished = False

    # Values.

    def value(self, operand: Value) -> ir.Value:
        return I64(operand & MASK64) if isinstance(operand, int) else operand

    add = _pure("add", lambda s, b, x, y: b.add(x, y))
    sub = _pure("sub", lambda s, b, x, y: b.sub(x, y))
    mul = _pure("mul", lambda s, b, x, y: b.mul(x, y))
    umulh = _pure("umulh", _high_product("zext"))
    smulh = _pure("smulh", _high_product("sext"))
    udiv = _pure("udiv", _udiv)
    sdiv = _pure("sdiv", _sdiv)
    and_ = _pure("and_", lambda s, b, x, y: b.and_(x, y))
    or_ = _pure("or_", lambda s, b, x, y: b.or_(x, y))
    xor = _pure("xor", lambda s, b, x, y: b.xor(x, y))
    shl = _pure("shl", lambda s, b, x, y: b.shl(x, y))
    shr = _pure("shr", lambda s, b, x, y: b.lshr(x, y))
    sar = _pure("sar", lambda s, b, x, y: b.ashr(x, y))
    eq = _pure("eq", _compare("=="))
    ult = _pure("ult", _compare("<"))
    slt = _pure("slt", _compare("<", signed=True))
    clz = _pure("clz", lambda s, b, x: b.ctlz(x, I1(0)))
    bit_reverse = _pure("bit_reverse", lambda s, b, x: b.bitreverse(x))
    byte_reverse = _pure("byte_reverse", lambda s, b, x: b.bswap(x))

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        if isinstance(condition, int):
            return a if condition else b
        return self.b.select(self.truth(condition), self.value(a), self.value(b))

    def lookup(self, table: bytes, index: Value) -> Value:
        if isinstance(index, int):
            return Arithmetic.lookup(table, index)
        name = f"table_{zlib.crc32(table):08x}"
        constant = self.b.module.globals.get(name)
        if constant is None:
            constant = self._new_table(name, ir.ArrayType(I8, len(table)))
            constant.initializer = ir.Constant(constant.value_type, bytearray(table))
            constant.linkage, constant.global_constant = "internal", True
        place = self.b.gep(constant, [I64(0), index], source_etype=constant.value_type)
        return self.b.zext(self.b.load(place, typ=I8), I64)

    def _new_table(self, name: str, kind: ir.ArrayType) -> ir.GlobalVariable:
        return ir.GlobalVariable(self.b.module, kind, name)

    def zext(self, a: Value, width: int) -> Value:
        return self.and_(a, (1 << width) - 1)

    def sext(self, a: Value, width: int) -> Value:
        if isinstance(a, int):
            return Arithmetic.sext(a, width)
        return self.b.ashr(self.b.shl(a, I64(64 - width)), I64(64 - width))

    def truth(self, condition: ir.Value) -> ir.Value:
        return self.b.icmp_unsigned("!=", condition, I64(0))

    # State.

    def slot(self, index: Value) -> ir.Value:
        return self.b.gep(self.state, [self.value(index)], source_etype=I64)

    def get(self, slot: int) -> Value:
        return self.b.load(self.slot(slot), typ=I64)

    def set(self, slot: int, value: Value) -> None:
        self.b.store(self.value(value), self.slot(slot))

    def read_x(self, register: Value) -> Value:
        if isinstance(register, int):
            return 0 if register == state.XZR else self.get(register)
        return self.b.load(self.slot(register), typ=I64)

    def write_x(self, register: Value, value: Value) -> None:
        if isinstance(register, int):
            if register != state.XZR:
                self.set(register, value)
            return
        self.b.store(self.value(value), self.slot(register))
        self.set(state.XZR, 0)  # keeps the zero register zero without a branch

    def _xsp(self, register: Value) -> ir.Value:
        # Register 31 becomes slot 32: add the carry out of five bits.
        return self.slot(self.add(register, self.shr(self.add(register, 1), 5)))

    def read_xsp(self, register: Value) -> Value:
        return self.b.load(self._xsp(register), typ=I64)

    def write_xsp(self, register: Value, value: Value) -> None:
        self.b.store(self.value(value), self._xsp(register))

    # Control.

    def pc(self) -> Value:
        return self._pc

    def branch(self, target: Value) -> None:
        self.next_pc = self.value(target)

    def branch_if(self, condition: Value, target: Value) -> None:
        self.next_pc = self.value(self.select(condition, target, self.next_pc))

    def set_branch_type(self, target: Value, otherwise: int, guarded: Value) -> None:
        b = self.b
        with b.if_else(self.truth(self.get(state.GUARDED)), likely=False) as (checked, plain):
            with checked:
                self.ask(Query.BRANCH_TYPE, target, self.or_(otherwise, self.shl(guarded, 8)))
            with plain:
                self.set(state.BTYPE, otherwise)
                self.set(state.BTYPE_SET, self.sub(self.add(self.get(state.COUNT), self.get(state.LIMIT)), self.budget))

    def finish(self) -> None:
        """Return to the engine's loop."""
        if not self.is_finished:
            self.b.ret(self.next_pc)
            self.is_finished = True

    def _call_python(self, slot: int, a: Value, b: Value, c: Value) -> ir.Value:
        """Call back with exact state: the pc and the budget are written only here, on the slow path."""
        self.set(state.PC, self._pc)
        self.set(state.BUDGET, self.budget)
        target = self.b.inttoptr(self.get(slot), CALLBACK.as_pointer())
        return self.b.call(target, [self.state, self.value(a), self.value(b), self.value(c)])

    def _return_redirected(self, status: ir.Value) -> None:
        left = self.b.icmp_unsigned("==", status, I64(LEFT))
        self.b.ret(self.b.select(left, I64(LEAVE), self.b.load(self.slot(state.PC), typ=I64)))

    def escape(self, kind: Escape) -> None:
        if kind in native_transition.KINDS:
            native_transition.attempt(self, kind)
        if kind not in native_system.GRANTED:
            self._escape_to_python(kind)
            return
        b = self.b
        granted, slow, done = (b.append_basic_block(f"system.{name}") for name in ("granted", "slow", "done"))
        hit, entry = native_system.probe(self)
        b.cbranch(hit, granted, slow)
        b.position_at_end(granted)
        native_system.perform(self, kind, entry, slow, done)
        b.position_at_end(slow)
        self._escape_to_python(kind)
        b.branch(done)
        b.position_at_end(done)

    def _escape_to_python(self, kind: Escape) -> None:
        status = self._call_python(state.CALL_SYSTEM, kind.value, self.word, 0)
        go_on = self.b.icmp_unsigned("==", status, I64(CONTINUE))
        with self.b.if_then(self.b.not_(go_on)):
            self._return_redirected(status)

    def escape_if(self, condition: Value, kind: Escape) -> None:
        if isinstance(condition, int) and condition == 0:
            return
        with self.b.if_then(self.truth(self.value(condition)), likely=False):
            if kind in native_transition.KINDS:
                native_transition.attempt(self, kind)
            status = self._call_python(state.CALL_SYSTEM, kind.value, self.word, 0)
            self._return_redirected(status)

    # Memory: the software TLB inline, Python for everything else.

    def _probe(
        self, table: Value, address: ir.Value, size: Value, strict: Value, mask: Value
    ) -> tuple[ir.Value, ir.Value, ir.Value, ir.Value, ir.Value | None]:
        """Look an address up. `mask` is the alignment less 1; ones in `strict` demand it whatever the entry says.

        Returns whether the fast path is allowed so far, the arena offset, the owner id of the context, the entry, and
        whether the access is allowed so far but goes over two encryption blocks (None where it cannot).
        """
        b = self.b
        context = self.value(self.get(state.CONTEXT))
        salted = b.xor(address, b.shl(b.and_(context, I64(state.SALT_MASK)), I64(state.SALT_SHIFT)))
        index = b.and_(b.lshr(salted, I64(12)), I64(state.TLB_ENTRIES - 1))
        entry = self.slot(b.add(b.shl(index, I64(2)), self.value(table)))
        tag = b.load(entry, typ=I64)
        expected = b.or_(b.and_(address, I64(~0xFFF & MASK64)), context)
        hit = b.icmp_unsigned("==", tag, expected)
        addend = b.load(b.gep(entry, [I64(1)], source_etype=I64), typ=I64)
        owner = b.load(b.gep(entry, [I64(2)], source_etype=I64), typ=I64)
        crossing = None
        if isinstance(strict, int) and strict == MASK64 and mask:
            hit = b.and_(hit, b.icmp_unsigned("==", b.and_(address, self.value(mask)), I64(0)))
        elif mask or not isinstance(size, int) or size > 1:
            demanded = self.or_(b.load(b.gep(entry, [I64(3)], source_etype=I64), typ=I64), strict)
            wrong = b.and_(b.and_(address, self.value(mask)), demanded)
            # An access over two encryption blocks may meet two owners.
            last_in_block, last_in_page = self.value(self.sub(16, size)), self.value(self.sub(0x1000, size))
            within_block = b.icmp_unsigned("<=", b.and_(address, I64(15)), last_in_block)
            within_page = b.icmp_unsigned("<=", b.and_(address, I64(0xFFF)), last_in_page)
            hit = b.and_(hit, b.icmp_unsigned("==", wrong, I64(0)))
            crossing = b.and_(hit, b.and_(b.not_(within_block), within_page))
            hit = b.and_(hit, within_block)
        return hit, b.add(address, addend), owner, entry, crossing

    def has_load(self, address: ir.Value) -> ir.Value:
        """Whether the software TLB has an entry for loads from an address."""
        return self._probe(state.LOAD_TLB, address, 1, 0, 0)[0]

    def note_access(self, address: ir.Value, size: int, mode: Mode, flags: int) -> None:
        self.set(state.LAST_ACCESS_VA, address)
        self.set(state.LAST_ACCESS_INFO, size | mode.value << 8 | flags | state.LAST_ACCESS_VALID)

    def pointer(self, slot: int) -> ir.Value:
        """The host address that a slot holds."""
        return self.b.load(self.slot(slot), typ=PTR)

    def _tag_place(self, offset: ir.Value) -> ir.Value:
        b = self.b
        tags = self.pointer(state.TAGS)
        return b.gep(tags, [b.lshr(offset, I64(4))], source_etype=I32)

    def _tag(self, offset: ir.Value) -> ir.Value:
        """The owner tag of the block at an arena offset."""
        return self.b.load(self._tag_place(offset), typ=I32)

    def _is_readable(self, offset: ir.Value, owner: ir.Value) -> ir.Value:
        """Whether a load under this owner id (32 bits) sees the block as it lies in the arena."""
        b = self.b
        tag = b.and_(self._tag(offset), ir.Constant(I32, CODE_TAG - 1))
        return b.or_(b.icmp_unsigned("==", tag, owner), b.icmp_unsigned("==", tag, ir.Constant(I32, 0)))

    def is_ours(self, offset: ir.Value, owner: ir.Value, entry: ir.Value) -> ir.Value:
        """Whether a store finds the block owned by its context, or by nobody where it may claim it.

        The whole tag is compared: a block that holds decoded code is marked in it and takes the slow path.
        """
        b = self.b
        tag = self._tag(offset)
        return b.or_(b.icmp_unsigned("==", tag, owner), b.and_(b.icmp_unsigned("==", tag, I32(0)), self._claims(entry)))

    def _claims(self, entry: ir.Value) -> ir.Value:
        flags = self.b.load(self.b.gep(entry, [I64(3)], source_etype=I64), typ=I64)
        return self.truth(self.b.and_(flags, I64(state.CLAIMS)))

    def _own(
        self, offset: ir.Value, owner: ir.Value, entry: ir.Value, fast: ir.Block, slow: Callable[[], ir.Block]
    ) -> None:
        """Go to `fast` with a block that belongs to the store's context, claimed just now where need be.

        `slow` names the way out for other blocks; it is called where the jump is made.
        """
        b = self.b
        other, claim = b.append_basic_block("store.other"), b.append_basic_block("store.claim")
        tag = self._tag(offset)
        b.cbranch(b.icmp_unsigned("==", tag, owner), fast, other).set_weights([1 << 20, 1])
        b.position_at_end(other)
        may_claim = b.and_(b.icmp_unsigned("==", tag, I32(0)), self._claims(entry))
        b.cbranch(may_claim, claim, slow())
        b.position_at_end(claim)
        b.store(owner, self._tag_place(offset))
        b.branch(fast)

    def _record_writer(self, offset: ir.Value, entry: ir.Value) -> None:
        """Note who stores to the block at an arena offset, as `emu.mec.writers` lays it down."""
        b = self.b
        flags = b.lshr(b.load(b.gep(entry, [I64(3)], source_etype=I64), typ=I64), I64(state.RECORD_SHIFT))
        count = b.sub(self.get(state.WRITER_COUNT), b.shl(self.budget, I64(COUNT_SHIFT)))
        record = b.gep(self.pointer(state.WRITERS), [b.and_(offset, I64(~15 & MASK64))], source_etype=I8)
        b.store(b.or_(count, flags), record)
        b.store(self._pc, b.gep(record, [I64(1)], source_etype=I64))

    def host(self, offset: ir.Value) -> ir.Value:
        return self.b.gep(self.pointer(state.ARENA), [offset], source_etype=I8)

    def locate_load(
        self, table: Value, address: ir.Value, size: Value, strict: Value, mask: Value, slow: ir.Block
    ) -> ir.Value:
        """The arena offset of a load by the software TLB; goes to `slow` where Python has to see to it."""
        b = self.b
        probed, fast = b.append_basic_block("load.probed"), b.append_basic_block("load.fast")
        hit, offset, wide_owner, _, crossing = self._probe(table, address, size, strict, mask)
        owner = b.trunc(wide_owner, I32)
        if crossing is None:
            b.cbranch(hit, probed, slow)
        else:
            odd, both = b.append_basic_block("load.odd"), b.append_basic_block("load.both")
            b.cbranch(hit, probed, odd)
            b.position_at_end(odd)
            b.cbranch(crossing, both, slow)
            b.position_at_end(both)
            last = b.add(offset, self.value(self.sub(size, 1)))
            b.cbranch(self._is_readable(last, owner), probed, slow)
        b.position_at_end(probed)
        b.cbranch(self._is_readable(offset, owner), fast, slow)
        b.position_at_end(fast)
        return offset

    def locate_store(self, address: ir.Value, size: Value, strict: Value, mask: Value, slow: ir.Block) -> ir.Value:
        """The arena offset of a store by the software TLB, all but the data done; goes to `slow` as a load does."""
        b = self.b
        probed, mine = b.append_basic_block("store.probed"), b.append_basic_block("store.mine")
        fast = b.append_basic_block("store.fast")
        hit, offset, wide_owner, entry, crossing = self._probe(state.STORE_TLB, address, size, strict, mask)
        owner = b.trunc(wide_owner, I32)
        if crossing is None:
            b.cbranch(hit, probed, slow)
        else:
            odd, both = b.append_basic_block("store.odd"), b.append_basic_block("store.both")
            pair = b.append_basic_block("store.pair")
            b.cbranch(hit, probed, odd)
            b.position_at_end(odd)
            b.cbranch(crossing, both, slow)
            b.position_at_end(both)
            self._cross(offset, size, owner, entry, pair, slow)
            b.branch(fast)
        b.position_at_end(probed)
        self._own(offset, owner, entry, mine, lambda: slow)
        b.position_at_end(mine)
        self._record_writer(offset, entry)
        b.branch(fast)
        b.position_at_end(fast)
        return offset

    def load(self, address: Value, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> Value:
        b, align = self.b, align or size
        address = self.value(address)
        self.note_access(address, size, mode, 0)
        result = b.append_basic_block("loaded")
        slow = b.append_basic_block("load.slow")
        incoming: list[tuple[ir.Value, ir.Block]] = []
        if mode is not Mode.UNPRIVILEGED:
            offset = self.locate_load(table_of_load(mode), address, size, strictness(mode), align - 1, slow)
            loaded = b.load(self.host(offset), typ=ir.IntType(8 * size), align=1)
            incoming.append((loaded if size == 8 else b.zext(loaded, I64), b.block))
            b.branch(result)
        else:
            b.branch(slow)
        b.position_at_end(slow)
        status = self._call_python(state.CALL_LOAD, address, size, mode.value | align << 8)
        with b.if_then(self.truth(status)):
            self._return_redirected(status)
        incoming.append((self.get(state.VALUE), b.block))
        b.branch(result)
        b.position_at_end(result)
        phi = b.phi(I64)
        for value, block in incoming:
            phi.add_incoming(value, block)
        return phi

    def store(self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        b, align = self.b, align or size
        address, value = self.value(address), self.value(value)
        self.note_access(address, size, mode, state.LAST_ACCESS_WRITE)
        done = b.append_basic_block("stored")
        slow = b.append_basic_block("store.slow")
        if mode is not Mode.UNPRIVILEGED:
            narrow = value if size == 8 else b.trunc(value, ir.IntType(8 * size))
            offset = self.locate_store(address, size, strictness(mode), align - 1, slow)
            b.store(narrow, self.host(offset), align=1)
            b.branch(done)
        else:
            b.branch(slow)
        b.position_at_end(slow)
        self.set(state.VALUE, self.zext(value, 8 * size))
        status = self._call_python(state.CALL_STORE, address, size, mode.value | align << 8)
        with b.if_then(self.truth(status)):
            self._return_redirected(status)
        b.branch(done)
        b.position_at_end(done)

    def find_store(self, address: ir.Value, unwanted: int, slow: ir.Block) -> tuple[ir.Value, ir.Value, ir.Value]:
        """(entry, arena offset, owner id as 32 bits) of an aligned store by the software TLB.

        Goes to `slow` without an entry, and where the entry has an unwanted flag.
        """
        b = self.b
        hit, offset, owner, entry, _ = self._probe(state.STORE_TLB, address, 1, 0, 0)
        flags = b.load(b.gep(entry, [I64(3)], source_etype=I64), typ=I64)
        found = b.append_basic_block("store.found")
        b.cbranch(b.and_(hit, b.icmp_unsigned("==", b.and_(flags, I64(unwanted)), I64(0))), found, slow)
        b.position_at_end(found)
        return entry, offset, b.trunc(owner, I32)

    def take(self, offset: ir.Value, owner: ir.Value, entry: ir.Value) -> None:
        """The tag and the record of a store to a block that `is_ours`."""
        self.b.store(owner, self._tag_place(offset))
        self._record_writer(offset, entry)

    def _cross(
        self, offset: ir.Value, size: Value, owner: ir.Value, entry: ir.Value, pair: ir.Block, slow: ir.Block
    ) -> None:
        """Everything of a store over two blocks but the data: both must be ours, and both get the record."""
        b = self.b
        last = b.add(offset, self.value(self.sub(size, 1)))
        fine = b.and_(self.is_ours(offset, owner, entry), self.is_ours(last, owner, entry))
        b.cbranch(fine, pair, slow)
        b.position_at_end(pair)
        for place in (offset, last):
            self.take(place, owner, entry)

    # V registers and floating point.

    def _v(self, register: Value, half: int) -> ir.Value:
        return self.slot(self.add(self.shl(register, 1), state.VECTORS + half))

    def read_v(self, register: Value, half: int) -> Value:
        return self.b.load(self._v(register, half), typ=I64)

    def write_v(self, register: Value, low: Value, high: Value) -> None:
        self.b.store(self.value(low), self._v(register, 0))
        self.b.store(self.value(high), self._v(register, 1))

    def fp(self, operation: Fp, width: int, a: Value, b: Value = 0, c: Value = 0) -> Value:
        native = native_fp.attempt(self, operation, width, a, b, c)
        if native is None:
            return self._fp_in_python(operation, width, a, b, c)
        builder = self.b
        sources, certain = [builder.block], native.is_certain
        slow, done = builder.append_basic_block("fp.slow"), builder.append_basic_block("fp.done")
        if native.is_usual is not None:
            second = builder.append_basic_block("fp.second")
            self._write_first(native.result)
            builder.cbranch(native.is_usual, done, second).set_weights([1 << 20, 1])
            self._aside(second)
            sources.append(second)
        builder.cbranch(certain() if callable(certain) else certain, done, slow)
        self._aside(slow)
        exact = self._fp_in_python(operation, width, a, b, c)
        after = builder.block
        builder.branch(done)
        self._resume(done)
        result = builder.phi(I64)
        for source in sources:
            result.add_incoming(native.result, source)
        result.add_incoming(exact, after)
        return result

    def _write_first(self, value: ir.Value) -> None:
        """Emit a value here, if it was put off, so that all that follows has it."""

    def _aside(self, block: ir.Block) -> None:
        """Go on in a block that is gone to now and then, from what has been emitted so far."""
        self.b.position_at_end(block)

    def _resume(self, block: ir.Block) -> None:
        """Go on in a block that every way here leads to."""
        self.b.position_at_end(block)

    def _fp_in_python(self, operation: Fp, width: int, a: Value, b: Value, c: Value) -> ir.Value:
        self.set(state.VALUE, c)
        # Arithmetic raises no exception that is taken: the answer is always to go on.
        self._call_python(state.CALL_FP, operation.value << 8 | width, a, b)
        return self.get(state.VALUE)

    def ask(self, query: Query, a: Value = 0, b: Value = 0) -> Value:
        status = self._call_python(state.CALL_ASK, query.value, a, b)
        with self.b.if_then(self.truth(status), likely=False):
            self._return_redirected(status)
        return self.get(state.VALUE)

    def exclusive_begin(self, address: Value, size: int) -> None:
        self.set(state.EXCLUSIVE, 1)
        self.set(state.EXCLUSIVE_VA, address)
        self.set(state.EXCLUSIVE_SIZE, size)

    def exclusive_store(self, address: Value, size: int, values: tuple[Value, ...], element: int) -> Value:
        b = self.b
        passes = self.and_(
            self.get(state.EXCLUSIVE),
            self.and_(self.eq(self.get(state.EXCLUSIVE_VA), address), self.eq(self.get(state.EXCLUSIVE_SIZE), size)),
        )
        with b.if_then(self.truth(passes)):
            for index, value in enumerate(values):
                self.store(self.add(address, index * element), element, value, Mode.ALIGNED)
        self.set(state.EXCLUSIVE, 0)
        return self.xor(passes, 1)
