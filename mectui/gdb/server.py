"""The server: one client at a time on the loopback address, the guest's run between clients, and the end of it all."""

from __future__ import annotations

import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from emu.errors import EmuError
from mectui import running
from mectui.gdb.link import DisconnectedError, Link
from mectui.gdb.stub import REFUSED, Say, Stub, quiet

if TYPE_CHECKING:
    import emu

HOST = "127.0.0.1"
"""Whoever reaches the port can read and change the whole guest: nobody but this machine's users may."""


def listen(port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises EmuError with a sentence."""
    if not 0 <= port < 1 << 16:
        raise EmuError(f"{port} is no TCP port: choose one from 1 to 65535, or 0 for any that is free")
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise EmuError(f"port {port} cannot be used ({error.strerror}): choose another with --port") from None
    return listener


def converse(
    machine: emu.Machine,
    connection: socket.socket,
    guest: str = "",
    say: Say = quiet,
    look_up: Callable[[], None] = lambda: None,
) -> Stub:
    """Serve one client until it leaves. Returns the stub, which knows how it left. `look_up` as for `Link`."""
    link = Link(connection, machine.pause, look_up)
    stub = Stub(machine, link, guest, say)
    try:
        while not stub.is_over:
            payload = link.next_packet()
            reply = _answer(stub, payload, say)
            if reply is not None:
                link.send(reply[0], is_binary=reply[1])
    except DisconnectedError as error:
        say(f"the client is gone ({error})")
    else:
        say("the client has left")
    finally:
        stub.close()
        link.close()
    return stub


def _answer(stub: Stub, payload: bytes, say: Say) -> tuple[bytes, bool] | None:
    """The stub's reply. A request that shows a bug of ours must not take the guest away from everybody."""
    try:
        return stub.handle(payload)
    except DisconnectedError:
        raise
    except Exception as error:
        say(f"the request {payload[:60]!r} failed, which is a bug in mectui: {error!r}")
        return REFUSED, False


class Server:
    """Accepts clients one after the other; others are turned away while one is there."""

    def __init__(self, machine: emu.Machine, listener: socket.socket, guest: str = "", say: Say = quiet) -> None:
        self._machine = machine
        self._listener = listener
        self._guest = guest
        self._say = say
        self._clients: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._is_busy = threading.Event()
        self._is_closed = False
        self._is_interrupted = False

    def serve(self, *, once: bool = False) -> None:
        """Serve clients, one alone with `once`. Ctrl-C ends it as KeyboardInterrupt."""
        door = threading.Thread(target=self._accept, name="mectui-gdb-door", daemon=True)
        door.start()
        try:
            with self._interruptible():
                while True:
                    connection = self._clients.get()
                    stub = converse(self._machine, connection, self._guest, self._say, self._raise_interrupt)
                    if once:
                        return
                    self._is_busy.clear()
                    if stub.has_exited:
                        self._machine.reset()
                        self._say("the guest has exited, and starts over for the next client")
                    elif stub.is_detached:
                        self._run_on()
        finally:
            self.close()
            door.join()

    def close(self) -> None:
        """No more clients, from any thread."""
        self._is_closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the one who waits at the door
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._is_busy.is_set():
                self._say("another client was turned away: one at a time")
                connection.close()
                continue
            self._is_busy.set()
            self._clients.put(connection)
            self._machine.pause()

    def _run_on(self) -> None:
        """The client has let go of the guest: it runs until it ends or somebody comes."""
        self._say("the guest runs on")
        plan = running.resume(self._machine, running.Pace())
        while self._clients.empty():
            self._raise_interrupt()
            try:
                next(plan)
            except StopIteration as ended:
                message = f" ({ended.value.message})" if ended.value.message else ""
                self._say(f"the guest has stopped: {ended.value.reason.value}{message}")
                return
        plan.close()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Ctrl-C at this end: noted while the guest executes, which is no place to raise anything."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(signal.SIGINT, self._interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def _interrupted(self, *_: object) -> None:
        self._is_interrupted = True
        if not self._machine.stops.is_running:
            raise KeyboardInterrupt
        self._machine.pause()

    def _raise_interrupt(self) -> None:
        if self._is_interrupted:
            raise KeyboardInterrupt
