"""Disassembly, registers, memory, TLB, map, hits, events, console and header as people read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emu.architecture import PA, PAS, VA, MecidSource, Security
from emu.debug.events import Moment
from emu.mec.rules import Finding, Severity
from mectui.queries.disassembly import DisassemblyView, InstructionView, Note
from mectui.queries.events import EventsView, EventView
from mectui.queries.findings import FindingsView, FindingView
from mectui.queries.hits import HitsView, HitView
from mectui.queries.mec import MIXED, UNOWNED, Cell, LegendEntry, MapRow, MapView, PageInfo
from mectui.queries.memory import Eyes, MemoryRow, MemoryView, Ownership
from mectui.queries.registers import EffectiveView, FieldView, GeneralView, MecRegistersView, RegisterView, SystemView
from mectui.queries.status import StatusView
from mectui.queries.stops import CodeMark
from mectui.queries.tlb import TlbRow, TlbView
from mectui.render import console, disassembly, events, findings, hits, mec, memory, registers, status, tlb
from mectui.render.text import plain, width
from tests.tui import views

# --- disassembly ---


MARK = CodeMark(2, is_enabled=True, is_special=False)


def instruction(address: int, mnemonic: str, operands: str, **changes: Any) -> InstructionView:
    values: dict[str, Any] = {
        "address": address,
        "word": 0xD503_201F,
        "symbol": "",
        "mnemonic": mnemonic,
        "operands": operands,
        "target_label": "",
        "target": None,
        "is_pc": False,
        "breakpoint": None,
        "note": None,
    }
    return InstructionView(**values | changes)


CODE = DisassemblyView(
    start=0x4008_0000,
    pc=0x4008_0004,
    where="_start",
    rows=(
        instruction(0x4008_0000, "mrs", "x0, MECID_A0_EL2", symbol="_start"),
        instruction(0x4008_0004, "str", "x1, [x0]", is_pc=True, breakpoint=MARK, note=Note("walk ok MECID 5", "ok")),
        instruction(0x4008_0008, "bl", "#0x40080100", target=0x4008_0100, target_label="print"),
        instruction(0x4008_000C, "cbz", "x0, #0x40080200", target=0x4008_0200),
        instruction(0x4008_0010, "", "", word=None),
    ),
)


def test_code_shows_labels_arrow_breakpoint_and_the_note_of_the_current_access() -> None:
    assert (
        plain(disassembly.disassembly(CODE, 50))
        == """\
   _start:
   0x4008_0000  mrs    x0, MECID_A0_EL2
▶● 0x4008_0004  str    x1, [x0]    walk ok MECID 5
   0x4008_0008  bl     <print>
   0x4008_000c  cbz    x0, 0x4008_0200
   0x4008_0010  not readable here
"""
    )


def test_wide_code_shows_the_words_too() -> None:
    assert "   0x4008_0000  d503201f  mrs    x0, MECID_A0_EL2\n" in plain(disassembly.disassembly(CODE, 70))


def test_a_note_without_room_gets_a_line_of_its_own() -> None:
    assert plain(disassembly.disassembly(CODE, 34)).splitlines()[2:4] == [
        "▶● 0x4008_0004  str    x1, [x0]",
        "                ↳ walk ok MECID 5",
    ]


def test_unreadable_code_says_so() -> None:
    view = DisassemblyView(0xF000, 0, "", (instruction(0xF000, "", "", word=None),))
    assert plain(disassembly.disassembly(view, 200)).startswith("No code can be fetched at 0x0000_f000 from here")


# --- registers ---


def test_general_registers_mark_what_changed() -> None:
    x = [RegisterView(f"x{number}", 0) for number in range(31)]
    x[1] = RegisterView("x1", 0x4020_0000, is_changed=True)
    view = GeneralView(
        x=tuple(x),
        sp=RegisterView("sp", 0x4008_2000, note="stack_top"),
        pc=RegisterView("pc", 0x4008_000C, is_changed=True, note="_start+0xc"),
        nzcv=0b0110,
        is_nzcv_changed=True,
        el=2,
        security="realm",
        spsel=1,
        daif=0b1111,
        pan=0,
    )
    assert plain(registers.general(view, 50)).splitlines()[:5] == [
        "EL2 realm  flags nZCv* masks DAIF  SPSel 1  PAN 0",
        " pc 0000_0000_4008_000c* _start+0xc",
        " sp 0000_0000_4008_2000  stack_top",
        " x0 0000_0000_0000_0000  x16 0000_0000_0000_0000",
        " x1 0000_0000_4020_0000* x17 0000_0000_0000_0000",
    ]


SCTLR2 = RegisterView(
    "SCTLR2_EL2",
    2,
    is_changed=True,
    note="System control, continued",
    group="control",
    fields=(FieldView("EMEC", "1", 1, "memory encryption contexts are on", True),),
)


def test_system_registers_open_to_their_fields() -> None:
    view = SystemView((("control", (SCTLR2, RegisterView("TPIDR_EL2", 0x1234, is_unknown=True))),))
    assert (
        plain(registers.system(view, 60))
        == """\
