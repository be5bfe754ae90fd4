"""Substituted accesses and the run: stopping at the next one like another, and saying at a stop that there are some."""

from __future__ import annotations

from emu.debug.events import Hit
from mectui.layout import Workspace
from mectui.panes.hits import HitsPane
from mectui.progress import Progress, RunState
from mectui.render import numbers
from mectui.screens.debugger.parts import DebuggerParts


class Substituted(DebuggerParts):
    """What a stop has to say about hits."""

    _told_hits = 0
    """Hits that were told of at a stop."""

    def forget_hits(self) -> None:
        """A fresh machine."""
        self._told_hits = 0

    def tell_hits(self, progress: Progress) -> None:
        """At a stop with new hits: how many there are, and where to look, for who does not know the screen yet."""
        found = 0 if progress.status is None else progress.status.hits
        before, self._told_hits = self._told_hits, found
        if found <= before or progress.stop is None:
            return
        is_there = isinstance(self.focused, HitsPane)
        if not before and not is_there and self.board.workspace is Workspace.MEC:
            self.show_pane("hits", focus=True)  # as for somebody who comes here now
            is_there = True
        noun = "substituted access" if found == 1 else "substituted accesses"
        where = "press Enter on one" if is_there else "press 3, then Enter on one"
        self.say(f"{numbers.count(found)} {noun}: somebody read noise. To see who read and who had stored, {where}.")

    def run_to_hit_like(self, hit: Hit) -> None:
        """Runs to the next hit by the same kind of access, between the same two contexts."""
        from mectui.until_hit import until_hit_like

        if self.progress.state is RunState.ENDED:
            self.session.restart()
        self.say("")
        self.session.run(lambda machine, pace: until_hit_like(machine, pace, hit))
