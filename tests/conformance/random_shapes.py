"""Random worlds of all granules and sizes for test_against_qemu: FEAT_LPA2, LVA, TTST, HAFDBS, and the Realm state.

Like random_worlds, whose leaves, controls and cases these use; the tables have any of the three shapes here. At the
end of each world the driver reads the descriptors that hardware may have changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.bare_metal import (
    CODE_BLOCK,
    DATA,
    DATA_END,
    HAS_RME,
    LARGE_POOL,
    LARGE_POOL_END,
    Case,
    Configuration,
)
from tests.conformance.random_worlds import (
    AF,
    CONTIGUOUS,
    EL1_BOTH,
    EL1_STAGE1,
    HOLE,
    World,
    pieces_at,
    translations,
    upper_half,
)

SECURE, NON_SECURE, REALM, ROOT = "Secure", "Non-secure", "Realm", "Root"
TG0, TG1 = {12: 0, 14: 2, 16: 1}, {12: 2, 14: 1, 16: 3}
STARTS = {
    12: {2: 0, 1: 1, 0: 2, 3: 3, -1: 0},
    14: {3: 0, 2: 1, 1: 2, 0: 3},
    16: {3: 0, 2: 1, 1: 2},
}
"""Granule -> first level of stage 2 -> SL0. Level -1 has SL2 beside it."""
RUNS = {(12, 1): 16, (12, 2): 16, (12, 3): 16, (14, 2): 32, (14, 3): 128, (16, 2): 32, (16, 3): 32}
OUTPUT_BITS = (32, 36, 40, 42, 44, 48, 52)
BEYOND = (1 << 41, 1 << 43, 1 << 45, 1 << 47, 1 << 48, 1 << 49, 1 << 50, 1 << 51)
"""Nothing answers there on either machine; beyond the smaller output sizes."""
DBM = 1 << 51


def has_granules(seed: int) -> bool:
    """Whether the world with this seed has granule protection, where QEMU has."""
    return HAS_RME and seed % 3 == 0


class LargePool:
    """Room for tables of all sizes."""

    def __init__(self) -> None:
        self._next = LARGE_POOL

    def take(self, size: int) -> int:
        self._next = -(-self._next // size) * size + size
        assert self._next <= LARGE_POOL_END
        return self._next - size


@dataclass
class Shape:
    """Granule, size and form of the tables of one stage for one range of addresses."""

    granule: int
    bits: int
    start: int
    ds: bool
    is_wide: bool
    """PS says 52 bits."""
    entries: dict[int, int] = field(default_factory=dict)
    tables: dict[int, int] = field(default_factory=dict)
    """Slot of a Table descriptor -> where the table is."""
    root: int = 0

    def shift(self, level: int) -> int:
        return self.granule + (self.granule - 3) * (3 - level)

    def width(self, level: int) -> int:
        return self.bits - self.shift(level) if level == self.start else self.granule - 3

    def write(self, address: int, low: int) -> int:
        """An address as a descriptor holds it."""
        value = address & (1 << 48) - 1 & -1 << low
        if self.granule == 16:
            return value | (address >> 48 & 0xF) << 12
        return value | (address >> 50 & 3) << 8 | (address >> 48 & 3) << 48 if self.ds else value

    @property
    def leaf_levels(self) -> list[int]:
        """Levels of leaves, the deepest most often."""
        first = {12: 0 if self.ds else 1, 14: 1 if self.ds else 2, 16: 1}[self.granule]
        return [level for level in range(max(first, self.start), 4) for _ in range(1 + 2 * (level == 3))]


class ShapedWorld(World):
    """A World whose trees may have any shape."""

    def __init__(self, seed: int, state: str, *, has_updates: bool) -> None:
        super().__init__(seed)
        self.has_granules = has_granules(seed)
        self.state = state
        self.has_updates = has_updates
        self.rooms = LargePool()
        self.is_wide = self.chance(0.5)
        """Stage 1 has 52-bit outputs: PS says so, and all its tables can hold them."""
        self.size = 6 if self.is_wide else self.source.choice((1, 2, 3, 4, 5, 5))
        """TCR_ELx.PS of stage 1."""
        self.watched: list[int] = []
        """Slots of leaves that hardware may update."""

    @property
    def is_secure(self) -> bool:
        return self.state == SECURE

    def scr(self) -> int:
        base = {SECURE: 1 << 18 | self.bit(9, 0.3), NON_SECURE: 1, REALM: 1 << 62 | 1}[self.state]
        return 0x430 | 1 << 8 | base

    def shape(self, *, ds: bool, is_wide: bool, is_stage2: bool = False) -> Shape:
        source = self.source
        granule = source.choice((12, 14, 16)) if ds or not is_wide else 16
        ds = ds and granule != 16
        # QEMU compares sizes of stage 2's input with PS where the manual has the implemented size: it fits both.
        most = 48 if is_stage2 and not is_wide else 52 if ds or granule == 16 else 48
        # A stage 2 of 16 KiB that starts at level 0, FEAT_LPA2's, is a reserved SL0 to QEMU 7.2 (not to 11).
        is_level0_known = HAS_RME or not (is_stage2 and granule == 14)
        most = most if is_level0_known else min(most, 51)
        bits = source.choice((source.randint(32, most), source.randint(32, 42), most))
        start = 3 - (bits - 1 - granule) // (granule - 3)
        if is_stage2:
            starts = [
                level
                for level in STARTS[granule]
                if 1 <= bits - self._resolved(granule, level) <= granule + 1
                and (level != -1 or ds) and ((ds and is_level0_known) or (granule, level) != (14, 0))
            ]  # fmt: skip
            start = source.choice(starts)
        found = Shape(granule, bits, start, ds, is_wide)
        found.root = self.rooms.take(max(64, 8 << found.width(start)))
        return found

    @staticmethod
    def _resolved(granule: int, level: int) -> int:
        return granule + (granule - 3) * (3 - level)

    # Trees.

    def slot(
        self, shape: Shape, address: int, level: int, table_bits: Callable[[], int], place: Callable[[int, Shape], int]
    ) -> int | None:
        """Where the descriptor for an address at a level is; None if a leaf is in the way."""
        table = shape.root
        for at in range(shape.start, level):
            entry = table + (address >> shape.shift(at) & (1 << shape.width(at)) - 1) * 8
            if entry not in shape.entries:
                page = self.rooms.take(1 << shape.granule)
                shape.tables[entry] = page
                shape.entries[entry] = shape.write(place(page, shape), shape.granule) | table_bits() | 3
            if entry not in shape.tables:
                return None
            table = shape.tables[entry]
        return table + (address >> shape.shift(level) & (1 << shape.width(level)) - 1) * 8

    def grow(
        self,
        shape: Shape,
        leaf: Callable[[], int],
        count: int,
        output: Callable[[Shape, int], int],
        table_bits: Callable[[], int],
        place: Callable[[int, Shape], int] = lambda page, shape: page,
    ) -> list[int]:
        """Random leaves; returns addresses that reach them, and some that reach nothing."""
        source = self.source
        targets = []
        bases = [source.getrandbits(shape.bits) for _ in range(3)]
        for _ in range(count):
            address = source.choice(bases) ^ source.getrandbits(source.choice((16, 21, 25, 31)))
            address &= (1 << shape.bits) - 1 & -1 << 12
            # The largest blocks would reach QEMU's PCIe memory. Of a leaf larger than the output size QEMU compares the
            # descriptor's address, not the output address.
            level = source.choice(
                [at for at in shape.leaf_levels if shape.shift(at) <= min(36, OUTPUT_BITS[self.size])]
            )
            slot = self.slot(shape, address, level, table_bits, place)
            kind = 3 if level == 3 else 1
            size = 1 << shape.shift(level)
            if slot is None or slot in shape.entries:
                continue
            if self.chance(0.1):
                shape.entries[slot] = self.broken_leaf(shape, level)
            elif self.chance(0.08) and (shape.granule, level) in RUNS and not self.has_updates:
                self.run(shape, address, level, slot, leaf())
            else:
                bits = leaf() & (~(3 << 8) if shape.ds else -1)
                shape.entries[slot] = shape.write(output(shape, level), shape.shift(level)) | bits | kind
                self.watched.append(slot)
            targets.append((address & -size) + self.offset(size))
            if self.chance(0.3):
                targets.append((address & -size) + self.offset(size))
            if self.chance(0.2):
                targets.append(address ^ 1 << source.randrange(12, shape.bits))
        self.tables |= shape.entries
        return targets

    def run(self, shape: Shape, address: int, level: int, slot: int, bits: int) -> None:
        """A contiguous run, if all of it is free."""
        number = RUNS[shape.granule, level]
        if number > 1 << shape.width(level):
            return
        size = 1 << shape.shift(level)
        first = slot & -8 * number
        if any(first + 8 * index in shape.entries for index in range(number)):
            return
        base = self.reach(size * number)
        bits = bits & (~(3 << 8) if shape.ds else -1) | CONTIGUOUS | (3 if level == 3 else 1)
        for index in range(number):
            shape.entries[first + 8 * index] = shape.write(base + size * index, shape.shift(level)) | bits

    def reach(self, size: int) -> int:
        """The start of an aligned piece of memory with some of the data region in it."""
        return self.source.randrange(DATA, DATA_END, 0x1000) & -size

    def offset(self, size: int) -> int:
        """A page in such a piece that is in the data region, most often."""
        source = self.source
        if size <= 1 << 22:
            return source.randrange(0, size, 0x1000)
        return source.randrange(DATA, DATA_END, 0x1000) & size - 1

    def leaf_output(self, shape: Shape, level: int) -> int:
        if not self.is_unaligned and self.chance(0.06):
            return self.source.choice((HOLE, *self.beyond(shape)))
        return self.reach(1 << shape.shift(level))

    def beyond(self, shape: Shape) -> tuple[int, ...]:
        """Bits [51:48] of addresses are only for where they count: QEMU ignores them elsewhere."""
        if self.has_granules:  # QEMU 11.1 stops with an assertion at some addresses beyond GPCCR_EL3.PPS
            return ()
        return BEYOND if shape.is_wide else BEYOND[:4]

    def broken_leaf(self, shape: Shape, level: int) -> int:
        source = self.source
        kinds = [source.getrandbits(62) << 2, source.getrandbits(62) << 2 | 2]  # invalid
        if level == 3:
            kinds.append(DATA | AF | 1)  # reserved
        else:
            kinds.append(shape.write(source.choice((HOLE, *self.beyond(shape))), shape.granule) | 3)
        return source.choice(kinds)

    def updated(self, leaf: int) -> int:
        """A leaf that hardware may have to update, in worlds with updates."""
        if not self.has_updates:
            return leaf
        leaf &= ~(AF | DBM)
        # QEMU computes WXN and the like from AP[2] as it is, the manual from AP[2] as DBM makes it: not executable.
        return leaf | self.bit(10, 0.6) | (DBM | 3 << 53 if self.chance(0.6) else 0)

    def translations(self, addresses: list[int], operations: list[str], count: int) -> list[Case]:
        """Address translations that EL3 makes."""
        return [] if self.has_updates else translations(self, addresses, operations, count)

    def pieces_at(self, addresses: list[int], operations: list[str], el: int, count: int) -> list[Case]:
        """Address translations that another level makes."""
        return [] if self.has_updates else pieces_at(self, addresses, operations, el, count)

    def map_code(self, shape: Shape, bits: int) -> None:
        """The block of code one to one, through tables without limits."""
        slot = self.slot(shape, CODE_BLOCK, 2, lambda: 0, lambda page, shape: page)
        assert slot is not None
        output = shape.write(CODE_BLOCK, shape.shift(2))
        shape.entries[slot] = output | bits | AF | (0 if shape.ds else 3 << 8) | 1

    def controls(self, lower: Shape, upper: Shape | None, ds: bool) -> int:
        """TCR_ELx of one range or two."""
        tcr = 64 - lower.bits | self.walk_attributes() | TG0[lower.granule] << 14
        if upper is None:
            tcr |= self.size << 16 | 1 << 31 | 1 << 23 | self.bit(20) | self.bit(24, 0.2) | ds << 32
            return tcr | (self.bit(21, 0.8) | self.bit(22, 0.8) if self.has_updates else 0)
        tcr |= 64 - upper.bits << 16 | self.walk_attributes() << 16 | TG1[upper.granule] << 30
        tcr |= self.size << 32 | ds << 59
        for position, probability in ((22, 0.5), (23, 0.1), (36, 0.5), (37, 0.5), (38, 0.5), (41, 0.2), (42, 0.2)):
            tcr |= self.bit(position, probability)
        return tcr | (self.bit(39, 0.8) | self.bit(40, 0.8) if self.has_updates else 0)

    def looks(self) -> list[Case]:
        """Descriptors as they are at the end."""
        if not self.has_updates:
            return []
        return [Case("peek", None, slot) for slot in self.watched]

    def protect(self) -> None:
        """A granule protection table: RAM granule by granule, 36 bits protected. Mostly open."""
        source = self.source
        level0, level1 = self.rooms.take(0x1000), self.rooms.take(0x2_0000)
        own = {SECURE: 8, NON_SECURE: 9, REALM: 0xB, ROOT: 0xA}[self.state]
        gpis = (own,) * 12 + (0xF,) * 12 + (0, 8, 9, 0xA, 0xB)
        for gigabyte in range(64):
            self.tables[level0 + 8 * gigabyte] = 0xF1
        self.tables[level0 + 8 * (CODE_BLOCK >> 30)] = level1 | 3
        for entry in range((LARGE_POOL_END - CODE_BLOCK) >> 16):
            start = CODE_BLOCK + (entry << 16)
            # Tables stay open: test_granules_against_qemu is about walks.
            is_open = not DATA <= start < DATA_END or self.chance(0.3)
            value = sum((0xF if is_open else source.choice(gpis)) << 4 * index for index in range(16))
            self.tables[level1 + 8 * entry] = value
        self.registers["GPTBR_EL3"] = level0 >> 12
        self.registers["GPCCR_EL3"] = 1 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1
        if self.state != ROOT:
            self.registers["SCR_EL3"] |= self.bit(48)
            self.registers["HCR_EL2"] |= self.bit(48)

    def finish(self, kind: str, cases: list[Case]) -> Configuration:
        if self.has_granules:
            self.protect()
        return Configuration(f"{self.state} {kind}", self.registers, self.tables, cases + self.looks())


def stage2(world: ShapedWorld, forced: bool, intermediates: list[int]) -> Callable[[int, Shape], int]:
    """Stage 2 tables and registers; returns how stage 1 tables get addresses of their own."""
    source, registers = world.source, world.registers
    is_wide = world.chance(0.5)
    ds = is_wide and world.chance(0.7)
    normal = 6 if forced else 0xF
    shapes = []
    for name in ("V", "VS") if world.is_secure else ("V",):
        shape = world.shape(ds=ds, is_wide=is_wide, is_stage2=True)
        world.map_code(shape, normal << 2 | 3 << 6)
        size = 1 << shape.shift(2)
        for block in range(LARGE_POOL, LARGE_POOL_END, size):
            slot = world.slot(shape, block, 2, lambda: 0, lambda page, shape: page)
            assert slot is not None
            bits = normal << 2 | 3 << 6 | AF | (0 if ds and shape.granule != 16 else 3 << 8) | 1
            shape.entries.setdefault(slot, shape.write(block & -size, shape.shift(2)) | bits)
        table_bits = lambda: source.getrandbits(5) << 59  # noqa: E731

        def leaf() -> int:
            return world.updated(world.stage2_leaf(forced)) | (world.bit(55, 0.3) if world.state == REALM else 0)

        intermediates += world.grow(shape, leaf, 30, world.leaf_output, table_bits)
        control = 64 - shape.bits | STARTS[shape.granule][shape.start] << 6 | TG0[shape.granule] << 14 | 1 << 31
        control |= int(shape.start == -1) << 33
        if name == "V":
            registers["VTCR_EL2"] = control | world.walk_attributes() | world.bit(19) | int(ds) << 32
            if world.has_updates:
                registers["VTCR_EL2"] |= world.bit(21, 0.8) | world.bit(22, 0.8)
            if world.is_secure:
                registers["VTCR_EL2"] |= world.bit(29) | world.bit(30)
            registers["VTTBR_EL2"] = shape.root | source.getrandbits(16) << 48
        else:
            registers["VSTCR_EL2"] = control | world.bit(29, 0.3) | world.bit(30, 0.3)
            registers["VSTTBR_EL2"] = shape.root
        shapes.append(shape)
    registers["VTCR_EL2"] |= (6 if is_wide else 5) << 16
    windows: dict[int, int] = {}

    def place(page: int, first: Shape) -> int:
        """An intermediate address for a stage 1 table, mapped in pieces of stage 2's granule."""
        if not world.chance(0.5):
            return page
        if page not in windows:
            windows[page] = 0x8000_0000 + (len(windows) << 16)
            for shape in shapes:
                step = 1 << max(shape.granule, 12)
                for piece in range(0, max(1 << first.granule, step), step):
                    address = windows[page] + piece
                    slot = world.slot(shape, address, 3, lambda: 0, lambda page, shape: page)
                    if slot is None or slot in shape.entries:
                        continue
                    bits = world.updated(world.stage2_leaf(forced)) & (~(3 << 8) if shape.ds else -1)
                    # A piece is larger than the table where stage 2's granule is.
                    target = (page & -step) + piece
                    shape.entries[slot] = shape.write(target, shape.granule) | bits | 3
                    world.watched.append(slot)
            for shape in shapes:
                world.tables |= shape.entries
        step = max(1 << shapes[0].granule, 1 << shapes[-1].granule)
        return windows[page] | page & step - 1 & 0xFFFF

    return place


