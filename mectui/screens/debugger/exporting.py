"""Saving what the screen shows: a pane as Markdown or text, the whole screen as a picture."""

from __future__ import annotations

import os
from pathlib import Path

from mectui import files
from mectui.export.markdown import Circumstances
from mectui.render.text import plain
from mectui.resources import typed_path
from mectui.screens.debugger.parts import DebuggerParts

SUFFIXES = (".md", ".txt", ".svg")


class Exporting(DebuggerParts):
    """The command `export` and the key for a picture."""

    def circumstances(self) -> Circumstances:
        return Circumstances(self.guest, self.progress.reason, self.progress.status)

    def do_screenshot(self) -> None:
        self.command_export("")

    def command_export(self, name: str = "") -> None:
        """Writes FILE: .svg is a picture of the screen, .md a report of the focused pane, .txt its text."""
        pane = self.focused_pane or self.disassembly
        path = typed_path(name) if name else self._free_name(f"mectui-{Path(self.guest).stem or 'guest'}", ".svg")
        match path.suffix.lower():
            case ".svg":
                content = self.app.export_screenshot(title=f"mectui {self.guest}")
            case ".md":
                content = pane.markdown(self.circumstances())
            case ".txt":
                content = plain(pane.lines)
            case _:
                self.say(f"The end of the name says what to write: {', '.join(SUFFIXES)}.", is_error=True)
                return
        try:
            files.export_text(path, content)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.say(f"{path} cannot be written: {why}.", is_error=True)
            return
        what = "a picture of the screen" if path.suffix.lower() == ".svg" else f"the pane “{pane.TITLE}”"
        self.say(f"Wrote {what} to {path}.")

    @staticmethod
    def _free_name(stem: str, suffix: str) -> Path:
        """A name in the current folder that no file has yet."""
        number = 1
        while os.path.lexists(path := Path(f"{stem}-{number}{suffix}")):
            number += 1
        return path