Control
▸ SCTLR2_EL2        0000_0000_0000_0002*
  TPIDR_EL2         0000_0000_0000_1234? never written
"""
    )
    assert plain(registers.system(view, 60, {"SCTLR2_EL2"})).splitlines()[1:4] == [
        "▾ SCTLR2_EL2        0000_0000_0000_0002*",
        "  System control, continued",
        "    [1]     EMEC       1* memory encryption contexts are on",
    ]


@pytest.mark.parametrize("columns", [30, 33, 38, 41, 60, 100])
@pytest.mark.parametrize("name", ["HCR_EL2", "TTBR0_EL2", "MECID_RL_A_EL3", "ID_AA64MMFR0_EL1"])
def test_no_digit_of_a_register_and_no_word_of_its_fields_is_cut(columns: int, name: str) -> None:
    meaning = "Leaves with AMEC=1 may be used in EL2, or in its lower range"
    fields = (FieldView("AMEC0", "12", 1, meaning), FieldView("LongerThanTen", "3:0", 0xF, meaning))
    one = RegisterView(name, 0x9876_5432_1234_ABCD, note="All of it", fields=fields, is_unknown=True)
    shown = plain(registers.one_system(one, columns, is_open=True))
    assert max(map(len, shown.splitlines())) <= columns
    words = shown.split()
    assert "9876_5432_1234_abcd" in " ".join(words).replace("?", "") or "987654321234abcd?" in words
    assert " ".join(words).count(meaning) == 2
    assert "LongerThanTen" in words


def test_mec_registers_show_programmed_and_effective_values_with_the_reason() -> None:
    view = MecRegistersView(
        mecids=(
            RegisterView("MECID_P0_EL2", 5, note="Primary context of Realm EL2"),
            RegisterView("MECID_A0_EL2", 0x8A3F, is_unknown=True, note="Alternate context"),
        ),
        effective=(EffectiveView("SCTLR2_EL2.EMEC", 1, False, "SCR_EL3.SCTLR2En=0"),),
        controls=(("SCR_EL3", "MECEn", 1, "Realm EL2 uses its MECID registers"),),
    )
    assert (
        plain(registers.mec_registers(view, 60))
        == """\
MECID registers   ? nobody wrote it since reset
MECID_P0_EL2        5  Primary context of Realm EL2
MECID_A0_EL2    35391? never written: UNKNOWN

Enables   programmed → effective
SCTLR2_EL2.EMEC 1 → 0  differs
    SCR_EL3.SCTLR2En=0

