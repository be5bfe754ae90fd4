"""What somebody sees who has read nothing: the footer of the focused pane, the palette, panes that use their room."""

from __future__ import annotations

import pytest

from mectui import preferences
from mectui.app import MectuiApp
from mectui.commandline import PANE_TABS
from mectui.panes.catalogue import PANES
from mectui.panes.memory import MemoryPane
from mectui.preferences import Preferences
from mectui.render import numbers
from mectui.screens.debugger.prompt import usage_of
from mectui.widgets.bars import ActionBar
from tests.tui.programs import ENDLESS, STORING, factory
from tests.tui.test_app import bundled, debugging

AT_THE_HIT = ("to hit",)


async def test_the_footer_tells_what_the_focused_pane_can_do() -> None:
    async with debugging(factory(*ENDLESS), (100, 30)) as person:
        bar = person.screen.query_one(ActionBar)
        assert "what if" not in bar.line(100).text
        person.screen.show_pane("walk", focus=True)
        await person.until(lambda: "│ l follow" in bar.line(100).text)
        text = bar.line(100).text
        assert text.index("s step") < text.index("? help") < text.index("e what if")


async def test_a_click_on_a_panes_own_action_in_the_footer_does_it() -> None:
    async with debugging(factory(*STORING)) as person:
        person.screen.show_pane("walk", focus=True)
        bar = person.screen.query_one(ActionBar)
        await person.until(lambda: "e what if" in bar.line(160).text)
        await person.pilot.click("#actions", offset=(bar.line(160).text.index("what if"), 0))
        await person.until(lambda: person.screen.command_line.input.value.startswith("suppose "))


async def test_the_palette_has_what_the_focused_pane_can_do_and_every_pane() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        person.screen.show_pane("map", focus=True)
        await person.until(lambda: person.pane("map").has_focus)
        offered = {item.title: item.callback for item in person.app.get_system_commands(person.screen)}
        assert "map: zoom out  (-)" in offered
        offered["Pane: granule protection"]()
        await person.until(lambda: person.pane("gpt").has_focus)


async def test_a_pane_asked_for_by_the_name_on_its_tab_gets_the_focus() -> None:
    tabs = {(pane.TAB or pane.TITLE).lower(): pane.NAME for pane in PANES}
    unlike = {tab: name for tab, name in tabs.items() if tab != name}
    assert unlike == PANE_TABS
    async with debugging(factory(*ENDLESS)) as person:
        await person.type("pane instruction")
        await person.until(lambda: person.pane("pipeline").has_focus)


async def test_a_hit_tells_everything_where_there_is_room_without_the_focus() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_HIT) as person:
        await person.until(lambda: "likely: set VMECID_P_EL2 to 5" in person.text("hits"))
        assert not person.pane("hits").has_focus
        assert "Enter shows" not in person.text("hits"), "these keys are not the pane's without the focus"


async def test_the_walk_opens_stage_two_where_all_of_it_fits_until_somebody_folds_it() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_HIT) as person:
        await person.until(lambda: "SUBSTITUTED" in person.text("walk"))
        assert "▸ stage 2 of the final IPA" in person.text("walk"), "too much for the pane of workspace 1"
        await person.press("2")
        await person.until(lambda: "▾ stage 2 of the final IPA" in person.text("walk"))
        pane = person.pane("walk")
        assert len(pane.lines) <= pane.text_height
        pane.focus()
        pane.move_cursor(next(at for at, item in enumerate(pane.lines) if "stage 2 of" in item.text))
        await person.press("enter")
        await person.until(lambda: "▸ stage 2 of the final IPA" in person.text("walk"))


async def test_memory_follows_an_access_at_the_start_of_a_page_without_the_page_before() -> None:
    async with debugging(bundled("two-realms"), commands=AT_THE_HIT) as person:
        await person.until(lambda: "0x4038_0000" in person.text("memory"))
        pane = person.pane("memory")
        assert isinstance(pane, MemoryPane)
        assert pane.top == 0x4038_0000


def test_a_command_says_what_it_takes_once_its_name_is_typed() -> None:
    assert usage_of("watch ").startswith("watch PLACE")
    assert usage_of("cond 1").startswith("condition ")
    assert usage_of("print/x ").startswith("print[/")
    assert usage_of("watch") == usage_of("wat ") == ""


def test_addresses_in_sentences_are_written_as_everywhere() -> None:
    assert numbers.written_alike("a read of 0x40380000 (pc 0x4030011c), ec 0x25") == (
        "a read of 0x4038_0000 (pc 0x4030_011c), ec 0x25"
    )


@pytest.mark.parametrize(("terminal", "theme"), [("xterm-256color", "light"), ("linux", "sixteen")])
def test_a_theme_chosen_on_a_better_terminal_is_not_for_one_of_sixteen_colours(
    terminal: str, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.delenv("COLORTERM", raising=False)
    preferences.save(Preferences(theme="light"))
    assert MectuiApp().theme == theme
    assert MectuiApp(theme="dark").theme == "dark", "who names one gets it"


async def test_whoever_waits_in_the_mec_workspace_is_at_the_hits_when_the_first_one_comes() -> None:
    async with debugging(bundled("two-realms"), (80, 24)) as person:
        await person.press("3")
        assert not person.pane("hits").has_focus
        await person.press("H")
        await person.until(lambda: person.pane("hits").has_focus)
        await person.until(lambda: "who had stored, press Enter on one" in person.message)
        await person.press("enter")
        await person.until(lambda: "Hit 1, read here: realm_b_search_secret" in person.message)
        assert person.message.endswith("Stored by realm_a_fill_blocks+0x4.")
        assert len(person.message) < 2 * 74, "all of it fits two rows"
        assert "likely: set VMECID_P_EL2 to 5" in person.text("hits"), "the list has room to say so itself"
