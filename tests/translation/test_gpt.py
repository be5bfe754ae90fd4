"""Granule protection: the algorithm of mec-reference.md 3.4 to 3.6, and TLBI by PA of 3.8."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.architecture import PAS, Security
from emu.features import Features
from emu.rme.gpt import GptCache, decode_config, invalidated_range
from emu.translation.records import GpcFailure

GPC, SANE = 1 << 16, 3 << 12 | 0xF << 8
PPS_1TB, PPS_4GB, PPS_48 = 2, 0, 5
GPI = {PAS.SECURE: 8, PAS.NON_SECURE: 9, PAS.ROOT: 10, PAS.REALM: 11}
L0 = 0x10_0000
L1 = 0x4000_0000
"""A level 1 table of 1 GiB at 4 KiB is 128 KiB long and so aligned."""


class Rig:
    def __init__(self, gpccr: int = GPC | SANE | PPS_4GB, base: int = L0) -> None:
        self.regs: dict[str, int] = defaultdict(int)
        self.regs.update(GPCCR_EL3=gpccr, GPTBR_EL3=base >> 12)
        self.words: dict[int, int] = defaultdict(int)
        self.holes: set[int] = set()
        self.reads: list[int] = []
        self.cache = GptCache(self.regs, self.read, Features())

    def read(self, pa: int, pas: PAS, mecid: int) -> tuple[int, int] | None:
        assert (pas, mecid) == (PAS.ROOT, 0)
        self.reads.append(pa)
        return None if pa in self.holes else (self.words[pa], 0)

    def with_level1(self, gib: int = 0) -> Rig:
        self.words[L0 + 8 * gib] = L1 | 3
        return self

    def granule(self, pa: int, gpi: int) -> None:
        """Write one GPI of the 1 GiB that L1 covers."""
        at = L1 + (pa >> 16 & 0x3FFF) * 8
        shift = (pa >> 12 & 15) * 4
        self.words[at] = self.words[at] & ~(0xF << shift) | gpi << shift

    def outcome(self, pa: int, pas: PAS) -> tuple[GpcFailure | None, int]:
        found = self.cache.check(pa, pas)
        assert found == self.cache.look(pa, pas, as_cached=True) or found.entries
        assert self.cache.passes(pa, pas) == (found.failure is None)
        return found.failure, found.level


def test_step_1_off_means_pass() -> None:
    rig = Rig(gpccr=0)
    found = rig.cache.check(0x1234, PAS.REALM)
    assert (found.failure, found.enabled, rig.reads) == (None, False, [])


@pytest.mark.parametrize(
    "gpccr",
    [
        GPC | SANE | 7,  # PPS reserved
        GPC | SANE | 6,  # 52 bits, more than the 48 implemented
        GPC | SANE | 3 << 14,  # PGS reserved
        GPC | 1 << 12 | 0xF << 8,  # SH reserved
        GPC | 3 << 12,  # NC, NC with inner shareable
    ],
)
def test_step_2_inconsistent_registers_are_a_walk_fault(gpccr: int) -> None:
    assert Rig(gpccr=gpccr).outcome(0, PAS.NON_SECURE) == (GpcFailure.WALK, 0)


def test_step_2_non_cacheable_tables_must_be_outer_shareable() -> None:
    rig = Rig(gpccr=GPC | 2 << 12)
    rig.words[L0] = 0xF << 4 | 1
    assert rig.outcome(0, PAS.REALM) == (None, 0)


@pytest.mark.parametrize("pas", list(PAS))
def test_step_4_beyond_the_protected_size_only_non_secure_passes(pas: PAS) -> None:
    rig = Rig()
    expected = None if pas == PAS.NON_SECURE else GpcFailure.FAIL
    assert rig.outcome(1 << 32, pas) == (expected, 0)
    assert rig.reads == []


def test_step_5_table_beyond_the_protected_size() -> None:
    assert Rig(base=1 << 33).outcome(0, PAS.ROOT) == (GpcFailure.ADDRESS_SIZE, 0)


def test_step_6_external_abort_on_level_0() -> None:
    rig = Rig()
    rig.holes.add(L0 + 8)
    assert rig.outcome(1 << 30, PAS.ROOT) == (GpcFailure.EXTERNAL, 0)


@pytest.mark.parametrize(
    "entry",
    [
        0,  # neither
        2,
        0xF,
        1 | 1 << 4,  # block, GPI 1
        1 | 0xD << 4,  # valid only with NSO
        1 | 0xB << 4 | 1 << 8,  # block with reserved bits
        1 | 0xB << 4 | 1 << 63,
        3 | L1 | 1 << 4,  # table with reserved bits
        3 | L1 | 1 << 52,
        3 | L1 | 1 << 12,  # misaligned table
        3 | L1 | 1 << 16,
    ],
)
def test_step_7_bad_level_0_entries(entry: int) -> None:
    rig = Rig()
    rig.words[L0] = entry
    assert rig.outcome(0, PAS.REALM) == (GpcFailure.WALK, 0)


def test_step_8_level_1_beyond_the_protected_size() -> None:
    rig = Rig()
    rig.words[L0] = 1 << 32 | 3
    assert rig.outcome(0, PAS.REALM) == (GpcFailure.ADDRESS_SIZE, 0)


def test_step_9_external_abort_on_level_1() -> None:
    rig = Rig().with_level1()
    rig.holes.add(L1 + 8)
    assert rig.outcome(0x1_0000, PAS.REALM) == (GpcFailure.EXTERNAL, 1)


@pytest.mark.parametrize(
    "entry",
    [
        0x1111_1111_1111_1111,
        0xBBBB_BBBB_BBBB_BBB2,
        0x4BBB_BBBB_BBBB_BBBB,  # the sixteenth GPI, of a granule that is not asked for
        0xDBBB_BBBB_BBBB_BBBB,
        0xB1,  # contiguous of size 0
        0x1B1 | 1 << 10,
        0x1 | 7 << 4 | 1 << 8,
    ],
)
def test_step_9_bad_level_1_entries(entry: int) -> None:
    rig = Rig().with_level1()
    rig.words[L1] = entry
    assert rig.outcome(0, PAS.REALM) == (GpcFailure.WALK, 1)


@pytest.mark.parametrize("pas", list(PAS))
@pytest.mark.parametrize("gpi", [0, 8, 9, 10, 11, 15])
def test_step_10_the_gpi_decides(pas: PAS, gpi: int) -> None:
    allowed = gpi == 15 or gpi == GPI[pas]
    rig = Rig().with_level1()
    rig.granule(0x5000, gpi)
    assert rig.outcome(0x5FFF, pas) == (None if allowed else GpcFailure.FAIL, 1)
    block = Rig()
    block.words[L0] = gpi << 4 | 1
    assert block.outcome(0x5FFF, pas) == (None if allowed else GpcFailure.FAIL, 0)


@pytest.mark.parametrize("security", list(Security))
@pytest.mark.parametrize("pas", list(PAS))
def test_step_10_non_secure_only_shuts_out_secure_and_realm_state(pas: PAS, security: Security) -> None:
    """FEAT_RME_GPC2: GPI 0b1101, valid with GPCCR_EL3.NSO (bit 19)."""
    rig = Rig(gpccr=GPC | SANE | 1 << 19).with_level1()
    rig.granule(0x5000, 0xD)
    allowed = pas == PAS.NON_SECURE and security in (Security.NON_SECURE, Security.ROOT)
    assert rig.cache.check(0x5000, pas, security).failure is (None if allowed else GpcFailure.FAIL)
    assert rig.cache.passes(0x5000, pas, security) == allowed
    assert all(rig.cache.passes(0x5000, PAS.NON_SECURE, state) == (state in (1, 2)) for state in Security)


@pytest.mark.parametrize(("bit", "closed"), [(5, PAS.REALM), (6, PAS.NON_SECURE), (7, PAS.SECURE)])
@pytest.mark.parametrize("pas", list(PAS))
@pytest.mark.parametrize("pa", [0x5000, 1 << 32])
def test_step_3_a_closed_address_space_fails_at_level_0(bit: int, closed: PAS, pas: PAS, pa: int) -> None:
    """FEAT_RME_GPC2: RLPAD, NSPAD, SPAD; before the size is looked at, which lets Non-secure accesses pass."""
    rig = Rig(gpccr=GPC | SANE | 1 << bit).with_level1()
    rig.granule(0x5000, 0xF)
    is_beyond = pa == 1 << 32
    if pas == closed or (is_beyond and pas != PAS.NON_SECURE):
        assert rig.outcome(pa, pas) == (GpcFailure.FAIL, 0)
    else:
        assert rig.outcome(pa, pas) == (None, 0 if is_beyond else 1)


def test_results_say_what_was_read() -> None:
    rig = Rig().with_level1()
    rig.granule(0x2_3000, 9)
    found = rig.cache.look(0x2_3456, PAS.REALM, as_cached=False)
    assert found.entries == ((0, L0, L1 | 3), (1, L1 + 16, 0x9000))
    assert (found.pa, found.pas, found.gpi, found.failure) == (0x2_3456, PAS.REALM, 9, GpcFailure.FAIL)
    assert found.reason == "granule is non-secure (GPI 0x9), the access is realm"


@given(st.integers(0, (1 << 32) - 1), st.sampled_from([8, 9, 10, 11, 15, 0]), st.sampled_from(list(PAS)))
def test_any_granule_of_a_gigabyte_is_found(pa: int, gpi: int, pas: PAS) -> None:
    rig = Rig().with_level1(pa >> 30)
    rig.granule(pa, gpi)
    assert rig.outcome(pa, pas)[0] == (None if gpi in (15, GPI[pas]) else GpcFailure.FAIL)
    neighbour = pa ^ 0x1000
    assert rig.outcome(neighbour, pas)[0] is GpcFailure.FAIL


@pytest.mark.parametrize(("pgs", "granule", "table_bytes"), [(0, 12, 128 << 10), (2, 14, 32 << 10), (1, 16, 8 << 10)])
def test_protection_granules(pgs: int, granule: int, table_bytes: int) -> None:
    """The L1 table of 1 GiB is 2^(s-p-1) bytes; a granule's GPI is nibble PA[p+3:p] of entry PA[s-1:p+4]."""
    rig = Rig(gpccr=GPC | SANE | pgs << 14)
    rig.words[L0] = L1 | 3
    last = (1 << 30) - 1
    rig.words[L1 + table_bytes - 8] = 0xB << 60
    assert rig.outcome(last, PAS.REALM) == (None, 1)
    assert rig.outcome(last - (1 << granule), PAS.REALM) == (GpcFailure.FAIL, 1)


