"""The area of the panes: puts each where the layout says, one pane of every place in front."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import Container
from textual.events import Resize
from textual.message import Message

from mectui.layout import Place, Workspace, arrange
from mectui.panes.pane import Pane


class Board(Container):
    """Panes, positioned by `mectui.layout`."""

    DEFAULT_CSS = """
    Board { width: 1fr; height: 1fr; background: $background; overflow: hidden hidden; }
    """

    class Arranged(Message):
        """Other panes are visible than before, or they have other sizes."""

    def __init__(self, panes: Iterable[Pane]) -> None:
        self.panes = {pane.pane_name: pane for pane in panes}
        super().__init__(*self.panes.values(), id="board")
        self.workspace = Workspace.DEBUG
        self.places: tuple[Place, ...] = ()
        self._fronts: dict[tuple[Workspace, tuple[str, ...]], str] = {}
        self.maximised: str | None = None

    def on_resize(self, event: Resize) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Applies the layout for the present size."""
        width, height = self.size
        if not width or not height:
            return
        if self.maximised is not None:
            order = tuple(name for place in arrange(width, height, self.workspace, self.panes) for name in place.panes)
            self.places = (Place(0, 0, width, height, order),)
        else:
            self.places = arrange(width, height, self.workspace, self.panes)
        for place in self.places:
            front = self.front(place)
            tabs = tuple((name, self.panes[name].TAB or self.panes[name].TITLE) for name in place.panes)
            for name in place.panes:
                pane = self.panes[name]
                pane.display = name == front
                if name != front:
                    continue
                pane.styles.offset = (place.x, place.y)
                pane.styles.width = place.width
                pane.styles.height = place.height
                pane.tabs = tabs if len(tabs) > 1 and self.maximised is None else ()
                pane.show_borders()
        self.post_message(self.Arranged())

    def front(self, place: Place) -> str:
        if self.maximised is not None:
            return self.maximised
        return self._fronts.get((self.workspace, place.panes), place.panes[0])

    def in_front(self) -> list[Pane]:
        """The panes in front, in reading order."""
        return [self.panes[self.front(place)] for place in self.places]

    def bring_forward(self, name: str) -> None:
        """Makes a pane visible."""
        if self.maximised is not None:
            self.maximised = name
        for place in self.places:
            if name in place.panes and self.front(place) != name:
                self._fronts[self.workspace, place.panes] = name
        self.lay_out()

    def order(self) -> list[str]:
        """Every pane in the order of the tab key."""
        return [name for place in self.places for name in place.panes]

    def use(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.maximised = None
        self.lay_out()

    def toggle_maximised(self, name: str) -> None:
        self.maximised = None if self.maximised is not None else name
        self.lay_out()
