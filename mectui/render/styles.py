"""The names of all domain styles. A theme gives each a look; renderers use nothing but these names."""

from __future__ import annotations

MECID_COLOURS = 12
"""Colours in a theme's MECID palette; a MECID takes the one of its number modulo this."""

STYLES: dict[str, str] = {
    "text": "ordinary text",
    "strong": "headings and what matters most in a line",
    "muted": "labels, units, what can be overlooked",
    "address": "addresses",
    "value": "values of registers and memory",
    "zero": "values that are zero",
    "mnemonic": "instruction mnemonics",
    "operand": "instruction operands",
    "register": "register names",
    "symbol": "symbols of the guest",
    "pc": "the line of the program counter",
    "breakpoint": "breakpoint marks",
    "cursor": "the line of the cursor in the focused pane",
    "changed": "values that changed since the last stop",
    "unknown": "values nobody has written since reset",
    "ok": "what went well",
    "warning": "what deserves a look",
    "fault": "faults and errors",
    "stale": "TLB entries that a fresh walk would contradict",
    "hit": "substituted accesses",
    "root": "Root state and address space",
    "realm": "Realm state and address space",
    "secure": "Secure state and address space",
    "non_secure": "Non-secure state and address space",
    "unowned": "memory nobody has stored to",
    "mixed": "pages with more than one owner",
    "mismatch": "pages mapped under another MECID than their owner's",
    "found": "what a search found",
    "key": "keys in the footer and the help",
    "cell_cursor": "the square of the map under the cursor",
    "header": "the top line",
}


def space_style(name: str) -> str:
    """The style of a security state or address space, from its label ("non-secure")."""
    return name.replace("-", "_")


def mecid_style(number: int) -> str:
    return f"mecid.{number % MECID_COLOURS}"


def all_names() -> list[str]:
    """Every name a theme must define."""
    return [*STYLES, *(f"mecid.{index}" for index in range(MECID_COLOURS))]
