"""One client's connection: packets in and out, acknowledgments, and a watch for the interrupt while the guest runs."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mectui.gdb.packets import PACKET_SIZE, Item, Packet, Reader, Sign, compressed, framed

SEND_SECONDS = 10
"""A client that takes nothing for so long is gone."""
_WATCH_SECONDS = 0.01
_MOST_WAITING = 1_000
"""Packets that a client may send while it waits for the guest: it has no business to send any."""
_DAMAGED = b"E01"


class DisconnectedError(Exception):
    """The client is gone."""


class Link:
    """A connection. All methods are for one thread.

    `pause` is called on another one, and must only ask for a pause; `look_up` is called now and then while the guest
    runs or a request is waited for, and may raise.
    """

    def __init__(
        self, connection: socket.socket, pause: Callable[[], None], look_up: Callable[[], None] = lambda: None
    ) -> None:
        self._socket = connection
        self._pause = pause
        self._look_up = look_up
        self._reader = Reader()
        self._items: deque[Item] = deque()
        self._last = b""
        """The last packet sent, until the client says that it has it."""
        self.acknowledges = True
        """Until the client says that it need not be told of every packet's arrival."""
        self._is_running = threading.Event()
        self._is_closed = False
        with suppress(OSError):  # a pair of sockets, as tests use, has no such options
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        self._watcher = threading.Thread(target=self._watch, name="mectui-gdb-watch", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        self._is_closed = True
        self._is_running.set()
        self._watcher.join()
        self._socket.close()

    # What the client sends.

    def next_packet(self) -> bytes:
        """The next request; waits for it. Raises DisconnectedError."""
        while True:
            self._look_up()
            while self._items:
                payload = self._taken(self._items.popleft())
                if payload is not None:
                    return payload
            self._receive()

    def _taken(self, item: Item) -> bytes | None:
        """The payload of a packet that has come whole; everything else is dealt with here."""
        if isinstance(item, Packet):
            if self.acknowledges:
                self._write(b"+")
            return item.payload
        if item is Sign.ACK:
            self._last = b""
        elif item is Sign.NACK and self._last:
            self._write(self._last)
        elif item is Sign.DAMAGED:
            # Without acknowledgments nobody can ask for it again: an error at least ends the wait for an answer.
            self._write(b"-" if self.acknowledges else framed(_DAMAGED))
        return None  # an interrupt too: the guest stands already

    def _receive(self) -> None:
        try:
            data = self._socket.recv(PACKET_SIZE)
        except OSError as error:
            raise DisconnectedError(str(error)) from None
        if not data:
            raise DisconnectedError("the client closed the connection")
        self._items.extend(self._reader.feed(data))

    # While the guest runs.

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, whatever the client sends makes `pause` be called until somebody looks with `is_interrupted`."""
        self._is_running.set()
        try:
            yield
        finally:
            self._is_running.clear()

    def is_interrupted(self) -> bool:
        """Whether the client has asked for the guest to stop. Requests that came too early wait. Raises as above."""
        self._look_up()
        if self._is_readable(0):  # once: a client that never ceases to send must not keep the guest from running
            self._receive()
        if Sign.INTERRUPT in self._items:
            self._items = deque(item for item in self._items if item is not Sign.INTERRUPT)
            return True
        if len(self._items) > _MOST_WAITING:
            raise DisconnectedError("the client sends packets without waiting for answers")
        return False

    def _is_readable(self, seconds: float) -> bool:
        try:
            return bool(select.select([self._socket], [], [], seconds)[0])
        except (OSError, ValueError):  # closed under our hands
            raise DisconnectedError("the connection is closed") from None

    def _watch(self) -> None:
        """Native code does not look at sockets: this thread does, and insists until it is heard."""
        while not self._is_closed:
            self._is_running.wait()
            try:
                while self._is_running.is_set() and not self._is_closed:
                    if self._is_readable(_WATCH_SECONDS):
                        self._pause()
                        time.sleep(_WATCH_SECONDS / 2)
            except DisconnectedError:
                return

    # What goes to the client.

    def send(self, payload: bytes, *, is_binary: bool = False) -> None:
        """A reply. Raises DisconnectedError."""
        self._last = framed(payload if is_binary else compressed(payload))
        self._write(self._last)

    def say(self, text: str) -> None:
        """Text for the person at the client's console; allowed while the client waits for the guest or a command."""
        data = text.encode("utf-8", errors="replace").hex().encode("ascii")
        step = PACKET_SIZE - 2
        for at in range(0, len(data), step):
            self.send(b"O" + data[at : at + step])

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise DisconnectedError(str(error)) from None
