"""What panes may ask of the screen around them at once, before the next key: the line for typing."""

from __future__ import annotations

from typing import Protocol, cast

from mectui.panes.pane import Pane


class Host(Protocol):
    """The debugger's screen, as panes see it."""

    def open_command_line(self, text: str = "") -> None:
        """Opens the command line with some text in it."""

    def ask_what_to_type(self) -> None:
        """Opens an input for a line to the guest."""


def host(pane: Pane) -> Host:
    """Keys that come right behind the one that opened the line must reach it: a message would be too late."""
    return cast("Host", pane.screen)
