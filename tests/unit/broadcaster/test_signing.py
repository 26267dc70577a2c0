from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.sender import Payload
from broadcaster.signing import Credentials, PostSigner

NOW_MS = 1_795_503_168_120

URLS = [
    "https://abc123.execute-api.ap-northeast-2.amazonaws.com/live",
    "https://abc123.execute-api.ap-northeast-2.amazonaws.com/live/",
    "http://127.0.0.1:4566/_aws/execute-api/a1b2/live",
    "https://push.example.com",
]


def botocores_authorization(
    url: str, payload: bytes, credentials: Credentials, now_ms: int, method: str = "POST"
) -> str:
    request = AWSRequest(method=method, url=url, data=payload)
    signer = SigV4Auth(
        BotocoreCredentials(
            credentials.access_key, credentials.secret_key, credentials.token or None
        ),
        "execute-api",
        "ap-northeast-2",
    )
    moment = datetime.fromtimestamp(now_ms // 1000, UTC).replace(tzinfo=None)
    # The oracle reads its own clock: the one place here where it must be given the time.
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        signer.add_auth(request)
    return str(request.headers["Authorization"])


@given(
    management_url=st.sampled_from(URLS),
    connection_id=st.one_of(
        st.from_regex(r"[A-Za-z0-9+/=_-]{4,20}", fullmatch=True), st.text(min_size=1, max_size=20)
    ).filter(lambda text: text not in {".", ".."}),
    payload=st.binary(max_size=100),
    token=st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9+/=]{8,40}", fullmatch=True)),
    later_s=st.integers(0, 200_000),
    method=st.sampled_from(["POST", "DELETE"]),
)
def test_the_signature_equals_botocores(
    management_url: str,
    connection_id: str,
    payload: bytes,
    token: str | None,
    later_s: int,
    method: str,
) -> None:
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token)
    signer = PostSigner(management_url, "ap-northeast-2")
    now_ms = NOW_MS + later_s * 1000

    path = signer.path(connection_id)
    headers = signer.headers(path, Payload.of(payload), credentials, now_ms, method=method)

    url = f"{urlsplit(management_url).scheme}://{signer.host}{path}"
    assert headers["Authorization"] == botocores_authorization(
        url, payload, credentials, now_ms, method
    )
    assert headers.get("X-Amz-Security-Token") == token


def test_the_cached_key_changes_with_the_day_and_the_credentials() -> None:
    signer = PostSigner(URLS[0], "ap-northeast-2")
    payload = Payload.of(b"hello")
    moments = [
        (NOW_MS, Credentials("A", "s")),
        (NOW_MS + 86_400_000, Credentials("A", "s")),
        (NOW_MS + 86_400_000, Credentials("B", "other", "token")),
        (NOW_MS, Credentials("A", "s")),
    ]

    for now_ms, credentials in moments:
        path = signer.path("L0SM9cOFvHcCIhw=")
        headers = signer.headers(path, payload, credentials, now_ms)

        expected = botocores_authorization(
            f"{URLS[0]}/@connections/L0SM9cOFvHcCIhw%3D", b"hello", credentials, now_ms
        )
        assert headers["Authorization"] == expected


def test_a_connections_address_is_the_one_that_the_sdk_uses() -> None:
    signer = PostSigner("https://abc.example.com/live/", "eu-west-1")

    assert signer.host == "abc.example.com"
    assert signer.path("L0SM9c+F/Hw=") == "/live/@connections/L0SM9c%2BF%2FHw%3D"
