"""What panes share that show something of one call: of the present one, or of one further out until the next stop."""

from __future__ import annotations

from mectui.panes.pane import Pane
from mectui.progress import Progress


class OfCall(Pane):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.call = 0
        """The call that is shown; 0 is the present one."""
        self._place: tuple[int, int] | None = None
        """Where the machine stands."""

    def follow(self, progress: Progress) -> None:
        """Another place has other calls."""
        if progress.place != self._place:
            self.call, self._place = 0, progress.place

    def show_call(self, number: int) -> None:
        """A call from now until the next stop."""
        if self.call != number:
            self.call = number
            self.want()
