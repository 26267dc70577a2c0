"""The ports of the local cloud, all on 127.0.0.1: fixed ones for people, free ones for tests."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import secrets
import socket
from pathlib import Path

from ephemeral_port_reserve import reserve

HOST = "127.0.0.1"

# Below the ports that Linux uses for outgoing connections (32768 to 60999, ip(7):
# ip_local_port_range): one of those could take a free port before its part does.
_FREE_PORTS = range(20_000, 32_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ports:
    """The port of each part."""

    ministack: int = 4566
    socket_gateway: int = 4567
    opensearch: int = 9200
    identity_provider: int = 8099
    mqtt_broker: int = 1883
    web: int = 8090

    def named(self) -> dict[str, int]:
        """The ports by their part's name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


class PortInUseError(Exception):
    """Another program listens on the port of a part.

    Attributes:
        part: The part that needs the port.
        port: The port.
        holder: The process that holds it, if it is visible.
    """

    def __init__(self, part: str, port: int, holder: str | None) -> None:
        self.part = part
        self.port = port
        self.holder = holder
        by = f" by {holder}" if holder else ""
        super().__init__(
            f"port {port}, which {part} needs, is taken{by}.\n"
            "  End that program, or start on free ports:\n"
            "  python -m sim up --ports auto\n"
            '  DEMO_ARGS="--ports auto" make demo'
        )


def check_free(ports: Ports) -> None:
    """Checks that every port is available.

    Raises:
        PortInUseError: A port is in use.
    """
    for part, port in ports.named().items():
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
                listener.listen()  # only this detects another listener on all interfaces
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise
                raise PortInUseError(part, port, find_holder(port)) from problem


def free_port() -> int:
    """A port without a listener, reserved from other callers for a minute."""
    while True:
        port = int(reserve(HOST, secrets.choice(_FREE_PORTS)))
        if port in _FREE_PORTS:  # for one that is taken `reserve` returns any port of Linux's
            return port


def free_ports() -> Ports:
    """Free ports, all different."""
    found: set[int] = set()
    fields = dataclasses.fields(Ports)
    while len(found) < len(fields):
        found.add(free_port())
    return Ports(**dict(zip((field.name for field in fields), found, strict=True)))


def find_holder(port: int, proc: Path = Path("/proc")) -> str | None:
    """The process that listens on a port, if the system shows it (Linux)."""
    inodes = _listening_inodes(port, proc)
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's process, or one that has ended
            if any(str(fd.readlink()) in links for fd in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                return f"process {process.name} ({command[:80]})"
    return None


def _listening_inodes(port: int, proc: Path) -> set[str]:
    listening = "0A"
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                local_port = int(fields[1].rsplit(":", 1)[1], 16)
                if local_port == port and fields[3] == listening:
                    inodes.add(fields[9])
    return inodes
