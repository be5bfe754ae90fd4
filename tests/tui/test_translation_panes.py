"""The panes of translation as people use them: what-if walks, the instruction, TLB entries, granule protection."""

from __future__ import annotations

from mectui.panes.gpt import GptPane
from mectui.panes.pipeline import PipelinePane
from mectui.panes.tlb import TlbPane
from mectui.panes.walk import WalkPane
from mectui.queries.walk import Follow
from mectui.render.text import TargetKind
from mectui.render.tlb import Only, Order
from mectui.widgets.command_line import CommandLine
from tests.tui.programs import START, STORING, factory
from tests.tui.test_app import Person, bundled, debugging

AT_THE_LOAD = ("until realm_b_search_secret", "step")


def flat(person: Person, name: str) -> str:
    """A pane's text without the folds of its lines."""
    return " ".join(person.text(name).split())


async def at_the_hit(person: Person) -> WalkPane:
    """Realm B has just read what Realm A stored under MECID 5, with VMECID_P_EL2 at 6."""
    await person.until(lambda: person.progress.status.pc == 0x4030_0018)
    pane = person.pane("walk")
    assert isinstance(pane, WalkPane)
    await person.until(lambda: "SUBSTITUTED" in person.text("walk"))
    return pane


def move_to(pane: WalkPane | TlbPane | PipelinePane, text: str) -> None:
    """The cursor to the first line that has the text."""
    pane.move_cursor(next(at for at, item in enumerate(pane.lines) if text in item.text))


# --- what if ---


async def test_a_supposed_register_shows_another_walk_and_leaves_the_machine_alone() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_LOAD) as person:
        pane = await at_the_hit(person)
        stops = person.progress.stops
        await person.type("suppose VMECID_P_EL2=5")
        await person.until(lambda: "what if: 1 change, machine untouched" in person.text("walk"))
        text = person.text("walk")
        assert "VMECID_P_EL2=0x5" in text
        assert "before  realm 0x4038_0008 under MECID 6" in text
        assert "it is noise" in text, "the stage 2 tables are stored under MECID 6"
        assert "stage 2 of the final IPA ≠: 1 fetch, failed" in text
        assert pane.summary().startswith("what if, VA 0x4038_0008")
        assert person.progress.stops == stops
        assert person.progress.values["VMECID_P_EL2"] == 6
        pane.focus()
        await person.press("delete")
        await person.until(lambda: "what if" not in person.text("walk"))
        assert "Nothing is supposed any more" in person.message


async def test_e_on_a_descriptor_a_field_and_a_register_opens_the_command_that_changes_it() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_LOAD) as person:
        pane = await at_the_hit(person)
        pane.focus()
        await person.press("x")
        line = person.screen.query_one(CommandLine)
        for text, command in (
            ("S2 L3", "suppose [pa:0x4008bc00]=0x400000403807ff"),
            ("S2AP", "suppose [pa:0x4008bc00].S2AP=3"),
            ("MECID   6", "suppose VMECID_P_EL2="),
            ("from VTTBR_EL2", "suppose VTTBR_EL2="),
        ):
            move_to(pane, text)
            await person.press("e")
            assert (line.is_typing, line.input.value) == (True, command)
            await person.press("escape")


async def test_a_field_that_is_supposed_and_then_made_so() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_LOAD) as person:
        pane = await at_the_hit(person)
        person.screen.execute("suppose [pa:0x4008bc00].S2AP=0")
        await person.until(lambda: "after   permission fault" in person.text("walk"))
        person.screen.execute("suppose [pa:0x4008bc00].S2AP=1")  # the same place again: instead of, not on top of
        await person.until(lambda: pane.supposed == ("[pa:0x4008bc00].S2AP=0x1",))
        pane.focus()
        await person.stop_after("A")
        await person.until(lambda: pane.supposed == () and "what if" not in person.text("walk"))
        await person.until(lambda: "[pa:0x4008bc00].S2AP is 1 now; it was 3" in person.message)
        await person.until(lambda: "stage 2 r-- EL0 r--" in person.text("walk"))


async def test_nonsense_gets_a_sentence_and_is_not_supposed() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_LOAD) as person:
        pane = await at_the_hit(person)
        person.screen.execute("suppose VMECID_P_EL2=5")
        await person.until(lambda: "what if: 1 change" in person.text("walk"))
        for text, part in (
            ("suppose TCR9_EL2=1", "There is no register"),
            ("suppose [pa:0x4008bc00].S2AP=9", "S2AP has 2 bits"),
            ("suppose what", "Suppose what?"),
        ):
            person.screen.execute(text)
            await person.until(lambda part=part: part in person.message)
            assert pane.supposed == ("VMECID_P_EL2=0x5",)


# --- the instruction ---


async def test_I_shows_the_next_instruction_and_a_step_shows_what_it_did() -> None:
    async with debugging(factory(*STORING), commands=("step 2",)) as person:
        await person.until(lambda: person.progress.values.get("x0") == 5)
        await person.press("I")
        await person.until(lambda: "next str x0, [x1]" in person.text("pipeline"))
        text = flat(person, "pipeline")
        assert "reads x1=0x4010_0000 x0=5" in text
        assert "write 8 bytes at 0x4010_0000" in text
        assert "nobody → root: the store takes the block" in text
        assert person.progress.status.pc == START + 8, "it is told, not done"
        await person.stop_after("s")
        await person.until(lambda: "next ldr x2, [x1]" in person.text("pipeline"))
        assert "last str x0, [x1]" in person.text("pipeline")
        assert "did: writes 0x0000_0000_0000_0005 at 0x4010_0000" in flat(person, "pipeline")
        assert "result x2 0 → 5" in flat(person, "pipeline")
        await person.press("v")
        text = flat(person, "pipeline")
        assert text.index("write 8 bytes") > text.index("last str"), "the last one in full now"
        assert "will do: reads 8 bytes" in text


