"""Native code for the interpreter: its loop, and one handler per encoding class and static fields, made on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import llvmlite.ir as ir

from emu import state
from emu.engine import native_pages, native_refill
from emu.engine.cache import ObjectCache, fingerprint
from emu.engine.helpers import build_helper
from emu.engine.lower import AGAIN, CALLBACK, HANDLER, I32, I64, LEFT, PTR, Lower
from emu.engine.sweep import SWEEP_TYPE, build_sweep
from emu.isa.pattern import Decoded
from emu.state import LEAVE, MASK64

Key = tuple[str, tuple[int, ...]]

REGION_FLAG = 1 << 32
"""Mark in a decoded word: its handler is a region's function, whose number is in the bits above."""
REGION_SHIFT = 33
REDISPATCH = LEAVE - 1
"""What the stub returns for AGAIN: no instruction was executed, look the same address up again."""
COUNTERS = 1 << 12
"""Counters of branch targets, shared by addresses that agree in their low bits."""

LOOP = ir.FunctionType(ir.VoidType(), [PTR, I64])
"""The interpreter's loop: (state, budget)."""


def _object_name(key: Key) -> str:
    return key[0] + "".join(f"-{value}" for value in key[1])


class NativeCode:
    """All native code of this process; machines share it because it depends on nothing but the instruction set."""

    _shared: NativeCode | None = None
    _lock = threading.Lock()

    def __init__(self, cache_folder: Path | None) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        self._target = self.new_target()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        self.cache = ObjectCache(
            cache_folder, fingerprint(_sources(), llvmlite.__version__.encode(), cpu.encode(), features.encode())
        )
        self._addresses: dict[Key, int] = {}
        self.compiled = 0
        """How many handlers this process had to compile, rather than find in the cache."""
        self.compile_seconds = 0.0
        """Host seconds that took."""
        self.loop = self._function(("loop", ()), lambda module, name: _build_loop(module, name, False))
        self.decode_stub = self._function(("decode_stub", ()), _build_decode_stub)
        self.sweep = SWEEP_TYPE(self._function(("sweep", ()), build_sweep))
        """Decode ahead: see `emu.engine.sweep`."""

    @staticmethod
    def new_target() -> llvm.TargetMachine:
        """A target machine for this host, for whoever may own one."""
        return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=2,
            jit=True,
            codemodel="jitdefault",
        )

    def counting_loop(self) -> int:
        """The loop that counts branch targets and knows regions."""
        return self._function(("counting_loop", ()), lambda module, name: _build_loop(module, name, True))

    def helper(self, is_store: bool) -> int:
        """What regions call for loads, or for stores."""
        return self._function(("helper", (int(is_store),)), lambda m, name: build_helper(m, name, is_store))

    def refill(self, kind: int) -> int:
        """What accesses of a kind call that find nothing in the software TLB (`emu.engine.native_refill`)."""
        with self._lock:
            return self._function(("refill", (kind,)), lambda module, name: native_refill.build(module, name, kind))

    def scan_pages(self) -> int:
        """`emu.engine.native_pages`."""
        with self._lock:
            return self._function(("scan_pages", ()), native_pages.build)

    @classmethod
    def shared(cls, cache_folder: Path | None) -> NativeCode:
        """The process's native code; the first caller's cache folder counts."""
        with cls._lock:
            if cls._shared is None:
                cls._shared = cls(cache_folder)
            return cls._shared

    def has(self, decoded: Decoded) -> bool:
        return decoded.key in self._addresses

    def find(self, decoded: Decoded) -> int | None:
        """Address of the handler for an instruction if it is there already."""
        return self._addresses.get(decoded.key)

    def handler(self, decoded: Decoded) -> int:
        """Address of the handler for an instruction, compiled if this is the first of its kind."""
        key = decoded.key
        address = self._addresses.get(key)
        if address is None:
            with self._lock:
                address = self._function(key, lambda module, name: _build_handler(module, name, decoded))
        return address

    def _function(self, key: Key, build: Callable[[ir.Module, str], None]) -> int:
        if key in self._addresses:
            return self._addresses[key]
        name = _object_name(key)
        code = self.cache.load(name)
        if code is None:
            started = time.perf_counter()
            code = self._compile(name, build)
            self.cache.store(name, code)
            self.compiled += 1
            self.compile_seconds += time.perf_counter() - started
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address = int(self._engine.get_function_address(name.replace("-", "_")))
        self._addresses[key] = address
        return address

    def _compile(self, name: str, build: Callable[[ir.Module, str], None]) -> bytes:
        module = ir.Module()
        module.triple = llvm.get_process_triple()
        build(module, name.replace("-", "_"))
        parsed = llvm.parse_assembly(str(module))
        passes = llvm.create_pass_builder(self._target, llvm.create_pipeline_tuning_options(speed_level=2))
        passes.getModulePassManager().run(parsed, passes)
        return bytes(self._target.emit_object(parsed))


