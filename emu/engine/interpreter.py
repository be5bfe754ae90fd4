"""The everyday engine: native handlers, one per kind of instruction, run over words decoded once per page."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from emu import state
from emu.architecture import BLOCK, PAGE, Access
from emu.cpu import Cpu
from emu.debug.events import FirstOwner
from emu.engine.lower import AGAIN, CONTINUE, LEFT, REDIRECTED
from emu.engine.native import REGION_FLAG, NativeCode
from emu.engine.native_pages import SCAN_CALL
from emu.engine.native_system import DC_ZVA
from emu.engine.reference import Reference
from emu.engine.refill import Refill
from emu.engine.softtlb import SoftTlb
from emu.engine.sweep import WordTable
from emu.exceptions import Abandoned
from emu.isa.ops import Escape, Fp, Mode, Query
from emu.isa.pattern import Decoded
from emu.mec.memory import CODE_TAG
from emu.mec.writers import COUNT_SHIFT, flags_of
from emu.translation.mmu import Located

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)
_WORDS = PAGE // 4
_ESCAPES = {kind.value: kind for kind in Escape}
_QUERIES = {query.value: query for query in Query}
_MODES = {mode.value: mode for mode in Mode}
_NORMAL, _ATOMIC, _UNPRIVILEGED = Mode.NORMAL.value, Mode.ATOMIC.value, Mode.UNPRIVILEGED.value
_BRANCH_TYPE = Query.BRANCH_TYPE.value
_LEFT_FOR_DEBUG = 2
"""In the STOP slot: native code is left, but the run goes on."""
_BLOCK_SHIFT = BLOCK.bit_length() - 1
_SWEEP = 1024
"""How many following words are decoded together with one that is needed now."""
_LOOK_AHEAD = 64
"""How many following words have their handlers made ready together with the one that is needed now."""


class CodePage:
    """One page of RAM as one encryption context sees it: a handler address and a word for each instruction."""

    __slots__ = ("_buffer", "address", "base", "slots")

    def __init__(self, stub: int, base: int) -> None:
        """`base` is the page's arena offset."""
        self.base = base
        self._buffer = (ctypes.c_uint64 * (2 * _WORDS))()
        self.slots = memoryview(self._buffer).cast("B").cast("Q")
        self.address = ctypes.addressof(self._buffer)
        for index in range(0, 2 * _WORDS, 2):
            self.slots[index] = stub


