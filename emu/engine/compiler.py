"""LLVM on a thread of its own: regions go in as requests, object code comes out; guest code runs on meanwhile."""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import llvmlite.binding as llvm

from emu.engine.region import Code, RegionBuilder
from emu.engine.region_cache import RegionCache
from emu.engine.text import TextModule

ENTRY = "region"


@dataclass(slots=True)
class Request:
    """A region to compile."""

    heads: tuple[int, ...]
    """Addresses where it is to be entered, the hottest first."""
    code: Code
    originals: tuple[int, ...]
    """Host addresses of the heads' own handlers."""
    is_quick: bool = True
    """Compile in a fraction of the time, to slower code: better code follows when there is nothing else to do."""


@dataclass(slots=True)
class Compiled:
    """Object code of a region, whose function is named ENTRY."""

    request: Request
    object_code: bytes
    heads: tuple[int, ...]
    """Where it may be entered, of what was asked for."""
    instructions: int
    """How many were lowered; 0 when the code was found on disk."""
    seconds: float
    is_best: bool
    """No better code for this region will come."""


@dataclass(slots=True)
class Failed:
    """A region that could not be compiled, and why."""

    request: Request
    error: Exception


class RegionCompiler:
    """Compiles regions, at once or in the background."""

    def __init__(self, on_ready: Callable[[], None], kept: RegionCache | None) -> None:
        """`on_ready` is called on the compiler's thread after each background compilation; `kept` is asked first."""
        self._kept = kept
        self.ready: queue.SimpleQueue[Compiled | Failed] = queue.SimpleQueue()
        self._requests: dict[bool, queue.Queue[Request | None]] = {True: queue.Queue(), False: queue.LifoQueue()}
        """By whether they are quick. Of the others the last one goes first: it is likely what runs now."""
        self._on_ready = on_ready
        self._threads: dict[bool, threading.Thread] = {}
        self._targets: dict[bool, llvm.TargetMachine] = {}

    def submit(self, request: Request) -> None:
        """Compile in the background; what comes of it appears in `ready`.

        Quick requests have a thread of their own: the other ones take so long that nobody should wait for them.
        """
        kind = request.is_quick
        if kind not in self._threads:
            # A thread holds the compiler only while it compiles, so that it ends with the machine.
            arguments = (weakref.ref(self), self._requests[kind])
            self._threads[kind] = threading.Thread(target=_serve, args=arguments, name="mectui-compiler", daemon=True)
            self._threads[kind].start()
        self._requests[kind].put(request)

    def __del__(self) -> None:
        for requests in self._requests.values():
            requests.put(None)

    def serve(self, request: Request) -> None:
        """Compile a request and say so."""
        try:
            done = self.compile(request)
            self.ready.put(done)
            if not done.is_best:
                code = Code(request.code.at, request.code.most, request.code.is_reached)
                self.submit(Request(request.heads, code, request.originals, is_quick=False))
        except Exception as error:  # whatever it is, the guest must not suffer: the interpreter can do without
            self.ready.put(Failed(request, error))
        self._on_ready()

    def compile(self, request: Request) -> Compiled:
        """Compile a region now."""
        started = time.perf_counter()
        found = None if self._kept is None else self._kept.load(request.heads[0], request.code)
        if found is not None:
            heads, code = found
            return Compiled(request, code, heads, 0, time.perf_counter() - started, is_best=True)
        target = self._targets.get(request.is_quick)
        if target is None:
            target = self._targets[request.is_quick] = _target_machine(0 if request.is_quick else 1)
        module = TextModule(llvm.get_process_triple())
        builder = RegionBuilder(module, ENTRY, request.heads, request.code, is_inline=not request.is_quick)
        heads = builder.build()
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()  # LLVM takes the process with it where its input makes no sense
        if not request.is_quick:
            builder_of_passes = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=1))
            passes = llvm.create_new_function_pass_manager()
            passes.add_sroa_pass()
            passes.add_simplify_cfg_pass()
            passes.run(parsed.get_function(ENTRY), builder_of_passes)
        code = bytes(target.emit_object(parsed))
        if self._kept is not None and not request.is_quick:
            self._kept.store(request.heads[0], request.code, heads, code)
        seconds = time.perf_counter() - started
        return Compiled(request, code, heads, builder.count, seconds, is_best=not request.is_quick)


def _serve(compiler: weakref.ref[RegionCompiler], requests: queue.Queue[Request | None]) -> None:
    while (request := requests.get()) is not None:
        owner = compiler()
        if owner is None:
            return
        owner.serve(request)
        del owner, request


def _target_machine(level: int) -> llvm.TargetMachine:
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=level,
        jit=True,
        codemodel="jitdefault",
    )
