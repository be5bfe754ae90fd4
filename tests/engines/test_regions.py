"""What regions do by themselves, call, or are entered at: the same as on the reference, and really inside."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

import pytest

import emu
from emu.engine.jit import Jit
from emu.engine.native import NativeCode
from emu.engine.sweep import WordTable
from emu.mec.memory import CODE_TAG
from tests.engines.flat import CODE, flat_machine
from tests.engines.test_engines_agree import _sys, _system
from tests.engines.test_jit import assert_same, machine_with, statistics

MRS, MSR = 0xD530_0000, 0xD510_0000
TPIDR_EL0 = (3, 3, 13, 0, 2)
ADD_X2 = 0x9100_0442  # ADD X2, X2, #1
LDXR, STXR = 0xC85F_7C23, 0xC804_7C22  # LDXR X3, [X1]; STXR W4, X2, [X1]
LDXP, STXP = 0xC87F_1823, 0xC825_0823  # LDXP X3, X6, [X1]; STXP W5, X3, X2, [X1]
CNTVCT = (3, 3, 14, 0, 2)
TBL, AESE, FADD, FMLA = 0x4E02_0020, 0x4E28_4820, 0x4E63_D443, 0x4E63_CC44
UMOV = 0x4E08_3C07  # UMOV X7, V0.D[0]
NZCV_SET, CSINC = 0xF100_045F, 0x9A82_1508  # CMP X2, #1; CSINC X8, X8, X2, NE


def _back(count: int) -> int:
    return 0x1400_0000 | -count & 0x3FF_FFFF


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "body",
    [
        (_system(MRS, *TPIDR_EL0, 5), ADD_X2, _system(MRS, *CNTVCT, 6)),
        (_sys(3, 7, 4, 1, 1), ADD_X2),  # DC ZVA, X1
        (ADD_X2, LDXR, STXR),
        (LDXP, ADD_X2, STXP),
    ],
)
def test_what_used_to_leave_a_region_is_done_inside(body: tuple[int, ...], place: int) -> None:
    """`place`: the thin and the thick kind of region, which are forced by turns."""
    words = (0xD503_201F,) * place + (*body, _back(len(body)))
    jit, reference = machine_with(words), machine_with(words, "reference")
    whole = len(body) + 1
    for machine in (jit, reference):
        machine.cpu.pc = CODE + 4 * place
        machine.run(max_instructions=20 * whole)
    assert statistics(jit)[0] > 0
    decoded: list[int] = []
    page = next(iter(jit._engine._installed)).page
    heads = {index for region in jit._engine._installed for index, _, _ in region.heads}
    slots = page.slots
    for index in range(place, place + whole):
        if index not in heads:  # whoever comes here has left the region
            slots[2 * index] = jit._engine._native.decode_stub
            decoded.append(index)
    assert decoded
    for machine in (jit, reference):
        machine.run(max_instructions=40 * whole)
    assert all(slots[2 * index] == jit._engine._native.decode_stub for index in decoded)
    assert_same(jit, reference)


def test_an_exclusive_store_that_fails_is_left_to_the_interpreter() -> None:
    both = []
    for engine in ("jit", "reference"):
        machine = machine_with((ADD_X2, STXR, LDXR, STXR, _back(4)), engine)
        machine.run(max_instructions=203)
        assert machine.cpu.x[4] in (0, 1)
        both.append(machine)
    assert_same(*both)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("word", [TBL, AESE, FADD, FMLA, UMOV])
def test_a_called_handler_does_what_the_instruction_does_and_traps_where_it_must(word: int, place: int) -> None:
    words = (0xD503_201F,) * place + (NZCV_SET, word, CSINC, ADD_X2, _back(4))
    both = []
    for engine in ("jit", "reference"):
        machine = machine_with(words, engine)
        machine.cpu.pc = CODE + 4 * place
        machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
        for number in range(6):
            machine.cpu.v[number] = 0x3FF0_1234_0102_0304_4008_0000_0F0E_0D0C + (number << 60)
        machine.run(max_instructions=123)
        machine.cpu.sysreg["CPACR_EL1"] = 0
        machine.run(max_instructions=9)
        assert machine.exceptions
        both.append(machine)
    assert statistics(both[0])[0] > 0
    assert_same(*both)


def _until(machine: emu.Machine, done: str) -> None:
    """Run until the JIT has put something in place."""
    deadline = time.monotonic() + 30
    engine = machine._engine
    while time.monotonic() < deadline:
        machine.run(max_instructions=100_000)
        if engine._installed if done == "any" else engine._installed and not engine._asked:
            return
    raise AssertionError("nothing was compiled")


def test_one_region_is_entered_at_several_places_and_branches_among_them() -> None:
    # 0: ADR X9, 24; 4: AND X10, X2, #8; 8: ADD X9, X9, X10; 12: ADD X2, X2, #4; 16: BR X9
    # 24: ADD X5, X5, #1; 28: B 0; 32: ADD X6, X6, #3; 36: B 0
    words = (
        0x1000_00C9, 0x927D_004A, 0x8B0A_0129, 0x9100_1042, 0xD61F_0120, 0xD503_201F,
        0x9100_04A5, _back(7), 0x9100_0CC6, _back(9),
    )  # fmt: skip
    jit, other = machine_with(words, threshold=100), machine_with(words, "interpreter")
    _until(jit, "any")
    _until(jit, "best")
    assert any(len(region.heads) > 1 for region in jit._engine._installed)
    jit.run(max_instructions=100_001)
    other.run(max_instructions=jit.instructions)
    assert jit.cpu.x[5] > 100
    assert jit.cpu.x[6] > 100
    assert_same(jit, other)
    # A new word at one head: the others go with it.
    for machine in (jit, other):
        machine.write(CODE + 24, (0x9100_08A5).to_bytes(4, "little"))  # ADD X5, X5, #2
        machine.run(max_instructions=10_000)
    assert_same(jit, other)


def test_regions_on_disk_come_back_with_all_their_heads(tmp_path: Path) -> None:
    words = (0x9100_0442, 0xF140_045F, 0x54FF_FFC1, 0x9100_04A5, _back(4))
    found = []
    for _ in range(2):
        machine = flat_machine("jit", cache_folder=tmp_path, jit_threshold=100)
        machine._engine._compiler._kept = type(machine._engine._compiler._kept)(
            emu.engine.cache.ObjectCache(tmp_path, "test")
        )
        machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
        _until(machine, "best")
        engine = machine._engine
        found.append((engine.compiled_instructions, sorted(len(region.heads) for region in engine._installed)))
        other = flat_machine("interpreter")
        other.write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
        other.run(max_instructions=machine.instructions)
        assert_same(machine, other)
    assert found[0][0] > 0
    assert found[1][0] == 0
    assert found[0][1] == found[1][1]


def test_a_target_asked_for_once_is_not_asked_for_again_while_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = Jit._request
    monkeypatch.setattr(Jit, "_request", lambda self, pc, page: asked.append(pc) or original(self, pc, page))
    machine = machine_with((ADD_X2, _back(1)), threshold=10)
    monkeypatch.setattr(machine._engine._compiler, "submit", lambda request: None)
    machine.run(max_instructions=5_000)
    assert 1 <= len(asked) <= 4


# Decoding ahead.

OWNER = 5


def _sweep(words: list[int], tags: list[int], table: WordTable, stub: int = 7) -> tuple[int, list[int], list[int]]:
    """(where it stopped, handlers, tags)."""
    native = NativeCode.shared(None)
    code, slots = (ctypes.c_uint32 * len(words))(*words), (ctypes.c_uint64 * (2 * len(words)))()
    marks = (ctypes.c_uint32 * len(tags))(*tags)
    for index in range(len(words)):
        slots[2 * index] = stub
    end = native.sweep(
        *map(ctypes.addressof, (code, slots, marks)), table.address, 0, len(words), OWNER, stub,
    )  # fmt: skip
    return end, list(slots[::2]), list(marks)


def test_a_sweep_takes_known_words_in_blocks_of_its_owner_or_of_nobody() -> None:
    table = WordTable()
    for word in range(0x100, 0x10C):
        table.add(word, 0x1000 + word)
    words = list(range(0x100, 0x10C))
    end, handlers, tags = _sweep(words, [0, OWNER, OWNER | CODE_TAG], table)
    assert end == 12
    assert handlers == [0x1000 + word for word in words]
    assert tags == [CODE_TAG, OWNER | CODE_TAG, OWNER | CODE_TAG]
    end, handlers, tags = _sweep(words, [OWNER, OWNER + 1, OWNER], table)
    assert end == 4
    assert handlers[4:] == [7] * 8
    assert tags == [OWNER | CODE_TAG, OWNER + 1, OWNER]


def test_a_sweep_ends_at_a_word_it_does_not_know() -> None:
    table = WordTable()
    table.add(0x100, 0x1100)
    end, handlers, tags = _sweep([0x100, 0x100, 0, 0x100], [0], table)
    assert (end, handlers) == (2, [0x1100, 0x1100, 7, 7])
    assert tags == [CODE_TAG]


def test_of_many_words_none_is_taken_for_another() -> None:
    table = WordTable()
    for word in range(200_000):
        table.add(word * 77, word + 1)
    words = [word * 77 for word in range(199_000, 200_000)]
    for word in words:
        end, handlers, _ = _sweep([word], [0], table)
        assert (end, handlers) in ((1, [word // 77 + 1]), (0, [7]))


def test_words_ahead_of_a_breakpoint_are_decoded_and_it_still_stops() -> None:
    words = (ADD_X2,) * 20 + (_back(20),)
    for engine in ("interpreter", "jit"):
        machine = machine_with(words, engine, threshold=None)
        machine.breakpoints.add(CODE + 40)
        machine.breakpoints.add(CODE + 60)
        stops = [machine.run(max_instructions=100).pc for _ in range(4)]
        assert stops == [CODE + 40, CODE + 60, CODE + 40, CODE + 60]
