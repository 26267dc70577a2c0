"""The connection to OpenSearch, and the one place where its errors are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoAnswer
from opensearchpy.exceptions import SerializationError, TransportError

from rtdts.position_store.errors import StoreUnavailable

_PASSING_STATUSES = frozenset({403, 408, 413, 429, 500, 502, 503, 504})
"""403 is here because a node whose disk is full answers `cluster_block_exception` with it."""

STORES_OWN_FAULTS = frozenset(
    {
        # An index that can't be made: its error carries the status of what went wrong with it.
        "index_creation_exception",
        # The day's index is closed. An operator did that, and can open it.
        "index_closed_exception",
        # Two requests made the day's index at once.
        "resource_already_exists_exception",
        # The cluster has as many shards as it may: the day's index can't be made.
        "validation_exception",
    }
)
"""Types of errors with status 400 that say nothing of the document or the request: it may succeed
later, as it is."""


def connect(
    url: str, *, auth: str = "none", region: str | None = None, timeout_s: float = 30.0
) -> OpenSearch:
    """A client; nothing is sent yet.

    It never tries again by itself: whoever calls has a deadline and decides.

    Args:
        url: ``http://host:port`` or ``https://host``.
        auth: ``sigv4`` signs with the AWS credentials of the process; ``none`` sends no login.
        region: Of the domain; needed to sign.
        timeout_s: Longest wait for an answer, in seconds.

    Raises:
        ValueError: Another `auth`; signing without a region, or without credentials in the process.
    """
    options: dict[str, Any] = {}
    if auth == "sigv4":
        options["http_auth"] = _signer(region)
    elif auth != "none":
        raise ValueError(f"no way to log in: {auth!r}")
    return OpenSearch(
        hosts=[url],
        timeout=timeout_s,
        max_retries=0,
        retry_on_timeout=False,
        http_compress=url.startswith("https://"),  # within one machine it only costs time
        pool_maxsize=12,
        **options,
    )


@contextmanager
def translating_errors(operation: str) -> Iterator[None]:
    """Turns what may pass into `StoreUnavailable`; what won't (a bug of ours) stays as it is."""
    try:
        yield
    except NoAnswer as error:
        raise StoreUnavailable(operation, None, str(error)) from error
    except TransportError as error:
        status = error.status_code if isinstance(error.status_code, int) else None
        if status not in _PASSING_STATUSES and error.error not in STORES_OWN_FAULTS:
            raise
        raise StoreUnavailable(operation, status, str(error)) from error
    except SerializationError as error:  # under a 200: something between has cut or replaced it
        raise StoreUnavailable(operation, None, f"unreadable answer: {error}") from error


def _signer(region: str | None) -> object:
    import boto3  # only where requests are signed: a test against a plain node needs none
    from opensearchpy import Urllib3AWSV4SignerAuth

    if region is None:
        raise ValueError("signing needs a region")
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise ValueError("signing needs AWS credentials")
    return Urllib3AWSV4SignerAuth(credentials, region, "es")