async def test_folds_of_the_instruction_open_one_by_one_and_all_at_once() -> None:
    async with debugging(bundled("two-realms"), commands=("until realm_b_search_secret",)) as person:
        await person.until(lambda: person.progress.status.pc == 0x4030_0014)
        await person.press("I")
        pane = person.pane("pipeline")
        assert isinstance(pane, PipelinePane)
        await person.until(lambda: "ldp" in person.text("pipeline"))
        assert "S2 L3" not in person.text("pipeline")
        move_to(pane, "walk ")
        await person.press("enter")
        assert "stage 2 of the final IPA" in person.text("pipeline")
        await person.press("x")
        assert "S2 L3" in person.text("pipeline")
        await person.press("x")
        assert "S2 L3" not in person.text("pipeline")


# --- TLB ---


async def test_the_tlb_is_filtered_sorted_and_shows_its_log() -> None:
    async with debugging(bundled("two-realms"), commands=("workspace translation", *AT_THE_LOAD)) as person:
        await at_the_hit(person)
        pane = person.pane("tlb")
        assert isinstance(pane, TlbPane)
        pane.focus()
        await person.until(lambda: "VMID 1" in person.text("tlb"))
        assert "VP=6" in person.text("tlb")
        await person.press("l")
        assert pane.only is Only.STALE
        await person.until(lambda: "No entry is shown: the filter is “stale only”" in person.text("tlb"))
        await person.press("l")
        assert pane.only is Only.CURRENT
        await person.until(lambda: "VMID 2" in person.text("tlb"))
        assert "VMID 1" not in person.text("tlb")
        await person.press("l", "o")
        assert (pane.only, pane.order) == (Only.ALL, Order.VA)
        await person.until(lambda: pane.summary().endswith("(by address)"))
        rows = [int(item.target.value) for item in pane.lines if item.target is not None]
        entries = {row.number: row for row in pane.view.rows}
        addresses = [entries[number].va for number in dict.fromkeys(rows)]
        assert addresses == sorted(addresses)
        await person.press("v")
        await person.until(lambda: "TLBI" in person.text("tlb"))
        assert pane.summary().startswith("log of")
        await person.press("v")
        await person.until(lambda: "VMID 1" in person.text("tlb"))


async def test_the_tlb_marks_what_a_step_used() -> None:
    """One instruction of Realm B (VMID 2, stage 1 is off): its page of code at least, and nothing of others."""
    async with debugging(bundled("two-realms"), commands=("workspace translation", *AT_THE_LOAD)) as person:
        await at_the_hit(person)
        pane = person.pane("tlb")
        assert isinstance(pane, TlbPane)
        await person.until(lambda: "VMID 1" in person.text("tlb"))
        await person.stop_after("s")
        await person.until(lambda: "used: made, or asked, in the last step or run" in flat(person, "tlb"))
        used = {(row.vmid, row.va) for row in pane.view.rows if row.is_used}
        assert (2, 0x4030_0000) in used
        assert {vmid for vmid, _ in used} == {2}
        assert {row.is_used for row in pane.view.rows if row.vmid != 2} == {False}
        assert {row.hits for row in pane.view.rows} == {None}


async def test_enter_on_an_entry_walks_its_address_in_its_own_regime() -> None:
    async with debugging(bundled("two-realms"), commands=("workspace translation", *AT_THE_LOAD)) as person:
        walk = await at_the_hit(person)
        pane = person.pane("tlb")
        assert isinstance(pane, TlbPane)
        pane.focus()
        await person.until(lambda: "EL2" in person.text("tlb"))
        move_to(pane, "0x0001_4000_0000")
        assert pane.lines[pane.cursor].target is not None
        assert pane.lines[pane.cursor].target.kind is TargetKind.ENTRY
        await person.press("enter")
        await person.until(lambda: walk.follows is Follow.PINNED and "0x0001_4000_0000" in person.text("walk"))
        await person.until(lambda: "EL2 realm" in person.text("walk")), "though the guest is at EL1"


# --- granule protection ---


async def test_the_gpt_follows_the_last_access_or_stays_at_an_address() -> None:
    async with debugging(bundled("gpt"), commands=("until realm_start", "gpt realm_start")) as person:
        await person.until(lambda: person.progress.status.pc == 0x4020_0000)
        pane = person.pane("gpt")
        assert isinstance(pane, GptPane)
        await person.until(lambda: "GPI     0xb: realm" in person.text("gpt"))
        text = person.text("gpt")
        assert pane.summary().endswith("PA 0x4020_0000 (chosen address)")
        assert "passes  realm\nfails   secure, non-secure, root" in text
        assert "▶ 0x4020_0000-0x403f_ffff" in text
        pane.focus()
        await person.press("l")
        await person.until(lambda: "GPI     0xa: root" in person.text("gpt"))
        assert pane.summary().endswith("(last data access)")
        await person.press("l")
        await person.until(lambda: "GPI     0xb: realm" in person.text("gpt"))
        assert pane.is_whole is False
        await person.press("v")
        assert pane.is_whole is True


async def test_without_granule_protection_the_pane_says_what_would_be_there() -> None:
    async with debugging(factory(*STORING), commands=("gpt 0x40000000",)) as person:
        await person.until(lambda: "Granule protection is off" in flat(person, "gpt"))
