"""Pictures of the screen for the README: python -m tests.tui.picture [THEME ...] writes themes/THEME.svg."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from mectui.app import MectuiApp, machine_for
from mectui.progress import RunState
from mectui.resources import guest_path
from mectui.screens.debugger import DebuggerScreen

ROOT = Path(__file__).parent.parent.parent
SIZE = (160, 45)


async def picture(theme: str) -> str:
    """two-realms, where Realm B has just read the first bytes of a granule that belongs to Realm A."""
    path = guest_path("two-realms")
    assert path is not None
    commands = ["break realm_b_search_secret", "run"]
    app = MectuiApp(machine_factory=machine_for(path), title="two-realms", theme=theme, commands=commands)
    async with app.run_test(size=SIZE) as pilot:

        async def settle() -> None:
            for _ in range(100):
                await pilot.pause(0.1)
                screen = app.screen
                if isinstance(screen, DebuggerScreen) and screen.progress.state is not RunState.RUNNING:
                    return

        for _ in range(5):
            await settle()
        await pilot.press("s")  # the load itself
        await settle()
        await pilot.pause(0.5)
        svg = app.export_screenshot(title="mectui two-realms")
    # The picture must not ask anybody's server for a font: every terminal font will do.
    return re.sub(r"@font-face\s*\{[^}]*\}\s*", "", svg)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:  # whoever makes a picture may have arranged the panes otherwise
        os.environ |= dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), folder)
        _write()


def _write() -> None:
    for theme in sys.argv[1:] or ["dark"]:
        (ROOT / "themes" / f"{theme}.svg").write_text(asyncio.run(picture(theme)), encoding="utf-8")


if __name__ == "__main__":
    main()
