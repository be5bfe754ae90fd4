"""The walk as people read it."""

from __future__ import annotations

import emu
from mectui.queries import walk as query
from mectui.queries.walk import Follow, WalkView
from mectui.render import walk as render
from mectui.render.text import TargetKind, plain, width
from mectui.resources import guest_path
from tests.tui import views


def shown(walk: object, columns: int, opened: frozenset[str] = frozenset(), symbol: str = "data") -> str:
    return plain(render.walk(WalkView(Follow.PINNED, walk, symbol), columns, opened))  # type: ignore[arg-type]


def test_a_narrow_walk_gives_three_lines_to_a_fetch_and_puts_the_owner_above_the_rest() -> None:
    assert (
        shown(views.walk(), 50)
        == """\
read from EL2 of VA 0x4020_0010 data
EL2 realm   stage 1 on

▸ S1 L1  [38:30] = 1  TTBR0_EL2
    0x4008_3008: 0000_0000_4008_4003 table
    MECID 5 (P0) → 0x4008_4000
▸ S1 L3  [20:12] = 512
    0x4008_5000: 0000_0000_4008_8743 page
    MECID 5 (P0) → 0x4008_8000

PA      0x4008_8010 realm
MECID   6 from MECID_P0_EL2
        SCTLR2_EL2.EMEC=1, leaf AMEC=0
owner   MECID 5 ≠ MECID 6 of the access
allows  rw- EL0 ---; Normal WB; 4 KiB
GPC     ok for realm (GPI 0xb: realm, level 1)
result  SUBSTITUTED: not the owner's context, so
        it gets noise
"""
    )


def test_a_wide_walk_gives_one_line_to_a_fetch() -> None:
    lines = shown(views.walk(), 120).splitlines()
    assert lines[3] == (
        "▸ S1 L1  [38:30] = 1     0x4008_3008     0000_0000_4008_4003  table   → 0x4008_4000  MECID 5 (P0)"
    )


def test_an_opened_step_tells_table_mecid_and_fields() -> None:
    assert shown(views.walk(steps=(views.step(),)), 70, frozenset({"0"})).splitlines()[3:10] == [
        "▾ S1 L1  [38:30] = 1   0x4008_3008: 0000_0000_4008_4003 table",
        "    MECID 5 (P0) → 0x4008_4000  TTBR0_EL2",
        "      table 0x4008_3000 from TTBR0_EL2",
        "      MECID 5: EL2 walks use MECID_P0_EL2",
        "      the next table is at 0x4008_4000",
        "      valid 1  the descriptor is in use",
        "",
    ]


def test_a_failed_walk_ends_with_the_exact_reason() -> None:
    assert shown(views.MISSING, 70).splitlines()[5:] == [
        "▸ S1 L3  [38:30] = 1   0x4008_3008: 0000_0000_0000_0000 invalid",
        "    MECID 5 (P0)   TTBR0_EL2",
        "    bit 0 is 0: no mapping",
        "",
        "FAULT   translation fault, level 3",
        "because bit 0 of the level 3 descriptor is 0",
    ]


def test_stage_two_walks_are_folded_under_the_row_that_caused_them() -> None:
    assert shown(views.TWO_STAGES, 70).splitlines()[1:7] == [
        "EL1&0 realm   stage 1 on   stage 2 on",
        "",
        "▸ S1 L1  [38:30] = 1   0x4008_3008: 0000_0000_4008_4003 table",
        "    MECID 7 (VP) → 0x4008_4000  TTBR0_EL2",
        "  ▸ stage 2 of the table: 2 fetches → 0x4020_2000",
        "▸ stage 2 of the final IPA: 1 fetch → 0x4020_2000",
    ]


def test_an_opened_stage_two_walk_shows_its_fetches_indented() -> None:
    text = shown(views.TWO_STAGES, 70, frozenset({"0.stage2"}))
    assert "  ▾ stage 2 of the table: 2 fetches → 0x4020_2000\n    ▸ S2 L3  [38:30] = 1" in text


def test_a_descriptor_fetched_under_a_foreign_mecid_is_marked() -> None:
    foreign = views.step(is_mismatch=True, owner=(views.PAS.REALM, 9, 1))
    assert "MECID 5 (P0) ≠ owner MECID 9 key 1  SUBSTITUTED" in shown(views.walk(steps=(foreign,)), 70)


def test_memory_nobody_owns_reads_the_same_for_everybody() -> None:
    assert "owner   nobody: every context reads the same\n" in shown(views.walk(owner=None, is_mismatch=False), 70)


def test_before_any_access_the_pane_says_what_will_appear() -> None:
    text = plain(render.walk(WalkView(Follow.ACCESS, None), 60))
    assert text.startswith("The walk of the last data access appears here once the guest")


def test_the_summary_names_the_address_and_why_it_is_shown() -> None:
    assert render.summary(WalkView(Follow.ACCESS, views.walk())) == "VA 0x4020_0010 (last data access)"


def test_every_fetch_can_be_opened() -> None:
    lines = render.walk(WalkView(Follow.PINNED, views.TWO_STAGES), 70)
    folds = [item.target.value for item in lines if item.target and item.target.kind is TargetKind.FOLD]
    assert sorted(set(folds)) == ["0", "0.stage2", "stage2"]


def test_no_line_is_wider_than_asked() -> None:
    for columns in (20, 33, 50, 66, 80, 108, 150):
        for walk in (views.walk(), views.MISSING, views.TWO_STAGES):
            for item in render.walk(WalkView(Follow.PINNED, walk, "a_rather_long_symbol"), columns, render.ALL):
                assert width(item) <= columns, item.text


def test_where_a_walk_has_no_room_its_end_stands_at_the_top_too() -> None:
    guest = emu.Machine(memory="64M", engine="reference")
    guest.load(str(guest_path("two-realms")))
    guest.run(max_instructions=12_787)  # up to Realm B's first look at the granule that was Realm A's
    view = query.walk(guest, 0x4038_0000)
    whole = plain(render.walk(view, 76)).splitlines()
    assert plain(render.walk(view, 76, height=len(whole))).splitlines() == whole
    short = plain(render.walk(view, 76, height=len(whole) - 1)).splitlines()
    assert short[2] == "result  SUBSTITUTED: realm 0x4038_0000, MECID 6 ≠ owner MECID 5"
    assert [*short[:2], *short[3:]] == whole
    wrong = plain(render.walk(query.walk(guest, 0x10_0000_0000), 76, height=3)).splitlines()
    assert wrong[2].startswith("FAULT")
