"""Themes from TOML files: colours of the interface, domain styles, the MECID palette. No Textual in here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mectui import files
from mectui.render.styles import MECID_COLOURS, STYLES, all_names
from mectui.resources import theme_files

INTERFACE = (
    "primary",
    "secondary",
    "accent",
    "background",
    "surface",
    "panel",
    "foreground",
    "success",
    "warning",
    "error",
    "border",
    "focus",
)
"""Colours every theme gives the interface."""

DEFAULT = "dark"
WITHOUT_MANY_COLOURS = "sixteen"
"""What a terminal of sixteen colours gets, or one that is to show none."""
COLOUR = re.compile(r"#[0-9a-f]{6}")
TERMINAL_COLOUR = re.compile("ansi_(default|(bright_)?(black|red|green|yellow|blue|magenta|cyan|white))")
"""One of the terminal's own colours, for a theme with `ansi = true`."""


class ThemeError(Exception):
    """A theme file that cannot be used; its text is one sentence."""


@dataclass(frozen=True, slots=True)
class ThemeFile:
    """One theme. `styles` maps every domain style name to a definition such as "bold #e6bd72 on #12161d"."""

    name: str
    title: str
    is_dark: bool
    is_ansi: bool
    """Its colours are the terminal's own sixteen."""
    interface: dict[str, str]
    styles: dict[str, str]


def parse(text: str, file_name: str) -> ThemeFile:
    """A theme from its TOML text. Raises ThemeError."""
    try:
        data = files.toml(text)
    except ValueError as error:
        raise ThemeError(f"The theme file {file_name} is not valid TOML: {error}.") from error
    interface = _table(data, "interface", file_name)
    is_ansi = bool(data.get("ansi", False))
    colour, example = (TERMINAL_COLOUR, "ansi_blue") if is_ansi else (COLOUR, "#1a2b3c")
    missing = [name for name in INTERFACE if not colour.fullmatch(str(interface.get(name, "")))]
    if missing:
        raise ThemeError(f"The theme file {file_name} needs a colour like {example} for {', '.join(missing)}.")
    palette = _table(data, "mecid", file_name).get("colours", [])
    if not isinstance(palette, list) or len(palette) != MECID_COLOURS:
        palette = palette if isinstance(palette, list) else []
        raise ThemeError(f"The theme file {file_name} needs {MECID_COLOURS} MECID colours and has {len(palette)}.")
    styles = {name: str(value) for name, value in _table(data, "styles", file_name).items()}
    styles |= {f"mecid.{index}": str(colour) for index, colour in enumerate(palette)}
    unknown = sorted(set(styles) - set(all_names()))
    if unknown:
        raise ThemeError(f"The theme file {file_name} has styles nobody uses: {', '.join(unknown)}.")
    for name in STYLES:
        styles.setdefault(name, "default" if is_ansi else str(interface["foreground"]))
    name = str(data.get("name", Path(file_name).stem))
    title = str(data.get("title", name))
    if not (_is_shown(name) and _is_shown(title)):
        raise ThemeError(f"The theme file {file_name} needs a name and a title of at most 60 signs, no [ among them.")
    return ThemeFile(name, title, bool(data.get("dark", True)), is_ansi, interface, styles)


def _table(data: Mapping[str, Any], name: str, file_name: str) -> dict[str, Any]:
    """A table of a theme file, empty where it is not there. Raises ThemeError."""
    found = data.get(name, {})
    if not isinstance(found, dict):
        raise ThemeError(f"The theme file {file_name} needs a table [{name}], not {name} = ….")
    return found


def _is_shown(text: str) -> bool:
    """Whether a list can show it: the palette takes what is in brackets for markup."""
    return 0 < len(text) <= 60 and text.isprintable() and "[" not in text


def _check_styles(theme: ThemeFile, file_name: str) -> None:
    """Raises ThemeError for a style that nothing can be drawn in."""
    from rich.errors import StyleSyntaxError
    from rich.style import Style

    for name, text in theme.styles.items():
        try:
            Style.parse(text)
        except StyleSyntaxError:
            raise ThemeError(
                f"The theme file {file_name} has “{text[:40]}” for {name}; a style looks like “bold #e6bd72”."
            ) from None


def default(environment: Mapping[str, str]) -> str:
    """The theme for a terminal that nobody chose one for, from what the environment says of its colours."""
    if "NO_COLOR" in environment:
        return WITHOUT_MANY_COLOURS
    terminal = environment.get("TERM", "")
    is_plain = terminal in ("linux", "vt100", "vt220", "ansi", "xterm", "xterm-color", "xterm-16color", "screen")
    return WITHOUT_MANY_COLOURS if is_plain and not environment.get("COLORTERM") else DEFAULT


@cache
def bundled() -> dict[str, ThemeFile]:
    """The themes that come with mectui, by name."""
    found = (parse(path.read_text(encoding="utf-8"), path.name) for path in theme_files())
    return {theme.name: theme for theme in found}


def user_themes(directory: Path) -> tuple[dict[str, ThemeFile], list[str]]:
    """The user's own themes and one sentence for each file that cannot be used."""
    found: dict[str, ThemeFile] = {}
    problems = []
    try:
        paths = sorted(directory.glob("*.toml")) if directory.is_dir() else []
    except OSError as error:
        return {}, [f"The folder of your themes cannot be read: {error.strerror}."]
    for path in paths:
        try:
            theme = parse(files.read_text(path, errors="replace"), path.name)
            _check_styles(theme, path.name)
        except ThemeError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"The theme file {path.name} cannot be read: {error.strerror or error}.")
        else:
            found[theme.name] = theme
    return found, problems
