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
from emu.engine.dispatch import REDISPATCH, build_loop, function_at, place
from emu.engine.helpers import build_helper
from emu.engine.lower import AGAIN, CALLBACK, HANDLER, I64, LEFT, Lower
from emu.engine.sweep import SWEEP_TYPE, build_sweep
from emu.isa.pattern import Decoded
from emu.state import LEAVE

Key = tuple[str, tuple[int, ...]]


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
        self.loop = self._function(("loop", ()), lambda module, name: build_loop(module, name, False))
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
        return self._function(("counting_loop", ()), lambda module, name: build_loop(module, name, True))

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


def made_of() -> list[Path]:
    """The files of everything that handlers are generated from."""
    root = Path(__file__).parent.parent
    made_by = (
        "chain", "dispatch", "helpers", "lazy_flags", "lower", "outline", "refill_layout", "region", "region_cache",
        "region_lower", "sweep", "text",
    )  # fmt: skip
    return [
        *sorted((root / "isa").glob("*.py")), *sorted((root / "fp").glob("*.py")), root / "state.py",
        *(root / "engine" / f"{name}.py" for name in made_by), *sorted((root / "engine").glob("native*.py")),
        root / "transition_table.py", root / "tlb_rows.py", root / "architecture.py", root / "mec" / "memory.py",
        root / "mec" / "writers.py",
    ]  # fmt: skip


def _sources() -> bytes:
    """The text of those."""
    return b"".join(path.read_bytes() for path in made_of())


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


def _build_decode_stub(module: ir.Module, name: str) -> None:
    """Stands in for every word not decoded yet: Python decodes it, then its handler runs."""
    function = ir.Function(module, HANDLER, name)
    b = ir.IRBuilder(function.append_basic_block())
    state_pointer, _, pc, budget = function.args
    b.store(pc, place(b, state_pointer, state.PC))
    b.store(budget, place(b, state_pointer, state.BUDGET))
    callback = function_at(b, place(b, state_pointer, state.CALL_DECODE), CALLBACK)
    status = b.call(callback, [state_pointer, pc, I64(0), I64(0)])
    with b.if_then(b.icmp_unsigned("!=", status, I64(0))):
        left = b.icmp_unsigned("==", status, I64(LEFT))
        again = b.icmp_unsigned("==", status, I64(AGAIN))
        elsewhere = b.select(again, I64(REDISPATCH), b.load(place(b, state_pointer, state.PC), typ=I64))
        b.ret(b.select(left, I64(LEAVE), elsewhere))
    handler = function_at(b, place(b, state_pointer, state.HANDLER), HANDLER)
    word = b.load(place(b, state_pointer, state.WORD), typ=I64)
    b.ret(b.call(handler, [state_pointer, word, pc, budget], tail=True))