Bits behind them
SCR_EL3.MECEn    1  Realm EL2 uses its MECID registers
"""
    )


# --- memory ---

TEXT = bytes(range(0x41, 0x51))
ROW = MemoryRow(0x4020_0000, 0x4008_8000, TEXT, Ownership(PAS.REALM, 5, is_foreign=True), "data", frozenset({1}))
NEXT = MemoryRow(0x4020_0010, 0x4008_8010, bytes(16), None)
ROOTS = MemoryRow(0x4020_0020, 0x4008_8020, bytes(16), Ownership(PAS.ROOT, 0))
MEMORY = MemoryView(0x4020_0000, False, Eyes.CONTEXT, 0, "data", (ROW, NEXT, ROOTS))


def test_memory_has_a_gutter_with_owners_and_marks_foreign_blocks_and_changes() -> None:
    assert plain(memory.memory(MEMORY, 90)) == (
        "0x4020_0000 id5 ≠ 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50*ABCDEFGHIJKLMNOP data\n"
        "0x4020_0010 ·     00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ················\n"
        "0x4020_0020 root  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ················\n"
    )


def test_narrow_memory_shows_eight_bytes_a_line() -> None:
    assert plain(memory.memory(MEMORY, 50)).splitlines()[:3] == [
        "0x4020_0000 id5 ≠ 41 42 43 44 45 46 47 48*ABCDEFGH",
        "0x4020_0008     ≠ 49 4a 4b 4c 4d 4e 4f 50 IJKLMNOP",
        "0x4020_0010 ·     00 00 00 00 00 00 00 00 ········",
    ]


def test_memory_that_cannot_be_read_says_why() -> None:
    view = MemoryView(0x9000, False, Eyes.CONTEXT, 0, "", (MemoryRow(0x9000, None, None, None),), "no mapping")
    assert plain(memory.memory(view, 200)).startswith("Nothing can be read at 0x0000_9000 (no mapping).")


def test_the_memory_summary_says_through_whose_eyes() -> None:
    assert memory.summary(MEMORY) == "VA 0x4020_0000  as seen now"
    as_six = MemoryView(0x4008_8000, True, Eyes.MECID, 6, "", ())
    assert memory.summary(as_six) == "PA 0x4008_8000  as MECID 6"


# --- TLB ---


def tlb_row(**changes: Any) -> TlbRow:
    values: dict[str, Any] = {
        "stage": "stage 1+2",
        "regime": "EL1&0",
        "security": "realm",
        "vmid": 1,
        "asid": None,
        "va": 0x4020_0000,
        "size": 4096,
        "pa": 0x4008_8000,
        "pas": "realm",
        "permissions": "rw- ---",
        "source": MecidSource.VP,
        "filled_at": 5538,
        "filled_by": "realm_start",
        "stale": "",
    }
    return TlbRow(**values | changes)


STALE = tlb_row(stale="the output address is 0x40090000 now")


def test_a_narrow_tlb_gives_two_labelled_lines_to_an_entry_and_marks_stale_ones() -> None:
    assert (
        plain(tlb.tlb(TlbView((STALE, tlb_row(vmid=None, asid=3)), 128), 50))
        == """\
  regime VA → PA size
  stage tags MECID EL1+ EL0 filled by
! EL1&0  0x4020_0000 → 0x4008_8000 4 KiB
  stage 1+2 VMID 1 VP rw- --- #5,538 realm_start
    stale: the output address is 0x4009_0000 now
  EL1&0  0x4020_0000 → 0x4008_8000 4 KiB
  stage 1+2 ASID 3 VP rw- --- #5,538 realm_start