@pytest.mark.parametrize(("size", "bits"), [(1, 21), (2, 25), (3, 29)])
def test_contiguous_entries_cover_their_range(size: int, bits: int) -> None:
    rig = Rig().with_level1()
    start = 1 << 29
    rig.words[L1 + (start >> 16) * 8] = size << 8 | 0xB << 4 | 1
    assert rig.outcome(start, PAS.REALM) == (None, 1)
    info = rig.cache.cached(start + (1 << bits) - 1)
    assert info is not None
    assert info.size == bits
    assert rig.cache.cached(start + (1 << bits)) is None


@pytest.mark.parametrize(
    ("pps", "l0gptsz", "pa", "entry"),
    [
        (PPS_48, 9, 0x1234_5678_9000, 0x1234_5678_9000 >> 39),
        (PPS_1TB, 4, 0x12_3456_7000, 0x12_3456_7000 >> 34),
        (PPS_4GB, 6, 0xFFFF_F000, 0),  # pps <= s: a single entry
        (PPS_4GB, 0, 0xFFFF_F000, 3),
    ],
)
def test_level_0_index(pps: int, l0gptsz: int, pa: int, entry: int) -> None:
    rig = Rig(gpccr=GPC | SANE | pps | l0gptsz << 20)
    rig.words[L0 + 8 * entry] = 0xB << 4 | 1
    assert rig.outcome(pa, PAS.REALM) == (None, 0)
    assert rig.reads[0] == L0 + 8 * entry