def _sources() -> bytes:
    """The text of everything that handlers are generated from."""
    root = Path(__file__).parent.parent
    made_by = (
        "helpers", "lazy_flags", "lower", "outline", "refill_layout", "region", "region_lower", "sweep", "text",
    )  # fmt: skip
    files = [
        *sorted((root / "isa").glob("*.py")), *sorted((root / "fp").glob("*.py")), root / "state.py",
        *(root / "engine" / f"{name}.py" for name in made_by), *sorted((root / "engine").glob("native*.py")),
        root / "transition_table.py", root / "tlb_rows.py",
    ]  # fmt: skip
    return b"".join(path.read_bytes() for path in files)


def _build_handler(module: ir.Module, name: str, decoded: Decoded) -> None:
    """One handler: static fields as constants, the others cut from the instruction word at run time."""
    function = ir.Function(module, HANDLER, name)
    function.args[0].add_attribute("noalias")
    b = ir.IRBuilder(function.append_basic_block())
    state_pointer, word, pc, budget = function.args
    lower = Lower(b, state_pointer, word, pc, budget)
    operands = {}
    encoding = decoded.encoding
    for field, (low, width) in encoding.fields.items():
        if field in encoding.static:
            operands[field] = decoded.operands[field]
        else:
            operands[field] = b.and_(b.lshr(word, I64(low)), I64((1 << width) - 1))
    encoding.semantics(lower, **operands)
    lower.finish()


def _slot(b: ir.IRBuilder, state_pointer: ir.Value, index: int) -> ir.Value:
    return b.gep(state_pointer, [I64(index)], source_etype=I64)


def _function(b: ir.IRBuilder, pointer: ir.Value, signature: ir.FunctionType) -> ir.Value:
    """The function whose address is stored at a pointer."""
    return b.inttoptr(b.load(pointer, typ=I64), signature.as_pointer())


def _build_decode_stub(module: ir.Module, name: str) -> None:
    """Stands in for every word not decoded yet: Python decodes it, then its handler runs."""
    function = ir.Function(module, HANDLER, name)
    b = ir.IRBuilder(function.append_basic_block())
    state_pointer, _, pc, budget = function.args
    b.store(pc, _slot(b, state_pointer, state.PC))
    b.store(budget, _slot(b, state_pointer, state.BUDGET))
    callback = _function(b, _slot(b, state_pointer, state.CALL_DECODE), CALLBACK)
    status = b.call(callback, [state_pointer, pc, I64(0), I64(0)])
    with b.if_then(b.icmp_unsigned("!=", status, I64(0))):
        left = b.icmp_unsigned("==", status, I64(LEFT))
        again = b.icmp_unsigned("==", status, I64(AGAIN))
        elsewhere = b.select(again, I64(REDISPATCH), b.load(_slot(b, state_pointer, state.PC), typ=I64))
        b.ret(b.select(left, I64(LEAVE), elsewhere))
    handler = _function(b, _slot(b, state_pointer, state.HANDLER), HANDLER)
    word = b.load(_slot(b, state_pointer, state.WORD), typ=I64)
    b.ret(b.call(handler, [state_pointer, word, pc, budget], tail=True))