class Interpreter:
    """Runs a `Cpu` in native code, coming back to Python for everything out of the ordinary."""

    name = "interpreter"

    def __init__(self, cpu: Cpu, cache_folder: Path | None, on_compile: Callable[[int], None] | None = None) -> None:
        self.cpu = cpu
        self._slots = cpu.slots
        self._memory = cpu.memory
        self._on_compile = on_compile
        self._native = NativeCode.shared(cache_folder)
        self._soft = SoftTlb(cpu.slots)
        self._refill = Refill(cpu, self._soft, self._native.refill)
        self._pages: dict[tuple[int, int], CodePage] = {}
        self._page_at_address: dict[int, CodePage] = {}
        self._owners_of_page: dict[int, list[int]] = {}
        self._error: BaseException | None = None
        self._breakpoint_offsets: frozenset[int] = frozenset()
        self._word_table = WordTable()
        self._quick = cpu.caches.quick
        self._one_by_one = Reference(cpu)
        """Executes what debug exceptions could interrupt: native code does not look for them."""
        self._loop = LOOP(self._native.loop)
        self._callbacks = [
            CALLBACK(self._guard(function))
            for function in (self._load, self._store, self._decode, self._system, self._fp, self._ask)
        ]
        for slot, callback in zip(
            (
                state.CALL_LOAD,
                state.CALL_STORE,
                state.CALL_DECODE,
                state.CALL_SYSTEM,
                state.CALL_FP,
                state.CALL_ASK,
            ),
            self._callbacks,
            strict=True,
        ):
            self._slots[slot] = ctypes.cast(callback, ctypes.c_void_p).value or 0
        self._slots[state.DECODE_STUB] = self._native.decode_stub
        self._slots[state.ARENA] = self._memory.arena_address
        self._slots[state.TAGS] = self._memory.tags_address
        self._soft.on_renumbered = cpu.transitions.forget
        cpu.memory.encrypted.scan_with(self._scan_pages)
        cpu.listen_to_translation(self._soft)
        cpu.listen_to_code_writes(self.forget_code)
        cpu.debug.on_armed = self._leave_for_debug

    def _scan_pages(self, tags: int, count: int, ids: int, owned: int, mixed: int) -> None:
        """`emu.mec.pages.Scan`; compiled when somebody looks."""
        SCAN_CALL(self._native.scan_pages())(tags, count, ids, owned, mixed)

    @property
    def compiled(self) -> int:
        """Handlers compiled in this process so far (0 when the cache on disk had them all)."""
        return self._native.compiled

    @property
    def handler_seconds(self) -> float:
        """Host seconds spent on compiling handlers in this process so far."""
        return self._native.compile_seconds

    def run(self, budget: int) -> None:
        """Execute until the budget is used up or the CPU asks to leave."""
        slots, cpu = self._slots, self.cpu
        end = cpu.instructions + budget
        while cpu.instructions < end:
            if slots[state.STOP] == _LEFT_FOR_DEBUG:
                slots[state.STOP] = 0
            if cpu.debug.is_armed:
                if slots[state.STOP] or cpu.stops_before(slots[state.PC]):
                    return
                self._one_by_one.step()
                continue
            self._run_native(end - cpu.instructions)
            if slots[state.STOP] != _LEFT_FOR_DEBUG:
                return

    def _leave_for_debug(self) -> None:
        """The instruction that is being executed armed a debug exception: come out of native code behind it."""
        if not self._slots[state.STOP]:
            self._slots[state.STOP] = _LEFT_FOR_DEBUG

    def _breakpoints_as_offsets(self) -> frozenset[int]:
        stops = self.cpu.code_stops
        return frozenset() if stops is None else frozenset(address >> 2 & _WORDS - 1 for address in stops.addresses)

    def _run_native(self, budget: int) -> None:
        slots = self._slots
        offsets = self._breakpoints_as_offsets()
        if offsets != self._breakpoint_offsets:
            for page in self._pages.values():
                for offset in offsets - self._breakpoint_offsets:
                    page.slots[2 * offset] = self._native.decode_stub
            self._breakpoint_offsets = offsets
        slots[state.LIMIT] = slots[state.BUDGET] = budget
        slots[state.WRITERS] = self._memory.writers_address
        slots[state.WRITER_COUNT] = slots[state.COUNT] + budget << COUNT_SHIFT & state.MASK64
        self._loop(self.cpu.state.address, budget)
        slots[state.COUNT] += budget - slots[state.BUDGET]
        slots[state.LIMIT] = slots[state.BUDGET] = 0
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    # Callbacks. Each answers CONTINUE, REDIRECTED (the state's PC is where to go on) or LEFT.

    def _guard(self, function: Callable[[int, int, int], int]) -> Callable[[int, int, int, int], int]:
        """An exception must not cross native frames: keep it, stop, raise it again outside."""

        def call(_: int, a: int, b: int, c: int) -> int:
            try:
                return function(a, b, c)
            except Abandoned:
                return REDIRECTED
            except BaseException as error:
                self._error = error
                self._slots[state.STOP] = 1
                return LEFT

        return call

    def _load(self, va: int, size: int, mode: int) -> int:
        cpu, kind = self.cpu, mode & 0xFF
        table = state.STORE_TLB if kind == _ATOMIC else state.LOAD_TLB
        hit = None if kind == _UNPRIVILEGED or va & (mode >> 8) - 1 else self._soft.find(table, va, size)
        if hit is not None:
            # Translated already: other entries came in between, or the block is another owner's.
            value, mismatch = self._memory.encrypted.load(hit[0], size, hit[1])
            if not mismatch:
                self._slots[state.VALUE] = value
                return CONTINUE
        self._slots[state.VALUE] = cpu.load(va, size, _MODES[kind], mode >> 8)
        where = cpu.located
        if where is not None and kind == _ATOMIC:
            # Checked as a store, and one follows.
            self._memory.touch(where.pa)
            self._fill(state.STORE_TLB, va, where)
        elif where is not None and kind != _UNPRIVILEGED:
            self._fill(state.LOAD_TLB, va, where, is_plain=kind == _NORMAL and not va & max(size, mode >> 8) - 1)
        return CONTINUE

    def _store(self, va: int, size: int, mode: int) -> int:
        cpu, kind = self.cpu, mode & 0xFF
        hit = None if kind == _UNPRIVILEGED or va & (mode >> 8) - 1 else self._soft.find(state.STORE_TLB, va, size)
        if hit is not None:
            # Translated already: what brought us here is the block's tag. A new owner, or decoded code.
            offset, owner, flags = hit
            cpu.store_at(offset, size, self._slots[state.VALUE], owner, cpu.writer(flags))
            return CONTINUE
        cpu.store(va, size, self._slots[state.VALUE], _MODES[kind], mode >> 8)
        where = cpu.located
        if where is not None and kind != _UNPRIVILEGED:
            self._memory.touch(where.pa)
            self._fill(state.STORE_TLB, va, where, is_plain=kind == _NORMAL and not va & max(size, mode >> 8) - 1)
        return CONTINUE

    def _fill(self, table: int, va: int, where: Located, *, is_plain: bool = False) -> None:
        """Keep where an access went; `is_plain` if others of its kind will go the same way."""
        offset = self._memory.ram_offset(where.pa, is_store=table == state.STORE_TLB)
        if offset is None or self.cpu.is_cached(where, Access.READ):
            return
        if not self.cpu.synchronisation.may_keep(where, Access.READ):
            return
        if self.cpu.watch is not None and self.cpu.watch.withholds(va, where.pa):
            return
        if not self.cpu.may_keep(va, where):
            return
        owner = self._memory.encrypted.owner_id(where.pas, where.mecid)
        cpu = self.cpu
        strict = 15 if where.is_device or cpu.demands_alignment else 0
        if table == state.STORE_TLB:
            strict |= flags_of(cpu.el, cpu.security, where.source) << state.RECORD_SHIFT
            if where.is_device:
                strict |= state.IS_DEVICE
            if self._memory.cache is None and not cpu.wants(FirstOwner) and self._memory.encrypted.open_page(offset):
                strict |= state.CLAIMS
        self._soft.fill(table, va, offset, (offset - va) & state.MASK64, owner, strict)
        if is_plain:
            self._refill.learn(table, va, where, owner, strict)

    def _system(self, kind: int, word: int, _: int) -> int:
        cpu, quick = self.cpu, self._quick
        quick.reached = None  # the reference engine may have left one
        if cpu.escape(_ESCAPES[kind], word):
            return REDIRECTED
        if word & ~31 == DC_ZVA:
            where = cpu.located
            if where is not None:
                self._fill(state.STORE_TLB, self._slots[word & 31] & ~(state.ZEROED - 1), where)
        elif quick.reached is not None and not self._soft.refill(state.LOAD_TLB, quick.reached):
            # Maintenance needs no permission where a load does, and PSTATE.PAN is nothing to it.
            where = cpu.mmu.look(cpu.request(quick.reached, 1, Access.READ, Mode.NORMAL))
            if where is not None:
                self._fill(state.LOAD_TLB, quick.reached, where)
        return CONTINUE

    def _fp(self, operation: int, a: int, b: int) -> int:
        slots = self._slots
        slots[state.VALUE] = self.cpu.fp(Fp(operation >> 8), operation & 0xFF, a, b, slots[state.VALUE])
        return CONTINUE

    def _ask(self, query: int, a: int, b: int) -> int:
        if query != _BRANCH_TYPE or not self._branch(a, b & 0xFF, b >> 8):
            self._slots[state.VALUE] = self.cpu.answer(_QUERIES[query], a, b)
        return CONTINUE

    def _branch(self, target: int, otherwise: int, guarded: int) -> bool:
        """`Cpu.set_branch_type`, where both pages are known and the target is one that may be branched to."""
        slots, cpu = self._slots, self.cpu
        here = self._soft.look_fetch(slots[state.PC])
        if here is None:
            return False
        kind = guarded if here[1] else otherwise
        if kind:
            there = None if target & 3 else self._soft.look_fetch(target)
            if there is None:
                return False
            page, place = self._page_at_address[there[0]], 2 * ((target & PAGE - 1) >> 2)
            if page.slots[place] == self._native.decode_stub:
                return False
            if there[1] and not cpu.is_landing_pad(page.slots[place + 1] & 0xFFFF_FFFF, kind):
                return False
        slots[state.BTYPE], slots[state.BTYPE_SET] = kind, cpu.instructions
        return True

    def _decode(self, pc: int, _: int, __: int) -> int:
        cpu = self.cpu
        if cpu.stops_before(pc):
            return LEFT
        if not pc & 3 and self._soft.refill(state.FETCH_TLB, pc):
            status = self._known(pc)
            if status is not None:
                return status
        word = cpu.fetch(pc)
        where = cpu.located
        decoded = cpu.decode(word)
        if decoded is None:
            cpu.escape(Escape.UNDEFINED, word)
            return REDIRECTED
        if not self._native.has(decoded):
            self._prepare(pc, decoded)
        handler = self._native.handler(decoded)
        self._slots[state.HANDLER] = handler
        self._slots[state.WORD] = word
        if where is not None:
            self._remember(pc, where, handler, word)
        return CONTINUE

    def _known(self, pc: int) -> int | None:
        """Run a word that is decoded, in a page that other entries had pushed out; None where it is not decoded."""
        slots = self._slots
        page = self._page_at_address[slots[self._soft.place(state.FETCH_TLB, pc) + 1]]
        place = 2 * ((pc & PAGE - 1) >> 2)
        handler, word = page.slots[place], page.slots[place + 1]
        if handler == self._native.decode_stub:
            return None
        if word >= REGION_FLAG:
            return AGAIN
        slots[state.HANDLER], slots[state.WORD] = handler, word
        return CONTINUE

    def _remember(self, pc: int, where: Located, handler: int, word: int) -> None:
        """Keep the decoded word, if every fetch in this context will see the same until its bytes are stored to."""
        memory = self._memory
        offset = memory.ram_offset(where.pa)
        if offset is None or self.cpu.is_cached(where, Access.FETCH):
            return
        if not self.cpu.synchronisation.may_keep(where, Access.FETCH):
            return
        owner = memory.encrypted.owner_id(where.pas, where.mecid)
        base = offset & ~(PAGE - 1)
        page = self._pages.get((base, owner))
        if page is None:
            page = self._pages[base, owner] = CodePage(self._native.decode_stub, base)
            self._page_at_address[page.address] = page
            self._owners_of_page.setdefault(base, []).append(owner)
        self._soft.fill(state.FETCH_TLB, pc, offset, page.address, int(where.translation.is_guarded))
        self._refill.learn(state.FETCH_TLB, pc, where, owner, page.address)
        tag = memory.tags[offset // BLOCK]
        index = (offset & (PAGE - 1)) >> 2
        if (
            tag & (CODE_TAG - 1) in (0, owner)
            and index not in self._breakpoint_offsets
            and not self._is_taken(page, index)
        ):
            memory.tags[offset // BLOCK] = tag | CODE_TAG
            page.slots[2 * index + 1] = word
            page.slots[2 * index] = handler
            self._sweep(page, index + 1, owner)

    def _sweep(self, page: CodePage, first: int, owner: int) -> None:
        """Decode the words that follow in a page as well, as far as their handlers are there already.

        One at a time each would cost a call back and a translation of its address.
        """
        base, memory, table = page.base, self._memory, self._word_table
        end = min(
            min((index for index in self._breakpoint_offsets if index >= first), default=_WORDS), first + _SWEEP, _WORDS
        )
        words = memory.arena[base : base + PAGE].cast("I")
        tags = memory.tags_address + 4 * (base >> _BLOCK_SHIFT)
        known: int | None = None
        while first < end:
            first = self._native.sweep(
                memory.arena_address + base, page.address, tags, table.address, first, end, owner,
                self._native.decode_stub,
            )  # fmt: skip
            if first >= end or first == known:
                return  # the end, or a word in somebody else's block
            known = first
            decoded = self.cpu.decode(words[first])
            handler = None if decoded is None else self._ready(decoded)
            if handler is None:
                return
            table.add(words[first], handler)

    def _ready(self, decoded: Decoded) -> int | None:
        """The handler of an instruction that is decoded ahead of time; None where that would take too long."""
        return self._native.find(decoded)

    def _is_taken(self, page: CodePage, index: int) -> bool:
        """Whether something better than a handler stands for a decoded word already."""
        return False

    def _prepare(self, pc: int, first: Decoded) -> None:
        """Make handlers for the straight line ahead together, so that a first start pauses once, not at every word."""
        wanted = {first.key: first}
        for ahead in range(pc + 4, min(pc + 4 * _LOOK_AHEAD, (pc & ~(PAGE - 1)) + PAGE), 4):
            word = self.cpu.peek_word(ahead)
            decoded = None if word is None else self.cpu.decode(word)
            if decoded is None or decoded.encoding.ends_block:
                break
            if not self._native.has(decoded):
                wanted.setdefault(decoded.key, decoded)
        for decoded in wanted.values():
            self._native.handler(decoded)
            if self._on_compile is not None:
                self._on_compile(self._native.compiled)

    def forget_code(self, offset: int, size: int) -> None:
        """Bytes of RAM changed: whatever was decoded from them must be decoded again."""
        for block in range(offset // BLOCK, (offset + size - 1) // BLOCK + 1):
            base = block * BLOCK & ~(PAGE - 1)
            first = (block * BLOCK & (PAGE - 1)) >> 2
            for owner in self._owners_of_page.get(base, ()):
                slots = self._pages[base, owner].slots
                for index in range(first, first + BLOCK // 4):
                    slots[2 * index] = self._native.decode_stub
