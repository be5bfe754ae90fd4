"""The lines around the panes: where the machine is above, what can be done below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.events import Click, MouseMove
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mectui.actions import Action, footer
from mectui.glossary import explain, word_at
from mectui.keymaps import Keymap
from mectui.progress import Progress, RunState
from mectui.render.status import status
from mectui.render.text import Line, Span, cell_width, crop

if TYPE_CHECKING:
    from mectui.app import MectuiApp

ALWAYS = ("step", "over", "resume", "pause", "command", "help")
"""Actions that stand in the footer before those of the focused pane."""
BETWEEN = "│ "
"""Stands around the focused pane's own actions."""
STATE_STYLES = {
    RunState.STARTING: "muted",
    RunState.STOPPED: "strong",
    RunState.RUNNING: "warning",
    RunState.ENDED: "ok",
    RunState.FAILED: "fault",
}


class Bar(Widget):
    """One line drawn from spans."""

    DEFAULT_CSS = """
    Bar { height: 1; width: 1fr; background: $panel; }
    """

    def line(self, width: int) -> Line:
        raise NotImplementedError

    def hint_at(self, x: int) -> str | None:
        """What there is to say about a place in the line."""
        return explain(word_at(self.line(self.size.width).text, x))

    def on_mouse_move(self, event: MouseMove) -> None:
        self.tooltip = self.hint_at(event.x)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render_line(self, y: int) -> Strip:
        app: MectuiApp = self.app  # type: ignore[assignment]
        width = self.size.width
        return app.style_book.strip(crop(self.line(width), width), width, self.rich_style)


class Header(Bar):
    """Guest, EL and Security state, MEC, MECIDs, program counter, instructions, why it stopped."""

    def __init__(self, guest: str) -> None:
        super().__init__(id="header")
        self.guest = guest
        self.progress = Progress()

    def show(self, progress: Progress) -> None:
        self.progress = progress
        self.refresh()

    def line(self, width: int) -> Line:
        progress = self.progress
        state = progress.state.value
        if progress.state is RunState.STOPPED:
            state = f"stopped: {progress.reason}"
        elif progress.state is RunState.RUNNING:
            state = "▶ running" if progress.reason == "running" else f"◀ {progress.reason}"
        elif progress.state is RunState.ENDED:
            # "exited with code 0" says of itself that this is the end.
            state = progress.reason if progress.reason.startswith("exited") else f"ended: {progress.reason}"
        style = STATE_STYLES[progress.state]
        if progress.state is RunState.ENDED and progress.stop is not None and progress.stop.code:
            style = "fault"
        return status(progress.status, self.guest, state, style, width)


class ActionBar(Bar):
    """The footer: keys and what they do, as many as fit, each of them clickable. Completions while somebody types."""

    class Pressed(Message):
        """An action was clicked."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(self) -> None:
        super().__init__(id="actions")
        self.instead: Line | None = None
        """What stands here in place of the actions."""
        self.own: list[Action] = []
        """What can be done in the focused pane only."""
        self._ends: list[tuple[int, int, Action]] = []

    @property
    def keymap(self) -> Keymap:
        app: MectuiApp = self.app  # type: ignore[assignment]
        return app.keymap

    def show_own(self, actions: list[Action]) -> None:
        """The focused pane has these actions of its own."""
        if actions != self.own:
            self.own = actions
            self.refresh()

    def replace(self, item: Line | None) -> None:
        self.instead = item
        self.refresh()

    def chosen(self, width: int) -> list[Action]:
        """The most important actions that fit: run control, what the focused pane can do, then the rest."""
        always = [action for action in footer() if action.name in ALWAYS]
        rest = [action for action in footer() if action.name not in ALWAYS]
        taken, used = [], 1
        for action in [*always, *self.own, *rest] if self.own else footer():
            needed = cell_width(self.keymap.shown_key(action)) + 1 + cell_width(action.title) + 2
            needed += len(BETWEEN) if self.own and action in (self.own[0], rest[0]) else 0
            if used + needed - 2 > width:  # nothing follows the last one
                break
            taken.append(action)
            used += needed
        return taken

    def line(self, width: int) -> Line:
        self._ends = []
        if self.instead is not None:
            return self.instead
        spans = [Span(" ")]
        at = 1
        chosen = self.chosen(width)
        for before, action in zip([None, *chosen], chosen, strict=False):
            if before is not None and (before in self.own) is not (action in self.own):
                spans.append(Span(BETWEEN, "muted"))
                at += len(BETWEEN)
            key = self.keymap.shown_key(action)
            length = cell_width(key) + 1 + cell_width(action.title)
            self._ends.append((at, at + length, action))
            gap = "" if action is chosen[-1] else "  "  # behind the last one there may be no room for it
            spans += [Span(key, "key"), Span(f" {action.title}{gap}", "text")]
            at += length + 2
        return Line(tuple(spans))

    def hint_at(self, x: int) -> str | None:
        return next((action.help for start, end, action in self._ends if start <= x < end), None)

    def on_click(self, event: Click) -> None:
        for start, end, action in self._ends:
            if start <= event.x < end:
                self.post_message(self.Pressed(action))
