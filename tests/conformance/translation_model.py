"""VMSAv8-64 by the book: one slow function for each paragraph of the manual, to compare the emulator's walker with.

Nothing here comes from the emulator. Registers are a dict of raw values, memory a dict of descriptors, granule
protection a function. Faults are exceptions. Sources: Arm ARM D8 and mec-reference.md 1.5, 3.3, 4.2 to 4.12; names as
there. PA, VA and IPA have up to 52 bits; FEAT_HAFDBS, LPA2, LVA, TTST, XNX, PAN3, E0PD, HPDS, FWB, BBM, RME, MEC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SECURE, NON_SECURE, ROOT, REALM = 0, 1, 2, 3
EL10, EL20, EL2, EL3 = "EL1&0", "EL2&0", "EL2", "EL3"
OUTPUT_SIZES = (32, 36, 40, 42, 44, 48, 52, 52)
NC, WT, WB = 1, 2, 3
NSH, OSH, ISH = 0, 2, 3


def bits(value: int, high: int, low: int) -> int:
    return value >> low & (1 << high - low + 1) - 1


def bit(value: int, position: int) -> int:
    return value >> position & 1


class Fault(Exception):
    """`status` is the fault status code."""

    def __init__(self, status: int, *, stage2: bool = False, s1ptw: bool = False, ipa: tuple[int, int] | None = None):
        super().__init__(hex(status))
        self.status, self.stage2, self.s1ptw, self.ipa = status, stage2, s1ptw, ipa


ALIGNMENT, GPC_ON_OUTPUT = 0b100001, 0b101000
ADDRESS_SIZE, TRANSLATION, ACCESS_FLAG, PERMISSION, EXTERNAL_ON_WALK, GPC_ON_WALK = range(6)


def status(kind: int, level: int) -> int:
    if level == -1:
        return {ADDRESS_SIZE: 0b101001, TRANSLATION: 0b101011, EXTERNAL_ON_WALK: 0b010011, GPC_ON_WALK: 0b100011}[kind]
    return (0b000000, 0b000100, 0b001000, 0b001100, 0b010100, 0b100100)[kind] + level


@dataclass(frozen=True)
class Attributes:
    """Device: `kind` is 0 nGnRnE to 3 GRE. Normal: (cacheability, hints in MAIR form) outer and inner."""

    device: int | None
    outer: int = 0
    inner: int = 0
    shareability: int = OSH

    def mair(self) -> int:
        return self.device << 2 if self.device is not None else self.outer << 4 | self.inner


def cacheability(nibble: int) -> int:
    if nibble == 0b0100:
        return NC
    return WB if nibble & 0b0100 else WT


def normal(outer: int, inner: int, shareability: int) -> Attributes:
    """Non-cacheable in both is Outer Shareable."""
    return Attributes(None, outer, inner, OSH if outer == inner == 0b0100 else shareability)


@dataclass
class Access:
    va: int
    kind: str
    """read, write, fetch, at_read, at_write."""
    el: int
    regime: str
    state: int
    pan: bool = False

    @property
    def is_at(self) -> bool:
        return self.kind.startswith("at_")

    @property
    def writes(self) -> bool:
        return self.kind.endswith("write")


@dataclass
class Model:
    regs: dict[str, int]
    words: dict[int, int]
    is_memory: Callable[[int], bool]
    may_access: Callable[[int, int], bool]
    """Granule protection: (physical address, address space)."""
    updates: list[tuple[int, int, str, int]] = field(default_factory=list)
    """Hardware updates of descriptors: address, space, register of the MECID, new value."""

    # Enables.

    def hcr(self, state: int) -> int:
        has_el2 = state != SECURE or bit(self.regs["SCR_EL3"], 18)
        return self.regs["HCR_EL2"] if has_el2 else 0

    def is_stage2_on(self, a: Access) -> bool:
        return a.regime == EL10 and bool(self.hcr(a.state) & (1 << 12 | 1))

    def emec(self, a: Access) -> bool:
        if a.regime == EL3:
            return bool(bit(self.regs["SCTLR2_EL3"], 1))
        return a.state == REALM and bool(bit(self.regs["SCR_EL3"], 44) and bit(self.regs["SCTLR2_EL2"], 1))

    # The whole translation.

    def translate(self, a: Access) -> tuple[int, int, str, Attributes]:
        """(output address, address space, register of the MECID, attributes); raises Fault."""
        is_data = a.kind in ("read", "write")
        if is_data and a.va % 8 and bit(self.regs[self.control("SCTLR", a)], 1):
            raise Fault(ALIGNMENT)
        pa, pas, source, attributes = self.stage1(a)
        if self.is_stage2_on(a):
            pa, pas, source, attributes = self.stage2(a, pa, pas, a.kind, attributes)
        if not a.is_at and not self.may_access(pa, pas):
            raise Fault(GPC_ON_OUTPUT)
        return pa, pas, source, attributes

    def control(self, name: str, a: Access) -> str:
        return name + {EL10: "_EL1", EL20: "_EL2", EL2: "_EL2", EL3: "_EL3"}[a.regime]

    # Stage 1.

    def stage1(self, a: Access) -> tuple[int, int, str, Attributes]:
        two = a.regime in (EL10, EL20)
        upper = two and bit(a.va, 55)
        tcr = self.regs[self.control("TCR", a)]
        tbi, tbid = (bit(tcr, 37 + upper), bit(tcr, 51 + upper)) if two else (bit(tcr, 20), bit(tcr, 29))
        top = 55 if tbi and not (a.kind == "fetch" and tbid) else 63
        sctlr = self.regs[self.control("SCTLR", a)]
        is_on = bit(sctlr, 0) and not (a.regime == EL10 and self.hcr(a.state) & (1 << 12 | 1 << 27))
        if not is_on:
            return self.stage1_off(a, top, sctlr)
        if two and upper:
            granule = {1: 14, 2: 12, 3: 16}.get(bits(tcr, 31, 30), 12)
        else:
            granule = {0: 12, 1: 16, 2: 14}.get(bits(tcr, 15, 14), 12)
        ds = granule != 16 and bit(tcr, 59 if two else 32)
        txsz = bits(tcr, 21, 16) if upper else bits(tcr, 5, 0)
        if txsz < (12 if ds or granule == 16 else 16):
            raise Fault(status(TRANSLATION, 0))
        iasize = 64 - min(txsz, 47 if granule == 16 else 48)
        if bits(a.va, top, iasize) != ((1 << top - iasize + 1) - 1 if upper else 0):
            raise Fault(status(TRANSLATION, 0))
        if two and a.el == 0 and bit(tcr, 55 + upper):
            raise Fault(status(TRANSLATION, 0))
        if two and bit(tcr, 23 if upper else 7):
            raise Fault(status(TRANSLATION, 0))
        ps = bits(tcr, 34, 32) if two else bits(tcr, 18, 16)
        ttbr = self.regs[self.control("TTBR1" if upper else "TTBR0", a)]
        stride = granule - 3
        start = 3 - (iasize - 1 - granule) // stride
        hpd = bit(tcr, 41 + upper) if two else bit(tcr, 24)
        ha, hd = (bit(tcr, 39), bit(tcr, 40)) if two else (bit(tcr, 21), bit(tcr, 22))
        shareability = None if not ds else bits(tcr, 29, 28) if upper else bits(tcr, 13, 12)

        def place(address: int, space: int, purpose: str) -> tuple[int, int, str]:
            """Where a descriptor is: through stage 2, or as it is."""
            if self.is_stage2_on(a):
                return self.stage2(a, address, space, purpose, None)[:3]
            return address, space, self.walk_mecid(a)

        leaf = self.walk(
            a, a.va, granule, ds, ps, iasize, start, ttbr, a.state, ha, place, is_stage2=False, amec_upper=upper
        )
        dbm = ha and hd and bit(leaf.descriptor, 51)
        attributes = self.stage1_attributes(a, leaf.descriptor, shareability)
        if a.kind in ("read", "write") and attributes.device is not None and a.va % 8:
            raise Fault(ALIGNMENT)
        self.stage1_permission(a, leaf, dbm, hpd, sctlr, attributes.device is not None)
        self.update(a, leaf, ha, place, 0 if dbm and a.kind == "write" else None)
        amec = bit(leaf.descriptor, 63)
        if not self.emec(a) or leaf.pas != REALM:
            source = "0"
        elif a.regime == EL3:
            source = "MECID_RL_A_EL3"
        elif a.regime == EL10:
            source = "VMECID_P_EL2"
        else:
            source = f"MECID_{'A' if amec else 'P'}{int(bool(upper))}_EL2"
        return leaf.output, leaf.pas, source, attributes

    def stage1_off(self, a: Access, top: int, sctlr: int) -> tuple[int, int, str, Attributes]:
        if bits(a.va, top, 52):
            raise Fault(status(ADDRESS_SIZE, 0))
        if a.regime == EL10 and bit(self.hcr(a.state), 12):
            attributes = normal(0b1111, 0b1111, NSH)
        elif a.kind == "fetch":
            attributes = normal(0b1010, 0b1010, OSH) if bit(sctlr, 12) else normal(4, 4, OSH)
        else:
            attributes = Attributes(0)
            if a.kind in ("read", "write") and a.va % 8:
                raise Fault(ALIGNMENT)
        source = "0"
        if a.state == REALM and self.emec(a):
            source = "VMECID_P_EL2" if a.regime == EL10 else "MECID_P0_EL2"
        return bits(a.va, 51, 0), a.state, source, attributes

    def stage1_attributes(self, a: Access, descriptor: int, ds_shareability: int | None) -> Attributes:
        byte = bits(self.regs[self.control("MAIR", a)] >> 8 * bits(descriptor, 4, 2), 7, 0)
        shareability = bits(descriptor, 9, 8) if ds_shareability is None else ds_shareability
        shareability = NSH if shareability == 1 else shareability  # reserved
        if byte < 0x10:
            return Attributes(byte >> 2)
        return normal(byte >> 4, byte & 0xF, shareability)

    def stage1_permission(self, a: Access, leaf: Leaf, dbm: int, hpd: int, sctlr: int, is_device: bool) -> None:
        two = a.regime in (EL10, EL20)
        d = leaf.descriptor
        ap2, ap1 = bit(d, 7) and not dbm, bit(d, 6)
        tables = 0 if hpd else leaf.tables
        pr, pw = True, not ap2 and not bit(tables, 62)
        if two:
            ur = bool(ap1 and not bit(tables, 61))
            uw = ur and pw
            px = not (bit(d, 53) or bit(tables, 59) or uw)
            ux = not (bit(d, 54) or bit(tables, 60))
            # IMPLEMENTATION DEFINED, and so here: what SIF and the rule for Realm EL2&0 keep from execution is not
            # executable for EPAN either.
            is_kept = leaf.pas == NON_SECURE and (
                (a.state == SECURE and bit(self.regs["SCR_EL3"], 9)) or (a.state == REALM and a.regime == EL20)
            )
            if a.pan and (ur or uw or (bit(sctlr, 57) and ux and not is_kept)):
                pr = pw = False
        else:
            ur = uw = ux = False
            px = not (bit(d, 54) or bit(tables, 60))
        r, w, x = (ur, uw, ux) if a.el == 0 else (pr, pw, px)
        if bit(sctlr, 19) and (uw if a.el == 0 else not ap2 and not bit(tables, 62)):
            x = False
        if a.state == SECURE and leaf.pas == NON_SECURE and bit(self.regs["SCR_EL3"], 9):
            x = False
        if a.state in (ROOT, REALM) and a.regime != EL10 and leaf.pas != a.state:
            x = False
        allowed = (x and not is_device) if a.kind == "fetch" else w if a.writes else r
        if not allowed:
            raise Fault(status(PERMISSION, leaf.level))

    # Stage 2.

    def stage2(
        self, a: Access, ipa: int, space: int, purpose: str, stage1: Attributes | None
    ) -> tuple[int, int, str, Attributes]:
        """`purpose` is the access's kind, or table (a walk reads) or update (a hardware update)."""
        is_walk = purpose in ("table", "update")
        vtcr, hcr = self.regs["VTCR_EL2"], self.hcr(a.state)
        is_secure_ipa = a.state == SECURE and space == SECURE
        shape = self.regs["VSTCR_EL2"] if is_secure_ipa else vtcr
        about = {"stage2": True, "s1ptw": is_walk, "ipa": (ipa, space)}
        granule = {0: 12, 1: 16, 2: 14}.get(bits(shape, 15, 14), 12)
        ds = granule != 16 and bit(vtcr, 32)
        if bits(shape, 5, 0) < 64 - (52 if ds or granule == 16 else 48):
            raise Fault(status(TRANSLATION, 0), **about)  # type: ignore[arg-type]
        iasize = 64 - min(bits(shape, 5, 0), 47 if granule == 16 else 48)
        sl = bits(shape, 7, 6) + 4 * (bit(shape, 33) if granule == 12 and ds else 0)
        starts = {12: {0: 2, 1: 1, 2: 0, 3: 3, 4: -1}, 14: {0: 3, 1: 2, 2: 1}, 16: {0: 3, 1: 2, 2: 1}}[granule]
        if granule == 14 and ds:
            starts = starts | {3: 0}
        start = starts.get(sl)
        if start is None:
            raise Fault(status(TRANSLATION, 0), **about)  # type: ignore[arg-type]
        resolved = (3 - start) * (granule - 3) + granule
        if not resolved + 1 <= iasize <= resolved + (granule - 3) + 4 or ipa >> iasize:
            raise Fault(status(TRANSLATION, 0), **about)  # type: ignore[arg-type]
        tables_in = a.state
        if a.state == SECURE:
            is_ns = bit(self.regs["VSTCR_EL2"], 29) if is_secure_ipa else bit(vtcr, 29)
            tables_in = NON_SECURE if is_ns else SECURE
        ttbr = self.regs["VSTTBR_EL2" if is_secure_ipa else "VTTBR_EL2"]
        ha, hd = bit(vtcr, 21), bit(vtcr, 22)

        def place(address: int, table_space: int, _: str) -> tuple[int, int, str]:
            return address, table_space, self.walk_mecid(a, is_stage2=True)

        try:
            leaf = self.walk(
                a, ipa, granule, ds, bits(vtcr, 18, 16), iasize, start, ttbr, tables_in, ha, place, is_stage2=True
            )
        except Fault as fault:
            raise Fault(fault.status, **about) from None  # type: ignore[arg-type]
        d = leaf.descriptor
        leaf.pas = self.stage2_output(a, d, is_secure_ipa)
        shareability = bits(vtcr, 13, 12) if ds else bits(d, 9, 8)
        attributes = combine(stage1, bits(d, 5, 2), shareability, bool(bit(hcr, 46)))
        dbm = ha and hd and bit(d, 51)
        if purpose in ("read", "write") and attributes.device is not None and a.va % 8:
            raise Fault(ALIGNMENT)
        readable, writable = bit(d, 6), bit(d, 7) or dbm
        is_device = attributes.device is not None
        if is_walk:
            is_denied = (
                (bit(hcr, 2) and is_device)
                or (a.state == REALM and leaf.pas != REALM)
                or not readable
                or (purpose == "update" and not writable)
            )
        elif purpose == "fetch":
            xn = bits(d, 54, 53)
            executable = xn in (0, 1) if a.el == 0 else xn in (0, 3)
            is_denied = not executable or is_device or (a.state == REALM and leaf.pas != REALM)
        else:
            is_denied = not (writable if a.writes else readable)
        if is_denied:
            raise Fault(status(PERMISSION, leaf.level), **about)  # type: ignore[arg-type]
        try:
            self.update(a, leaf, ha, place, 1 if dbm and purpose in ("write", "update") else None)
        except Fault as fault:
            raise Fault(fault.status, **about) from None  # type: ignore[arg-type]
        source = "0"
        if self.emec(a) and leaf.pas == REALM:
            source = "VMECID_A_EL2" if bit(d, 63) else "VMECID_P_EL2"
        return leaf.output, leaf.pas, source, attributes

    def stage2_output(self, a: Access, descriptor: int, is_secure_ipa: bool) -> int:
        if a.state == REALM:
            return NON_SECURE if bit(descriptor, 55) else REALM
        if a.state == NON_SECURE:
            return NON_SECURE
        sw, sa = bit(self.regs["VSTCR_EL2"], 29), bit(self.regs["VSTCR_EL2"], 30)
        nsw, nsa = bit(self.regs["VTCR_EL2"], 29), bit(self.regs["VTCR_EL2"], 30)
        blocked = sw or sa if is_secure_ipa else sw or sa or nsw or nsa
        return NON_SECURE if blocked else SECURE

    # Both stages.

    def walk_mecid(self, a: Access, is_stage2: bool = False) -> str:
        if a.state != REALM or not self.emec(a):
            return "0"
        if is_stage2 or a.regime == EL10:
            return "VMECID_P_EL2"
        if a.regime == EL2:
            return "MECID_P0_EL2"
        return "MECID_P0_EL2" if bit(self.regs["TCR_EL2"], 22) else "MECID_P1_EL2"

    def walk(
        self, a: Access, ia: int, granule: int, ds: int, ps: int, iasize: int, start: int, ttbr: int, space: int,
        ha: int, place: Callable[[int, int, str], tuple[int, int, str]], *, is_stage2: bool, amec_upper: int = 0,
    ) -> Leaf:  # fmt: skip
        """The walk proper, up to the Access flag."""
        osize = OUTPUT_SIZES[ps]
        stride = granule - 3

        def address_in(descriptor: int, low: int) -> int:
            address = bits(descriptor, 47, low) << low
            if granule == 16:
                address |= bits(descriptor, 15, 12) << 48
            elif ds:
                address |= bits(descriptor, 9, 8) << 50 | bits(descriptor, 49, 48) << 48
            return address

        first_bits = iasize - (granule + stride * (3 - start)) + 3
        if ds or (granule == 16 and ps == 6):
            table = bits(ttbr, 47, 6) << 6 | bits(ttbr, 5, 2) << 48
            table = table >> max(first_bits, 6) << max(first_bits, 6)
        else:
            table = bits(ttbr, 47, 1) << 1 >> first_bits << first_bits
        if table >> osize:
            raise Fault(status(ADDRESS_SIZE, 0))
        tables = 0
        for level in range(start, 4):
            low = granule + stride * (3 - level)
            high = iasize - 1 if level == start else low + stride - 1
            address = table + 8 * bits(ia, high, low)
            pa, pas, _source = place(address, space, "table")
            if not self.may_access(pa, pas):
                raise Fault(status(GPC_ON_WALK, level))
            if not self.is_memory(pa):
                raise Fault(status(EXTERNAL_ON_WALK, level))
            descriptor = self.words.get(pa, 0)
            if descriptor & 3 == 3 and level < 3:
                table = address_in(descriptor, granule)
                if table >> osize:
                    raise Fault(status(ADDRESS_SIZE, level))
                tables |= descriptor
                if not is_stage2 and a.state == SECURE and bit(descriptor, 63):
                    space = NON_SECURE
                continue
            blocks = {12: (1, 2), 14: (2,), 16: (1, 2)}[granule] + (({12: 0, 14: 1}[granule],) if ds else ())
            if descriptor & 3 != (3 if level == 3 else 1) or (level < 3 and level not in blocks):
                raise Fault(status(TRANSLATION, level))
            break
        if level < 3 and bit(descriptor, 16):
            raise Fault(status(TRANSLATION, level))
        output_space = a.state
        if not is_stage2:
            output_space = self.stage1_output(a, descriptor, space)
            is_alternate = bit(descriptor, 63) and output_space == REALM and a.regime in (EL2, EL20)
            is_allowed = bit(self.regs["SCR_EL3"], 43) and bit(
                self.regs["TCR2_EL2"], 13 if amec_upper and a.regime == EL20 else 12
            )
            if is_alternate and self.emec(a) and not is_allowed:
                raise Fault(status(TRANSLATION, level))
        run = {(12, 1): 4, (12, 2): 4, (12, 3): 4, (14, 2): 5, (14, 3): 7, (16, 2): 5, (16, 3): 5}
        size = low + (run.get((granule, level), 0) if bit(descriptor, 52) else 0)
        output = address_in(descriptor, low) >> size << size | bits(ia, size - 1, 0)
        if output >> osize:
            raise Fault(status(ADDRESS_SIZE, level))
        if not bit(descriptor, 10) and not ha:
            raise Fault(status(ACCESS_FLAG, level))
        return Leaf(descriptor, level, output, output_space, tables, address, space)

    def stage1_output(self, a: Access, descriptor: int, space: int) -> int:
        if a.regime == EL3:
            return bit(descriptor, 11) << 1 | bit(descriptor, 5)
        if a.state == NON_SECURE or (a.state == REALM and a.regime == EL10):
            return a.state
        if a.state == REALM:
            return NON_SECURE if bit(descriptor, 5) else REALM
        return NON_SECURE if bit(descriptor, 5) or space == NON_SECURE else SECURE

    def update(
        self, a: Access, leaf: Leaf, ha: int, place: Callable[[int, int, str], tuple[int, int, str]], bit7: int | None
    ) -> None:
        """FEAT_HAFDBS: the Access flag; `bit7` is what AP[2] or S2AP[1] becomes of a leaf that is written."""
        new = leaf.descriptor | (1 << 10 if ha else 0)
        if bit7 is not None:
            new = new & ~(1 << 7) | bit7 << 7
        if new == leaf.descriptor:
            return
        pa, pas, source = place(leaf.address, leaf.space, "update")
        if not self.may_access(pa, pas):
            raise Fault(status(GPC_ON_WALK, leaf.level))
        assert self.words[pa] == leaf.descriptor
        self.words[pa] = new
        self.updates.append((pa, pas, source, new))


