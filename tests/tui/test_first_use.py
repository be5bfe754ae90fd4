"""What somebody sees who has read nothing: the footer of the focused pane, the palette, panes that use their room."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandList

from mectui import keymaps, preferences
from mectui.app import MectuiApp
from mectui.commandline import PANE_TABS
from mectui.panes.catalogue import PANES
from mectui.panes.lesson import LessonPane
from mectui.panes.memory import MemoryPane
from mectui.preferences import Preferences
from mectui.queries.memory import Eyes, MemoryRow, MemoryView
from mectui.queries.pointed import looking, pointed
from mectui.render import memory, numbers
from mectui.render.text import plain
from mectui.screens.debugger.prompt import usage_of
from mectui.screens.help import help_lines
from mectui.screens.symbols import MOST, found
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
        await person.until(lambda: "likely: wipe the page under MECID 6" in person.text("hits"))
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
    assert usage_of("wat ").startswith("watch PLACE"), "the beginning of its name will do"
    assert usage_of("watch") == usage_of("nothing ") == ""


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
        assert "likely: wipe the page under MECID 6" in person.text("hits"), "the list has room to say so itself"


async def test_tab_goes_as_far_as_all_completions_agree_then_through_them_one_by_one() -> None:
    async with debugging(bundled("worlds"), (80, 24)) as person:
        await person.press("colon", *"until", "space", *"less", "tab")
        line, bar = person.screen.command_line.input, person.screen.query_one(ActionBar)
        assert line.value == "until lesson_", "more would be a guess: Enter would run past the label that is meant"
        await person.press(*"leave", "tab", "tab")
        assert line.value == "until lesson_leave_for_non_secure"
        assert bar.line(80).text == " 1 of 2: [lesson_leave_for_non_secure]  lesson_leave_for_realm  "
        await person.press("tab")
        assert line.value == "until lesson_leave_for_realm"
        assert "2 of 2: lesson_leave_for_non_secure  [lesson_leave_for_realm]" in bar.line(80).text
        await person.press("shift+tab")
        assert line.value == "until lesson_leave_for_non_secure"
        await person.press("escape")
        await person.press("colon", *"bre", "tab")
        assert bar.line(80).text.startswith(" break PLACE [if EXPRESSION]")


async def test_the_cursor_reaches_every_general_register_however_many_columns_they_have() -> None:
    async with debugging(factory(*STORING), (160, 45)) as person:
        await person.type("set x16=0x40000010")
        pane = person.pane("registers")
        person.screen.show_pane("registers", focus=True)
        await person.until(lambda: "x16" in person.text("registers").splitlines()[3])
        await person.until(lambda: "4000_0010" in person.text("registers").splitlines()[3])
        await person.press(*["down"] * (3 + 16))
        assert pane.address_here().value == 0x4000_0010
        assert [span.text for span in pane.lines[pane.cursor].spans if "cell_cursor" in span.style] == ["x16"]
        await person.press("e")
        assert person.screen.command_line.input.value == "set x16="
        await person.press("escape", "up")
        assert pane.address_here().value != 0x4000_0010
        await person.press("e")
        assert person.screen.command_line.input.value == "set x15="
        await person.press("escape")
        await person.pilot.click("#registers", offset=(30, 4))  # the border, the state, PC, SP, and then x0 and x16
        await person.press("W")
        assert person.screen.command_line.input.value == "watch 0x4000_0010,8"
        await person.press("escape", *["down"] * 40, "e")
        assert person.screen.command_line.input.value == "set x30=", "not further"
        await person.press("escape")
        await person.type("register x20")
        await person.press("e")
        assert person.screen.command_line.input.value == "set x20="


async def test_where_there_is_room_general_registers_stand_in_one_column_with_their_symbols() -> None:
    async with debugging(bundled("two-realms"), (240, 80), commands=("until realm_b_search_secret",)) as person:
        await person.until(lambda: "x20 0000_0000_4038_0000* shared_granule" in person.text("registers"))
        assert person.text("registers").count("\n") > 33


def test_columns_of_general_registers_are_as_few_as_there_is_height_for() -> None:
    from mectui.render.registers import general_columns

    assert [general_columns(31, 110, height) for height in (40, 34, 33, 19, 18, 14, 13, 5)] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert general_columns(31, 49, 5) == 2, "more do not fit side by side"
    assert general_columns(31, 110) == 4


async def test_at_80_by_24_the_entry_point_shows_what_comes_next_not_what_was_before() -> None:
    async with debugging(bundled("two-realms"), (80, 24)) as person:

        def rows() -> list[str]:
            return person.text("disassembly").splitlines()

        await person.until(lambda: "▶" in "".join(rows()[:-2]))
        at = next(at for at, row in enumerate(rows()) if "▶" in row)
        assert rows()[at + 1].lstrip().startswith("0x4008_0004")
        assert len(rows()) == person.pane("disassembly").text_height


def test_help_names_the_digits_that_answer_by_their_ends() -> None:
    lines = [item.text for item in help_lines(70, LessonPane, keymaps.PRESETS[keymaps.DEFAULT])]
    assert any(text.split("  ")[1:2] == ["1 to 9"] for text in lines)
    assert not [text for text in lines if "…Answer" in text]


async def test_what_stopped_the_guest_writes_addresses_as_the_panes_do() -> None:
    async with debugging(bundled("two-realms"), commands=("watch pa:shared_granule", "run")) as person:
        await person.until(lambda: "stopped after that instruction" in person.message)
        assert "to 0x4038_0000" in person.message or "physical 0x4038_0000" in person.message
        assert "0x40380000" not in person.message


def test_memory_at_long_addresses_keeps_its_characters() -> None:
    rows = (MemoryRow(0xFFFF_FFFF_FFE0_3000, None, b"Secret of A: 42!", None),)
    view = MemoryView(rows[0].address, False, Eyes.CONTEXT, 0, "", rows)
    first, second = plain(memory.memory(view, 49)).splitlines()
    assert first == "…ffe0_3000 ·    53 65 63 72 65 74 20 6f Secret o"
    assert second == "…ffe0_3008      66 20 41 3a 20 34 32 21 f A: 42!"
    assert plain(memory.memory(view, 55)).startswith("0xffff_ffff_ffe0_3000 ·    5365 6372"), "there is room"


async def test_who_types_a_register_is_in_the_pane_of_registers_then() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.type("register esr_el2")
        assert person.pane("registers").has_focus
        person.screen.execute("register vbar_el2")
        await person.type("pane hits")
        person.screen.execute("register vbar_el2")
        assert person.pane("hits").has_focus, "a lesson shows a register and takes nobody away"


async def test_the_palette_finds_symbols_of_the_guest_and_goes_to_them() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.press("ctrl+p", *"ll_blocks")
        rows = person.app.screen.query_one(CommandList)
        await person.until(lambda: rows.option_count >= 2)
        first = str(rows.get_option_at_index(0).prompt)
        assert "Symbol: realm_a_fill_blocks" in first
        await person.press("enter")
        await person.until(lambda: "realm_a_fill_blocks:" in person.text("disassembly"))
        assert person.pane("disassembly").address_here().value == person.screen.session.symbol("realm_a_fill_blocks")
        await person.until(lambda: "VA 0x4020_00c0" in person.pane("memory").summary())


async def test_the_palette_of_the_start_screen_has_no_symbols_and_does_not_mind() -> None:
    app = MectuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("ctrl+p", *"realm")
        await pilot.pause(0.3)
        await pilot.press("escape")
        await pilot.pause()


def test_symbols_that_begin_with_what_was_typed_come_first_then_shorter_ones() -> None:
    names = ["zz_main", "main_loop", "main", "Remains", "other"]
    assert found(names, "main") == ["main", "main_loop", "Remains", "zz_main"]
    assert len(found([f"main{number}" for number in range(1000)], "main")) == MOST


async def test_a_walk_opens_everything_where_all_of_it_fits() -> None:
    async with debugging(bundled("two-realms"), (240, 80), commands=AT_THE_HIT) as person:
        await person.press("2")
        await person.until(lambda: "▾ S2 L3" in person.text("walk"))
        pane = person.pane("walk")
        assert "MemAttr" in person.text("walk")
        assert "▸" not in person.text("walk")
        assert len(pane.lines) <= pane.text_height
        pane.focus()
        pane.move_cursor(next(at for at, item in enumerate(pane.lines) if "S2 L3" in item.text))
        await person.press("enter")
        await person.until(lambda: "▸ S2 L3" in person.text("walk"))
        assert "▾ S2 L2" in person.text("walk"), "only that one was closed"


async def test_a_finding_that_is_not_chosen_is_cut_where_the_room_ends() -> None:
    async with debugging(bundled("two-realms"), (160, 45), commands=("run",)) as person:
        await person.until(lambda: "512 times" in person.text("hits"))
        person.screen.show_pane("findings")
        await person.until(lambda: "wrong-context" in person.text("findings"))
        rows = person.text("findings").splitlines()
        cut = next(row for row in rows if row.lstrip().startswith("The read") and row.endswith("…"))
        assert len(cut) == person.pane("findings").text_width


async def test_registers_with_room_tell_what_stands_where_they_point_and_what_is_noise() -> None:
    async with debugging(bundled("two-realms"), (160, 45), commands=("until realm_b_search_secret",)) as person:
        person.screen.show_pane("registers", focus=True)
        await person.until(lambda: "x16" in person.text("registers"))
        assert "→" not in person.text("registers"), "two columns have no room for it"
        await person.press("z")
        await person.until(
            lambda: "x20 0000_0000_4038_0000" in person.text("registers") and "→" in person.text("registers")
        )
        rows = {row.split()[0]: row for row in person.text("registers").splitlines()}
        # The granule is Realm A's still: Realm B would read noise, the bytes that its own load then gets.
        assert rows["x20"].endswith("shared_granule → ≠ 0x7a78_ae27_c34f_db33")
        await person.press("s")
        await person.until(lambda: "x21 7a78_ae27_c34f_db33*" in person.text("registers"))
        assert "→" not in rows["x0"], "1 is no address"


def test_what_a_register_points_at_is_a_text_an_address_or_a_number() -> None:
    machine = factory(*STORING)()
    at = 0x4010_0000
    machine.symbols.add([("buffer", at, 64)])
    machine.write(at, b"Secret!\0" + (at + 8).to_bytes(8, "little") + b"\x05" + bytes(15))
    window = looking(machine)
    found = [pointed(window, at), pointed(window, at + 8), pointed(window, at + 16), pointed(window, 5)]
    assert [None if each is None else (each.text, each.label, each.value) for each in found] == [
        ("Secret!", "", int.from_bytes(b"Secret!\0", "little")),
        ("", "buffer+0x8", at + 8),
        ("", "", 5),
        None,
    ]
    assert pointed(window, 0x7777_0000_0000) is None, "nothing is there"
    assert pointed(window, at + 12).value == 0, "what is left of the block"
    assert pointed(window, 0x0900_0000) is None, "a device is not asked"


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
@pytest.mark.parametrize(("key", "letters"), [("U", "esxhf"), ("less_than_sign", "cesxhfpub")])
async def test_every_letter_that_a_question_takes_is_on_the_screen(
    size: tuple[int, int], key: str, letters: str
) -> None:
    async with debugging(factory(*STORING), size) as person:
        await person.press(key)
        bar = person.screen.query_one(ActionBar)
        shown = "".join(item.text for item in bar.render_line(0))
        assert "…" not in shown.removeprefix(" run until the next …").removeprefix(" back to the …")
        assert all(f" {letter} " in shown for letter in letters), shown


async def test_an_export_behind_a_run_has_what_the_panes_show_after_it(tmp_path: Path) -> None:
    """Both in a file of commands: the second one does not save what was there before the first."""
    path = tmp_path / "pane.md"
    async with debugging(bundled("two-realms")) as person:
        person.screen.show_pane("map", focus=True)
        await person.until(lambda: person.screen.focused_pane is person.pane("map"))
        person.screen.first_commands += ["break realm_b_search_secret", "run", f"export {path}", "print x0"]
        person.screen._execute_first_commands()
        await person.until(path.exists)
        await person.until(lambda: person.message.startswith("x0 is"))
        told = path.read_text(encoding="utf-8")
        assert "MECID map" in told
        assert "5 = MECID 5" in told


async def test_a_file_of_commands_looks_at_a_call_and_saves_a_pane_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "pane.txt"
    async with debugging(bundled("two-realms")) as person:
        person.screen.first_commands += ["until rmm_map_granule", "up", "up", "down", "print pc - rmm_create_realm",
                                         "pane registers", f"export {path}"]  # fmt: skip
        person.screen._execute_first_commands()
        await person.until(path.exists)
        assert person.screen.focused_pane is person.pane("registers")
        assert path.read_text(encoding="utf-8").startswith("call 1  EL2")
        assert any("pc - rmm_create_realm is 0x68" in str(said) for said in person.screen.command_line.said)
