from __future__ import annotations

import dataclasses
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from sim.local_cloud.ports import (
    HOST,
    PortInUseError,
    Ports,
    check_free,
    find_holder,
    free_port,
    free_ports,
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen()
        yield listening


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports()

    assert len(set(ports.named().values())) == len(dataclasses.fields(Ports))
    check_free(ports)


def test_free_ports_are_below_the_range_for_outgoing_connections() -> None:
    lowest_of_linux = 32_768

    assert max(free_ports().named().values()) < lowest_of_linux


def test_a_port_that_is_in_use_is_skipped(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    taken = listener.getsockname()[1]
    tried = iter([taken, taken, 21_000])
    monkeypatch.setattr("sim.local_cloud.ports.secrets.choice", lambda _: next(tried))
    monkeypatch.setattr("sim.local_cloud.ports._FREE_PORTS", {21_000})
    monkeypatch.setattr(
        "sim.local_cloud.ports.reserve", lambda _, port: 45_000 if port == taken else port
    )

    assert free_port() == 21_000


def test_a_free_port_is_reserved_until_its_server_binds_it() -> None:
    port = free_ports().opensearch

    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind((HOST, port))
    with socket.socket() as server:  # as servers open theirs
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, port))


def test_a_port_in_use_is_reported_with_its_part_and_a_remedy(listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    with pytest.raises(PortInUseError) as taken:
        check_free(dataclasses.replace(free_ports(), opensearch=port))

    assert (taken.value.part, taken.value.port) == ("opensearch", port)
    assert "--ports auto" in str(taken.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it (no command installs it)")
def test_the_process_that_uses_a_port_is_found(listener: socket.socket) -> None:
    assert f"process {os.getpid()} " in (find_holder(listener.getsockname()[1]) or "")


def test_a_free_port_is_in_use_by_no_process() -> None:
    assert find_holder(free_ports().ministack) is None
