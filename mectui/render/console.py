"""What the guest printed, as lines; control characters and terminal sequences never reach the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mectui.render.text import Line, Span, cell_width, empty_pane, line, printable

SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and other strings: window titles, the clipboard
    r"|\x1b[ -/]*[0-~]"  # the short ones
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
"""Terminal control sequences (ECMA-48). They steer terminals and say nothing: they are left out."""
TYPED = "» "


def console(text: str, width: int, typed: Sequence[tuple[int, str]] = (), *, is_cut: bool = False) -> list[Line]:
    """`typed` are lines that somebody typed, each after so many characters of `text`."""
    if not text and not typed:
        return empty_pane(
            "What the guest prints on its UART or by semihosting appears here. i types a line to it.", width
        )
    lines: list[Line] = [line(("(what was printed before is not kept here)", "muted"))] if is_cut else []
    start = 0
    for at, said in typed:
        lines += printed(text[start:at], width)
        lines += [
            Line((Span(TYPED, "key"), *item.spans)) for item in pieces(printable(said), max(width - 2, 1), "strong")
        ]
        start = at
    return lines + printed(text[start:], width)


def printed(text: str, width: int) -> list[Line]:
    """Output as lines; after a carriage return the line is written anew."""
    if not text:
        return []
    lines: list[Line] = []
    for raw in SEQUENCE.sub("", text).replace("\r\n", "\n").split("\n"):
        lines += pieces(printable(raw.rstrip("\r").rpartition("\r")[2]), width)
    if len(lines) > 1 and not lines[-1].text:
        lines.pop()
    return lines


def pieces(text: str, width: int, style: str = "") -> list[Line]:
    """One printed line, folded at the width: at a space in its last third where there is one."""
    if cell_width(text) <= width:
        return [line((text, style))]
    folded, current, used = [], "", 0
    for character in text:
        columns = cell_width(character)
        if used + columns > width:
            space = current.rfind(" ")
            kept = current[space + 1 :] if character != " " and space >= len(current) * 2 // 3 else ""
            folded.append(line((current[: len(current) - len(kept)], style)))
            current, used = kept, cell_width(kept)
        current += character
        used += columns
    return [*folded, line((current, style))]