def test_level_0_base_ignores_low_bits_of_its_alignment() -> None:
    """Below max(12, pps - l0sz + 3): 48 bits in 1 GiB entries make a 2 MiB table."""
    assert decode_config(GPC | SANE | PPS_48, (L0 | 0x20_0000) >> 12, 48).base == 0x20_0000
    assert decode_config(GPC | SANE | PPS_4GB, 0x12_3000 >> 12, 48).base == 0x12_3000


# Caching


def test_what_is_cached_stays_until_a_tlbi() -> None:
    rig = Rig().with_level1()
    rig.granule(0x5000, 9)
    assert rig.outcome(0x5000, PAS.NON_SECURE) == (None, 1)
    rig.granule(0x5000, 11)
    assert rig.outcome(0x5000, PAS.NON_SECURE) == (None, 1)
    assert rig.outcome(0x5000, PAS.REALM) == (GpcFailure.FAIL, 1)
    assert rig.cache.look(0x5000, PAS.REALM, as_cached=False).failure is None
    rig.cache.invalidate("RPALOS", 0x5)
    assert rig.outcome(0x5000, PAS.NON_SECURE) == (GpcFailure.FAIL, 1)
    assert rig.outcome(0x5000, PAS.REALM) == (None, 1)


def test_control_registers_act_without_a_tlbi() -> None:
    rig = Rig(gpccr=GPC | SANE | PPS_1TB)
    rig.words[L0 + 8 * 4] = 0xB << 4 | 1
    assert rig.outcome(1 << 32, PAS.REALM) == (None, 0)
    rig.regs["GPCCR_EL3"] = GPC | SANE | PPS_4GB
    assert not rig.cache.passes(1 << 32, PAS.REALM)
    rig.regs["GPCCR_EL3"] = 0
    assert rig.cache.passes(1 << 32, PAS.ROOT)


