"""What native code needs to know to refill the software TLB by itself: a memo of what the MMU has found before.

The MMU answers first; what is kept here says when the same answer holds again. For each context:

- grants: that accesses of a kind through a class of translations (all of a translation but its addresses) are allowed,
  and what the software TLB's entry holds then. An entry of the architectural TLB whose class is granted serves at once.
- uppers: the descriptors above a last-level table as a walk read them. While memory still holds the same words under
  the same owners, a walk would get to the same table.
- leaves: which class the walker made of a last-level descriptor's attribute bits below such tables.

So a miss that comes to known tables and to a leaf like others there becomes an entry of the architectural TLB, the same
that a walk would have put there. Everything else goes to the MMU.
"""

from __future__ import annotations

import ctypes
import mmap
from array import array
from collections.abc import Callable

from emu import state
from emu.architecture import PAGE, Access
from emu.cpu import Cpu
from emu.debug.events import TlbEvicted, TlbFilled
from emu.engine.refill_layout import (
    ADDRESS,
    FETCH,
    FETCH_COUNT,
    FETCHED,
    FETCHES,
    GRANT,
    GRANT_FLAGS,
    GRANT_LOAD,
    GRANT_OWNER,
    GRANT_PAGES,
    GRANT_STORE,
    GRANTS,
    INDEX_BITS,
    JOINT,
    LEAF,
    LEAF_COUNT,
    LEAF_SHIFTS,
    LEAVES,
    LIMITS,
    LOADS,
    MOST_LEAVES,
    MOST_UPPER,
    SECOND_LEAF_COUNT,
    SECOND_LEAVES,
    SECOND_LIMIT,
    SECOND_SPACE,
    SECOND_TAG,
    SECOND_UPPERS,
    SECURITY,
    SPACE,
    STORES,
    TAG,
    UPPER,
    UPPER_COUNTS,
    UPPER_INDEX,
    UPPER_NESTED,
    UPPER_OWNER,
    UPPER_WORDS,
    UPPERS,
    WORDS,
)
from emu.engine.softtlb import SoftTlb
from emu.isa.ops import Mode
from emu.mec.memory import OWNER_MASK
from emu.rme.gpt import GPC_ENABLE
from emu.tlb_rows import ASID_MASK, MOST_CLASSES
from emu.translation.geometry import AddressForm, Geometry
from emu.translation.mmu import Located
from emu.translation.records import Request, Translation
from emu.translation.regimes import RegisterView
from emu.translation.tables import Read

_TABLES = {state.LOAD_TLB: LOADS, state.STORE_TLB: STORES, state.FETCH_TLB: FETCHED}
_ACCESSES = (Access.READ, Access.WRITE, Access.FETCH)
_CALLS = (
    (state.PYTHON_LOAD, state.CALL_LOAD),
    (state.PYTHON_STORE, state.CALL_STORE),
    (state.PYTHON_DECODE, state.CALL_DECODE),
)
"""By kind of access: the slots of Python's callback and of what is called first."""
_MOST_CONTEXTS = 128
_NOTHING_JOINT = memoryview(array("Q", [0]) * (WORDS - JOINT))
_E0PD = 0b11 << 55


class Memo:
    """One context's."""

    __slots__ = ("_buffer", "address", "granules", "words")

    def __init__(self, granules: tuple[int, int, int]) -> None:
        self._buffer = (ctypes.c_uint64 * WORDS)()
        self.address: int = ctypes.addressof(self._buffer)
        self.words: memoryview = memoryview(self._buffer).cast("B").cast("Q")
        self.granules = granules
        """What the passing of granule protection depends on beside the address and its space."""


