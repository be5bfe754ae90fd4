"""Keys, looks and habits: keymaps, the jump overlay, copying, saving, plain mode, few colours, what is remembered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.style import Style
from textual.command import CommandList
from textual.events import Click, Paste

from emu.errors import EmuError
from mectui import glossary, keymaps, plain, preferences, themes
from mectui.actions import ACTIONS, SCREEN_SCOPES, Scope, of_scope
from mectui.app import MectuiApp, run_app
from mectui.panes.pane import Pane
from mectui.preferences import Arrangement, Preferences
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.jump import JumpScreen
from mectui.widgets.bars import ActionBar
from tests.tui.programs import CALLING, STORING, factory
from tests.tui.test_app import Person, debugging

# --- keymaps ---


@pytest.mark.parametrize("name", keymaps.PRESETS)
def test_a_preset_gives_no_key_two_meanings_and_names_real_actions(name: str) -> None:
    keymap = keymaps.PRESETS[name]
    assert keymaps.clashes(keymap) == []
    assert set(keymap.changed) <= {action.id for action in ACTIONS}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("base =", "keymap.toml is not valid TOML"),
        ('base = "emacs"', "there is no keymap 'emacs'; there are default, gdb, vim"),
        ('[keys]\n"run.fly" = ["f"]', "there is no action 'run.fly'"),
        ('[keys]\n"run.step" = []', "run.step needs a list of keys"),
        ('[keys]\n"run.step" = ["q"]', "q is both “step” and “quit”"),
        ('[keys]\n"list.first" = ["h"]', "h is both “first” and “left” in map"),
    ],
)
def test_a_users_keymap_that_cannot_be_used_gets_a_sentence(text: str, sentence: str) -> None:
    _, problems = keymaps.parse(text, keymaps.FILE)
    assert sentence in problems[0]
    assert len(problems) == (2 if "list" in text else 1)  # the lesson has an h, too


def test_a_users_keymap_changes_only_what_it_names() -> None:
    keymap, problems = keymaps.parse('base = "gdb"\n[keys]\n"run.resume" = "f8"', keymaps.FILE)
    assert problems == []
    shown = {action.id: keymap.keys(action) for action in ACTIONS}
    assert shown["run.resume"] == ("f8",)
    assert "i" in shown["run.step"]
    assert shown["run.out"] == ("f",)


async def test_another_keymap_acts_at_once_and_the_footer_shows_it() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.type("keymap function-keys")
        await person.stop_after("f11")
        bar = person.screen.query_one(ActionBar)
        assert "F11 step" in bar.line(160).text
        await person.type("keymap default")
        await person.press("f11")
        assert "s step" in bar.line(160).text
        await person.stop_after("s")
        assert person.progress.status.instructions == 2
    assert preferences.load().keymap == "default"


async def test_the_keymap_chosen_last_is_used_next_time() -> None:
    preferences.save(Preferences(keymap="vim", theme="light"))
    async with debugging(factory(*CALLING)) as person:
        assert person.app.keymap.name == "vim"
        assert person.app.theme == "light"


async def test_keys_before_the_widgets_are_there_do_nothing() -> None:
    app = MectuiApp(machine_factory=factory(*CALLING), title="test.elf")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        app.open_machine(factory(*STORING), "again.elf")
        screen = app.screen
        assert isinstance(screen, DebuggerScreen)
        assert not screen.query("*")
        for action in of_scope(*SCREEN_SCOPES):
            await app.run_action(f"do('{action.name}')", screen)
        await pilot.pause()
        assert app.screen is screen
        assert screen.query("*")


# --- the jump overlay ---


async def test_the_jump_overlay_leads_to_every_pane() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.press("J")
        screen = person.app.screen
        assert isinstance(screen, JumpScreen)
        landings = dict(screen.landings)
        assert {landing.pane for landing in landings.values()} >= {
            "disassembly",
            "registers",
            "walk",
            "hits",
            "findings",
        }
        letter = next(letter for letter, landing in landings.items() if landing.pane == "findings")
        await person.press(letter)
        assert person.app.screen.focused_pane.pane_name == "findings"


async def test_any_other_key_leaves_the_overlay_without_going_anywhere() -> None:
    async with debugging(factory(*CALLING)) as person:
        before = person.app.screen.focused_pane.pane_name
        await person.press("grave_accent")
        await person.press("escape")
        assert isinstance(person.app.screen, DebuggerScreen)
        assert person.app.screen.focused_pane.pane_name == before


# --- copying and saving ---


async def test_the_line_under_the_cursor_goes_to_the_clipboard() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.until(lambda: "bl" in person.pane("disassembly").text_of_line())
        await person.press("y")
        assert "bl" in person.app.clipboard
        await person.press("Y")
        assert "ret" in person.app.clipboard
        assert person.app.clipboard.count("\n") > 3


@pytest.mark.parametrize(("suffix", "expected"), [(".md", "```text"), (".txt", "ret"), (".svg", "<svg")])
async def test_a_pane_can_be_saved(suffix: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / f"out{suffix}"
    async with debugging(factory(*CALLING)) as person:
        await person.type(f"export {path}")
        assert path.name in person.message
    assert expected in path.read_text(encoding="utf-8")


async def test_a_walk_is_saved_as_a_report(tmp_path: Path) -> None:
    async with debugging(factory(*STORING)) as person:
        for _ in range(3):
            await person.stop_after("s")
        person.screen.show_pane("walk", focus=True)
        await person.pilot.pause()
        await person.type(f"export {tmp_path / 'walk.md'}")
    text = (tmp_path / "walk.md").read_text(encoding="utf-8")
    assert "# Walk of 0x4010_0000" in text
    assert "A write from EL3" in text


@pytest.mark.parametrize("name", ["report.pdf", "report", "/proc/none/x.md"])
async def test_a_name_that_cannot_be_written_gets_a_sentence(name: str) -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.type(f"export {name}")
        assert "✗" in person.message


# --- plain mode and few colours ---


def test_every_sign_has_a_letter_of_the_same_width() -> None:
    assert all(isinstance(letter, str) and len(letter) == 1 and letter.isascii() for letter in plain.SPOKEN.values())


async def test_plain_mode_shows_one_pane_at_a_time_in_letters() -> None:
    app = MectuiApp(machine_factory=factory(*CALLING), title="calling", is_plain=True)
    async with app.run_test(size=(80, 24)) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: person.pane("disassembly").lines)
        shown = [pane for pane in app.screen.board.panes.values() if pane.display]
        assert [pane.pane_name for pane in shown] == ["disassembly"]
        picture = "\n".join(
            "".join(part.text for part in app.screen.board.panes["disassembly"].render_line(y)) for y in range(18)
        )
        assert picture.isascii()
        assert ">" in picture
        await person.press("tab")
        assert [pane.pane_name for pane in app.screen.board.panes.values() if pane.display] != ["disassembly"]


@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "linux"}, "sixteen"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "sixteen"),
        ({}, "dark"),
    ],
)
def test_a_terminal_gets_a_theme_it_can_show(environment: dict[str, str], theme: str) -> None:
    assert themes.default(environment) == theme


async def test_with_no_color_not_one_colour_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = MectuiApp(machine_factory=factory(*CALLING), title="calling")
    async with app.run_test(size=(100, 30)) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: person.pane("disassembly").lines)
        picture = app.export_screenshot()
    # What is left are the black and white of the picture itself, and shades Textual's own export adds.
    colours = {tuple(bytes.fromhex(match)) for match in re.findall(r"fill: ?#([0-9a-f]{6})", picture)}
    assert all(max(colour) - min(colour) <= 12 for colour in colours), colours


@pytest.mark.parametrize("theme", [None, "dark"])
async def test_with_no_color_everything_is_in_the_terminal_s_own_colours(
    monkeypatch: pytest.MonkeyPatch, theme: str | None
) -> None:
    """Black would be no colour either, and on a black ground nobody could read it."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = MectuiApp(machine_factory=factory(*CALLING), title="calling", theme=theme)
    async with app.run_test(size=(100, 30)) as pilot:
        await Person(app, pilot).until(lambda: Person(app, pilot).pane("disassembly").lines)
        styles = [item.style for strip in app.screen._compositor.render_strips() for item in strip if item.style]
    used = [color for style in styles for color in (style.color, style.bgcolor) if color is not None]
    assert used
    assert all(color.is_default for color in used), set(used)