def test_faults_of_the_walk_are_not_cached() -> None:
    rig = Rig()
    assert rig.outcome(0, PAS.REALM) == (GpcFailure.WALK, 0)
    rig.words[L0] = 0xB << 4 | 1
    assert rig.outcome(0, PAS.REALM) == (None, 0)


def test_looking_caches_nothing() -> None:
    rig = Rig().with_level1()
    rig.granule(0, 11)
    rig.cache.look(0, PAS.REALM, as_cached=True)
    assert rig.cache.cached(0) is None


@pytest.mark.parametrize("operation", ["PAALL", "PAALLOS"])
def test_paall_removes_everything(operation: str) -> None:
    rig = Rig().with_level1()
    for pa in (0, 0x1000, 0x3FFF_F000):
        rig.granule(pa, 11)
        rig.outcome(pa, PAS.REALM)
    assert rig.cache.invalidate(operation, 0) == 3
    assert rig.cache.cached(0) is None


@pytest.mark.parametrize("operation", ["RPAOS", "RPALOS"])
def test_range_operations_remove_what_they_cover(operation: str) -> None:
    rig = Rig().with_level1()
    for pa in (0x1F_F000, 0x20_0000, 0x3F_F000, 0x40_0000):
        rig.granule(pa, 11)
        rig.outcome(pa, PAS.REALM)
    assert rig.cache.invalidate(operation, 3 << 44 | 0x20_0000 >> 12) == 2
    assert [rig.cache.cached(pa) is None for pa in (0x1F_F000, 0x20_0000, 0x3F_F000, 0x40_0000)] == [
        False,
        True,
        True,
        False,
    ]


def test_any_granule_of_a_contiguous_range_removes_it_all() -> None:
    rig = Rig().with_level1()
    rig.words[L1 + 0x100] = 1 << 8 | 0xB << 4 | 1  # 2 MiB at 0x20_0000
    rig.outcome(0x20_0000, PAS.REALM)
    assert rig.cache.invalidate("RPALOS", 0x3F_F000 >> 12) == 1
    assert rig.cache.cached(0x20_0000) is None


def test_what_a_contiguous_range_said_of_its_other_granules_is_asked_again() -> None:
    rig = Rig().with_level1()
    rig.words[L1 + 0x100] = 1 << 8 | 0xB << 4 | 1  # 2 MiB at 0x20_0000
    assert rig.cache.passes(0x20_0000, PAS.REALM)
    rig.words[L1 + 0x100] = 1 << 8 | 9 << 4 | 1
    rig.cache.invalidate("RPALOS", 0x3F_F000 >> 12)
    assert rig.cache.forgotten == (0x20_0000, 0x40_0000)
    assert not rig.cache.passes(0x20_0000, PAS.REALM)


@pytest.mark.parametrize(
    ("code", "size"),
    [
        (0, 4 << 10),
        (1, 16 << 10),
        (2, 64 << 10),
        (3, 2 << 20),
        (4, 32 << 20),
        (5, 512 << 20),
        (6, 1 << 30),
        (7, 16 << 30),
        (8, 64 << 30),
        (9, 512 << 30),
        (10, 4 << 10),
    ],
)
def test_operand_of_a_range_operation(code: int, size: int) -> None:
    pa = 0x1_2345_6789_A000 & ((1 << 48) - 1)
    assert invalidated_range(code << 44 | pa >> 12, 12) == (pa // size * size, pa // size * size + size)


def test_a_small_range_grows_to_the_granule() -> None:
    assert invalidated_range(0x12_3000 >> 12, 16) == (0x12_0000, 0x13_0000)


def test_state_comes_back() -> None:
    rig = Rig().with_level1()
    rig.granule(0, 11)
    rig.outcome(0, PAS.REALM)
    kept = rig.cache.state()
    rig.cache.invalidate("PAALL", 0)
    rig.granule(0, 9)
    rig.cache.restore(kept)
    assert rig.outcome(0, PAS.REALM) == (None, 1)
