"""The engine for long runs: the interpreter, and regions of native code where the guest spends its time."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm

from emu import state
from emu.architecture import BLOCK, PAGE
from emu.cpu import Cpu
from emu.engine.compiler import ENTRY, Compiled, Failed, RegionCompiler, Request
from emu.engine.interpreter import CALLBACK, LOOP, CodePage, Interpreter
from emu.engine.lower import AGAIN, CONTINUE
from emu.engine.native import COUNTERS, REGION_FLAG, REGION_SHIFT
from emu.engine.region import Code
from emu.engine.region_cache import RegionCache
from emu.isa.pattern import Decoded

DEFAULT_THRESHOLD = 3_000
"""Times that a branch target is reached before it is compiled."""
MOST_REGIONS = 4_096
"""Compiled regions that are kept; then all are dropped and the hot ones come back."""
_REGION_READY = 3
"""Value of STOP: leave native code, a region can be put in place."""
_SIZE, _FORCED_SIZE = 256, 24
"""Most instructions in a region; small where nothing but the proof counts."""
_WORD = 0xFFFF_FFFF


class Region:
    """One compiled region: where its head stands, what was there, which blocks of memory it was made from."""

    __slots__ = ("blocks", "code", "index", "number", "page", "word")

    def __init__(
        self, page: CodePage, index: int, word: int, blocks: frozenset[int], code: object, number: int
    ) -> None:
        self.page, self.index, self.word, self.blocks, self.code = page, index, word, blocks, code
        self.number = number


class Jit(Interpreter):
    """Interprets, counts branch targets, and compiles what is hot."""

    name = "jit"

    def __init__(
        self,
        cpu: Cpu,
        cache_folder: Path | None,
        on_compile: Callable[[int], None] | None = None,
        threshold: int = DEFAULT_THRESHOLD,
    ) -> None:
        """With a `threshold` of 0 everything is compiled before it first runs, for proofs."""
        super().__init__(cpu, cache_folder, on_compile)
        self._is_forced = threshold == 0
        self._threshold = max(threshold, 1)
        self._counters = (ctypes.c_uint32 * COUNTERS)(*[0 if self._is_forced else self._threshold] * COUNTERS)
        self._slots[state.HOT] = ctypes.addressof(self._counters)
        hot = CALLBACK(self._guard(self._hot))
        self._callbacks.append(hot)
        self._slots[state.CALL_HOT] = ctypes.cast(hot, ctypes.c_void_p).value or 0
        self._loop = LOOP(self._native.counting_loop())
        self._originals = (ctypes.c_uint64 * MOST_REGIONS)()
        self._slots[state.ORIGINALS] = ctypes.addressof(self._originals)
        self._numbers = list(range(MOST_REGIONS))
        kept = None if self._is_forced else RegionCache(self._native.cache)
        self._compiler = RegionCompiler(_ready_teller(self._slots), kept)
        self._asked: dict[tuple[int, int], CodePage] = {}
        """The pages of regions being compiled, by the head's address and handler."""
        self._regions: dict[int, set[Region]] = {}
        self._installed: set[Region] = set()
        self._heads: dict[tuple[int, int], Region] = {}
        self._retired: list[Region] = []
        self._linker = llvm.create_lljit_compiler(self._native.new_target())
        self._names = itertools.count()
        self.compiled_regions = self.failed_regions = 0
        self.compiled_instructions = 0
        self.compile_seconds = 0.0

    # Running.

    def run(self, budget: int) -> None:
        """Execute until the budget is used up, the CPU asks to leave, or a region is ready to be put in place."""
        self._numbers += [region.number for region in self._retired]
        self._retired.clear()
        self._install_ready()
        super().run(budget)
        if self._slots[state.STOP] == _REGION_READY:
            self._slots[state.STOP] = 0

    def _run_native(self, budget: int) -> None:
        if self._breakpoints_as_offsets() != self._breakpoint_offsets:
            self._drop_all()
        super()._run_native(budget)

    def _install_ready(self) -> None:
        while not self._compiler.ready.empty():
            done = self._compiler.ready.get()
            if isinstance(done, Failed):
                self.failed_regions += 1  # the interpreter goes on with it
                continue
            key = done.request.head, done.request.original
            page = self._asked.get(key)
            if page is not None:
                self._install(done, page)
                if done.is_best:
                    del self._asked[key]

    # Finding what is hot.

    def _hot(self, pc: int, _: int, __: int) -> int:
        self._counters[pc >> 2 & COUNTERS - 1] = self._threshold
        page = self._page_at(pc)
        if page is not None:
            request = self._request(pc, page)
            if request is not None and (pc, request.original) not in self._asked:
                self._asked[pc, request.original] = page
                self._compiler.submit(request)
        return CONTINUE

    def _page_at(self, pc: int) -> CodePage | None:
        """The decoded words of a page that fetches find without asking."""
        slots = self._slots
        entry = self._soft.place(state.FETCH_TLB, pc)
        if pc & 3 or slots[entry] != pc & ~0xFFF | slots[state.CONTEXT]:
            return None
        return self._page_at_address.get(slots[entry + 1])

    def _request(self, pc: int, page: CodePage) -> Request | None:
        """What to compile for a head, as its page's words are now; None where there is nothing to compile."""
        place = 2 * ((pc & PAGE - 1) >> 2)
        stub = self._native.decode_stub
        if page.slots[place] == stub or page.slots[place + 1] >= REGION_FLAG:
            return None
        words = page.slots.tolist()
        decode = self.cpu.decode

        def at(address: int) -> Decoded | None:
            place = 2 * ((address & PAGE - 1) >> 2)
            return None if words[place] == stub else decode(words[place + 1] & _WORD)

        code = Code(at, _FORCED_SIZE if self._is_forced else _SIZE)
        return Request(pc, code, page.slots[place], is_quick=not self._is_forced)

    # Putting regions in place.

    def _install(self, done: Compiled, page: CodePage) -> bool:
        """Put a region's function in its head's place, if what it was made from is still there."""
        self.compiled_regions += 1
        self.compiled_instructions += done.instructions
        self.compile_seconds += done.seconds
        slots, head = page.slots, done.request.head
        stub = self._native.decode_stub
        for address, decoded in done.request.code.used.items():
            place = 2 * ((address & PAGE - 1) >> 2)
            if slots[place] == stub or slots[place + 1] & _WORD != decoded.word:
                return False
        if not self._numbers:
            self._drop_all()
            return False
        index = (head & PAGE - 1) >> 2
        if slots[2 * index + 1] >= REGION_FLAG:
            present = self._heads.get((page.address, index))
            if present is None or not done.is_best:
                return False
            self._drop(present)
        builder = llvm.JITLibraryBuilder().add_object_img(done.object_code).export_symbol(ENTRY)
        code = builder.link(self._linker, f"region{next(self._names)}")
        blocks = frozenset((page.base + (a & PAGE - 1)) // BLOCK for a in done.request.code.used)
        region = Region(page, index, slots[2 * index + 1], blocks, code, self._numbers.pop())
        self._originals[region.number] = done.request.original
        for block in blocks:
            self._regions.setdefault(block, set()).add(region)
        self._installed.add(region)
        self._heads[page.address, index] = region
        slots[2 * index + 1] |= REGION_FLAG | region.number << REGION_SHIFT
        slots[2 * index] = code[ENTRY]
        return True

    def _drop(self, region: Region) -> None:
        if region not in self._installed:
            return
        self._installed.discard(region)
        del self._heads[region.page.address, region.index]
        for block in region.blocks:
            others = self._regions.get(block)
            if others is not None:
                others.discard(region)
        slots = region.page.slots
        slots[2 * region.index] = self._native.decode_stub
        slots[2 * region.index + 1] = region.word
        self._retired.append(region)  # it may be running just now: its code stays until the next run

    def _drop_all(self) -> None:
        for region in tuple(self._installed):
            self._drop(region)

    def forget_code(self, offset: int, size: int) -> None:
        super().forget_code(offset, size)
        if self._regions:
            for block in range(offset // BLOCK, (offset + size - 1) // BLOCK + 1):
                for region in tuple(self._regions.get(block, ())):
                    self._drop(region)

    # Decoding.

    def _is_taken(self, page: CodePage, index: int) -> bool:
        return page.slots[2 * index + 1] >= REGION_FLAG

    def _decode(self, pc: int, a: int, b: int) -> int:
        status = super()._decode(pc, a, b)
        if not self._is_forced or status != CONTINUE:
            return status
        page = self._page_at(pc)
        if page is None:
            return status
        index = (pc & PAGE - 1) >> 2
        if self._is_taken(page, index):
            return AGAIN
        request = self._request(pc, page)
        if request is None:
            return status
        done = self._compiler.compile(request)
        return AGAIN if self._install(done, page) else status

    def _ready(self, decoded: Decoded) -> int | None:
        return self._native.handler(decoded) if self._is_forced else super()._ready(decoded)


def _ready_teller(slots: memoryview) -> Callable[[], None]:
    """What the compiler calls: it must not keep the engine alive, so it knows the state only."""

    def tell() -> None:
        # Whoever asked for a stop at this very moment has left a note with the machine or the CPU besides.
        slots[state.STOP] = _REGION_READY

    return tell