# --- what is remembered ---


def test_preferences_survive_a_round_trip() -> None:
    wanted = preferences.with_arrangement(
        Preferences("light", "vim"), "a.elf", Arrangement("mec", {"mec": ["findings"]})
    )
    preferences.save(wanted)
    assert preferences.load() == wanted


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"theme": 5, "arrangements": {"a": 1, "b": {"workspace": 2}}}', "\x00"]
)
def test_a_spoilt_file_counts_as_empty(text: str) -> None:
    preferences.store().parent.mkdir(parents=True, exist_ok=True)
    preferences.store().write_text(text, encoding="utf-8")
    assert preferences.load() == Preferences()


def test_only_so_many_guests_are_remembered() -> None:
    kept = Preferences()
    for number in range(preferences.GUESTS_KEPT + 5):
        kept = preferences.with_arrangement(kept, f"guest{number}", Arrangement())
    assert len(kept.arrangements) == preferences.GUESTS_KEPT
    assert f"guest{preferences.GUESTS_KEPT + 4}" in kept.arrangements


async def test_a_guest_opens_with_the_panes_as_they_were_left() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.press("3")
        person.app.screen.show_pane("findings", focus=True)
        await person.pilot.pause()
    stored = json.loads(preferences.store().read_text(encoding="utf-8"))
    assert [entry["workspace"] for entry in stored["arrangements"].values()] == ["mec"]
    async with debugging(factory(*CALLING)) as person:
        assert person.app.screen.board.workspace.value == "mec"
        assert "findings" in [pane.pane_name for pane in person.app.screen.board.in_front()]


