"""The connection to OpenSearch, and the only place that distinguishes its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoResponse
from opensearchpy.exceptions import SerializationError, TransportError

from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.search_settings import SearchSettings

_PASSING_STATUSES = frozenset({403, 408, 413, 429, 500, 502, 503, 504})
"""Statuses of temporary errors. A node with a full disk responds 403
(`cluster_block_exception`)."""

STORES_OWN_FAULTS = frozenset(
    {
        # The index can't be created: the error carries the status of the cause.
        "index_creation_exception",
        # The day's index is closed. An operator did that, and can open it again.
        "index_closed_exception",
        # Two requests created the day's index at the same time.
        "resource_already_exists_exception",
        # The cluster has its maximum of shards: the day's index can't be created.
        "validation_exception",
    }
)
"""Types of errors with status 400 that do not depend on the document or the request: the same
request may succeed later."""


def connect(
    url: str, *, auth: str = "none", region: str | None = None, timeout_s: float = 30.0
) -> OpenSearch:
    """Creates a client; sends nothing yet.

    The client never retries: the caller has a deadline and decides.

    Args:
        url: ``http://host:port`` or ``https://host``.
        auth: ``sigv4`` signs with the AWS credentials of the process; ``none`` sends no
            credentials.
        region: The domain's region; required for signing.
        timeout_s: Longest wait for a response, in seconds.

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
        http_compress=url.startswith("https://"),  # on one machine it would only cost time
        pool_maxsize=12,
        **options,
    )


def connect_by(settings: SearchSettings, *, timeout_s: float = 30.0) -> OpenSearch:
    """Creates a client as `connect` does, from a deployable's settings."""
    return connect(
        settings.opensearch_url,
        auth=settings.opensearch_auth,
        region=settings.region,
        timeout_s=timeout_s,
    )


@contextmanager
def translating_errors(operation: str) -> Iterator[None]:
    """Turns temporary errors into `StoreUnavailable`; others (a bug) pass through unchanged."""
    try:
        yield
    except NoResponse as error:
        raise StoreUnavailable(operation, None, str(error)) from error
    except TransportError as error:
        status = error.status_code if isinstance(error.status_code, int) else None
        if status not in _PASSING_STATUSES and error.error not in STORES_OWN_FAULTS:
            raise
        raise StoreUnavailable(operation, status, str(error)) from error
    except SerializationError as error:  # with a 200: something in between cut or replaced the body
        raise StoreUnavailable(operation, None, f"unreadable response: {error}") from error


def _signer(region: str | None) -> object:
    import boto3  # only when requests are signed: a test against a plain node does not need it
    from opensearchpy import Urllib3AWSV4SignerAuth

    if region is None:
        raise ValueError("signing needs a region")
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise ValueError("signing needs AWS credentials")
    return Urllib3AWSV4SignerAuth(credentials, region, "es")