class Refill:
    """Teaches native code what the MMU has found."""

    def __init__(self, cpu: Cpu, soft: SoftTlb, code: Callable[[int], int]) -> None:
        """`code` gives the host address of the native code for a kind of access."""
        self._cpu = cpu
        self._code = code
        self._is_installed = False
        self._soft = soft
        self._slots = cpu.slots
        memory = cpu.memory
        ram = memory.regions[0]
        assert ram.arena == 0
        self._base, self._size = ram.base, ram.size
        self._pages = ram.size // PAGE
        self.is_enabled = not cpu.mmu.is_forgiving and memory.cache is None
        """Whether anything is learned at all. A test that compares switches it off before the first run."""
        self._memos: dict[int, Memo] = {}
        self._passed: dict[tuple[int, int, int], tuple[mmap.mmap, int]] = {}
        self._table_pages: set[int] = set()
        """Pages of RAM with tables that memos go by: walks ask granule protection about them too."""
        self._storable = mmap.mmap(-1, self._pages)
        self._is_storable_clean = True
        cpu.slots[state.TLB_ROWS] = cpu.mmu.tlb.rows.address
        cpu.slots[state.RAM_BASE], cpu.slots[state.RAM_SIZE] = ram.base, ram.size
        cpu.slots[state.STORABLE] = _address(self._storable)
        soft.on_flush = self._forget
        cpu.mmu.granules.on_forgotten = self.forget_granules

    def forget_granules(self, start: int, end: int) -> None:
        """Granule protection has to be asked again about physical addresses from `start` to before `end`."""
        first, last = (start - self._base) // PAGE, -(-(end - self._base) // PAGE)
        tables = self._table_pages
        if last - first < len(tables):
            has_table = any(page in tables for page in range(first, last))
        else:
            has_table = any(first <= page < last for page in tables)
        if first < 0 or last > self._pages:  # of other memory, whose pages in the arena are not these
            has_table = has_table or any(page >= self._pages for page in tables)
        if has_table or (first <= 0 and last >= self._pages):
            self.forget()
        elif first < self._pages and last > 0:
            first, last = max(first, 0), min(last, self._pages)
            for pages, _ in self._passed.values():
                pages[first:last] = bytes(last - first)

    def forget(self) -> None:
        """Everything has to be asked again."""
        self._soft.forget_quick()
        self._forget()

    def _forget(self) -> None:
        self._memos.clear()
        self._passed.clear()
        self._table_pages.clear()
        if not self._is_storable_clean:
            self._storable = mmap.mmap(-1, self._pages)
            self._slots[state.STORABLE] = _address(self._storable)
            self._is_storable_clean = True

    def learn(self, table: int, va: int, where: Located, owner: int, word: int) -> None:
        """An aligned access of the present instruction has gone well, and its page is in the software TLB now.

        So others may go the same way: `Accesses.may_keep` has said so of loads and stores, and grants serve no others.
        `table` is the kind of entry that it has there, `owner` the context that it is made under; `word` is the entry's
        last one, or for a fetch the host address of the decoded words.
        """
        cpu = self._cpu
        page = where.pa - self._base
        translation = where.translation
        if not self.is_enabled or where.is_device or not 0 <= page < self._size or translation.amec:
            return
        kind = _TABLES[table]
        if kind == FETCHED and translation.is_guarded:
            return
        request = cpu.request(va, 1, _ACCESSES[kind], Mode.NORMAL)
        memo = self._memo(request)
        if memo is None:
            return
        words, tlb = memo.words, cpu.mmu.tlb
        if va >> 55 not in (0, 0x1FF):
            return
        row = tlb.find(words[SPACE], words[TAG], va)
        number = None if row is None or not tlb.holds(row, translation) else tlb.class_of(translation)
        if row is None or number is None:
            return
        tlb.classify(row, number)
        at = GRANTS + GRANT * number
        words[at + GRANT_OWNER] = owner
        if memo.granules[0]:
            passed, address = self._passed_for(int(where.pas), memo.granules)
            passed[page // PAGE] = 1
            words[at + GRANT_PAGES] = address
        if kind == STORES:
            self._storable[page // PAGE] = 1
            self._is_storable_clean = False
        if kind == FETCHED:
            place = FETCHES + FETCH * (va // PAGE & FETCH_COUNT - 1)
            words[place], words[place + 1], words[place + 2] = (va & -PAGE) + 1, page & -PAGE, word
            words[place + 3] = owner
        else:
            words[at + (GRANT_STORE if kind == STORES else GRANT_LOAD)] = word
        words[at + GRANT_FLAGS] |= 1 << kind
        reads = cpu.mmu.walked
        if reads:
            self._learn_walk(request, va, reads, words, number, kind, translation)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _memo(self, request: Request) -> Memo | None:
        """The present context's; None where nothing can be learned."""
        cpu = self._cpu
        number = self._slots[state.CONTEXT] >> 2
        if not number:
            return None
        memo = self._memos.get(number)
        if memo is not None:
            return memo
        if cpu.watch is not None:
            return None  # a page that is watched may be like others
        if cpu.wants(TlbFilled) or cpu.wants(TlbEvicted) or _may_lack_halves(request, cpu.acting):
            return None
        key = cpu.mmu.tlb_key(request)
        if key is None:
            return None
        if len(self._memos) >= _MOST_CONTEXTS:
            self.forget()
        gpccr = cpu.acting["GPCCR_EL3"]
        security = int(request.security)
        memo = self._memos[number] = Memo((gpccr if gpccr & GPC_ENABLE else 0, security, 0))
        memo.words[SPACE], memo.words[TAG] = key
        memo.words[SECURITY] = security << 2
        second = cpu.mmu.stage2_key(request)
        if second is not None:
            memo.words[SECOND_SPACE], memo.words[SECOND_TAG] = second
            memo.words[SECOND_LIMIT] = cpu.mmu.stage2_control(request.security).limit
        for upper in range(2 if request.regime.has_two_ranges else 1):
            memo.words[LIMITS + upper] = cpu.mmu.half(request.regime, bool(upper)).limit
        self._soft.teach_quick(number, memo.address)
        if not self._is_installed:
            self._install()
        return memo

    def _install(self) -> None:
        """Put the native code before the callbacks: compiled only now, for guests that translate anything."""
        self._is_installed = True
        slots = self._slots
        for kind, (python, call) in enumerate(_CALLS):
            slots[python], slots[call] = slots[call], self._code(kind)

    def _passed_for(self, pas: int, granules: tuple[int, int, int]) -> tuple[mmap.mmap, int]:
        key = granules[0], granules[1], pas
        found = self._passed.get(key)
        if found is None:
            pages = mmap.mmap(-1, self._pages)
            found = self._passed[key] = pages, _address(pages)
        return found

    def _learn_walk(
        self,
        request: Request,
        va: int,
        reads: tuple[Read, ...],
        words: memoryview,
        number: int,
        kind: int,
        translation: Translation,
    ) -> None:
        """Keep the tables above a leaf as a walk read them, and the leaf's bits."""
        mmu = self._cpu.mmu
        upper = request.regime.has_two_ranges and bool(va >> 55 & 1)
        geometry = mmu.half(request.regime, upper).geometry
        size = translation.stage1_size or translation.size
        found = self._learn_tables(words, UPPERS, geometry, va, reads, size, int(upper) << 7)
        if found is None:
            return
        tag = state.MASK64 & ~ASID_MASK if translation.is_global else state.MASK64
        leaf = self._learn_leaf(words, LEAVES, LEAF_COUNT, *found, kind, number, tag)
        if words[SECOND_TAG]:
            self._learn_stage2(request, va, words, leaf, number, kind, translation)

    def _learn_stage2(
        self,
        request: Request,
        va: int,
        words: memoryview,
        leaf: int,
        number: int,
        kind: int,
        translation: Translation,
    ) -> None:
        """Keep how stage 2 mapped the address that a leaf of stage 1 led to, and what the two gave together."""
        mmu, space = self._cpu.mmu, request.security.pas
        if translation.ipa_pas is not space:
            return
        assert translation.ipa_base is not None
        ipa = translation.ipa_base + (va & translation.size - 1)
        row = mmu.tlb.find(words[SECOND_SPACE], words[SECOND_TAG], ipa)
        if row is None:
            return
        second = mmu.tlb.translation_of(row)
        other = mmu.tlb.class_of(second)
        if other is None or not _is_part(second, translation, ipa) or (kind == STORES and second.is_stage2_clean):
            return  # another entry than the one that has served
        mmu.tlb.classify(row, other)
        words[JOINT + leaf * MOST_CLASSES + other] = number + 1
        reads = mmu.second_walked
        geometry = mmu.stage2_control(request.security).geometry
        if not reads or geometry is None:
            return
        found = self._learn_tables(words, SECOND_UPPERS, geometry, ipa, reads, second.size, 0)
        if found is not None:
            self._learn_leaf(words, SECOND_LEAVES, SECOND_LEAF_COUNT, *found, kind, other, 0)

    def _learn_tables(
        self,
        words: memoryview,
        first: int,
        geometry: Geometry,
        address: int,
        reads: tuple[Read, ...],
        size: int,
        decided: int,
    ) -> tuple[int, int] | None:
        """Keep the tables of a walk among the uppers that begin at `first`.

        Returns the leaf's attribute bits, and what the tables decide beside `decided`; None for an unusual walk.
        """
        memory, leaf = self._cpu.memory, reads[-1]
        shift = geometry.shifts[leaf.level]
        if (
            len(reads) > MOST_UPPER + 1
            or geometry.granule.shift != PAGE.bit_length() - 1
            or geometry.form is not AddressForm.SHORT
            or shift not in LEAF_SHIFTS
            or size != 1 << shift
            or [read.level for read in reads] != list(range(geometry.start, leaf.level + 1))
            or any(read.mismatch for read in reads)
        ):
            return None
        offsets = [memory.ram_offset(read.pa) for read in reads]
        decided |= leaf.level << 8 | int(leaf.pas) << 5
        found, nested = list[int](), list[int]()
        for read, offset in zip(reads, offsets, strict=True):
            if offset is None:
                return None
            tag = memory.tags[offset >> 4] & OWNER_MASK
            if tag and tag != memory.encrypted.owner_id(read.pas, read.mecid):
                return None  # a store has taken the block since, or one key serves two owners
            if read is not leaf:
                found += [offset, read.value, tag]
                decided |= read.value >> 59
            if read.mapped is not None:
                number = self._classify(words, read)
                if number is None:
                    return None
                nested += [(read.ipa or 0) & -PAGE, number + 1]
        last = offsets[-1]
        assert last is not None
        self._table_pages.update(offset // PAGE for offset in offsets if offset is not None)
        step = LEAF_SHIFTS.index(shift)
        region = address >> shift + INDEX_BITS
        at = first + UPPER * (sum(UPPER_COUNTS[:step]) + (region & UPPER_COUNTS[step] - 1))
        others = (1 << INDEX_BITS) - 1
        index = (1 << geometry.tops[leaf.level] - shift + 1) - 1 & others
        others &= ~index
        words[at] = 0
        for place, word in enumerate(found, at + UPPER_WORDS):
            words[place] = word
        for place, word in enumerate(nested, at + UPPER_NESTED):
            words[place] = word
        words[at + 1], words[at + 2] = len(reads) - 1, decided
        words[at + 3] = last - 8 * (address >> shift & index)
        words[at + UPPER_OWNER] = memory.encrypted.owner_id(leaf.pas, leaf.mecid)
        words[at + UPPER_INDEX] = others << 16 | address >> shift & others
        words[at] = region + 1
        return leaf.value & ~(ADDRESS & -1 << shift), decided

    def _classify(self, words: memoryview, read: Read) -> int | None:
        """The class of the translation that stage 2 gave a table, which its entry in the TLB is told too."""
        tlb = self._cpu.mmu.tlb
        assert read.mapped is not None
        assert read.ipa is not None
        number = tlb.class_of(read.mapped)
        row = tlb.find(words[SECOND_SPACE], words[SECOND_TAG], read.ipa)
        if row is not None and number is not None and tlb.holds(row, read.mapped):
            tlb.classify(row, number)
        return number

    @staticmethod
    def _learn_leaf(
        words: memoryview, leaves: int, counted: int, bits: int, decided: int, kind: int, number: int, tag: int
    ) -> int:
        """Returns the leaf's number."""
        count, what = words[counted], decided << 2 | kind
        for leaf in range(count):
            at = leaves + LEAF * leaf
            if words[at] == bits and words[at + 1] == what:
                return leaf
        if count == MOST_LEAVES:
            count = 0  # begin again
            if leaves == LEAVES:
                words[JOINT:WORDS] = _NOTHING_JOINT
        at = leaves + LEAF * count
        words[at], words[at + 1], words[at + 2], words[at + 3] = bits, what, number + 1, tag
        words[counted] = count + 1
        return count


def _is_part(second: Translation, both: Translation, ipa: int) -> bool:
    """Whether stage 2's translation is the one that is joined in one for both stages."""
    assert both.ipa_base is not None
    return (
        second.pa_base + ipa - second.va_base == both.pa_base + ipa - both.ipa_base
        and (second.pas, second.source, second.level, second.amec, second.emec, second.mecen)
        == (both.pas, both.source, both.stage2_level, both.amec, both.emec, both.mecen)
        and (second.stage2_permissions, second.is_stage2_clean) == (both.stage2_permissions, both.is_stage2_clean)
    )


def _may_lack_halves(request: Request, regs: RegisterView) -> bool:
    """Whether EL0 may be kept out of one half (TCR_ELx.E0PD): what holds in the other says nothing about it."""
    if request.el:
        return False
    return bool(regs["TCR_EL1" if request.regime.el == 1 else "TCR_EL2"] & _E0PD)


def _address(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
