"""What-if walks, the instruction, TLB entries and granule protection as people read them."""

from __future__ import annotations

from typing import Any

import pytest

import emu
from emu.architecture import PAS, MecidSource
from emu.rme.gpt import decode_config
from emu.rme.gpt_table import GptRun
from mectui.queries.gpt import AddressView, CachedRange, EntryView, GptView, Verdict
from mectui.queries.pipeline import PipelineView, pipeline
from mectui.queries.tlb import InvalidationRow, TlbRow, TlbView
from mectui.queries.walk import Follow, WalkView, differing
from mectui.render import gpt as render_gpt
from mectui.render import pipeline as render_pipeline
from mectui.render import tlb as render_tlb
from mectui.render import walk as render_walk
from mectui.render.text import Line, plain, width
from mectui.render.tlb import Only, Order
from tests.engines.flat import CODE, DATA, flat_machine
from tests.tui import views
from tests.tui.programs import STORING, factory
from tests.tui.test_app import bundled

# --- what if ---

SUPPOSED = WalkView(
    Follow.PINNED,
    views.walk(steps=(views.step(), views.step(level=3, kind="page", mecid=6)), mecid=5, is_mismatch=False),
    "data",
    ("MECID_P0_EL2=0x5",),
    views.walk(),
)


def test_a_what_if_walk_names_what_is_supposed_and_both_ends() -> None:
    assert plain(render_walk.walk(SUPPOSED, 70)).splitlines()[:7] == [
        "what if: 1 change, machine untouched   A makes it so, Del drops it",
        "  MECID_P0_EL2=0x5",
        "before  realm 0x4008_8010 under MECID 6; GPC ok: realm; owner MECID 5",
        "        ≠ MECID 6 ⇒ SUBSTITUTED",
        "after   realm 0x4008_8010 under MECID 5; GPC ok: realm; owner MECID 5,",
        "        the access's own context",
        "",
    ]
    assert render_walk.summary(SUPPOSED) == "what if, VA 0x4020_0010 (pinned address)"


def test_rows_that_differ_are_marked_and_others_are_not() -> None:
    lines = plain(render_walk.walk(SUPPOSED, 120)).splitlines()
    assert [line[2:8] for line in lines if line.startswith("▸ S1")] == ["S1 L1 ", "S1 L3≠"]
    assert SUPPOSED.before is not None
    assert SUPPOSED.walk is not None
    assert differing(SUPPOSED.before, SUPPOSED.walk) == {"1"}
    assert differing(views.TWO_STAGES, views.TWO_STAGES) == frozenset()
    assert differing(views.walk(), views.TWO_STAGES) == {"0", "0.stage2.0", "0.stage2.1", "stage2.0"}


def test_what_makes_no_difference_says_so() -> None:
    same = WalkView(Follow.PINNED, views.walk(), "", ("x0=0x5",), views.walk())
    assert "after   the same" in plain(render_walk.walk(same, 70))


# --- the instruction ---


def at_the_store() -> emu.Machine:
    machine = factory(*STORING)()
    machine.run(2)
    return machine


def test_an_instruction_goes_from_fetch_to_where_it_goes_on() -> None:
    """STR X0, [X1] = 0xf9000020: size 3, opc 0, imm12 0, Rn 1, Rt 0 (Arm ARM C6.2, STR (immediate))."""
    view = pipeline(at_the_store())
    assert (
        plain(render_pipeline.pipeline(view, 90, {"next"}))
        == """\
▾ next str x0, [x1]
  0x4000_0008  #2 EL3 root
  fetch   ▸ 0x4000_0008 → root
  decode  f9000020 load store unsigned size=3 opc=0 imm12=0 rn=1 rt=0
  reads   x1=0x4010_0000 x0=5
  write   8 bytes at 0x4010_0000
    walk    no MMU: the address is physical
    allows  rwx EL0 rwx; Device-nGnRnE
    GPC     off
    goes to root 0x4010_0000
    MECID   0: stage 1 off, PAS is root
    owner   nobody → root: the store takes the block
    value   0x0000_0000_0000_0000 → 0x0000_0000_0000_0005
  goes on 0x4000_000c

After a step the instruction that was executed is told here too.
"""
    )


def test_after_a_step_the_instruction_before_is_told_in_a_line() -> None:
    machine = at_the_store()
    told = machine.explain_next()
    machine.step()
    view = pipeline(machine, (told,))
    assert view.last is not None
    assert plain(render_pipeline.pipeline(view, 90, set())).splitlines()[-3:] == [
        "▸ last str x0, [x1]",
        "  0x4000_0008  #2 EL3 root",
        "  did: writes 0x0000_0000_0000_0005 at 0x4010_0000",
    ]


def test_an_explanation_of_another_instruction_is_not_the_last_one() -> None:
    machine = at_the_store()
    told = machine.explain_next()
    machine.run(2)
    assert pipeline(machine, (told,)).last is None


