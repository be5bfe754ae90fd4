"""LLVM on a thread of its own: regions go in as requests, object code comes out; guest code runs on meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import llvmlite.binding as llvm
import llvmlite.ir as ir

from emu.engine.region import Code, RegionBuilder

ENTRY = "region"


@dataclass(slots=True)
class Request:
    """A region to compile."""

    head: int
    """Address of its first instruction."""
    code: Code
    original: int
    """Host address of the first instruction's own handler, and its word."""
    word: int


@dataclass(slots=True)
class Compiled:
    """Object code of a region, whose function is named ENTRY."""

    request: Request
    object_code: bytes
    instructions: int
    seconds: float


class RegionCompiler:
    """Compiles regions, at once or in the background."""

    def __init__(self, on_ready: Callable[[], None]) -> None:
        """`on_ready` is called on the compiler's thread after each background compilation."""
        self.ready: queue.SimpleQueue[Compiled | BaseException] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._on_ready = on_ready
        self._thread: threading.Thread | None = None
        self._target: llvm.TargetMachine | None = None

    def submit(self, request: Request) -> None:
        """Compile in the background; what comes of it appears in `ready`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="mectui-compiler", daemon=True)
            self._thread.start()
        self._requests.put(request)

    def close(self) -> None:
        """Let the thread end after what it is doing."""
        self._requests.put(None)

    def _serve(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                self.ready.put(self.compile(request))
            except BaseException as error:  # told to the thread that runs the guest
                self.ready.put(error)
            self._on_ready()

    def compile(self, request: Request) -> Compiled:
        """Compile a region now."""
        started = time.perf_counter()
        if self._target is None:
            self._target = _target_machine()
        module = ir.Module()
        module.triple = llvm.get_process_triple()
        builder = RegionBuilder(module, ENTRY, request.head, request.code, request.original, request.word)
        builder.build()
        parsed = llvm.parse_assembly(str(module))
        builder_of_passes = llvm.create_pass_builder(self._target, llvm.create_pipeline_tuning_options(speed_level=1))
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.run(parsed.get_function(ENTRY), builder_of_passes)
        code = bytes(self._target.emit_object(parsed))
        return Compiled(request, code, builder.count, time.perf_counter() - started)


def _target_machine() -> llvm.TargetMachine:
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=1,
        jit=True,
        codemodel="jitdefault",
    )
