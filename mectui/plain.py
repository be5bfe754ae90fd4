"""The plain mode's letters: what a screen reader or a terminal without such signs gets in place of them."""

from __future__ import annotations

SPOKEN = str.maketrans(
    {
        "“": '"', "”": '"', "‘": "'", "’": "'", "—": "-", "–": "-", "…": "~", "·": ".", "•": "*",
        "→": ">", "←": "<", "↑": "^", "↓": "v", "⇒": ">", "↳": ">", "▶": ">", "›": ">", "‹": "<",
        "▸": "+", "▾": "-", "●": "*", "○": "o", "◆": "*", "◇": "o", "≠": "#", "×": "x",
        "✗": "!", "✓": "+", "☐": "o", "☑": "+", "─": "-", "━": "-", "│": "|", "┃": "|", "├": "|", "└": "`",
        "┌": ",", "┐": ".", "┘": "'", "┬": "-", "┴": "-", "┼": "+", "█": "#", "▓": "#", "▒": "=", "░": "-",
        "▏": "|", "▕": "|", "▲": "^", "▼": "v", "■": "#", "□": "o", "◂": "<", "╭": ",", "╮": ".", "╰": "`", "╯": "'",
    }
)  # fmt: skip
"""Each sign and one ASCII character of the same width, so that columns stay where they are."""


def sentence(text: str) -> str:
    """With a capital and a full stop, as a sentence of its own."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"


def spoken(text: str) -> str:
    """`text` without signs that are pictures rather than letters."""
    return text if text.isascii() else text.translate(SPOKEN)
