"""Responses as they may arrive over a connection, cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.http_response import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    HttpResponse,
    MalformedResponseError,
    ResponseReader,
)

GONE = (
    b"HTTP/1.1 410 Gone\r\nContent-Type: application/json\r\nx-amzn-ErrorType: GoneException\r\n"
    b'Content-Length: 16\r\n\r\n{"message":null}'
)
CHUNKED = (
    b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n0C\r\n, world\r\n...\r\n0\r\nX-Trailer: 1\r\n\r\n"
)


def read(*pieces: bytes) -> HttpResponse:
    reader = ResponseReader()
    responses = [reader.feed(piece) for piece in pieces]
    assert responses[:-1] == [None] * (len(pieces) - 1)
    assert responses[-1] is not None
    return responses[-1]


def test_a_response_with_a_content_length_is_parsed() -> None:
    response = read(GONE)

    assert (response.status, response.body, response.is_reusable) == (
        410,
        b'{"message":null}',
        True,
    )
    assert response.header("X-Amzn-ErrorType") == "GoneException"
    assert response.header("x-amzn") == ""


def test_a_chunked_response_is_parsed() -> None:
    response = read(CHUNKED)

    assert (response.status, response.body, response.is_reusable) == (
        400,
        b"hello, world\r\n...",
        True,
    )


@pytest.mark.parametrize("whole", [GONE, CHUNKED])
@given(cuts=st.lists(st.integers(1, len(GONE) - 1), unique=True, max_size=5))
def test_it_does_not_matter_where_the_bytes_are_cut(whole: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]

    assert read(*pieces) == read(whole)


def test_interim_responses_are_skipped() -> None:
    assert read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + GONE) == read(
        GONE
    )


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_responses_204_and_304_have_no_body_whatever_their_headers(status: bytes) -> None:
    response = read(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n")

    assert (response.body, response.is_reusable) == (b"", True)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = ResponseReader()

    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nsome") is None
    assert reader.feed(b" text") is None
    response = reader.end()

    assert response is not None
    assert (response.status, response.body, response.is_reusable) == (200, b"some text", False)


@pytest.mark.parametrize(
    ("head", "is_reusable"),
    [
        (b"HTTP/1.1 200\r\nContent-Length: 0", True),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0", False),
        (b"HTTP/1.1 200 OK\r\nX-Reason: close\r\nContent-Length: 0", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0", True),
    ],
)
def test_http_version_and_connection_header_decide_whether_the_connection_is_reusable(
    head: bytes, is_reusable: bool
) -> None:
    assert read(head + b"\r\n\r\n").is_reusable is is_reusable


def test_a_connection_with_bytes_after_the_response_is_not_reusable() -> None:
    assert read(GONE + b"HTTP/1.1 200 OK\r\n").is_reusable is False


def test_a_reader_parses_one_response_after_another() -> None:
    reader = ResponseReader()

    assert reader.feed(GONE) == reader.feed(GONE)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_HEAD_BYTES,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * MAX_BODY_BYTES + 1),
    ],
)
def test_malformed_and_oversized_responses_are_rejected_at_once(data: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        ResponseReader().feed(data)


@pytest.mark.parametrize("whole", [GONE, CHUNKED])
def test_a_connection_that_ends_within_a_response_is_an_error(whole: bytes) -> None:
    for end in range(1, len(whole)):
        reader = ResponseReader()
        assert reader.feed(whole[:end]) is None

        with pytest.raises(MalformedResponseError):
            reader.end()


def test_a_connection_that_ends_before_a_response_is_not_an_error() -> None:
    assert ResponseReader().end() is None
