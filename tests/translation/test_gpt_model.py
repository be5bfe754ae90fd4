"""Granule protection against a second description of it, written from mec-reference.md 3.4 to 3.6 by itself.

Tables and registers are random, most of them sensible; the model reads them with its own arithmetic, on bit strings.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.architecture import PAS, Security
from emu.features import Features
from emu.rme.gpt import GptCache
from emu.translation.records import GpcFailure

PASS = None
SIZES = {0: 32, 1: 36, 2: 40, 3: 42, 4: 44, 5: 48, 6: 52}
GRANULES, BLOCKS = {0: 12, 1: 16, 2: 14}, {0: 30, 4: 34, 6: 36, 9: 39}
IMPLEMENTED = 48
HOLE = 0xDEAD_0000_0000


def field(value: int, high: int, low: int) -> int:
    return int(f"{value:064b}"[63 - high : 64 - low], 2)


def may(gpi: int, pas: PAS, state: Security) -> bool:
    table = {
        0b0000: "", 0b1000: "SECURE", 0b1001: "NON_SECURE", 0b1010: "ROOT", 0b1011: "REALM",
        0b1101: "NON_SECURE" if state.name in ("NON_SECURE", "ROOT") else "", 0b1111: pas.name,
    }  # fmt: skip
    return table[gpi] == pas.name


def is_valid(gpi: int, gpccr: int) -> bool:
    return gpi in (0, 8, 9, 10, 11, 15) or (gpi == 13 and field(gpccr, 19, 19) == 1)


def model(gpccr: int, gptbr: int, memory: dict[int, int], pa: int, pas: PAS, state: Security) -> tuple[object, int]:
    """(what failed, level) as the steps of 3.6 give them."""
    if not field(gpccr, 16, 16):
        return PASS, 0
    pps, pgs, sh = field(gpccr, 2, 0), field(gpccr, 15, 14), field(gpccr, 13, 12)
    non_cacheable = field(gpccr, 9, 8) == 0 and field(gpccr, 11, 10) == 0
    if pps == 7 or SIZES[pps] > IMPLEMENTED or pgs == 3 or sh == 1 or (non_cacheable and sh != 2):
        return GpcFailure.WALK, 0
    disabled = {PAS.REALM: 5, PAS.NON_SECURE: 6, PAS.SECURE: 7}.get(pas)
    if disabled is not None and field(gpccr, disabled, disabled):
        return GpcFailure.FAIL, 0
    protected = 2 ** SIZES[pps]
    if pa >= protected:
        return (PASS, 0) if pas is PAS.NON_SECURE else (GpcFailure.FAIL, 0)
    s, p = BLOCKS[field(gpccr, 23, 20)], GRANULES[pgs]
    alignment = 2 ** max(12, SIZES[pps] - s + 3)
    base = field(gptbr, 39, 0) * 4096 // alignment * alignment
    if base >= protected:
        return GpcFailure.ADDRESS_SIZE, 0
    level0 = base + 8 * (pa // 2**s)
    if level0 not in memory:
        return GpcFailure.EXTERNAL, 0
    entry = memory[level0]
    if field(entry, 3, 0) == 1:
        gpi = field(entry, 7, 4)
        if field(entry, 63, 8) or not is_valid(gpi, gpccr):
            return GpcFailure.WALK, 0
        return (PASS if may(gpi, pas, state) else GpcFailure.FAIL), 0
    if field(entry, 3, 0) != 3 or field(entry, 11, 4) or field(entry, 63, 52):
        return GpcFailure.WALK, 0
    table = field(entry, 51, 12) * 4096
    if table % 2 ** (s - p - 1):
        return GpcFailure.WALK, 0
    if table >= protected:
        return GpcFailure.ADDRESS_SIZE, 0
    level1 = table + 8 * (pa % 2**s // 2 ** (p + 4))
    if level1 not in memory:
        return GpcFailure.EXTERNAL, 1
    entry = memory[level1]
    if field(entry, 3, 0) == 1:
        gpi = field(entry, 7, 4)
        if field(entry, 63, 10) or field(entry, 9, 8) == 0 or not is_valid(gpi, gpccr):
            return GpcFailure.WALK, 1
    else:
        digits = f"{entry:016x}"[::-1]
        if not all(is_valid(int(digit, 16), gpccr) for digit in digits):
            return GpcFailure.WALK, 1
        gpi = int(digits[pa // 2**p % 16], 16)
    return (PASS if may(gpi, pas, state) else GpcFailure.FAIL), 1


GPIS = st.sampled_from([0, 8, 9, 10, 11, 13, 15])


@st.composite
def registers(draw: st.DrawFn) -> tuple[int, int]:
    rarely = draw(st.integers(0, 9)) == 0
    value = 1 << 16 | draw(st.sampled_from([0, 1 << 19]))
    value |= draw(st.integers(0, 7) if rarely else st.sampled_from([0, 1, 2, 5]))
    value |= draw(st.integers(0, 3) if rarely else st.integers(0, 2)) << 14
    value |= draw(st.integers(0, 3) if rarely else st.sampled_from([2, 3])) << 12
    value |= draw(st.integers(0, 15) if rarely else st.just(5)) << 8
    value |= draw(st.sampled_from([0, 4, 6, 9])) << 20
    if rarely:
        value |= draw(st.integers(0, 7)) << 5
        value &= ~(draw(st.integers(0, 1)) << 16)
    return value, draw(st.sampled_from([0x4_0000, 0x8_0010, 0x8_0200, 1 << 25]))


@st.composite
def words(draw: st.DrawFn) -> int:
    kind = draw(st.integers(0, 9))
    if kind < 5:
        return sum(draw(GPIS) << 4 * nibble for nibble in range(16))
    if kind < 8:
        return draw(st.integers(0, 3)) << 8 | draw(GPIS) << 4 | 1
    return draw(st.integers(0, (1 << 64) - 1))


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_every_check_is_the_models(data: st.DataObject) -> None:
    gpccr, gptbr = data.draw(registers())
    pa = data.draw(st.integers(0, (1 << 33) - 1)) | data.draw(st.sampled_from([0, 0, 0, 1 << 35, 1 << 41]))
    pps, pgs = gpccr & 7, gpccr >> 14 & 3
    s, p = BLOCKS[gpccr >> 20 & 0xF], GRANULES.get(pgs, 12)
    alignment = 2 ** max(12, SIZES.get(pps, 52) - s + 3)
    level0 = gptbr * 4096 // alignment * alignment + 8 * (pa // 2**s)
    memory: dict[int, int] = {}
    choice = data.draw(st.integers(0, 9))
    table = data.draw(st.sampled_from([0x1_0000_0000, 0x40_0000_0000, 0x4000_0000, 0x4000_1000]))
    if choice < 6:
        memory[level0] = table | 3
    elif choice < 8:
        memory[level0] = data.draw(GPIS) << 4 | 1
    elif choice < 9:
        memory[level0] = data.draw(words())
    if data.draw(st.integers(0, 9)):
        memory[table + 8 * (pa % 2**s // 2 ** (p + 4))] = data.draw(words())
    cache = GptCache(
        {"GPCCR_EL3": gpccr, "GPTBR_EL3": gptbr},
        lambda at, pas, mecid: (memory[at], 0) if at in memory else None,
        Features(pa_bits=IMPLEMENTED),
    )
    pas, state = data.draw(st.sampled_from(list(PAS))), data.draw(st.sampled_from(list(Security)))
    expected = model(gpccr, gptbr, memory, pa, pas, state)
    for _ in range(2):  # from the tables, then from what is cached
        found = cache.check(pa, pas, state)
        assert (found.failure, found.level) == expected
        assert cache.passes(pa, pas, state) == (expected[0] is PASS)
