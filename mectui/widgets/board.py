"""The area of the panes: puts each where the layout says, one pane of every place in front."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import Container
from textual.events import Resize
from textual.message import Message

from mectui.layout import ABOUT, Place, Workspace, arrange, rotated
from mectui.panes.pane import Pane
from mectui.preferences import Arrangement


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
        self._wanted_in_front: dict[Workspace, list[str]] = {}
        """What was in front when this guest was last left."""
        self.maximised: str | None = None

    def on_resize(self, event: Resize) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Applies the layout for the present size."""
        width, height = self.size
        if not width or not height:
            return
        if self.app.has_class("-plain"):
            everything = tuple(name for name in rotated(ABOUT[self.workspace]) if name in self.panes)
            self.places = (Place(0, 0, width, height, everything),)
        elif self.maximised is not None:
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

    def arrangement(self) -> Arrangement:
        """How the panes stand, to be remembered."""
        fronts: dict[str, list[str]] = {}
        for (workspace, _), name in self._fronts.items():
            fronts.setdefault(workspace.value, []).append(name)
        return Arrangement(self.workspace.value, fronts)

    def restore(self, arrangement: Arrangement | None) -> None:
        """Puts the panes as they were left; names that no longer mean anything are passed over."""
        if arrangement is None:
            return
        known = {workspace.value: workspace for workspace in Workspace}
        self._wanted_in_front = {
            known[name]: [pane for pane in panes if pane in self.panes]
            for name, panes in arrangement.fronts.items()
            if name in known
        }
        self.workspace = known.get(arrangement.workspace, self.workspace)
        self.lay_out()

    def front(self, place: Place) -> str:
        if self.maximised is not None:
            return self.maximised
        chosen = self._fronts.get((self.workspace, place.panes))
        if chosen is None:
            wanted = self._wanted_in_front.get(self.workspace, [])
            chosen = next((name for name in wanted if name in place.panes), place.panes[0])
        return chosen

    def shares_place(self, name: str, other: str) -> bool:
        """Whether bringing one of two panes forward hides the other."""
        return name != other and any(name in place.panes and other in place.panes for place in self.places)

    def in_front(self) -> list[Pane]:
        """The panes in front, in reading order."""
        return [self.panes[self.front(place)] for place in self.places]

    def bring_forward(self, name: str) -> None:
        """Makes a pane visible."""
        if self.maximised is not None:
            self.maximised = name
        if not self.places:  # no size yet: a command at the start came first
            self._wanted_in_front.setdefault(self.workspace, []).insert(0, name)
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
