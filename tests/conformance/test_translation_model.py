"""Random translation regimes: the walker gives what `translation_model` says, for every access one after the other.

All granules and sizes, 48 and 52 bits, both stages, every regime and Security state, hardware updates, granule
protection, MECIDs. Each world gets several accesses, so that TLB entries of one serve the next.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from emu.architecture import VA, Access, Regime, Security
from emu.mec.selection import mecid_value
from emu.translation.faults import fault_status
from emu.translation.mmu import Located
from emu.translation.records import Fault, Request
from tests.conformance import translation_model as model
from tests.translation.bench import BASE, SIZE, Bench

OUTPUT_BITS = (32, 36, 40, 42, 44, 48, 52, 52)
MAIRS = (0xFF, 0x44, 0xBB, 0x77, 0xEE, 0xF4, 0x4F, 0x00, 0x04, 0x08, 0x0C)
STARTS = {12: {0: 2, 1: 1, 2: 0, 3: 3, 4: -1}, 14: {0: 3, 1: 2, 2: 1, 3: 0}, 16: {0: 3, 1: 2, 2: 1}}
ENCODING_0, ENCODING_1 = {12: 0, 14: 2, 16: 1}, {12: 2, 14: 1, 16: 3}
GPT_ROOT, GPT_LEVEL1 = BASE, BASE + 0x2_0000
GPT_END = GPT_LEVEL1 + 0x2_0000
POOL = BASE + 0x8_0000
REGIMES = (
    (Regime.EL10, Security.NON_SECURE), (Regime.EL10, Security.SECURE), (Regime.EL10, Security.REALM),
    (Regime.EL20, Security.NON_SECURE), (Regime.EL20, Security.SECURE), (Regime.EL20, Security.REALM),
    (Regime.EL2, Security.NON_SECURE), (Regime.EL2, Security.SECURE), (Regime.EL2, Security.REALM),
    (Regime.EL3, Security.ROOT),
)  # fmt: skip


class Shape:
    """The form of one half's tables, drawn at random; most are legal."""

    def __init__(self, source: random.Random, *, is_stage2: bool) -> None:
        self.granule = source.choice((12, 14, 16))
        self.ds = source.random() < 0.4
        has_52 = self.ds or self.granule == 16
        least = 12 if has_52 else 16
        most = 47 if self.granule == 16 else 48
        self.txsz = source.choice((least, source.randint(least, most), source.randint(16, 39), source.randint(16, 32)))
        self.ps = source.choice((5, 5, 6, 6, 6, 4, 1))
        self.sl = 0
        self.start = 3 - (64 - self.txsz - 1 - self.granule) // (self.granule - 3)
        if is_stage2:
            stride, bits = self.granule - 3, 64 - self.txsz
            fits = [
                (sl, start)
                for sl, start in STARTS[self.granule].items()
                if 1 <= bits - (self.granule + stride * (3 - start)) <= stride + 4
            ]
            if fits:
                self.sl, self.start = source.choice(fits)
        if source.random() < 0.02:
            self.txsz = source.choice((least - 1, most + 1, 0, 63))
        if source.random() < 0.02:
            self.sl = source.randrange(8)

    @property
    def bits(self) -> int:
        return 64 - self.txsz

    def address_bits(self, address: int, low: int) -> int:
        """An address as a descriptor writes it."""
        value = address & (1 << 48) - 1 & -1 << low
        if self.granule == 16:
            value |= (address >> 48 & 0xF) << 12
        elif self.ds:
            value |= (address >> 50 & 3) << 8 | (address >> 48 & 3) << 48
        return value