@dataclass
class Leaf:
    descriptor: int
    level: int
    output: int
    pas: int
    tables: int
    """OR of the Table descriptors on the way."""
    address: int
    space: int


def combine(stage1: Attributes | None, memattr: int, shareability: int, fwb: bool) -> Attributes:
    """Both stages' attributes. Without stage 1 (a walk's access) it is taken for Normal Write-Back."""
    one = stage1 or normal(0b1111, 0b1111, NSH)
    strongest = OSH if OSH in (one.shareability, shareability) else max(one.shareability, shareability)
    if fwb:
        if not memattr & 4:
            return Attributes(memattr & 3 if one.device is None else min(one.device, memattr & 3))
        if memattr & 3 == 0b01:
            return one if one.device is not None else normal(4, 4, OSH)
        if memattr & 3 == 0b10:
            if one.device is not None:
                return normal(0b1111, 0b1111, strongest)
            halves = [0b1111 if half == 0b0100 else half | 0b0100 for half in (one.outer, one.inner)]
            return normal(halves[0], halves[1], strongest)
        return one if one.device is not None else normal(one.outer, one.inner, strongest)
    if memattr >> 2 == 0:
        return Attributes(memattr & 3 if one.device is None else min(one.device, memattr & 3))
    if one.device is not None:
        return one
    halves = []
    for half, limit in ((one.outer, memattr >> 2), (one.inner, memattr & 3)):
        kind = min(cacheability(half), limit)
        if kind == NC:
            halves.append(0b0100)
        elif kind == cacheability(half):
            halves.append(half)
        else:  # Write-Back (x1RW) limited to Write-Through (x0RW), with the same hints, transient or not
            halves.append(half & 0b1011)
    return normal(halves[0], halves[1], strongest)
