"""Themes, actions and layouts: tables that must be whole."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from rich.style import Style

from mectui import themes
from mectui.actions import ACTIONS, Scope, footer
from mectui.layout import ALL, Workspace, arrange
from mectui.render.styles import all_names
from mectui.render.text import Line, Span
from mectui.styling import StyleBook

THEMES = themes.bundled()


def test_the_promised_themes_are_there() -> None:
    assert {"dark", "light", "high-contrast-dark", "high-contrast-light", "colour-vision-safe"} <= set(THEMES)


@pytest.mark.parametrize("name", THEMES)
def test_a_theme_defines_every_style(name: str) -> None:
    assert set(THEMES[name].styles) == set(all_names())


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_of_black_and_white_is_21() -> None:
    assert round(contrast("#000000", "#ffffff"), 6) == 21


def grounds(theme: themes.ThemeFile) -> dict[str, str]:
    """Every colour that text stands on: panes, overlays, the bars, the rows of the cursor and the program counter."""
    laid = {name: re.findall(r"on (#[0-9a-f]{6})", theme.styles[name])[0] for name in ("cursor", "pc", "header")}
    return {name: theme.interface[name] for name in ("background", "surface", "panel")} | laid


COLOURED = [name for name in THEMES if not THEMES[name].is_ansi]
NEVER_AT_THE_PC = ("zero", "unowned")
"""Styles that no line of code has."""


@pytest.mark.parametrize("name", COLOURED)
def test_every_fact_can_be_read_wherever_it_stands(name: str) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.6: 4.5 to 1, 7 to 1 in the high contrast themes."""
    theme = THEMES[name]
    enough = 7.0 if name.startswith("high-contrast") else 4.5
    for style, text in theme.styles.items():
        own = re.findall(r"on (#[0-9a-f]{6})", text)
        colours = re.findall(r"(?<!on )#[0-9a-f]{6}", text)
        if own:
            assert contrast(colours[0] if colours else theme.interface["foreground"], own[0]) >= enough, style
            continue
        for ground, behind in grounds(theme).items():
            if colours and not (ground == "pc" and style in NEVER_AT_THE_PC):
                assert contrast(colours[0], behind) >= enough, (style, ground)


@pytest.mark.parametrize("name", COLOURED)
def test_names_on_borders_and_messages_can_be_read(name: str) -> None:
    theme = THEMES[name]
    enough = 7.0 if name.startswith("high-contrast") else 4.5
    for colour in ("foreground", "secondary", "success", "warning", "error"):
        for ground in ("background", "surface", "panel"):
            assert contrast(theme.interface[colour], theme.interface[ground]) >= enough, (colour, ground)
    # A sign that is no text: 3 to 1 (1.4.11).
    assert contrast(theme.interface["focus"], theme.interface["background"]) >= 3


@pytest.mark.parametrize("name", COLOURED)
def test_a_colour_does_not_mean_two_things(name: str) -> None:
    """What went wrong, what deserves a look, what changed, and the address spaces are told apart by colour too."""
    styles = THEMES[name].styles
    meanings = ("fault", "warning", "ok", "root", "realm")
    colours = {style: styles[style].split()[-1] for style in meanings}
    assert len(set(colours.values())) == len(meanings), colours


@pytest.mark.parametrize("name", THEMES)
def test_the_cell_of_a_cursor_stands_out_in_the_row_of_the_cursor(name: str) -> None:
    """On its own row the byte under the cursor must look like no other byte."""
    book = StyleBook(THEMES[name])
    base = Style.parse("default on default")
    row = Line((Span("00", "zero"), Span("00", "zero cell_cursor"), Span("7f", "value found")))
    zero, cell, found = list(book.strip(row, 6, base, "cursor"))
    looks = [(part.style.color, part.style.bgcolor, part.style.reverse) for part in (zero, cell, found) if part.style]
    assert looks[1] != looks[0]
    assert looks[2] != looks[0]


@pytest.mark.parametrize("name", THEMES)
def test_mecid_colours_differ(name: str) -> None:
    colours = [text for style, text in THEMES[name].styles.items() if style.startswith("mecid.")]
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = ", "The theme file t.toml is not valid TOML"),
        ("", "The theme file t.toml needs a colour like #1a2b3c for primary"),
    ],
)
def test_a_broken_theme_file_gets_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(themes.ThemeError, match=re.escape(sentence)):
        themes.parse(text, "t.toml")


# --- actions ---


def test_no_key_means_two_things_in_one_place() -> None:
    everywhere = (Scope.RUN, Scope.LOOK, Scope.SCREEN)
    for scope in Scope:
        scopes = everywhere if scope in everywhere else (scope,)
        keys = [key for action in ACTIONS if action.scope in scopes for key in action.keys]
        assert len(keys) == len(set(keys)), scope


def test_pane_keys_hide_no_screen_key() -> None:
    everywhere = (Scope.RUN, Scope.LOOK, Scope.SCREEN)
    screen = {key for action in ACTIONS if action.scope in everywhere for key in action.keys}
    panes = {
        key
        for action in ACTIONS
        if action.scope not in (*everywhere, Scope.SEARCH)  # these are the panes' only while a search is on
        and action.name != "answer"  # numbers are the screen's but for a question
        for key in action.keys
    }
    assert not screen & panes


def test_every_action_says_what_it_does() -> None:
    assert all(action.help.endswith(".") and action.title and action.keys for action in ACTIONS)


def test_places_in_the_footer_are_unique() -> None:
    places = [action.footer for action in footer()]
    assert all(one < other for one, other in pairwise(places))


# --- layouts ---

SIZES = [(40, 7), (60, 14), (80, 21), (100, 27), (120, 30), (131, 40), (160, 42), (200, 58), (240, 77), (400, 120)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("workspace", Workspace)
def test_a_layout_fills_the_board_and_holds_every_pane_once(size: tuple[int, int], workspace: Workspace) -> None:
    places = arrange(*size, workspace)
    assert sorted(name for place in places for name in place.panes) == sorted(ALL)
    covered = [[0] * size[0] for _ in range(size[1])]
    for place in places:
        for y in range(place.y, place.y + place.height):
            for x in range(place.x, place.x + place.width):
                covered[y][x] += 1
    assert all(count == 1 for row in covered for count in row)


def test_at_160_by_45_nine_panes_are_in_front_at_once() -> None:
    places = arrange(160, 42, Workspace.DEBUG)
    assert [place.panes[0] for place in places] == [
        "disassembly", "registers", "walk", "memory", "tlb", "map", "hits", "console", "events",
    ]  # fmt: skip


def test_at_240_by_80_hardly_a_pane_is_behind_another() -> None:
    assert [place.panes[1:] for place in arrange(240, 77, Workspace.DEBUG) if len(place.panes) > 1] == [
        ("lesson",), ("variables",), ("gpt",), ("calls", "displays", "stops"),
    ]  # fmt: skip
    for workspace in (Workspace.TRANSLATION, Workspace.MEC):
        assert len(arrange(240, 77, workspace)) > len(arrange(160, 42, workspace))


def test_a_pane_that_is_not_there_leaves_no_gap_in_the_tabs() -> None:
    places = arrange(160, 42, Workspace.DEBUG, {"disassembly", "registers", "walk", "hits", "findings"})
    assert [place.panes for place in places if len(place.panes) > 1] == [("hits", "findings")]


def test_at_80_by_24_code_and_registers_stay_and_the_rest_is_in_tabs() -> None:
    assert [place.panes[0] for place in arrange(80, 21, Workspace.DEBUG)] == ["disassembly", "registers", "walk"]
