"""Going back in time: moments of the run that are kept, and the way from the nearest one to any other."""

from __future__ import annotations

from emu.debug.history.history import Companion, History
from emu.debug.history.marks import Change, Kind, Marks
from emu.debug.history.search import Found, last_stop
from emu.debug.history.travel import travel

__all__ = ["Change", "Companion", "Found", "History", "Kind", "Marks", "last_stop", "travel"]
