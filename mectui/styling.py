"""Theme files as Textual themes, domain style names as Rich styles, lines as strips."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.theme import Theme

from mectui.plain import spoken
from mectui.render.text import Line
from mectui.themes import ThemeFile

ANSI_VARIABLES = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "border-blurred": "ansi_black",
    "input-cursor-background": "ansi_white",
    "input-cursor-foreground": "ansi_black",
    "input-selection-background": "ansi_bright_blue",
    "input-selection-foreground": "ansi_black",
    "screen-selection-background": "ansi_bright_blue",
    "screen-selection-foreground": "ansi_black",
    "block-cursor-foreground": "ansi_black",
    "block-cursor-background": "ansi_white",
}
"""What Textual cannot derive from the terminal's own colours."""


def textual_theme(theme: ThemeFile) -> Theme:
    """The interface's half of a theme."""
    colours = theme.interface
    return Theme(
        name=theme.name,
        primary=colours["primary"],
        secondary=colours["secondary"],
        accent=colours["accent"],
        background=colours["background"],
        surface=colours["surface"],
        panel=colours["panel"],
        foreground=colours["foreground"],
        success=colours["success"],
        warning=colours["warning"],
        error=colours["error"],
        dark=theme.is_dark,
        ansi=theme.is_ansi,
        variables={
            "pane-border": colours["border"],
            "pane-focus": colours["focus"],
            "quiet": colours["secondary"],
            "scrollbar": colours["border"],
            "scrollbar-hover": colours["secondary"],
            "scrollbar-active": colours["focus"],
            "scrollbar-background": colours["background"],
            "scrollbar-background-hover": colours["background"],
            "scrollbar-background-active": colours["background"],
            "scrollbar-corner-color": colours["background"],
            "block-cursor-foreground": colours["background"],
            "block-cursor-background": colours["focus"],
            "block-cursor-text-style": "bold",
            **(ANSI_VARIABLES if theme.is_ansi else {}),
        },
    )


def laid_over(style: Style, on_top: Style, names: str) -> Style:
    """A span in the cursor's row, where the cell of another cursor and what a search found must still stand out."""
    if not on_top.reverse:
        return style if "cell_cursor" in names.split() else style + on_top
    if style.reverse:
        return style + OUTSTANDING
    return style.without_color + on_top  # reversed colours of the terminal's own would be patches


OUTSTANDING = Style(reverse=False, bold=True, underline=True)


class StyleBook:
    """Looks of domain styles under one theme. A style of several names ("header realm") adds them up, left to right."""

    def __init__(self, theme: ThemeFile, is_plain: bool = False) -> None:
        """`is_plain`: signs that are pictures become letters."""
        self._is_plain = is_plain
        self._known = {name: Style.parse(text) for name, text in theme.styles.items()}
        self._sums: dict[str, Style] = {"": Style()}

    def style(self, names: str) -> Style:
        found = self._sums.get(names)
        if found is None:
            found = Style()
            for name in names.split():
                found += self._known.get(name, Style())
            self._sums[names] = found
        return found

    def strip(self, item: Line, columns: int, base: Style, over: str = "") -> Strip:
        """A line on `base` in exactly `columns` columns; `over` are styles laid over all of it."""
        on_top = self.style(over) if over else None
        segments = []
        for span in item.spans:
            style = base + self.style(span.style)
            text = spoken(span.text) if self._is_plain else span.text
            segments.append(Segment(text, style if on_top is None else laid_over(style, on_top, span.style)))
        fill = base + on_top if on_top else base
        return Strip(segments).adjust_cell_length(columns, fill)
