"""The debugger's screen, in parts: one file for each kind of thing that people do on it."""

from mectui.screens.debugger.screen import DebuggerScreen

__all__ = ["DebuggerScreen"]
