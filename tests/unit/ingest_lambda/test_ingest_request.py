from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any

import pytest

from ingest_lambda.request import NotATruckError, sender_of, unpacked_body
from rtdts.ingest.packed_bodies import BodyTooLargeError, NotUnpackableError

LIMIT_BYTES = 10_000


def event_of(body: bytes, content_type: str = "application/gzip") -> dict[str, Any]:
    return {
        "headers": {"content-type": content_type},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def unpacked(event: dict[str, Any]) -> bytes:
    return unpacked_body(event, max_bytes=LIMIT_BYTES)


def claimed(**claims: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"jwt": {"claims": claims}}}}


def test_the_identity_claim_names_the_truck() -> None:
    event = claimed(role="truck", sub="someone", vehicle="T-1")

    assert sender_of(event, identity_claim="vehicle").truck_id == "T-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "customer", "sub": "C-1"},
        {"role": "dispatcher", "sub": "T-1"},
        {"role": "[truck dispatcher]", "sub": "T-1"},
        {"role": "Truck", "sub": "T-1"},
        {"sub": "T-1"},
        {"role": "truck"},
        {"role": "truck", "sub": ""},
    ],
)
def test_a_client_that_is_no_truck_is_rejected(claims: dict[str, str]) -> None:
    with pytest.raises(NotATruckError):
        sender_of(claimed(**claims), identity_claim="sub")


def test_a_text_body_is_returned_unchanged() -> None:
    event = {"headers": {"content-type": "application/json"}, "body": "{}"}

    assert unpacked(event) == b"{}"
    assert unpacked(event | {"isBase64Encoded": False}) == b"{}"


def test_bytes_of_another_content_type_are_returned_unchanged() -> None:
    assert unpacked(event_of(b"{}", "application/x-www-form-urlencoded")) == b"{}"
    assert unpacked(event_of(b"{}") | {"headers": None}) == b"{}"


def test_a_missing_body_is_an_empty_body() -> None:
    assert unpacked({"headers": {}, "isBase64Encoded": False}) == b""


@pytest.mark.parametrize(
    "content_type", ["application/gzip", "Application/GZIP; charset=utf-8", "application/x-gzip"]
)
def test_gzip_is_unpacked(content_type: str) -> None:
    assert unpacked(event_of(gzip.compress(b'{"a":1}'), content_type)) == b'{"a":1}'


def test_the_limit_counts_unpacked_bytes() -> None:
    fits, too_large = b"x" * LIMIT_BYTES, b"x" * (LIMIT_BYTES + 1)

    assert unpacked(event_of(gzip.compress(fits))) == fits
    assert unpacked(event_of(fits, "text/plain")) == fits
    with pytest.raises(BodyTooLargeError):
        unpacked(event_of(gzip.compress(too_large)))
    with pytest.raises(BodyTooLargeError):
        unpacked(event_of(too_large, "text/plain"))
    with pytest.raises(BodyTooLargeError):
        unpacked({"headers": {}, "body": "é" * (LIMIT_BYTES // 2 + 1)})


def test_a_gzip_bomb_is_never_unpacked_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked_sizes: list[int] = []

    class Watched:
        def __init__(self, wbits: int) -> None:
            self._inner = zlib_decompressobj(wbits)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            unpacked_sizes.append(len(part := self._inner.decompress(data, max_length)))
            return part

    zlib_decompressobj = zlib.decompressobj
    bomb = gzip.compress(bytes(50_000_000), compresslevel=1)
    monkeypatch.setattr("rtdts.ingest.packed_bodies.zlib.decompressobj", Watched)

    with pytest.raises(BodyTooLargeError):
        unpacked(event_of(bomb))
    assert unpacked_sizes == [LIMIT_BYTES + 1]


WHOLE = gzip.compress(b'{"truck_id":"T-1"}', mtime=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        WHOLE[:-1],
        WHOLE[:5],
        WHOLE + b"more",
        WHOLE + WHOLE,
        WHOLE[:-8] + bytes(8),
        zlib.compress(b"{}"),
    ],
)
def test_a_body_that_is_not_one_complete_gzip_file_is_rejected(body: bytes) -> None:
    with pytest.raises(NotUnpackableError):
        unpacked(event_of(body))


@pytest.mark.parametrize("text", ["é", "{}", "abc"])
def test_a_body_that_is_not_base64_is_rejected(text: str) -> None:
    with pytest.raises(NotUnpackableError):
        unpacked({"headers": {}, "body": text, "isBase64Encoded": True})
