"""A client of the GDB remote protocol for tests, and the server at the other end of a pair of sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import emu
from mectui.gdb.packets import Packet, Reader, Sign, expanded, framed
from mectui.gdb.server import converse
from mectui.gdb.stub import Stub

PATIENCE = 60.0


class Client:
    """Sends requests and waits for replies."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self.socket = connection
        self.console = ""
        """Text from O packets."""
        self.signs: list[Sign] = []
        self._reader = Reader()
        self._replies: list[bytes] = []
        self.acknowledges = True

    def ask(self, payload: bytes | str) -> bytes:
        self.send(payload)
        return self.reply()

    def send(self, payload: bytes | str) -> None:
        self.socket.sendall(framed(payload.encode() if isinstance(payload, str) else payload))

    def reply(self) -> bytes:
        """The next reply; O packets before it become `console`."""
        while True:
            while self._replies:
                payload = self._replies.pop(0)
                if payload[:1] == b"O" and payload != b"OK":
                    self.console += bytes.fromhex(expanded(payload[1:]).decode()).decode()
                    continue
                return payload if payload[:1] in (b"m", b"l") else expanded(payload)
            data = self.socket.recv(4096)
            if not data:
                raise EOFError("the server closed the connection")
            for item in self._reader.feed(data):
                if isinstance(item, Packet):
                    self._replies.append(item.payload)
                    if self.acknowledges:
                        self.socket.sendall(b"+")
                else:
                    self.signs.append(item)

    def monitor(self, text: str) -> str:
        """What a monitor command prints."""
        self.console = ""
        assert self.ask(b"qRcmd," + text.encode().hex().encode()) == b"OK"
        return self.console

    def register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}").decode()), "little")

    def memory(self, address: int, size: int) -> bytes:
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}").decode())


@contextmanager
def connected(machine: emu.Machine, guest: str = "") -> Iterator[tuple[Client, list[Stub]]]:
    """A client of a machine; the list gets the stub when the conversation has ended."""
    ours, theirs = socket.socketpair()
    stubs: list[Stub] = []
    thread = threading.Thread(target=lambda: stubs.append(converse(machine, theirs, guest)), daemon=True)
    thread.start()
    try:
        yield Client(ours), stubs
    finally:
        ours.close()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server hangs"
        assert stubs, "the server broke"


def wait_for_more_than(instructions: int, machine: emu.Machine) -> None:
    """Until the guest, which runs on the conversation's thread, has executed more than that."""
    deadline = time.monotonic() + PATIENCE
    while machine.instructions <= instructions:
        assert time.monotonic() < deadline, "the guest does not run"
        time.sleep(0.001)
