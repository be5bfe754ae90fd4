"""Random translation regimes for test_against_qemu: tables of both stages, control registers, and what to try there.

Everything both machines implement is drawn at random: the shape of the tables, table and leaf attributes, broken and
unreachable descriptors, contiguous runs, tags, sizes. What they do not share stays out (see the table in
test_against_qemu).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.bare_metal import CODE_BLOCK, DATA, DATA_END, POOL, Case, Configuration

HOLE = 0x2_0000_0000
"""Nothing answers here on either machine."""
BEYOND = tuple(1 << bit for bit in (37, 40, 41, 42, 43, 44, 45, 46, 47))
"""Beyond the smaller output sizes; nothing answers there, on QEMU either (which has PCIe from 1 << 38 to 1 << 40)."""
WINDOW = 0x5000_0000
"""Intermediate addresses at which stage 1 tables show up page by page."""
NORMAL_TYPES, DEVICE_TYPES = (0xFF, 0x44, 0xBB, 0x77, 0xEE, 0xF4), (0x00, 0x04, 0x08, 0x0C)
STAGE2_NORMAL, STAGE2_DEVICE = (5, 6, 7, 9, 10, 11, 13, 14, 15), (0, 1, 2, 3)
FORCED_NORMAL, FORCED_DEVICE = (5, 6, 7), (0, 1, 2, 3)
AF, CONTIGUOUS = 1 << 10, 1 << 52
OUTPUT_BITS = (32, 36, 40, 42, 44, 48)


class Pool:
    """Pages for tables."""

    def __init__(self) -> None:
        self._next = POOL

    def take(self, count: int = 1) -> int:
        size = 0x1000 * count
        self._next = -(-self._next // size) * size  # concatenated tables are aligned to their size
        self._next += size
        assert self._next <= DATA
        return self._next - size


@dataclass
class Tree:
    """Tables of one stage, 4 KiB granule, for `bits` of input address beginning at level `start`."""

    source: random.Random
    pool: Pool
    bits: int
    start: int
    table_bits: Callable[[], int]
    place: Callable[[int], int] = lambda page: page
    """What a descriptor says about where a table is."""
    entries: dict[int, int] = field(default_factory=dict)
    pages: dict[int, int] = field(default_factory=dict)
    """slot of a table descriptor -> the page it leads to."""
    root: int = 0

    def __post_init__(self) -> None:
        size = 8 << self.bits - self._shift(self.start)
        self.root = self.pool.take(max(1, size >> 12))
        if size < 0x1000:  # a small first table may lie anywhere that is aligned to its size, at least 64 bytes
            self.root += self.source.randrange(0x1000 // max(size, 64)) * max(size, 64)

    @staticmethod
    def _shift(level: int) -> int:
        return 12 + 9 * (3 - level)

    def slot(self, address: int, level: int) -> int | None:
        """Where the descriptor for an address at a level is; tables are made on the way. None: a leaf is in the way."""
        table = self.root
        for at in range(self.start, level):
            width = self.bits - self._shift(at) if at == self.start else 9
            entry = table + (address >> self._shift(at) & (1 << width) - 1) * 8
            if entry not in self.entries:
                page = self.pool.take()
                self.pages[entry] = page
                self.entries[entry] = self.place(page) | self.table_bits() | 3
            if entry not in self.pages:
                return None
            table = self.pages[entry]
        width = self.bits - self._shift(level) if level == self.start else 9
        return table + (address >> self._shift(level) & (1 << width) - 1) * 8

    def put(self, address: int, level: int, descriptor: int) -> bool:
        slot = self.slot(address, level)
        if slot is None or slot in self.entries:
            return False
        self.entries[slot] = descriptor
        return True

    def put_run(self, address: int, level: int, output: int, bits: int) -> None:
        """Sixteen equal leaves with the Contiguous bit, which map an aligned run; none if one of them has no room."""
        size = 1 << self._shift(level)
        first, base = address & -16 * size, output & -16 * size
        slots = [self.slot(first + size * index, level) for index in range(16)]
        if None in slots or any(slot in self.entries for slot in slots):
            return
        for index, slot in enumerate(slots):
            assert slot is not None
            self.entries[slot] = base + size * index | bits | CONTIGUOUS | (3 if level == 3 else 1)


def data_page(source: random.Random) -> int:
    return source.randrange(DATA, DATA_END, 0x1000)


def offset_in(source: random.Random, level: int) -> int:
    """An offset within such a leaf that reaches a page of the data region."""
    if level == 3:
        return 0
    if level == 2:
        return source.randrange(0, 0x20_0000, 0x1000)
    return data_page(source) - CODE_BLOCK


class World:
    """One configuration under construction."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)
        self.pool = Pool()
        self.has_device = self.source.random() < 0.4
        """Device memory somewhere: no fetches and nothing unaligned, which QEMU 7.2 lets through."""
        self.is_unaligned = not self.has_device and self.source.random() < 0.5
        self.tables: dict[int, int] = {}
        self.registers: dict[str, int] = {}

    def chance(self, probability: float) -> bool:
        return self.source.random() < probability

    def bit(self, position: int, probability: float = 0.5) -> int:
        return int(self.chance(probability)) << position

    # Descriptors.

    def table_bits(self, is_secure: bool) -> Callable[[], int]:
        def bits() -> int:
            limits = sum(self.bit(position, 0.08) for position in (59, 60, 61, 62))
            return limits | (self.bit(63, 0.1) if is_secure else 0) | self.source.getrandbits(3) << 56

        return bits

    def stage1_leaf(self, *, is_secure: bool = False, is_el3: bool = False) -> int:
        source = self.source
        bits = source.getrandbits(3) << 2 | source.getrandbits(2) << 6 | source.choice((0, 2, 3)) << 8
        bits |= self.bit(10, 0.93) | self.bit(53, 0.3) | self.bit(54, 0.3) | self.bit(51)
        bits |= source.getrandbits(4) << 55 | source.getrandbits(5) << 59
        if is_el3:
            return bits | 1 << 11  # NSE: Root memory, from which this machine's EL3 may execute
        return bits | self.bit(11) | (self.bit(5, 0.3) if is_secure else 0)

    def stage2_leaf(self, forced: bool) -> int:
        source = self.source
        normal, device = (FORCED_NORMAL, FORCED_DEVICE) if forced else (STAGE2_NORMAL, STAGE2_DEVICE)
        kinds = normal + device if self.has_device else normal
        bits = source.choice(kinds) << 2 | source.choice((0, 2, 3)) << 8 | self.bit(10, 0.93) | self.bit(11)
        bits |= source.choice((1, 2, 3, 3, 3, 0)) << 6 | source.choice((0, 0, 0, 1, 2, 3)) << 53
        return bits | self.bit(51) | source.getrandbits(3) << 56 | source.getrandbits(5) << 59

    def broken(self, level: int) -> int:
        """A descriptor that no walk gets through, or only to another fault."""
        source = self.source
        kinds = [source.getrandbits(62) << 2, source.getrandbits(62) << 2 | 2]  # invalid
        if level == 3:
            kinds.append(data_page(source) | AF | 1)  # reserved
        if level < 3:
            kinds += [HOLE | 3, source.choice(BEYOND) | 3]  # next table: nothing there, perhaps beyond the output size
        elif not self.is_unaligned:  # QEMU splits an unaligned access that nothing answers: FAR differs
            kinds.append(source.choice(BEYOND) | AF | 3)
        return source.choice(kinds)

    def output(self, level: int) -> int:
        """An output address for a leaf: mostly a page or block with the data region in it, sometimes a hole."""
        if not self.is_unaligned and self.chance(0.05):
            return HOLE
        if level == 3:
            return data_page(self.source)
        return self.source.choice((DATA, DATA + 0x20_0000)) if level == 2 else CODE_BLOCK

    def fill(self, tree: Tree, leaf: Callable[[], int], count: int, output: Callable[[int], int]) -> list[int]:
        """Random leaves in a tree; returns addresses that reach them, and some that reach nothing."""
        source = self.source
        targets = []
        bases = [source.getrandbits(tree.bits) & -0x1000 for _ in range(4)]
        for _ in range(count):
            address = source.getrandbits(tree.bits) & -0x1000
            if self.chance(0.7):  # near another one, so that they share tables
                address = source.choice(bases) ^ source.getrandbits(source.choice((16, 21, 25, 31))) & -0x1000
                address &= (1 << tree.bits) - 1
            level = source.choice([at for at in (0, 1, 2, 2, 3, 3, 3, 3) if at >= tree.start])
            if self.chance(0.15):
                tree.put(address, level, self.broken(level))
            elif level and self.chance(0.12) and level > 1:
                # A run of level 2 maps 32 MiB, in which the data region lies at 8 MiB.
                base = CODE_BLOCK if level == 2 else data_page(source)
                tree.put_run(address, level, base, leaf())
                if level == 2:
                    address = address & -(1 << 25) | DATA - CODE_BLOCK
            elif level:
                kind = 3 if level == 3 else 1
                tree.put(address, level, output(level) | leaf() | kind)
            size = 1 << 12 + 9 * (3 - level)
            targets.append((address & -size) + offset_in(source, level) if level else address)
            if self.chance(0.2):
                targets.append(address ^ 1 << source.randrange(12, tree.bits))
        self.tables |= tree.entries
        return targets

    # Controls.

    def mair(self) -> int:
        kinds = NORMAL_TYPES + DEVICE_TYPES if self.has_device else NORMAL_TYPES
        return 0xFF | sum(self.source.choice(kinds) << 8 * index for index in range(1, 8))  # the code block has index 0

    def walk_attributes(self) -> int:
        """IRGN0, ORGN0 and SH0."""
        return self.source.getrandbits(4) << 8 | self.source.choice((0, 2, 3)) << 12

    def two_ranges(self, size0: int, size1: int) -> int:
        """TCR_EL1, or TCR_EL2 with E2H."""
        tcr = 64 - size0 | self.walk_attributes() | 64 - size1 << 16 | self.walk_attributes() << 16 | 2 << 30
        tcr |= self.source.choice((1, 1, 2, 3, 4, 5)) << 32
        for position, probability in ((22, 0.5), (23, 0.1), (36, 0.5), (37, 0.5), (38, 0.5), (41, 0.2), (42, 0.2)):
            tcr |= self.bit(position, probability)
        return tcr

    def sctlr(self) -> int:
        """MMU on; WXN and A sometimes; the rest such that EL0 is not trapped and PAN stays as it is."""
        return 0x30D0_1805 | 1 << 23 | self.bit(19, 0.2) | self.bit(1, 0.2)

    def start_level(self, bits: int) -> int:
        return 3 - (bits - 1 - 12) // 9

    def code_leaf(self, bits: int) -> int:
        return CODE_BLOCK | bits | AF | 3 << 8 | 1

    # Cases.

    def address(self, target: int) -> int:
        """An address in the page of a target: aligned, unless this world does not mind."""
        source = self.source
        offset = source.randrange(0, 0x40, 8)
        if self.is_unaligned:
            offset = source.choice((offset, source.randrange(0x38), 0xFF8 + source.randrange(8)))
        return (target & -0x1000) + offset

    def tagged(self, address: int) -> int:
        """Now and then with a top byte, or a bit beyond the range."""
        if self.chance(0.1):
            address = address & (1 << 56) - 1 | self.source.getrandbits(8) << 56
        if self.chance(0.05):
            address ^= 1 << self.source.randrange(39, 56)
        return address

    def accesses(self, addresses: list[int], count: int, states: list[int]) -> list[Case]:
        """Loads, stores and fetches; `states` are values of SPSR_EL3."""
        source = self.source
        plain = ["load64", "load32", "load16", "load8", "load32s", "load16s", "load8s", "load_pair", "load_post"]
        plain += ["store64", "store32", "store16", "store8", "store_pair", "store_pre", "store_zero", "load_offset"]
        aligned = ["load_acquire", "load_exclusive", "store_release", "load_unprivileged", "store_unprivileged"]
        cases = []
        for _ in range(count):
            target = source.choice(addresses)
            state = source.choice(states)
            if not self.has_device and self.chance(0.3):
                address = (target & -0x1000) + 0x100 + source.randrange(0, 0x40, 4)
                cases.append(Case("fetch", state, self.tagged(address)))
                continue
            piece = source.choice(plain + aligned)
            address = self.address(target)
            if piece in aligned or not self.is_unaligned:
                address &= -16 if "pair" in piece else -8
            cases.append(Case(piece, state, self.tagged(address), source.getrandbits(64)))
        return cases

    def pstates(self, *levels: int) -> list[int]:
        """SPSR_EL3 for these levels, with and without PAN and UAO and flags."""
        found = []
        for el in levels:
            for _ in range(3):
                extra = (self.bit(22, 0.3) | self.bit(23, 0.2)) if el else 0
                found.append(0x3C0 | el << 2 | int(el > 0) | extra | self.source.getrandbits(4) << 28)
        return found


