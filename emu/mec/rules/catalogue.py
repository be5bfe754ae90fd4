"""Every rule there is, and which of them somebody chose."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from emu.errors import ConfigurationError
from emu.mec.rules import (
    access,
    blocks,
    enables,
    identities,
    leaves,
    maintenance,
    model_leaks,
    synchronisation,
    tlb,
    walks,
)
from emu.mec.rules.model import Rule, Severity

CATALOGUE: tuple[type[Rule], ...] = (
    *enables.RULES,
    *identities.RULES,
    *synchronisation.RULES,
    *tlb.RULES,
    *leaves.RULES,
    *walks.RULES,
    *maintenance.RULES,
    *blocks.RULES,
    *access.RULES,
    *model_leaks.RULES,
)
"""In the order in which people read them."""
BY_ID: dict[str, type[Rule]] = {rule.id: rule for rule in CATALOGUE}
DEFAULT = frozenset(rule.id for rule in CATALOGUE if rule.severity is not Severity.INFO)
"""Errors and warnings."""
_SETS = {"all": frozenset(BY_ID), "default": DEFAULT, "none": frozenset[str]()}


def choose(text: str | Iterable[str]) -> tuple[type[Rule], ...]:
    """The rules that a selection means, in the catalogue's order.

    Words separated by commas (or an iterable of them): `default`, `all`, `none`, a rule's id, or `-` and an id to leave
    it out. A selection that begins with `-` starts from the default. Raises ConfigurationError for an unknown word.
    """
    words = text.split(",") if isinstance(text, str) else list(text)
    words = [word.strip() for word in words if word.strip()]
    chosen: set[str] = set(DEFAULT) if words and words[0].startswith("-") else set()
    for word in words:
        if word in _SETS:
            chosen |= _SETS[word]
            if word == "none":
                chosen.clear()
        elif word.startswith("-"):
            chosen.discard(known(word[1:]))
        else:
            chosen.add(known(word))
    return tuple(rule for rule in CATALOGUE if rule.id in chosen)


def known(name: str) -> str:
    """A rule's id, if it is one. Raises ConfigurationError with what may have been meant."""
    if name in BY_ID:
        return name
    near = difflib.get_close_matches(name, BY_ID, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else "`mectui check --list` names them all"
    raise ConfigurationError(f"there is no rule {name!r}: {hint}")


def choose_stops(text: str | Iterable[str], chosen: Iterable[type[Rule]]) -> frozenset[str]:
    """The rules whose findings end the run: `findings` for every chosen one, or ids. Raises ConfigurationError."""
    words = text.split(",") if isinstance(text, str) else list(text)
    ids = [rule.id for rule in chosen]
    stops: set[str] = set()
    for word in (word.strip() for word in words):
        if word == "findings":
            stops.update(ids)
        elif word:
            if known(word) not in ids:
                raise ConfigurationError(f"the run cannot stop on {word}: that rule is not among the chosen ones")
            stops.add(word)
    return frozenset(stops)
