"""The first frame: the lines around the panes, while everything behind them is still being loaded."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from mectui.widgets.bars import ActionBar, Header


class LoadingScreen(Screen[None]):
    """Shown for the fraction of a second that the machine and the panes take to import."""

    CSS = """
    LoadingScreen { layout: vertical; background: $background; }
    LoadingScreen #loading {
        height: 1fr; width: 1fr; content-align: center middle; color: $quiet; border: round $pane-border;
    }
    """
    BINDINGS = [("q,ctrl+c", "app.quit", "quit")]  # noqa: RUF012  (Textual's own form)

    def __init__(self, guest: str) -> None:
        super().__init__()
        self.guest = guest

    def compose(self) -> ComposeResult:
        yield Header(self.guest)
        yield Static(f"loading {self.guest}" if self.guest else "loading", id="loading", markup=False)
        yield ActionBar()
