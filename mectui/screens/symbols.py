"""The guest's symbols in the palette: typed in part, found, gone to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import Hit, Hits, Provider

from mectui.render import numbers

if TYPE_CHECKING:
    from mectui.screens.debugger import DebuggerScreen

MOST = 60
"""Symbols that one search lists: more characters find fewer."""
LIKELY = 0.5
"""The score of the first one: an action of the same name comes before it."""
SHORTEST = 2
"""Characters from which symbols are searched for: one is in nearly all of them."""


class SymbolProvider(Provider):
    """Every symbol whose name has what was typed in it, those that begin with it first."""

    async def search(self, query: str) -> Hits:
        from mectui.screens.debugger import (
            DebuggerScreen,  # it is there by now; the palette of the start screen asks too
        )

        screen = self.screen
        wanted = query.strip().lower()
        if not isinstance(screen, DebuggerScreen) or len(wanted) < SHORTEST:
            return
        matcher = self.matcher(query)
        for at, name in enumerate(found(screen.session.symbol_names(), wanted)):
            address = screen.session.symbol(name)
            if address is None:
                continue
            yield Hit(
                LIKELY * (1 - at / (2 * MOST)),
                matcher.highlight(f"Symbol: {name}"),
                partial(go, screen, address),
                help=f"Show {numbers.address(address)}, as code and as memory.",
            )


def found(names: list[str], wanted: str) -> list[str]:
    """Those of `names` with `wanted` in them, whatever the case; what begins with it first, then what is shorter."""
    having = [name for name in names if wanted in name.lower()]
    return sorted(having, key=lambda name: (not name.lower().startswith(wanted), len(name), name))[:MOST]


def go(screen: DebuggerScreen, address: int) -> None:
    """Nothing says whether it is code or data: both panes show it, the code in front where they share a place."""
    screen.show_memory(address)
    screen.show_code(address)
