"""A connection to the local AWS stays open for all requests that a client sends over it."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import running_ministack

REQUESTS = 1_010


def requests_until_close(url: str) -> int:
    """Returns how many of `REQUESTS` a connection serves before the server closes it."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    try:
        for count in range(1, REQUESTS + 1):
            connection.request("GET", "/_ministack/health")
            response = connection.getresponse()
            response.read()
            if response.will_close:
                return count
    finally:
        connection.close()
    return REQUESTS


def test_a_connection_to_ministack_serves_more_than_a_thousand_requests(tmp_path: Path) -> None:
    (tmp_path / "corrected").mkdir()
    with corrected_ministack(tmp_path / "corrected") as url:
        corrected = requests_until_close(url)
    (tmp_path / "plain").mkdir()
    with running_ministack(tmp_path / "plain") as url:
        plain = requests_until_close(url)

    assert corrected == REQUESTS
    assert plain < REQUESTS, "the correction is no longer needed"
