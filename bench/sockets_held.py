"""Messages to many real sockets, through a gateway's HTTP, beside servers that hold them.

The cost of a message is the CPU time of all processes that send it. For ours these are the
broadcaster's poster, which signs and posts each message by itself, and the local gateway, which
checks and forwards it. The others need no second process: a plain server of `websockets` sends to
the sockets that it holds, by its `broadcast` (one message for all) and to each by itself (each
viewer has a different message). Messages are published to Centrifugo over HTTP: one message for all
in a channel, and one to each viewer's own channel, a hundred per request. The clients, which only
count, are in a separate process and not in the cost.

CPU times are per process, so they are valid on a busy machine too.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import centrifugo
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.line_process import LineProcess
from bench.posting import MESSAGE
from bench.socket_processes import API, STAGE

SOCKETS: Final = (10_000, 1_000)
ROUNDS: Final = 4
"""Number of rounds; the first one only warms up."""
PUBLISHED_AT_ONCE: Final = 100
_PATH: Final = f"/_aws/execute-api/{API}/{STAGE}"
_KB: Final = 1_024

_Request = tuple[str, Any]
"""A path of Centrifugo's API, and the body that is sent to it."""


@dataclass(frozen=True)
class _Cost:
    """The cost of one way to reach sockets.

    Attributes:
        us: CPU microseconds per message, by process.
        socket_bytes: Memory of the server per socket.
    """

    us: dict[str, float]
    socket_bytes: float

    @property
    def rate(self) -> float:
        """Messages per second of one core."""
        return 1e6 / max(sum(self.us.values()), 0.001)


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    if not Path("/proc/self/stat").exists():
        raise CannotMeasureError("only Linux reports the CPU time of another process")
    sizes = (60, 20) if quick else SOCKETS
    first, *others = sizes
    ours = {size: _ours(size, print_line) for size in sizes}
    ways = {
        "websockets, each by itself": _plain("each", first, print_line),
        "websockets' broadcast, one message for all": _plain("broadcast", first, print_line),
    }
    with contextlib.suppress(_ContenderUnavailable):
        ways |= _centrifugo(first, quick, print_line)
    unit = f"messages/s per core, to {first:,} sockets"
    usual, *more = ways
    yield beside("sockets_held", ours[first].rate, unit, usual, ways[usual].rate)
    for name in more:
        label = "_".join(name.split(",")[0].replace("'", " ").split())
        label += "_for_all" if "for all" in name else ""
        yield beside(f"sockets_held.beside_{label}", ours[first].rate, unit, name, ways[name].rate)
    for size in others:
        yield Figure(
            name=f"sockets_held.{size}",
            value=ours[size].rate,
            unit=f"messages/s per core, to {size:,} sockets",
        )
    for process, us in ours[first].us.items():
        yield Figure(name=f"sockets_held_cpu.{process}", value=us, unit="µs per message")
    yield beside(
        "sockets_held_bytes",
        ours[first].socket_bytes,
        "bytes of the gateway per socket",
        usual,
        ways[usual].socket_bytes,
    )


class _ContenderUnavailable(Exception):  # noqa: N818 - what it is: a run without a contender
    """A contender is not available."""


def _ours(count: int, print_line: PrintLine) -> _Cost:
    with _Role("gateway") as gateway:
        port = int(gateway.line())
        idle_kb = _memory_kb(gateway.pid)
        with _Receivers(f"ws://127.0.0.1:{port}{_PATH}", count, "{}") as receivers:
            held_kb = _memory_kb(gateway.pid) - idle_kb
            with _Role("post", f"http://127.0.0.1:{port}{_PATH}") as poster:
                poster.print_line(json.dumps(receivers.firsts))
                poster.line()
                print_line(f"ours holds {count:,} sockets")

                def send() -> float:
                    poster.print_line("go")
                    return float(poster.line())

                us = _measure(count, {"poster": send}, {"gateway": gateway.pid}, receivers)
    return _Cost(us, held_kb * _KB / count)


