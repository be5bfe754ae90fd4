"""Native code for the interpreter: its loop, and one handler per encoding class and static fields, made on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import llvmlite.ir as ir

from emu import state
from emu.engine.cache import ObjectCache, fingerprint
from emu.engine.lower import CALLBACK, HANDLER, I64, LEFT, PTR, Lower
from emu.isa.pattern import Decoded
from emu.state import LEAVE, MASK64

Key = tuple[str, tuple[int, ...]]

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
        triple = llvm.get_process_triple()
        self._target = llvm.Target.from_triple(triple).create_target_machine(
            cpu=cpu, features=features, opt=2, jit=True, codemodel="jitdefault"
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        self._cache = ObjectCache(
            cache_folder, fingerprint(_sources(), llvmlite.__version__.encode(), cpu.encode(), features.encode())
        )
        self._addresses: dict[Key, int] = {}
        self.compiled = 0
        """How many handlers this process had to compile, rather than find in the cache."""
        self.loop = self._function(("loop", ()), _build_loop)
        self.decode_stub = self._function(("decode_stub", ()), _build_decode_stub)

    @classmethod
    def shared(cls, cache_folder: Path | None) -> NativeCode:
        """The process's native code; the first caller's cache folder counts."""
        with cls._lock:
            if cls._shared is None:
                cls._shared = cls(cache_folder)
            return cls._shared

    def has(self, decoded: Decoded) -> bool:
        return decoded.key in self._addresses

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
        code = self._cache.load(name)
        if code is None:
            code = self._compile(name, build)
            self._cache.store(name, code)
            self.compiled += 1
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
    files = [
        *sorted((root / "isa").glob("*.py")), *sorted((root / "fp").glob("*.py")), root / "state.py",
        root / "engine" / "lower.py", root / "engine" / "native_fp.py", Path(__file__),
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
        b.ret(b.select(left, I64(LEAVE), b.load(_slot(b, state_pointer, state.PC), typ=I64)))
    handler = _function(b, _slot(b, state_pointer, state.HANDLER), HANDLER)
    word = b.load(_slot(b, state_pointer, state.WORD), typ=I64)
    b.ret(b.call(handler, [state_pointer, word, pc, budget], tail=True))


def _build_loop(module: ir.Module, name: str) -> None:
    """Fetch, dispatch, count. Leaves when the budget is used up, STOP is set, or a handler returns LEAVE."""
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
    index = b.and_(b.lshr(pc, I64(12)), I64(state.TLB_ENTRIES - 1))
    line = b.gep(state_pointer, [b.add(b.shl(index, I64(2)), I64(state.FETCH_TLB))], source_etype=I64)
    context = b.load(_slot(b, state_pointer, state.CONTEXT), typ=I64)
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
    b.branch(after)

    b.position_at_end(miss)
    next_miss = b.call(stub, [state_pointer, I64(0), pc, budget])
    b.branch(after)

    b.position_at_end(after)
    following = b.phi(I64)
    following.add_incoming(next_hit, hit)
    following.add_incoming(next_miss, miss)
    rest = b.sub(budget, I64(1))
    pc.add_incoming(following, after)
    budget.add_incoming(rest, after)
    b.cbranch(b.icmp_unsigned("==", following, I64(LEAVE)), left, head)

    b.position_at_end(out)
    b.store(pc, _slot(b, state_pointer, state.PC))
    b.store(budget, _slot(b, state_pointer, state.BUDGET))
    b.ret_void()

    b.position_at_end(left)
    b.ret_void()