class World:
    def __init__(self, seed: int) -> None:
        self.source = source = random.Random(seed)
        self.words: dict[int, int] = {}
        self.gpi: dict[int, int] = {}
        self.next = POOL
        self.keeps_tlb = source.random() < 0.6
        """Entries serve later accesses. Then there are no contiguous runs, as their entries would not agree."""
        self.bench = Bench(is_forgiving=not self.keeps_tlb)
        self.pages: dict[int, int] = {}
        self.regime, self.security = source.choice(REGIMES)
        self.has_stage2 = self.regime is Regime.EL10 and source.random() < 0.7
        regs = self.bench.regs
        regs["SCR_EL3"] = {
            Security.SECURE: 1 << 18, Security.NON_SECURE: 1, Security.REALM: 1 << 62 | 1, Security.ROOT: 1,
        }[self.security] | self.bits(9) | self.bits(43, 44, 49, probability=0.8)  # fmt: skip
        regs["HCR_EL2"] = (
            (1 << 34 if self.regime is Regime.EL20 else 0)
            | (self.bits(27) if self.regime is Regime.EL20 else 0)
            | (1 if self.has_stage2 else 0)
            | self.bits(2, 46)
            | (self.bits(12, probability=0.1) if self.regime is Regime.EL10 else 0)
        )
        for name in ("SCTLR2_EL2", "SCTLR2_EL3"):
            regs[name] = self.bits(1, probability=0.7)
        regs["TCR2_EL2"] = self.bits(12, 13, probability=0.7)
        for number, name in enumerate(("P0", "A0", "P1", "A1")):
            regs[f"MECID_{name}_EL2"] = number + 1
        regs["VMECID_P_EL2"], regs["VMECID_A_EL2"], regs["MECID_RL_A_EL3"] = 5, 6, 7
        self.shape2 = {space: Shape(source, is_stage2=True) for space in ("V", "VS")}
        for shape in self.shape2.values():
            shape.ds, shape.ps = self.shape2["V"].ds, self.shape2["V"].ps
        self.roots2 = {space: self.table(shape, shape.start) for space, shape in self.shape2.items()}
        shape, secure = self.shape2["V"], self.shape2["VS"]
        regs["VTCR_EL2"] = (
            shape.txsz | (shape.sl & 3) << 6 | ENCODING_0[shape.granule] << 14 | shape.ps << 16
            | source.choice((0, 2, 3)) << 12 | self.bits(21, 22, probability=0.7)
            | self.bits(29, 30) | shape.ds << 32 | shape.sl >> 2 << 33
        )  # fmt: skip
        regs["VSTCR_EL2"] = (
            secure.txsz | (secure.sl & 3) << 6 | ENCODING_0[secure.granule] << 14 | self.bits(29, 30, probability=0.2)
            | secure.sl >> 2 << 33
        )  # fmt: skip
        regs["VTTBR_EL2"], regs["VSTTBR_EL2"] = self.roots2["V"], self.roots2["VS"]
        self.secure_start = source.random() < 0.95
        self.stage1_setup()
        self.gpt_setup()

    # Random parts.

    def bits(self, *positions: int, probability: float = 0.4) -> int:
        return sum(1 << position for position in positions if self.source.random() < probability)

    def table(self, shape: Shape, start: int | None = None) -> int:
        """Room for a table; for a first one as large as it is."""
        size = 1 << shape.granule
        if start is not None:
            size = 8 << max(3, shape.bits - (shape.granule + (shape.granule - 3) * (3 - start)))
        size = max(64, min(size, 1 << 20))
        self.next = -(-self.next // size) * size
        self.next += size
        if self.next > BASE + SIZE:
            raise MemoryError
        return self.next - size

    def stage1_setup(self) -> None:
        regs, source = self.bench.regs, self.source
        number = {Regime.EL10: "1", Regime.EL3: "3"}.get(self.regime, "2")
        two = self.regime in (Regime.EL10, Regime.EL20)
        lower, upper = Shape(source, is_stage2=False), Shape(source, is_stage2=False)
        upper.ds, upper.ps = lower.ds, lower.ps
        self.shapes = (lower, upper) if two else (lower,)
        tcr = lower.txsz | source.choice((0, 2, 3)) << 12 | ENCODING_0[lower.granule] << 14
        if two:
            tcr |= upper.txsz << 16 | source.choice((0, 2, 3)) << 28 | ENCODING_1[upper.granule] << 30 | lower.ps << 32
            tcr |= (
                self.bits(39, 40, probability=0.7)
                | self.bits(22, 37, 38, 41, 42, 51, 52)
                | self.bits(7, 23, 55, 56, probability=0.05)
            )
            tcr |= lower.ds << 59
        else:
            tcr |= lower.ps << 16 | self.bits(21, 22, probability=0.7) | self.bits(20, 24, 29) | lower.ds << 32
        regs[f"TCR_EL{number}"] = tcr
        regs[f"MAIR_EL{number}"] = sum(source.choice(MAIRS) << 8 * index for index in range(8))
        regs[f"SCTLR_EL{number}"] = (source.random() < 0.95) | self.bits(12, 19, 57) | self.bits(1, probability=0.1)
        self.roots = []
        for half, shape in enumerate(self.shapes):
            root = self.table_address(shape, shape.start)
            wide = shape.ds or (shape.granule == 16 and shape.ps == 6)
            regs[f"TTBR{half}_EL{number}"] = root[0] & (1 << 48) - 1 | (root[0] >> 48 << 2 if wide else 0)
            self.roots.append(root)

    def table_address(self, shape: Shape, start: int | None = None) -> tuple[int, int]:
        """(what stage 1 says about where a table is, where it is): with stage 2 an IPA that it maps."""
        pa = self.table(shape, start)
        if not self.has_stage2:
            return pa, pa
        second = self.shape2["VS" if self.security is Security.SECURE else "V"]
        size = 1 << max(shape.granule, 20 if start is not None else 0)
        width = min(second.bits, 48 if not (shape.ds or shape.granule == 16) else 52)
        ipa = self.source.getrandbits(max(width, 22)) & -size | pa & size - 1
        if self.source.random() < 0.05:
            return pa, pa
        pages = range(ipa & -1 << second.granule, ipa + (1 << shape.granule), 1 << second.granule)
        if len(pages) > 16:
            pages = pages[:16]
        for page in pages:
            root = self.roots2["VS" if self.security is Security.SECURE else "V"]
            offset = page - (ipa & -1 << second.granule)
            self.map(second, root, page, (pa & -1 << second.granule) + offset, self.stage2_leaf(True), None)
        return ipa, pa

    # Descriptors.

    def stage2_leaf(self, is_for_table: bool = False) -> int:
        source = self.source
        attributes = source.choice(
            (5, 6, 7) if self.bench.regs["HCR_EL2"] >> 46 & 1 else (5, 6, 7, 9, 10, 11, 13, 14, 15)
        )
        if source.random() < (0.02 if is_for_table else 0.2):
            attributes = source.randrange(4)
        bits = attributes << 2 | source.choice((0, 2, 3)) << 8 | self.bits(10, 51, probability=0.6)
        bits |= self.bits(53, 54, probability=0.2)
        bits |= source.choice((3, 3, 1, 1) if is_for_table else (3, 3, 1, 1, 2, 0)) << 6 | self.bits(11, 63)
        return bits | self.bits(55, probability=0.03 if is_for_table else 0.3)

    def stage1_leaf(self) -> int:
        source = self.source
        bits = source.randrange(8) << 2 | source.getrandbits(3) << 5 | source.choice((0, 2, 3)) << 8 | self.bits(11, 63)
        return (
            bits
            | self.bits(10, 51, probability=0.6)
            | self.bits(50)
            | self.bits(53, 54, probability=0.2)
            | source.getrandbits(4) << 55
        )

    def output(self, shape: Shape) -> int:
        """An output address, sometimes beyond the output size."""
        source = self.source
        width = OUTPUT_BITS[shape.ps] if source.random() < 0.9 else 52
        return source.getrandbits(min(width, 52 if shape.ds or shape.granule == 16 else 48))

    def map(self, shape: Shape, root: int, address: int, output: int, leaf: int, level: int | None, stage1: bool = False
            ) -> None:  # fmt: skip
        """A path to a leaf at a level, with tables made on the way; sometimes something is broken on it."""
        source = self.source
        stride = shape.granule - 3
        address &= (1 << max(0, min(shape.bits, 64))) - 1
        table, level = root, 3 if level is None else level
        for at in range(shape.start, 4):
            low = shape.granule + stride * (3 - at)
            width = min(stride + 4, max(1, shape.bits - low)) if at == shape.start else stride
            slot = table + 8 * (address >> low & (1 << width) - 1)
            if not BASE <= slot < BASE + SIZE:
                return
            is_leaf = at == max(level, shape.start)
            if is_leaf:
                present = self.words.get(slot)
                if present is None:
                    kind = 3 if at == 3 else 1
                    bits = leaf & ~(3 << 8) if shape.ds and shape.granule != 16 else leaf
                    form = bits | shape.address_bits(output, low) | kind
                    form |= 0 if self.keeps_tlb else self.bits(52, probability=0.2)
                    if at < 3 and source.random() < 0.05:
                        form |= 1 << 16
                    self.put(slot, self.broken(form, 0.03))
                return
            if slot not in self.words:
                said, page = self.table_address(shape) if stage1 else (lambda pa: (pa, pa))(self.table(shape))
                limits = self.bits(59, 60, 61, 62, 63, probability=0.06) if stage1 else 0
                self.put(slot, self.broken(shape.address_bits(said, shape.granule) | limits | 3, 0.01))
                self.pages[slot] = page
            if slot not in self.pages:
                return
            table = self.pages[slot]

    def broken(self, descriptor: int, probability: float) -> int:
        source = self.source
        if source.random() >= probability:
            return descriptor
        return source.choice((descriptor & ~1, descriptor ^ 2, descriptor ^ 1 << source.randrange(36, 48),
                              source.getrandbits(64) & ~(1 << 52)))  # fmt: skip

    def put(self, pa: int, value: int) -> None:
        self.words[pa] = value
        self.bench.put(pa, value)

    # Granule protection: 4 KiB granules of RAM one by one, everything else open to all.

    def gpt_setup(self) -> None:
        source, bench = self.source, self.bench
        self.has_gpc = source.random() < 0.5
        if not self.has_gpc:
            return
        own = {Security.SECURE: 8, Security.NON_SECURE: 9, Security.ROOT: 0xA, Security.REALM: 0xB}[self.security]
        for gigabyte in range(64):
            bench.put(GPT_ROOT + 8 * gigabyte, 0xF1)
        bench.put(GPT_ROOT + 8 * (BASE >> 30), GPT_LEVEL1 | 3)
        for entry in range(SIZE >> 16):
            gpis = [source.choice((own,) * 30 + (0xF,) * 20 + (0, 8, 9, 0xA, 0xB)) for _ in range(16)]
            if source.random() < 0.5:
                gpis = [0xF] * 16
            for index, gpi in enumerate(gpis):
                self.gpi[(BASE + (entry << 16) >> 12) + index] = gpi
            bench.put(
                GPT_LEVEL1 + 8 * entry + ((BASE & (1 << 30) - 1) >> 16) * 8,
                sum(gpi << 4 * i for i, gpi in enumerate(gpis)),
            )
        bench.regs["GPCCR_EL3"] = 1 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1
        bench.regs["GPTBR_EL3"] = GPT_ROOT >> 12

    def may_access(self, pa: int, pas: int) -> bool:
        if not self.has_gpc:
            return True
        if pa >> 36:
            return pas == 1
        gpi = self.gpi.get(pa >> 12, 0xF if pa >> 30 != BASE >> 30 else 0)
        return gpi == 0xF or gpi == {0: 8, 1: 9, 2: 0xA, 3: 0xB}[pas]

    # Accesses.

    def addresses(self) -> list[int]:
        """Input addresses with paths to leaves, some of them next to each other."""
        source = self.source
        found = []
        for half, shape in enumerate(self.shapes):
            base = source.getrandbits(52)
            for _ in range(3):
                address = base ^ source.getrandbits(source.choice((16, 24, 32, 44)))
                address &= (1 << shape.bits) - 1
                blocks = {12: (1, 2, 3, 3), 14: (2, 3, 3), 16: (1, 2, 3, 3)}[shape.granule]
                level = source.choice(blocks + ({12: (0,), 14: (1,), 16: ()}[shape.granule] if shape.ds else ()))
                output = self.output(shape)
                if self.has_stage2 and source.random() < 0.9:
                    output = self.final(shape)
                self.map(shape, self.roots[half][1], address, output, self.stage1_leaf(), level, stage1=True)
                va = address if not half else address | -1 << shape.bits & (1 << 64) - 1
                if source.random() < 0.1:
                    va ^= 1 << source.randrange(64)
                found += [va, va ^ source.getrandbits(shape.granule)]
        return found

    def final(self, first: Shape) -> int:
        """An IPA that stage 2 maps."""
        source = self.source
        name = "VS" if self.security is Security.SECURE and source.random() < 0.6 else "V"
        shape = self.shape2[name]
        ipa = source.getrandbits(min(max(shape.bits, 1), 52))
        levels = {12: (1, 2, 3, 3), 14: (2, 3, 3), 16: (1, 2, 3, 3)}[shape.granule]
        levels += {12: (0,), 14: (1,), 16: ()}[shape.granule] if shape.ds else ()
        self.map(shape, self.roots2[name], ipa, self.output(shape), self.stage2_leaf(), source.choice(levels))
        return ipa


KINDS = {
    "read": Access.READ, "write": Access.WRITE, "fetch": Access.FETCH, "at_read": Access.READ, "at_write": Access.WRITE,
}  # fmt: skip


def check(seed: int, endings: Counter[str], accesses: int = 14) -> None:
    """One world, several accesses."""
    try:
        world = World(seed)
        addresses = world.addresses()
    except MemoryError:
        return
    bench, source = world.bench, world.source
    wild: list[int] = []

    def is_memory(pa: int) -> bool:
        if world.has_gpc and GPT_ROOT <= pa < GPT_END:
            wild.append(pa)
        return BASE <= pa < BASE + SIZE

    by_the_book = model.Model(bench.regs, dict(world.words), is_memory, world.may_access)
    for number in range(accesses):
        kind = source.choice(tuple(KINDS))
        levels = {Regime.EL10: (0, 1, 1), Regime.EL20: (0, 2, 2), Regime.EL2: (2,), Regime.EL3: (3,)}[world.regime]
        el = source.choice(levels)
        va = source.choice(addresses)
        va = (va & ~0xFFF | va & 0xFF8) if source.random() < 0.9 else va & ~0xF | 1
        pan = source.random() < 0.3 and kind != "fetch" and el > 0
        request = Request(
            VA(va), KINDS[kind], el, world.regime, world.security, 8, is_at=kind.startswith("at_"), honours_pan=pan
        )
        access = model.Access(va, kind, el, world.regime.value, int(world.security), pan)
        bench.memory.swaps.clear()
        by_the_book.updates.clear()
        try:
            pa, pas, register, attributes = by_the_book.translate(access)
            mecid = 0 if register == "0" else bench.regs[register]
            if register != "0" and register != "MECID_RL_A_EL3" and not bench.regs["SCR_EL3"] >> 49 & 1:
                mecid = 0
            expected: tuple[object, ...] = ("ok", pa, pas, register, mecid, attributes.mair(), attributes.shareability)
        except model.Fault as fault:
            space = fault.ipa[1] if fault.ipa and world.security is Security.SECURE else None
            ipa = fault.ipa[0] if fault.ipa else None
            expected = ("fault", fault.status, fault.stage2, fault.s1ptw, ipa, space)
        if wild:
            return  # a table that lies in the GPT, which the model takes for granted
        if request.is_at:  # AT walks afresh
            answer = bench.mmu._walker.translate(request)
            found: Located | Fault
            if isinstance(answer, Fault):
                found = answer
            else:
                where = bench.mmu._walker.physical(request, answer)
                value = mecid_value(bench.regs, answer.source, bench.features) if answer.source.value != "0" else 0
                found = Located(where, answer.pas, value, answer.source, answer.attributes, False, answer)
        else:
            found = bench.mmu.access(request)
        if isinstance(found, Fault):
            space = int(found.ipa_pas) if found.second_stage and world.security is Security.SECURE else None  # type: ignore[arg-type]
            ipa = found.ipa if found.second_stage else None
            got: tuple[object, ...] = ("fault", fault_status(found), found.second_stage, found.s1ptw, ipa, space)
        else:
            got = (
                "ok", found.pa, int(found.pas), found.source.value, found.mecid,
                found.attributes.mair, found.attributes.shareability,
            )  # fmt: skip
        what = f"seed {seed}, access {number}: {access}\n  regs { {k: hex(v) for k, v in bench.regs.items() if v} }"
        assert got == expected, f"{what}\n  found    {got} {getattr(found, 'reason', '')}\n  expected {expected}"
        swaps = [(at, int(space), value) for at, space, _, value in bench.memory.swaps]
        assert swaps == [(at, space, value) for at, space, _, value in by_the_book.updates], what
        used = [mecid for _, _, mecid, _ in bench.memory.swaps]
        enabled = bench.regs["SCR_EL3"] >> 49 & 1
        assert used == [bench.regs[name] if name != "0" and enabled else 0 for _, _, name, _ in by_the_book.updates], (
            what
        )
        endings[f"{got[0]} {got[1]:#x} {got[2]}" if got[0] == "fault" else "ok"] += 1
        endings["updates"] += len(swaps)


def test_the_walker_does_what_the_book_says() -> None:
    endings: Counter[str] = Counter()
    for seed in range(200):
        check(seed, endings)
    assert endings["ok"] > 200
    assert endings["updates"] > 100


@pytest.mark.long
@pytest.mark.parametrize("first", range(100_000, 140_000, 2000))
def test_the_walker_does_what_the_book_says_in_many_worlds(first: int) -> None:
    endings: Counter[str] = Counter()
    for seed in range(first, first + 2000):
        check(seed, endings)