def _plain(mode: str, count: int, print_line: PrintLine) -> _Cost:
    with _Role("plain", mode) as server:
        port = int(server.line())
        idle_kb = _memory_kb(server.pid)
        with _Receivers(f"ws://127.0.0.1:{port}/", count, "{}") as receivers:
            held_kb = _memory_kb(server.pid) - idle_kb
            print_line(f"a plain server holds {count:,} sockets")

            def send() -> float:
                server.print_line("go")
                server.line()
                return 0.0

            us = _measure(count, {"requests": send}, {"server": server.pid}, receivers)
    return _Cost({"server": us["server"]}, held_kb * _KB / count)


def _centrifugo(count: int, quick: bool, print_line: PrintLine) -> dict[str, _Cost]:
    try:
        if quick and "CENTRIFUGO" not in os.environ:
            raise CannotMeasureError("a quick run builds nothing")
        program = centrifugo.find_or_build(print_line)
    except CannotMeasureError as error:
        print_line(f"without Centrifugo, which is not available: {error}")
        raise _ContenderUnavailable from error
    for_all: list[_Request] = [("publish", {"channel": "all", "data": json.loads(MESSAGE)})]
    costs = {}
    for name, hello, requests in (
        (
            "Centrifugo, each in its own channel",
            '{"subs":{"v{n}":{}}}',
            _publish_to_each(count),
        ),
        ("Centrifugo, one message for all", '{"subs":{"all":{}}}', for_all),
    ):
        with (
            tempfile.TemporaryDirectory() as folder,
            centrifugo.running(program, Path(folder)) as (pid, port),
        ):
            idle_kb = _memory_kb(pid)
            url = f"ws://127.0.0.1:{port}{centrifugo.SOCKETS_PATH}"
            with _Receivers(url, count, hello) as receivers:
                held_kb = _memory_kb(pid) - idle_kb
                print_line(f"Centrifugo holds {count:,} sockets")
                bodies = [(path, json.dumps(body)) for path, body in requests]
                publish = _publisher(port, bodies)
                us = _measure(count, {"poster": publish}, {"server": pid}, receivers)
        costs[name] = _Cost(us, held_kb * _KB / count)
    return costs


def _publish_to_each(count: int) -> list[_Request]:
    data = json.loads(MESSAGE)
    commands = [{"publish": {"channel": f"v{n}", "data": data}} for n in range(count)]
    return [
        ("batch", {"commands": commands[start : start + PUBLISHED_AT_ONCE]})
        for start in range(0, count, PUBLISHED_AT_ONCE)
    ]


def _publisher(port: int, bodies: list[tuple[str, str]]) -> Callable[[], float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def publish() -> float:
        started_s = time.process_time()
        for path, body in bodies:
            connection.request("POST", f"/api/{path}", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            if response.status != 200 or b'"error"' in text:
                raise CannotMeasureError(f"Centrifugo: {response.status} {text[:200]!r}")
        return time.process_time() - started_s

    return publish


def _measure(
    count: int,
    senders: dict[str, Callable[[], float]],
    servers: dict[str, int],
    receivers: _Receivers,
) -> dict[str, float]:
    """CPU microseconds per message: senders report their own, the servers' is read from outside."""
    us: dict[str, list[float]] = {name: [] for name in (*senders, *servers)}
    for turn in range(ROUNDS):
        before_s = {name: _cpu_s(pid) for name, pid in servers.items()}
        spent_s = {name: send() for name, send in senders.items()}
        receivers.wait(count)
        spent_s |= {name: _cpu_s(pid) - before_s[name] for name, pid in servers.items()}
        if turn:
            for name, seconds in spent_s.items():
                us[name].append(seconds / count * 1e6)
    return {name: statistics.median(values) for name, values in us.items()}


class _Role(LineProcess):
    """A process of `bench.socket_processes`."""

    def __init__(self, *arguments: str) -> None:
        super().__init__("bench.socket_processes", *arguments)


class _Receivers(_Role):
    """Clients that count."""

    def __init__(self, url: str, count: int, hello: str) -> None:
        super().__init__("receive", url, str(count), hello)
        self.firsts: list[str] = json.loads(self.line())

    def wait(self, count: int) -> None:
        """Returns when a number of messages have come since the last call."""
        self.print_line(str(count))
        self.line()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


BENCHMARK = Benchmark(
    name="sockets_held", title="messages to 10,000 sockets, beside servers that hold them", run=run
)