"""
    )


def test_a_wide_tlb_is_a_table() -> None:
    assert plain(tlb.tlb(TlbView((tlb_row(),), 128), 110)) == (
        "  regime stage     VMID ASID  VA          → PA          size    MECID    EL1+EL0  filled by\n"
        "  EL1&0  stage 1+2    1    -  0x4020_0000 → 0x4008_8000 4 KiB   VP       rw- ---  #5,538 realm_start\n"
    )


def test_the_tlb_summary_counts_stale_entries() -> None:
    assert tlb.summary(TlbView((STALE, tlb_row()), 128)) == "2 entries of 128, 1 stale"


# --- MECID map ---

FIVE, ROOT = (PAS.REALM, 5), (PAS.ROOT, 0)
MAP = MapView(
    square=4096,
    columns=8,
    rows=(
        MapRow(0x4008_0000, (Cell("5", FIVE), Cell(MIXED, FIVE, True), *[Cell(UNOWNED, None)] * 6)),
        MapRow(0x4008_8000, (), skipped=0x18_0000),
        MapRow(0x4020_8000, (Cell("#", ROOT), *[Cell(UNOWNED, None)] * 7)),
    ),
    legend=(LegendEntry("5", FIVE, 2, (0, 1)), LegendEntry("#", ROOT, 1, (0,))),
    cursor=PageInfo(
        0x4008_1000,
        FIVE,
        1,
        True,
        12,
        "data",
        Moment(901, views.STORED.pc, 2, Security.REALM),
        "store",
        current_generation=1,
    ),
    mixed=1,
)


def test_the_map_shows_owners_gaps_legend_and_the_page_under_the_cursor() -> None:
    assert (
        plain(mec.mec_map(MAP, 60))
        == """\
0x4008_0000 5*······
  1536 KiB nobody has stored to
0x4020_8000 #·······

* more than one owner (1 page)
5 = MECID 5: 2 pages, key 0/1   # = root: 1 page
· nobody yet

PA 0x4008_1000 data  owner MECID 5, key 1 * mixed
last stored to by store at EL2 realm, #901; 12 of 256 blocks
owned
"""
    )


def test_the_map_takes_as_many_squares_as_fit() -> None:
    assert [mec.columns_for(columns) for columns in (20, 30, 48, 90)] == [8, 16, 32, 64]


# --- hits, events, console ---


def test_a_hit_names_both_sides_and_the_chosen_one_the_missing_step() -> None:
    view = HitsView((HitView(1, views.HIT, "look+0x44", "store", "set MECID_P0_EL2 to 5", 1, views.HIT),), 1)
    assert (
        plain(hits.hits(view, 64, chosen=1))
        == """\
  1  read of 8 bytes  VA 0x4020_0000  PA 0x4008_8000
     read under   MECID 6 (P0) by look+0x44, EL2 realm #1,204
     stored under MECID 5 by store, EL2 realm #901
     likely: set MECID_P0_EL2 to 5
     Enter shows the reader's code, W the writer's, S runs to
     the next hit like it, t goes back to the read, o to the
     store
"""
    )


def test_a_run_of_hits_by_one_instruction_is_told_once() -> None:
    last = replace(views.HIT, va=VA(0x4020_0FF8), pa=PA(0x4008_8FF8))
    view = HitsView((HitView(3, views.HIT, "look+0x44", "store", "", 512, last),), 514)
    assert plain(hits.hits(view, 110)).splitlines()[0] == (
        "  3  read of 8 bytes, 512 times  VA 0x4020_0000 … 0x4020_0ff8  PA 0x4008_8000 … 0x4008_8ff8"
    )


FINDING = Finding(
    "missing-isb", Severity.ERROR, views.ASKED,
    "the read of 0x40200000 at look+0x44 (pc 0x40081094) goes by an old value",
    "put an ISB between the MSR and the access", count=2,
)  # fmt: skip


def test_a_finding_is_two_lines_and_the_chosen_one_says_what_to_do() -> None:
    view = FindingsView((FindingView(1, FINDING, "look+0x44"),), 1, 31)
    assert plain(findings.findings(view, 64)) == (
        "  1  error missing-isb  #1,204  2 times  EL2 realm  look+0x44\n"
        "     The read of 0x4020_0000 at look+0x44 (pc 0x4008_1094) goes…\n"
    )
    assert (
        plain(findings.findings(view, 64, chosen=1))
        == """\
  1  error missing-isb  #1,204  2 times  EL2 realm  look+0x44
     The read of 0x4020_0000 at look+0x44 (pc 0x4008_1094) goes
     by an old value.
     here     #1,204 EL2 realm look+0x44
     fix: put an ISB between the MSR and the access
     Enter shows the code