# --- words explained ---


def test_every_word_of_the_glossary_has_one_sentence() -> None:
    for word, text in glossary.TERMS.items():
        assert text.endswith("."), word
        assert glossary.word_at(f"  {word}  ", 2) == word


def test_registers_and_fields_are_explained() -> None:
    assert (glossary.explain("SCTLR2_EL2") or "").startswith("SCTLR2_EL2: ")
    assert (glossary.explain("SCTLR2_EL2.EMEC") or "").startswith("SCTLR2_EL2.EMEC: ")
    assert glossary.explain("SCTLR2_EL2.NOTHING") is None
    assert glossary.explain("xyzzy") is None


async def test_the_mouse_on_a_word_explains_it() -> None:
    async with debugging(factory(*CALLING)) as person:
        header = person.app.screen.query_one("#header")
        text = header.line(header.size.width).text
        await person.pilot.hover("#header", offset=(text.index("EL3") + 1, 0))
        assert header.tooltip == glossary.TERMS["EL3"]


def test_all_scopes_have_a_name_for_keymaps() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert all(scope.name.isidentifier() for scope in Scope)


# --- the palette ---


async def test_a_click_on_a_row_that_has_just_gone_does_nothing() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.press("ctrl+p")
        rows = person.app.screen.query_one(CommandList)
        style = Style(meta={"option": rows.option_count + 5})
        rows.post_message(Click(rows, 1, 1, 0, 0, 1, False, False, False, style=style))
        await person.pilot.pause(0.1)
        assert person.app._exception is None
        await person.press("escape")
        assert isinstance(person.app.screen, DebuggerScreen)


