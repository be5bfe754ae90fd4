"""The jump overlay: a letter on every pane and every tab; pressing it goes there."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import NamedTuple

from textual.app import ComposeResult
from textual.events import Click, Key
from textual.screen import ModalScreen
from textual.widgets import Static

from mectui.screens.overlay import Overlay

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The letters in the order in which they are given out: those under the fingers first."""
assert sorted(LETTERS) == sorted(ascii_lowercase)


class Landing(NamedTuple):
    """A place to jump to: the pane, and where on the screen its letter stands: right before its name."""

    pane: str
    x: int
    y: int


class JumpScreen(Overlay, ModalScreen[str | None]):
    """Over the debugger, which stays visible. Its result is the pane's name, or None."""

    CSS = """
    JumpScreen { background: $background 0%; }
    JumpScreen .letter {
        position: absolute; width: 1; height: 1; text-style: bold;
        background: $block-cursor-background; color: $block-cursor-foreground;
    }
    JumpScreen #jump-hint {
        dock: bottom; width: 1fr; height: 1; padding: 0 1; background: $panel; color: $foreground;
    }
    """

    def __init__(self, landings: Sequence[Landing]) -> None:
        super().__init__()
        self.landings = dict(zip(LETTERS, landings, strict=False))

    def compose(self) -> ComposeResult:
        for letter, landing in self.landings.items():
            tag = Static(letter, classes="letter", markup=False)
            tag.styles.offset = (landing.x, landing.y)
            yield tag
        yield Static("Press the letter of a pane to go there; any other key stays.", id="jump-hint")

    def on_key(self, event: Key) -> None:
        event.stop()
        landing = self.landings.get(event.character or "")
        self.dismiss(None if landing is None else landing.pane)

    def on_click(self, event: Click) -> None:
        for landing in self.landings.values():
            if landing.y == event.screen_y and event.screen_x == landing.x:
                self.dismiss(landing.pane)
                return
        self.dismiss(None)
