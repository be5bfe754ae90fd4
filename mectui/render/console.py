"""What the guest printed, as lines; control characters never reach the terminal."""

from __future__ import annotations

from mectui.render.text import Line, cell_width, empty_pane, line, printable


def console(text: str, width: int) -> list[Line]:
    if not text:
        return empty_pane("What the guest prints on its UART or by semihosting appears here.", width)
    lines: list[Line] = []
    for raw in text.replace("\r\n", "\n").split("\n"):
        lines += pieces(printable(raw.rpartition("\r")[2]), width)
    if len(lines) > 1 and not lines[-1].text:
        lines.pop()
    return lines


def pieces(text: str, width: int) -> list[Line]:
    """One printed line, folded at the width."""
    if cell_width(text) <= width:
        return [line(text)]
    folded, current, used = [], "", 0
    for character in text:
        columns = cell_width(character)
        if used + columns > width:
            folded.append(line(current))
            current, used = "", 0
        current += character
        used += columns
    return [*folded, line(current)]