"""
    )
    assert findings.summary(view) == "1 error"


def test_events_are_sentences_with_their_moment() -> None:
    first = EventView(views.STORED, "store", "key of MECID 5 refreshed", "changed")
    then = EventView(views.ASKED, "look+0x44", "MECID_P0_EL2 5 → 6", "changed", since=303)
    assert plain(events.events(EventsView((first, then), (), total=2), 80)) == (
        "#901         EL2 key of MECID 5 refreshed  at store\n#1,204 +303  EL2 MECID_P0_EL2 5 → 6  at look+0x44\n"
    )


def test_control_characters_of_the_guest_never_reach_the_terminal() -> None:
    assert plain(console.console("\x1b[2Jone\r\ntwo\x07\n", 40)) == "one\ntwo·\n"


def test_long_console_lines_are_folded() -> None:
    assert plain(console.console("abcdefgh", 3)) == "abc\ndef\ngh\n"


def test_long_console_lines_are_folded_at_a_space_near_the_edge() -> None:
    assert plain(console.console("one two three four", 10)) == "one two\nthree four\n"
    assert plain(console.console("a bcdefghijklmn", 10)) == "a bcdefghi\njklmn\n", (
        "one far from it would waste the line"
    )


@pytest.mark.parametrize(
    ("draw", "start"),
    [
        (lambda: tlb.tlb(TlbView((), 128), 60), "Translations appear here"),
        (lambda: hits.hits(HitsView((), 0), 60), "No substituted access so far."),
        (lambda: findings.findings(FindingsView((), 0, 31), 60), "No broken rule so far. 31 rules are being"),
        (lambda: mec.mec_map(MapView(4096, 8, (), (), None), 60), "Pages appear here once the guest"),
        (lambda: events.events(EventsView((), ()), 60), "Exceptions, returns, MECID register writes"),
        (lambda: console.console("", 60), "What the guest prints"),
    ],
)
def test_an_empty_pane_says_what_will_appear(draw: Any, start: str) -> None:
    assert plain(draw()).startswith(start)


# --- header ---

STATUS = StatusView(
    el=2,
    security=Security.REALM,
    mec_at=(2,),
    mecids=(("P0", 5), ("A1", 7)),
    pc=0x4008_0040,
    pc_label="main+0x40",
    instructions=1_204_331,
)


def test_the_header_says_where_the_machine_is() -> None:
    line = status.status(STATUS, "rmm.elf", "stopped: breakpoint 2", "strong", 120)
    assert line.text.rstrip() == (
        " mectui  rmm.elf  EL2 realm  MEC on (EL2)  pc main+0x40  #1,204,331  P0=5  A1=7"
        + " " * 18
        + " stopped: breakpoint 2"
    )
    assert width(line) == 120


@pytest.mark.parametrize("columns", [1, 10, 30, 60, 80, 200])
def test_the_header_fits_every_width(columns: int) -> None:
    assert width(status.status(STATUS, "rmm.elf", "stopped: breakpoint 2", "strong", columns)) == columns


WIDTHS = (8, 20, 36, 50, 72, 100, 160)


@pytest.mark.parametrize("columns", WIDTHS)
def test_no_pane_draws_wider_than_asked(columns: int) -> None:
    drawn = [
        *disassembly.disassembly(CODE, columns),
        *memory.memory(MEMORY, columns),
        *tlb.tlb(TlbView((STALE,), 128), columns),
        *mec.mec_map(MAP, columns),
        *hits.hits(
            HitsView((HitView(1, views.HIT, "look+0x44", "store", "do something", 1, views.HIT),), 1), columns, chosen=1
        ),
        *registers.system(SystemView((("control", (SCTLR2,)),)), columns, {"SCTLR2_EL2"}),
        *events.events(EventsView((EventView(views.ASKED, "look", "x" * 300, "text"),), ()), columns),
        *console.console("y" * 300, columns),
    ]
    for item in drawn:
        assert width(item) <= columns, item.text