def test_a_fault_is_told_with_its_reason_and_the_vector() -> None:
    machine = flat_machine("reference")
    machine.write(CODE, (0xF940_0020).to_bytes(4, "little"))  # LDR X0, [X1]
    machine.cpu.x[1] = 0x7000_0000
    text = plain(render_pipeline.pipeline(pipeline(machine), 100, {"next"}))
    assert "FAULT   translation fault, level 1: descriptor is invalid" not in text.split("read ")[0]
    assert "    FAULT   translation fault, level 2: descriptor is invalid" in text
    assert "  takes   translation fault, descriptor is invalid, to EL1, ESR 0x96000006" in text
    assert "  goes on 0x4008_0200, the vector of EL1" in text


def test_a_stale_entry_and_a_store_that_takes_a_block_stand_out() -> None:
    machine = flat_machine("reference")
    machine.write(CODE, (0xF940_0020).to_bytes(4, "little") * 2)
    machine.cpu.x[1] = DATA + 0x20_0000
    machine.step()
    slot = 0x4060_1010
    moved = int.from_bytes(machine.read(slot, 8), "little") - 0x20_0000
    machine.write(slot, moved.to_bytes(8, "little"))
    text = " ".join(plain(render_pipeline.pipeline(pipeline(machine), 100, {"next"})).split())
    assert "TLB serves it, filled at #0 by 0x40000000: STALE, the tables say: realm 0x4020_0000 under MECID" in text


# --- TLB ---


def row(**changes: Any) -> TlbRow:
    values: dict[str, Any] = {
        "stage": "stage 1+2",
        "regime": "EL1&0",
        "security": "realm",
        "vmid": 1,
        "asid": 3,
        "va": 0x4020_0000,
        "size": 4096,
        "pa": 0x4008_8000,
        "pas": "realm",
        "permissions": "rw- ---",
        "source": MecidSource.VP,
        "filled_at": 5538,
        "filled_by": "realm_start",
        "stale": "",
        "age": 1200,
        "mecid": 5,
    }
    return TlbRow(**values | changes)


STALE = row(
    stale="MECID: a fresh walk gives VMECID_A_EL2",
    differences=(("MECID", "VMECID_P_EL2", "VMECID_A_EL2"), ("size", "4 KiB at level 3", "2048 KiB at level 2")),
    causes=("created under EMEC=1, which is 0 now",),
    removers=("TLBI IPAS2E1, 0x40200", "TLBI VMALLS12E1"),
    number=1,
)
ELSEWHERE = row(vmid=2, va=0x4010_0000, incomparable="VMID 1 is current", number=2)
TLB = TlbView((STALE, row(), ELSEWHERE), 128)


def test_a_stale_entry_tells_each_field_that_differs_and_who_ought_to_have_removed_it() -> None:
    assert (
        plain(render_tlb.entries(TLB, 120))
        == """\
  regime stage     VMID ASID  VA          → PA          size    MECID    EL1+EL0  filled by
! EL1&0  stage 1+2    1    3  0x4020_0000 → 0x4008_8000 4 KiB   VP=5     rw- ---  #5,538 realm_start, 1,200 ago
    MECID: holds VMECID_P_EL2, the tables say VMECID_A_EL2
    size: holds 4 KiB at level 3, the tables say 2048 KiB at level 2
    created under EMEC=1, which is 0 now
    TLBI IPAS2E1, 0x40200 removes it
  EL1&0  stage 1+2    1    3  0x4020_0000 → 0x4008_8000 4 KiB   VP=5     rw- ---  #5,538 realm_start, 1,200 ago
· EL1&0  stage 1+2    2    3  0x4010_0000 → 0x4008_8000 4 KiB   VP       rw- ---  #5,538 realm_start, 1,200 ago
· of another VMID, ASID or state than now
"""
    )


def test_uses_are_columns_and_say_what_they_are() -> None:
    counted = TlbView((row(hits=1234, is_used=True), row(hits=0, is_used=False, number=1)), 128)
    assert (
        plain(render_tlb.entries(counted, 130))
        == """\
  regime stage     VMID ASID  VA          → PA          size    MECID    EL1+EL0     hits used filled by
  EL1&0  stage 1+2    1    3  0x4020_0000 → 0x4008_8000 4 KiB   VP=5     rw- ---    1,234 used #5,538 realm_start, 1,200 ago
  EL1&0  stage 1+2    1    3  0x4020_0000 → 0x4008_8000 4 KiB   VP=5     rw- ---        0 -    #5,538 realm_start, 1,200 ago
used: made, or asked, in the last step or run; hits: accesses, fetches and walks that it answered since it was made
"""  # noqa: E501
    )
    marked = TlbView((row(is_used=True), row(is_used=False, number=1)), 128)
    heading = "  stage, tags, MECID, EL1+ and EL0 rights, used by the last run, filled by"
    assert plain(render_tlb.entries(marked, 78)).splitlines()[1] == heading
    assert (
        plain(render_tlb.entries(marked, 70))
        == """\
  regime VA → PA size
  stage, tags, MECID, EL1+ and EL0 rights, filled by
  EL1&0  0x4020_0000 → 0x4008_8000 4 KiB
  stage 1+2 VMID 1 ASID 3 VP=5 rw- --- used #5,538 realm_start, 1,200…
  EL1&0  0x4020_0000 → 0x4008_8000 4 KiB
  stage 1+2 VMID 1 ASID 3 VP=5 rw- --- #5,538 realm_start, 1,200 ago
used: made, or asked, in the last step or run; --engine reference
counts how often
"""
    )