def _build_loop(module: ir.Module, name: str, counts: bool) -> None:
    """Fetch, dispatch, count. Leaves when the budget is used up, STOP is set, or a handler returns LEAVE.

    With `counts` a decoded word with REGION_FLAG stands for a region, which tells in BUDGET what it left; and every
    target of a branch uses up one of its counter, which calls Python at zero.
    """
    function = ir.Function(module, LOOP, name)
    state_pointer, limit = function.args
    entry = function.append_basic_block("entry")
    b = ir.IRBuilder(entry)
    head, fetch, hit, miss, after, out, left = (
        function.append_basic_block(label) for label in ("head", "fetch", "hit", "miss", "after", "out", "left")
    )
    first = b.load(_slot(b, state_pointer, state.PC), typ=I64)
    stub = _function(b, _slot(b, state_pointer, state.DECODE_STUB), HANDLER)
    b.branch(head)

    b.position_at_end(head)
    pc, budget = b.phi(I64), b.phi(I64)
    pc.add_incoming(first, entry)
    budget.add_incoming(limit, entry)
    stop = b.load(_slot(b, state_pointer, state.STOP), typ=I64)
    finished = b.or_(b.icmp_unsigned("==", budget, I64(0)), b.icmp_unsigned("!=", stop, I64(0)))
    b.cbranch(finished, out, fetch)

    b.position_at_end(fetch)
    context = b.load(_slot(b, state_pointer, state.CONTEXT), typ=I64)
    salted = b.xor(pc, b.shl(b.and_(context, I64(state.SALT_MASK)), I64(state.SALT_SHIFT)))
    index = b.and_(b.lshr(salted, I64(12)), I64(state.TLB_ENTRIES - 1))
    line = b.gep(state_pointer, [b.add(b.shl(index, I64(2)), I64(state.FETCH_TLB))], source_etype=I64)
    # Bits [1:0] of the pc stay in the comparison: no tag has them, so a misaligned pc always misses.
    expected = b.or_(b.and_(pc, I64(~0xFFC & MASK64)), context)
    b.cbranch(b.icmp_unsigned("==", b.load(line, typ=I64), expected), hit, miss)

    b.position_at_end(hit)
    words = b.load(b.gep(line, [I64(1)], source_etype=I64), typ=PTR)
    offset = b.shl(b.and_(b.lshr(pc, I64(2)), I64(1023)), I64(1))
    decoded = b.gep(words, [offset], source_etype=I64)
    handler = _function(b, decoded, HANDLER)
    word = b.load(b.gep(decoded, [I64(1)], source_etype=I64), typ=I64)
    next_hit = b.call(handler, [state_pointer, word, pc, budget])
    rest_hit = b.sub(budget, I64(1))
    if counts:
        is_region = b.icmp_unsigned(">=", word, I64(REGION_FLAG))
        region = function.append_basic_block("region")
        b.cbranch(is_region, region, after)
        b.position_at_end(region)
        rest_region = b.load(_slot(b, state_pointer, state.BUDGET), typ=I64)
    b.branch(after)

    b.position_at_end(miss)
    next_miss = b.call(stub, [state_pointer, I64(0), pc, budget])
    rest_miss = b.sub(budget, I64(1))
    b.branch(after)

    b.position_at_end(after)
    following, rest = b.phi(I64), b.phi(I64)
    following.add_incoming(next_hit, hit)
    following.add_incoming(next_miss, miss)
    rest.add_incoming(rest_hit, hit)
    rest.add_incoming(rest_miss, miss)
    if counts:
        following.add_incoming(next_hit, region)
        rest.add_incoming(rest_region, region)
        _count_target(b, function, state_pointer, pc, following)
        # A region has just been put in this very place.
        again = b.icmp_unsigned("==", following, I64(REDISPATCH))
        following, rest = b.select(again, pc, following), b.select(again, budget, rest)
    pc.add_incoming(following, b.block)
    budget.add_incoming(rest, b.block)
    b.cbranch(b.icmp_unsigned("==", following, I64(LEAVE)), left, head)

    b.position_at_end(out)
    b.store(pc, _slot(b, state_pointer, state.PC))
    b.store(budget, _slot(b, state_pointer, state.BUDGET))
    b.ret_void()

    b.position_at_end(left)
    b.ret_void()


def _count_target(
    b: ir.IRBuilder, function: ir.Function, state_pointer: ir.Value, pc: ir.Value, following: ir.Value
) -> None:
    """One less of the counter of a branch's target; at zero Python hears of it."""
    # Whether what follows is an address at all matters little: the counters are only hints.
    count, hot, on = (function.append_basic_block(label) for label in ("count", "hot", "on"))
    b.cbranch(b.icmp_unsigned("==", following, b.add(pc, I64(4))), on, count)
    b.position_at_end(count)
    counters = b.load(_slot(b, state_pointer, state.HOT), typ=PTR)
    place = b.gep(counters, [b.and_(b.lshr(following, I64(2)), I64(COUNTERS - 1))], source_etype=I32)
    rest = b.sub(b.load(place, typ=I32), I32(1))
    b.store(rest, place)
    b.cbranch(b.icmp_unsigned("==", rest, I32(0)), hot, on)
    b.position_at_end(hot)
    callback = _function(b, _slot(b, state_pointer, state.CALL_HOT), CALLBACK)
    b.call(callback, [state_pointer, following, I64(0), I64(0)])
    b.branch(on)
    b.position_at_end(on)
