"""Names from files, fit to be shown: whoever made a file must not steer the terminal of who looks at it."""

from __future__ import annotations

INSTEAD = "·"
"""What a control character is shown as, and a character that turns the direction of writing."""


def visible(name: str) -> str:
    """`name` with everything that is neither a sign nor a blank replaced."""
    if name.isprintable():
        return name
    return "".join(character if character.isprintable() else INSTEAD for character in name)