@pytest.mark.parametrize(
    ("only", "order", "numbers"),
    [
        (Only.ALL, Order.STALE, [1, 0, 2]),
        (Only.STALE, Order.STALE, [1]),
        (Only.CURRENT, Order.STALE, [1, 0]),
        (Only.ALL, Order.VA, [2, 0, 1]),
        (Only.ALL, Order.AGE, [2, 1, 0]),
        (Only.ALL, Order.VMID, [1, 0, 2]),
    ],
)
def test_entries_are_filtered_and_sorted(only: Only, order: Order, numbers: list[int]) -> None:
    assert [each.number for each in render_tlb.arranged(TLB, only, order)] == numbers


def test_the_log_tells_who_removed_what() -> None:
    done = InvalidationRow(7000, "rmm_free+0x8", 2, "realm", "IPAS2E1", 0x40200, "IPA 0x40200000 of VMID 1",
                           ("EL1&0 0x40200000 stage 2",), 0)  # fmt: skip
    assert plain(render_tlb.log(TlbView((), 128, (done,), 5), 70)).splitlines() == [
        "5 invalidations (the last 1)",
        "  #7,000 TLBI IPAS2E1 removed 1 rmm_free+0x8",
        "    IPA 0x4020_0000 of VMID 1",
        "    removed EL1&0 0x4020_0000 stage 2",
    ]


# --- granule protection ---

CONFIG = decode_config(1 << 16 | 2 << 12, 0x4100_0000 >> 12, 48)
"""PPS=0: 4 GiB protected, 4 KiB granules, a level 0 entry covers 1 GiB."""
GPT = GptView(
    "last data access",
    True,
    CONFIG,
    AddressView(
        0x4020_3010,
        "granule",
        (
            EntryView(0, 0x4100_0008, 0x4101_0003, "level 1 table at 0x41010000"),
            EntryView(1, 0x4101_0100, 0xBBBB_BBBB_BBBB_9BBB, "granule 3 of 16: non-secure"),
        ),
        9,
        1,
        "",
        tuple(Verdict(pas, pas is PAS.NON_SECURE, "") for pas in PAS),
        CachedRange(0x4020_3000, 0x4020_4000, 0xB, 1, True),
    ),
    (
        GptRun(0, 0x4000_0000, 0xF, "block"),
        GptRun(0x4000_0000, 0x4020_3000, 0xB, "granules"),
        GptRun(0x4020_3000, 0x4020_4000, 9, "granules"),
        GptRun(0x4020_4000, 0x8000_0000, 0xB, "contiguous"),
        GptRun(0x8000_0000, 0x1_0000_0000, None, "invalid", "invalid level 0 GPT entry 0x2"),
    ),
    (CachedRange(0x4020_3000, 0x4020_4000, 0xB, 1, True),),
)


def test_granule_protection_is_told_entry_by_entry_and_run_by_run() -> None:
    assert (
        plain(render_gpt.gpt(GPT, 90))
        == """\
GPT     on, level 0 at 0x4100_0000, protects 4 GiB in granules of 4 KiB; a level 0 entry
        covers 1 GiB

PA      0x4020_3010 granule
L0      0x4100_0008: 0000_0000_4101_0003 level 1 table at 0x4101_0000
L1      0x4101_0100: bbbb_bbbb_bbbb_9bbb granule 3 of 16: non-secure
GPI     0x9: non-secure
passes  non-secure
fails   secure, root, realm
cached  0x4020_3000-0x4020_3fff realm: STALE, the table says otherwise; TLBI RPAOS or
        PAALL removes it

5 runs of equal granules
  0x0000_0000-0x3fff_ffff 1 GiB          any             block
  0x4000_0000-0x4020_2fff 2060 KiB       realm           granules
▶ 0x4020_3000-0x4020_3fff 4 KiB          non-secure      granules
  0x4020_4000-0x7fff_ffff about 1021 MiB realm           contiguous
  0x8000_0000-0xffff_ffff 2 GiB          invalid         invalid level 0 GPT entry 0x2

cached in the TLB: 1 range, 1 stale
! 0x4020_3000-0x4020_3fff 4 KiB          realm           level 1
"""
    )
    assert render_gpt.summary(GPT) == "on, 5 runs, 1 stale, PA 0x4020_3010 (last data access)"


# --- every width ---


def everything(columns: int) -> list[Line]:
    told = pipeline(bundled("two-realms")())
    return [
        *render_walk.walk(SUPPOSED, columns, render_walk.ALL),
        *render_pipeline.pipeline(PipelineView(told.next, told.next), columns, render_pipeline.ALL),
        *render_tlb.entries(TLB, columns),
        *render_gpt.gpt(GPT, columns),
    ]


@pytest.mark.parametrize("columns", [10, 24, 34, 50, 78, 120, 200])
def test_no_line_is_wider_than_its_pane(columns: int) -> None:
    assert all(width(item) <= columns for item in everything(columns))