EL1_STAGE1 = ["s1e1r", "s1e1w", "s1e0r", "s1e0w"]
EL1_BOTH = ["s12e1r", "s12e1w", "s12e0r", "s12e0w"]


def translations(world: World, addresses: list[int], operations: list[str], count: int) -> list[Case]:
    """Address translations that EL3 makes."""
    return [
        Case(f"at_{world.source.choice(operations)}", None, world.tagged(world.source.choice(addresses)))
        for _ in range(count)
    ]


def pieces_at(world: World, addresses: list[int], operations: list[str], el: int, count: int) -> list[Case]:
    """Address translations that another level makes."""
    states = world.pstates(el)
    return [
        Case(
            f"at_{world.source.choice(operations)}",
            world.source.choice(states),
            world.tagged(world.source.choice(addresses)),
        )
        for _ in range(count)
    ]


def upper_half(bits: int) -> int:
    return (1 << 64) - (1 << bits)


def el1_world(seed: int, *, is_secure: bool, has_stage2: bool, count: int) -> Configuration:
    """EL1&0 with both halves, with or without stage 2; Secure state with Secure EL2."""
    world = World(seed)
    source = world.source
    size0, size1 = source.randrange(32, 49), source.randrange(25, 49)
    forced = world.chance(0.3)
    hcr = 1 << 31 | (1 << 46 if forced else 0)
    intermediates: list[int] = []
    place: Callable[[int], int] = lambda page: page  # noqa: E731
    if has_stage2:
        hcr |= 1 | world.bit(2, 0.2)
        place = _stage2(world, forced, is_secure, intermediates)

    def output(level: int) -> int:
        if has_stage2 and level == 3 and world.chance(0.8):
            return source.choice(intermediates) & -0x1000
        return world.output(level)

    def window(page: int) -> int:
        return place(page) if world.chance(0.5) else page

    lower = Tree(source, world.pool, size0, world.start_level(size0), world.table_bits(is_secure))
    upper = Tree(source, world.pool, size1, world.start_level(size1), world.table_bits(is_secure))
    _map_code(world, lower, 1 << 6 | 1 << 7)
    lower.place = upper.place = window
    leaf = lambda: world.stage1_leaf(is_secure=is_secure)  # noqa: E731
    addresses = world.fill(lower, leaf, 40, output)
    addresses += [upper_half(size1) + address for address in world.fill(upper, leaf, 40, output)]
    world.registers |= {
        "SCR_EL3": (0x430 if is_secure else 0x431) | 1 << 8 | (1 << 18 | world.bit(9, 0.3) if is_secure else 0),
        "HCR_EL2": hcr,
        "SCTLR_EL2": 0x30C5_0830,
        "SCTLR_EL1": world.sctlr(),
        "TCR_EL1": world.two_ranges(size0, size1),
        "MAIR_EL1": world.mair(),
        "TTBR0_EL1": lower.root | source.getrandbits(16) << 48,
        "TTBR1_EL1": upper.root | source.getrandbits(16) << 48,
    }
    cases = translations(world, addresses, EL1_STAGE1 + (EL1_BOTH if has_stage2 else []), count // 3)
    cases += pieces_at(world, addresses, EL1_STAGE1, 1, count // 12)
    cases += pieces_at(world, addresses, EL1_STAGE1 + EL1_BOTH, 2, count // 12)
    cases += world.accesses(addresses, count // 2, world.pstates(0, 1))
    kind = f"{'Secure' if is_secure else 'Non-secure'} EL1&0, stage 2 {'on' if has_stage2 else 'off'}"
    return Configuration(kind, world.registers, world.tables, cases)


def _map_code(world: World, tree: Tree, bits: int) -> None:
    """The code block, through tables without limits."""
    random_bits, tree.table_bits = tree.table_bits, lambda: 0
    assert tree.put(CODE_BLOCK, 2, world.code_leaf(bits))
    tree.table_bits = random_bits


def _stage2(world: World, forced: bool, is_secure: bool, intermediates: list[int]) -> Callable[[int], int]:
    """Stage 2 tables and registers; returns how stage 1 tables get addresses of their own."""
    source = world.source
    trees = []
    registers = world.registers
    for name in ("V", "VS") if is_secure else ("V",):
        bits = source.randrange(32, 45)
        starts = [start for start in (0, 1, 2) if 13 + 9 * (3 - start) <= bits <= 25 + 9 * (3 - start)]
        start = source.choice(starts)
        tree = Tree(source, world.pool, bits, start, lambda: source.getrandbits(5) << 59)
        code = world.code_leaf(0xF << 2 | 3 << 6) if not forced else world.code_leaf(6 << 2 | 3 << 6)
        assert tree.put(CODE_BLOCK, 2, code)
        assert tree.put(POOL, 2, POOL | (6 if forced else 0xF) << 2 | 3 << 6 | AF | 3 << 8 | 1)
        leaf = lambda: world.stage2_leaf(forced)  # noqa: E731
        intermediates += world.fill(tree, leaf, 40, world.output)
        # QEMU compares the output size with what the manual compares the implemented size with: see test_against_qemu.
        size = next(code for code, width in enumerate(OUTPUT_BITS) if width >= max(bits, 36, 48 if start == 0 else 0))
        control = 64 - bits | {2: 0, 1: 1, 0: 2}[start] << 6 | world.walk_attributes() | 1 << 31
        if name == "V":
            registers["VTCR_EL2"] = control | size << 16 | world.bit(19)
            registers["VTTBR_EL2"] = tree.root | source.getrandbits(16) << 48
            if is_secure:
                registers["VTCR_EL2"] |= world.bit(29) | world.bit(30)
        else:
            registers["VTCR_EL2"] = registers["VTCR_EL2"] & ~(7 << 16) | 5 << 16
            registers["VSTCR_EL2"] = control & 0xC0FF | 1 << 31 | world.bit(29, 0.3) | world.bit(30, 0.3)
            registers["VSTTBR_EL2"] = tree.root
        trees.append(tree)
    windows: dict[int, int] = {}

    def place(page: int) -> int:
        if page not in windows:
            windows[page] = WINDOW + 0x1000 * len(windows)
            for tree in trees:
                broken = world.chance(0.2)
                descriptor = world.broken(3) if broken else page | world.stage2_leaf(forced) | 3
                slot = tree.slot(windows[page], 3)
                if slot is not None:
                    tree.entries[slot] = descriptor
            for tree in trees:
                world.tables |= tree.entries
        return windows[page]

    return place


def el2_world(seed: int, *, is_secure: bool, count: int) -> Configuration:
    """EL2 with E2H=0: one range."""
    world = World(seed)
    source = world.source
    size = source.randrange(32, 49)
    tree = Tree(source, world.pool, size, world.start_level(size), world.table_bits(is_secure))
    _map_code(world, tree, 1 << 6 | 1 << 7)
    addresses = world.fill(tree, lambda: world.stage1_leaf(is_secure=is_secure), 60, world.output)
    tcr = 64 - size | world.walk_attributes() | source.choice((1, 1, 2, 3, 4, 5)) << 16 | 1 << 31 | 1 << 23
    world.registers |= {
        "SCR_EL3": (0x430 if is_secure else 0x431) | 1 << 8 | (1 << 18 | world.bit(9, 0.3) if is_secure else 0),
        "HCR_EL2": 1 << 31,
        "SCTLR_EL1": 0x30D0_0800,
        "SCTLR_EL2": world.sctlr(),
        "TCR_EL2": tcr | world.bit(20) | world.bit(24, 0.2),
        "MAIR_EL2": world.mair(),
        "TTBR0_EL2": tree.root,
    }
    cases = translations(world, addresses, ["s1e2r", "s1e2w"], count // 3)
    cases += pieces_at(world, addresses, ["s1e2r", "s1e2w"], 2, count // 12)
    cases += world.accesses(addresses, count // 2, world.pstates(2))
    return Configuration(f"{'Secure' if is_secure else 'Non-secure'} EL2", world.registers, world.tables, cases)


def host_world(seed: int, *, is_secure: bool, count: int) -> Configuration:
    """EL2&0: E2H=1, with or without TGE."""
    world = World(seed)
    source = world.source
    size0, size1 = source.randrange(32, 49), source.randrange(25, 49)
    tge = world.chance(0.6)
    lower = Tree(source, world.pool, size0, world.start_level(size0), world.table_bits(is_secure))
    upper = Tree(source, world.pool, size1, world.start_level(size1), world.table_bits(is_secure))
    _map_code(world, lower, 1 << 6 | 1 << 7)
    leaf = lambda: world.stage1_leaf(is_secure=is_secure)  # noqa: E731
    addresses = world.fill(lower, leaf, 40, world.output)
    addresses += [upper_half(size1) + address for address in world.fill(upper, leaf, 40, world.output)]
    world.registers |= {
        "SCR_EL3": (0x430 if is_secure else 0x431) | 1 << 8 | (1 << 18 | world.bit(9, 0.3) if is_secure else 0),
        "HCR_EL2": 1 << 31 | 1 << 34 | (1 << 27 if tge else 0),
        "SCTLR_EL1": 0x30D0_0800,
        "SCTLR_EL2": world.sctlr(),
        "TCR_EL2": world.two_ranges(size0, size1),
        "MAIR_EL2": world.mair(),
        "TTBR0_EL2": lower.root | source.getrandbits(16) << 48,
        "TTBR1_EL2": upper.root | source.getrandbits(16) << 48,
    }
    operations = ["s1e2r", "s1e2w"] + (EL1_STAGE1 if tge else [])
    cases = translations(world, addresses, operations, count // 3)
    cases += pieces_at(world, addresses, operations, 2, count // 12)
    cases += world.accesses(addresses, count // 2, world.pstates(2, 0) if tge else world.pstates(2))
    kind = f"{'Secure' if is_secure else 'Non-secure'} EL2&0, TGE={int(tge)}"
    return Configuration(kind, world.registers, world.tables, cases)


def el3_world(seed: int, *, count: int) -> Configuration:
    """EL3. Leaves output Root memory here, which QEMU, without RME, takes for Secure memory."""
    world = World(seed)
    source = world.source
    size = source.randrange(32, 49)
    tree = Tree(source, world.pool, size, world.start_level(size), world.table_bits(False))
    _map_code(world, tree, 1 << 6 | 1 << 7 | 1 << 11)
    addresses = world.fill(tree, lambda: world.stage1_leaf(is_el3=True), 60, world.output)
    tcr = 64 - size | world.walk_attributes() | source.choice((1, 1, 2, 3, 4, 5)) << 16 | 1 << 31 | 1 << 23
    world.registers |= {
        "SCR_EL3": 0x431,
        "HCR_EL2": 1 << 31,
        "SCTLR_EL1": 0x30D0_0800,
        "SCTLR_EL2": 0x30C5_0830,
        "SCTLR_EL3": world.sctlr(),
        "TCR_EL3": tcr | world.bit(20) | world.bit(24, 0.2),
        "MAIR_EL3": world.mair(),
        "TTBR0_EL3": tree.root,
    }
    cases = pieces_at(world, addresses, ["s1e3r", "s1e3w"], 3, count // 3)
    cases += world.accesses(addresses, count // 2, world.pstates(3))
    return Configuration("EL3", world.registers, world.tables, cases)


def worlds(seed: int, count: int) -> list[Configuration]:
    """One configuration of each kind, with about so many cases each."""
    return [
        el1_world(seed, is_secure=False, has_stage2=False, count=count),
        el1_world(seed + 1, is_secure=False, has_stage2=True, count=count),
        el1_world(seed + 2, is_secure=True, has_stage2=False, count=count),
        el1_world(seed + 3, is_secure=True, has_stage2=True, count=count),
        el2_world(seed + 4, is_secure=False, count=count),
        el2_world(seed + 5, is_secure=True, count=count),
        host_world(seed + 6, is_secure=False, count=count),
        host_world(seed + 7, is_secure=True, count=count),
        el3_world(seed + 8, count=count),
        el1_world(seed + 9, is_secure=False, has_stage2=True, count=count),
    ]
