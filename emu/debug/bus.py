"""Who is told of which events; a kind of event that nobody asked for costs its maker one look-up."""

from __future__ import annotations

from collections.abc import Callable

from emu.debug.events import KINDS, CacheMaintained, Event, MecidWritten, RegisterWritten, TlbInvalidated

Listener = Callable[[Event], None]


_DETAILED = (MecidWritten, RegisterWritten, TlbInvalidated, CacheMaintained)
"""Events of which listeners are likely to ignore most."""


class EventBus:
    """Listeners by kind of event."""

    def __init__(self) -> None:
        self._listeners: dict[type, tuple[Listener, ...]] = dict.fromkeys(KINDS, ())
        self._ignores: dict[Listener, Callable[[Event], bool]] = {}
        self._audiences: dict[tuple[type, str, bool], tuple[Listener, ...]] = {}
        """Who does not ignore a TLBI or DC operation, or writes of a register (True: that took the value given)."""
        self.wanted: set[type] = set()
        """The kinds somebody listens to."""
        self.on_change: list[Callable[[frozenset[type]], None]] = []
        """Told of which kinds the listeners have changed, for makers of events that must prepare."""

    def wants(self, kind: type) -> bool:
        """Whether anybody would hear of an event of this kind: makers ask before they build a costly one."""
        return kind in self.wanted

    def hears(self, event: Event) -> bool:
        """Whether anybody would do something about an event such as this one."""
        return bool(self.audience(event))

    def audience(self, event: Event) -> tuple[Listener, ...]:
        """Who would."""
        ignores = self._ignores
        return tuple(
            listener
            for listener in self._listeners[type(event)]
            if listener not in ignores or not ignores[listener](event)
        )

    def emit(self, event: Event) -> None:
        """Tell everybody who listens to this kind, in the order in which they came."""
        kind = type(event)
        listeners = self._listeners[kind]
        if listeners and isinstance(event, _DETAILED):
            what = event.operation if isinstance(event, TlbInvalidated | CacheMaintained) else event.register
            key = (kind, what, isinstance(event, RegisterWritten) and event.new == event.given)
            known = self._audiences.get(key)
            if known is None:
                known = self._audiences[key] = self.audience(event)
            listeners = known
        for listener in listeners:
            listener(event)

    def subscribe(
        self, listener: Listener, *kinds: type, ignores: Callable[[Event], bool] | None = None
    ) -> Callable[[], None]:
        """Be told of events of these kinds (of every kind when none is named) from now on; call the result to stop.

        `ignores` says of an event that the listener can do without it and all that are like it (`hears`).
        """
        chosen = kinds or KINDS
        if ignores is not None:
            self._ignores[listener] = ignores
        for kind in chosen:
            self._listeners[kind] = (*self._listeners[kind], listener)
        self._changed(frozenset(chosen))

        def stop() -> None:
            for kind in chosen:
                rest = list(self._listeners[kind])
                rest.remove(listener)
                self._listeners[kind] = tuple(rest)
            self._ignores.pop(listener, None)
            self._changed(frozenset(chosen))

        return stop

    def _changed(self, kinds: frozenset[type]) -> None:
        self._audiences.clear()
        self.wanted = {kind for kind, listeners in self._listeners.items() if listeners}
        for told in self.on_change:
            told(kinds)