def el1_shapes(seed: int, state: str, *, has_stage2: bool, has_updates: bool, count: int) -> Configuration:
    world = ShapedWorld(seed, state, has_updates=has_updates)
    source = world.source
    forced, ds = world.chance(0.3), world.chance(0.6)
    hcr = 1 << 31 | (1 << 46 if forced else 0)
    intermediates: list[int] = []
    place: Callable[[int, Shape], int] = lambda page, shape: page  # noqa: E731
    if has_stage2:
        # A Permission fault may set the Access flag or not: with PTW QEMU sets it first.
        ptw = world.bit(2, 0.2)
        hcr |= 1 | (0 if has_updates else ptw)
        place = stage2(world, forced, intermediates)

    def output(shape: Shape, level: int) -> int:
        if has_stage2 and level == 3 and world.chance(0.8):
            return source.choice(intermediates) & (1 << (52 if world.is_wide else 48)) - 1
        return world.leaf_output(shape, level)

    lower, upper = world.shape(ds=ds, is_wide=world.is_wide), world.shape(ds=ds, is_wide=world.is_wide)
    world.map_code(lower, 1 << 6 | 1 << 7)
    leaf = lambda: world.updated(world.stage1_leaf(is_secure=world.is_secure))  # noqa: E731
    table_bits = world.table_bits(world.is_secure)
    addresses = world.grow(lower, leaf, 30, output, table_bits, place)
    addresses += [upper_half(upper.bits) + one for one in world.grow(upper, leaf, 30, output, table_bits, place)]
    world.registers |= {
        "SCR_EL3": world.scr(),
        "HCR_EL2": hcr,
        "SCTLR_EL2": 0x30C5_0830,
        "SCTLR_EL1": world.sctlr(),
        "TCR_EL1": world.controls(lower, upper, ds),
        "MAIR_EL1": world.mair(),
        "TTBR0_EL1": lower.root | source.getrandbits(16) << 48,
        "TTBR1_EL1": upper.root | source.getrandbits(16) << 48,
    }
    cases = world.translations(addresses, EL1_STAGE1 + (EL1_BOTH if has_stage2 else []), count // 3)
    cases += world.pieces_at(addresses, EL1_STAGE1, 1, count // 12)
    cases += world.pieces_at(addresses, EL1_STAGE1 + EL1_BOTH, 2, count // 12)
    cases += world.accesses(addresses, count // 2, world.pstates(0, 1))
    source.shuffle(cases)
    return world.finish(f"EL1&0, stage 2 {'on' if has_stage2 else 'off'}, seed {seed}", cases)


def el2_shapes(seed: int, state: str, *, is_host: bool, has_updates: bool, count: int) -> Configuration:
    """EL2 with one range, or EL2&0."""
    world = ShapedWorld(seed, state, has_updates=has_updates)
    source = world.source
    ds, tge = world.chance(0.6), world.chance(0.6)
    lower = world.shape(ds=ds, is_wide=world.is_wide)
    upper = world.shape(ds=ds, is_wide=world.is_wide) if is_host else None
    world.map_code(lower, 1 << 6 | 1 << 7)

    def leaf() -> int:
        return world.updated(world.stage1_leaf(is_secure=world.state != NON_SECURE)) & ~(1 << 63)

    table_bits = world.table_bits(world.is_secure)
    addresses = world.grow(lower, leaf, 40, world.leaf_output, table_bits)
    if upper is not None:
        found = world.grow(upper, leaf, 40, world.leaf_output, table_bits)
        addresses += [upper_half(upper.bits) + one for one in found]
    world.registers |= {
        "SCR_EL3": world.scr(),
        "HCR_EL2": 1 << 31 | (1 << 34 | (1 << 27 if tge else 0) if is_host else 0),
        "SCTLR_EL1": 0x30D0_0800,
        "SCTLR_EL2": world.sctlr(),
        "TCR_EL2": world.controls(lower, upper, ds),
        "MAIR_EL2": world.mair(),
        "TTBR0_EL2": lower.root,
    }
    if upper is not None:
        world.registers["TTBR1_EL2"] = upper.root
    operations = ["s1e2r", "s1e2w"] + (EL1_STAGE1 if is_host and tge else [])
    cases = world.translations(addresses, operations, count // 3)
    cases += world.pieces_at(addresses, operations, 2, count // 12)
    cases += world.accesses(addresses, count // 2, world.pstates(2, 0) if is_host and tge else world.pstates(2))
    source.shuffle(cases)
    return world.finish(f"{'EL2&0' if is_host else 'EL2'}, seed {seed}", cases)


def el3_shapes(seed: int, *, has_updates: bool, count: int) -> Configuration:
    """EL3, whose leaves output the Root space."""
    world = ShapedWorld(seed, ROOT, has_updates=has_updates)
    ds = world.chance(0.6)
    tree = world.shape(ds=ds, is_wide=world.is_wide)
    world.map_code(tree, 1 << 6 | 1 << 7 | 1 << 11)
    leaf = lambda: world.updated(world.stage1_leaf(is_el3=True))  # noqa: E731
    addresses = world.grow(tree, leaf, 60, world.leaf_output, world.table_bits(False))
    world.registers |= {
        "SCR_EL3": 0x431,
        "HCR_EL2": 1 << 31,
        "SCTLR_EL1": 0x30D0_0800,
        "SCTLR_EL2": 0x30C5_0830,
        "SCTLR_EL3": world.sctlr(),
        "TCR_EL3": world.controls(tree, None, ds),
        "MAIR_EL3": world.mair(),
        "TTBR0_EL3": tree.root,
    }
    cases = world.pieces_at(addresses, ["s1e3r", "s1e3w"], 3, count // 3)
    cases += world.accesses(addresses, count // 2, world.pstates(3))
    world.source.shuffle(cases)
    return world.finish(f"EL3, seed {seed}", cases)


def shapes(seed: int, count: int, *, is_new: bool) -> list[Configuration]:
    """One configuration of each kind; `is_new`: QEMU has hardware updates and the Realm state."""
    source = random.Random(seed)
    found = []
    for number, state in enumerate((NON_SECURE, SECURE, REALM) if is_new else (NON_SECURE, SECURE)):
        updates = is_new and source.random() < 0.6
        first = seed + 10 * number
        found += [
            el1_shapes(first, state, has_stage2=False, has_updates=updates, count=count),
            el1_shapes(first + 1, state, has_stage2=True, has_updates=updates, count=count),
            el1_shapes(first + 2, state, has_stage2=True, has_updates=is_new, count=count),
            el2_shapes(first + 3, state, is_host=False, has_updates=updates, count=count),
            el2_shapes(first + 4, state, is_host=True, has_updates=updates, count=count),
        ]
    found.append(el3_shapes(seed + 40, has_updates=is_new and source.random() < 0.6, count=count))
    return found
