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
from emu.engine.code_page import CodePage
from emu.engine.compiler import ENTRY, Compiled, Failed, RegionCompiler, Request
from emu.engine.dispatch import COUNTERS, REGION_FLAG, REGION_SHIFT
from emu.engine.interpreter import CALLBACK, LOOP, Interpreter
from emu.engine.lower import AGAIN, CONTINUE
from emu.engine.outline import QUICK, is_called, symbol
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
_WARM, _HEADS = 16, 12
"""A branch target that was reached a 16th as often as one that is hot is compiled with it; at most so many."""
_PATIENCE = 100
"""Thresholds until a target is looked at again that was hot before."""
_WORD = 0xFFFF_FFFF


class Region:
    """One compiled region: where its heads stand, what was there, which blocks of memory it was made from."""

    __slots__ = ("blocks", "code", "heads", "page")

    def __init__(self, page: CodePage, blocks: frozenset[int], code: object) -> None:
        self.page, self.blocks, self.code = page, blocks, code
        self.heads: list[tuple[int, int, int]] = []
        """(index in the page, word, number)."""


class Jit(Interpreter):
    """Interprets, counts branch targets, and compiles what is hot."""

    name = "jit"

    def __init__(
        self,
        cpu: Cpu,
        cache_folder: Path | None,
        on_compile: Callable[[int], None] | None = None,
        threshold: int = DEFAULT_THRESHOLD,
        keeps_regions: bool = True,
    ) -> None:
        """With a `threshold` of 0 everything is compiled before it first runs, for proofs.

        `keeps_regions`: compiled regions go to the cache's folder, and come from there.
        """
        super().__init__(cpu, cache_folder, on_compile)
        self._is_forced = threshold == 0
        self._threshold = max(threshold, 1)
        self._counters = (ctypes.c_uint32 * COUNTERS)(*[0 if self._is_forced else self._threshold] * COUNTERS)
        self._slots[state.HOT] = ctypes.addressof(self._counters)
        hot = CALLBACK(self._guard(self._hot))
        self._callbacks.append(hot)
        self._slots[state.CALL_HOT] = ctypes.cast(hot, ctypes.c_void_p).value or 0
        self._loop = LOOP(self._native.counting_loop())
        self._helpers = tuple(map(self._native.helper, (False, True)))
        self._originals = (ctypes.c_uint64 * MOST_REGIONS)()
        self._slots[state.ORIGINALS] = ctypes.addressof(self._originals)
        self._numbers = list(range(MOST_REGIONS))
        kept = None if self._is_forced or not keeps_regions else RegionCache(self._native.cache)
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
        self._numbers += [number for region in self._retired for _, _, number in region.heads]
        self._retired.clear()
        self._install_ready()
        super().run(budget)
        if self._slots[state.STOP] == _REGION_READY:
            self._slots[state.STOP] = 0

    def _run_native(self, budget: int) -> None:
        if self._breakpoints_as_offsets() != self._breakpoint_offsets:
            self._drop_all()
        self._slots[state.HELPER_LOAD], self._slots[state.HELPER_STORE] = self._helpers  # a reset forgets them
        super()._run_native(budget)

    def _install_ready(self) -> None:
        while not self._compiler.ready.empty():
            done = self._compiler.ready.get()
            if isinstance(done, Failed):
                self.failed_regions += 1  # the interpreter goes on with it
                continue
            keys = tuple(zip(done.request.heads, done.request.originals, strict=True))
            page = self._asked.get(keys[0])
            if page is not None:
                self._install(done, page)
                if done.is_best:
                    for key in keys:
                        self._asked.pop(key, None)

    # Finding what is hot.

    def _hot(self, pc: int, _: int, __: int) -> int:
        page = self._page_at(pc)
        request = None if page is None else self._request(pc, page)
        # Asking again and again for what cannot be had now would take its time from the compiler.
        self._counters[pc >> 2 & COUNTERS - 1] = self._threshold * _PATIENCE
        if page is not None and request is not None:
            for key in zip(request.heads, request.originals, strict=True):
                self._asked[key] = page
            self._compiler.submit(request)
        return CONTINUE

    def _warm(self, pc: int) -> list[int]:
        """Addresses of pc's page that were branched to nearly as often, the hottest first."""
        base = pc & ~(PAGE - 1)
        first = base >> 2 & COUNTERS - 1
        most = self._threshold - self._threshold // _WARM
        counters = self._counters[first : first + PAGE // 4]
        found = sorted((count, index) for index, count in enumerate(counters) if count <= most)
        return [base + 4 * index for _, index in found[:_HEADS] if base + 4 * index != pc]

    def _page_at(self, pc: int) -> CodePage | None:
        """The decoded words of a page that fetches find without asking."""
        slots = self._slots
        entry = self._soft.place(state.FETCH_TLB, pc)
        if pc & 3 or slots[entry] != pc & ~0xFFF | slots[state.CONTEXT]:
            return None
        return self._page_at_address.get(slots[entry + 1])

    def _request(self, pc: int, page: CodePage) -> Request | None:
        """What to compile for a head, as its page's words are; None where there is nothing to compile, or no need."""
        stub, place = self._native.decode_stub, 2 * ((pc & PAGE - 1) >> 2)
        if page.slots[place + 1] >= REGION_FLAG or (pc, page.slots[place]) in self._asked:
            return None
        words = page.slots.tolist()
        decode, counters, threshold = self.cpu.decode, self._counters, self._threshold

        def original(head: int) -> int | None:
            place = 2 * ((head & PAGE - 1) >> 2)
            return None if words[place] == stub or words[place + 1] >= REGION_FLAG else words[place]

        def at(address: int) -> Decoded | None:
            place = 2 * ((address & PAGE - 1) >> 2)
            return None if words[place] == stub else decode(words[place + 1] & _WORD)

        first = original(pc)
        if first is None:
            return None
        if self._is_forced:
            return Request((pc,), Code(at, _FORCED_SIZE), (first,), is_quick=bool(pc & 4))  # a proof of both kinds
        heads, originals = [pc], [first]
        for head in self._warm(pc):
            handler = original(head)
            if handler is not None and (head, handler) not in self._asked:
                heads.append(head)
                originals.append(handler)
        code = Code(at, _SIZE, lambda address: counters[address >> 2 & COUNTERS - 1] != threshold)
        return Request(tuple(heads), code, tuple(originals))

    # Putting regions in place.

    def _install(self, done: Compiled, page: CodePage) -> bool:
        """Put a region's function in its head's place, if what it was made from is still there."""
        self.compiled_regions += 1
        self.compiled_instructions += done.instructions
        self.compile_seconds += done.seconds
        slots, request = page.slots, done.request
        stub = self._native.decode_stub
        for address, decoded in request.code.used.items():
            place = 2 * ((address & PAGE - 1) >> 2)
            if slots[place] == stub or slots[place + 1] & _WORD != decoded.word:
                return False
        heads = []
        for head, original in zip(request.heads, request.originals, strict=True):
            index = (head & PAGE - 1) >> 2
            present = self._heads.get((page.address, index))
            if head not in done.heads:
                self._asked.pop((head, original), None)
            elif present is None or done.is_best:
                heads.append((index, original))
                if present is not None:
                    self._drop_head(present, index)
        if len(heads) > len(self._numbers):
            self._drop_all()
            return False
        if not heads:
            return False
        builder = llvm.JITLibraryBuilder().add_object_img(done.object_code).export_symbol(ENTRY)
        for decoded in request.code.used.values():
            if is_called(decoded, QUICK):
                builder.import_symbol(symbol(decoded), self._native.handler(decoded))
        code = builder.link(self._linker, f"region{next(self._names)}")
        blocks = frozenset((page.base + (a & PAGE - 1)) // BLOCK for a in request.code.used)
        region = Region(page, blocks, code)
        for index, original in heads:
            number, word = self._numbers.pop(), slots[2 * index + 1]
            region.heads.append((index, word, number))
            self._originals[number] = original
            self._heads[page.address, index] = region
            slots[2 * index + 1] = word | REGION_FLAG | number << REGION_SHIFT
            slots[2 * index] = code[ENTRY]
        for block in blocks:
            self._regions.setdefault(block, set()).add(region)
        self._installed.add(region)
        return True

    def _drop_head(self, region: Region, index: int) -> None:
        """A region is no longer entered at one of its heads, and goes when none is left."""
        slots = region.page.slots
        for at, word, _ in region.heads:
            if at == index:
                del self._heads[region.page.address, at]
                slots[2 * at] = self._native.decode_stub
                slots[2 * at + 1] = word
        if not any(self._heads.get((region.page.address, at)) is region for at, _, _ in region.heads):
            self._forget(region)

    def _drop(self, region: Region) -> None:
        if region not in self._installed:
            return
        for index, _, _ in region.heads:
            if self._heads.get((region.page.address, index)) is region:
                self._drop_head(region, index)

    def _forget(self, region: Region) -> None:
        self._installed.discard(region)
        for block in region.blocks:
            others = self._regions.get(block)
            if others is not None:
                others.discard(region)
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