async def test_a_pane_asked_for_before_the_board_has_a_size_is_in_front_once_it_has() -> None:
    async with debugging(factory(*CALLING)) as person:
        board = person.screen.board
        assert "gpt" not in [pane.pane_name for pane in board.in_front()]
        board.places = ()  # as before the first layout
        board.bring_forward("gpt")
        assert "gpt" in [pane.pane_name for pane in board.in_front()]


# --- the terminal ---


async def test_ctrl_z_suspends_from_anywhere_and_typing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    suspended = []
    monkeypatch.setattr(MectuiApp, "action_suspend_process", lambda _: suspended.append(True))
    async with debugging(factory(*STORING)) as person:
        await person.press("ctrl+z")
        await person.press("colon", "s", "ctrl+z")
        assert len(suspended) == 2
        assert person.screen.command_line.input.value == "s"
        person.screen.action_do("suspend")  # from the palette
        assert len(suspended) == 3


# --- the user's own files and choices ---


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("interface = 3", "mine.toml needs a table [interface], not interface = …."),
        ("mecid = []", "needs a table [mecid]"),
        ("styles = 1", "needs a table [styles]"),
        ("[mecid]\ncolours = 16", "MECID colours and has 0"),
        ('[styles]\nfault = "red on on"', "has “red on on” for fault; a style looks like"),
    ],
)
def test_a_theme_file_of_the_wrong_shape_gets_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    whole = Path(themes.__file__).parents[1] / "themes" / "dark.toml"
    table = text.partition("\n")[0].strip("[]").partition(" ")[0]
    kept = re.sub(rf"(?ms)^\[{table}\].*?(?=^\[|\Z)", "", whole.read_text())
    top, bracket, rest = kept.partition("[")
    (tmp_path / "mine.toml").write_text(
        f"{kept}\n{text}\n" if text.startswith("[") else f"{top}\n{text}\n{bracket}{rest}"
    )
    (tmp_path / "folder.toml").mkdir()
    found, problems = themes.user_themes(tmp_path)
    assert found == {}
    assert problems[0] == "The theme file folder.toml cannot be read: it is a folder."
    assert sentence in problems[1]


async def test_what_is_wrong_with_the_users_files_is_told_in_the_debugger_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "mectui").mkdir()
    (tmp_path / "mectui" / "keymap.toml").write_text("base = []")
    async with debugging(factory(*STORING)) as person:
        await person.until(lambda: "keymap.toml: there is no keymap []" in person.message)


@pytest.mark.parametrize("choice", ["theme", "keymap"])
def test_a_theme_or_keymap_that_is_not_there_is_told_before_any_screen(choice: str) -> None:
    with pytest.raises(EmuError, match=f"there is no {choice} 'plaid': there are "):
        run_app(**{choice: "plaid"})  # type: ignore[arg-type]


# --- messages ---


def panes_in_front(person: Person) -> list[Pane]:
    return list(person.screen.board.in_front())


async def test_a_long_message_moves_no_pane() -> None:
    async with debugging(factory(*STORING), (80, 24)) as person:
        before = {pane.pane_name: pane.region for pane in panes_in_front(person)}
        person.screen.say("one word and another " * 10)
        await person.pilot.pause()
        line = person.screen.command_line
        assert line.region.height == 2
        assert line.region.bottom == person.screen.query_one(ActionBar).region.y, "right above the footer"
        assert {pane.pane_name: pane.region for pane in panes_in_front(person)} == before
        person.screen.say("short")
        await person.pilot.pause()
        assert line.region.height == 1
        assert line.region.y == max(pane.region.bottom for pane in panes_in_front(person))


async def test_a_paste_of_a_megabyte_leaves_the_command_line_as_it_was() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.press("colon", "p", "c")
        line = person.screen.command_line.input
        line.post_message(Paste("x" * 1_000_000))
        await person.pilot.pause()
        assert line.value == "pc"
        line.post_message(Paste(" + 8"))
        await person.pilot.pause()
        assert line.value == "pc + 8"
