"""What lies above the debugger for a moment: help, the palette, letters to jump by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.events import Click

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[Any]
else:
    _Base = object


class Overlay(_Base):
    """A screen that leaves once. What was pressed right behind the key that ends it must not take the next one too."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)


class Rows(CommandList):
    """The palette's list. A click may name a row that has just gone: Textual's own fails then."""

    def on_click(self, event: Click) -> None:
        row = event.style.meta.get("option")
        if row is not None and row >= self.option_count:
            event.prevent_default()


class Palette(Overlay, CommandPalette):
    """Every action and theme, found by typing."""

    DEFAULT_CSS = """
    Palette SearchIcon { display: none; }
    """

    def on_mount(self) -> None:
        # Textual makes the list itself; ours differs in nothing but what it does about clicks.
        for rows in self.query(CommandList):  # none, if it was closed before it was seen
            rows.__class__ = Rows

    def _gather_commands(self, search_value: str) -> Any:
        """Textual's own, but not for a key that arrives when the palette has left and its list is gone."""
        return super()._gather_commands(search_value) if self.app.screen is self else None

    def _action_command_list(self, action: str) -> None:
        """A list without a single row on a tiny terminal has no pages to turn: Textual's own fails there."""
        if self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)
