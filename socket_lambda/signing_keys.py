"""The identity provider's public keys, found by OIDC discovery and kept for a while.

1. A token names its key. An unknown key may be new, so the keys are fetched again, but not more
   often than every `REFETCH_AFTER_S`: any client can send tokens with invented key names.
2. When keys are due to be fetched again and the fetch fails, the old ones stay in use: viewers must
   not be locked out because the identity provider is unavailable for a while.
3. While there are no keys at all and the provider is unavailable, the fetch is not tried again
   for `REFETCH_AFTER_S` either: otherwise each token, also a forged one, would hold an instance for
   two timeouts, and viewers with a ticket, which needs no key, would wait for one.
4. Keys are fetched over TLS, and redirects are rejected: with a key from elsewhere, every token
   that its owner signs would be valid.

Why not PyJWT's `PyJWKClient` (2.15): it does not do 2. It discards its set of keys when their
lifespan ends, and a subclass that returns the old set has it cached as fresh for another lifespan.
It does no discovery and accepts plain http. It has no cooldown after a failed fetch, so while the
provider is unavailable every invented key name costs a full timeout.
"""

from __future__ import annotations

import ipaddress
import json
import math
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import jwt

from rtdts.runtime.logs import Logger

DISCOVERY_PATH = "/.well-known/openid-configuration"
REFETCH_AFTER_S = 10.0
FETCH_TIMEOUT_S = 3.0
_MAX_BYTES = 1_000_000


class KeysUnavailable(Exception):  # noqa: N818 - named for what happened
    """The identity provider is unavailable, or its response is invalid: not the token's fault."""


class FetchJson(Protocol):
    """Gets a JSON document.

    Raises:
        KeysUnavailable: It can't be fetched.
    """

    def __call__(self, url: str) -> Mapping[str, Any]:
        """Gets the document at a URL."""


class SigningKeys:
    """Finds the key with which a token should have been signed.

    Args:
        cached_s: How long keys are used before they are fetched again; a key that the provider has
            withdrawn stays valid that long.
        fetch: Gets a JSON document.
    """

    def __init__(
        self,
        issuer: str,
        *,
        cached_s: float,
        fetch: FetchJson,
        monotonic_s: Callable[[], float],
        log: Logger,
    ) -> None:
        self._issuer = issuer
        self._cached_s = cached_s
        self._fetch = fetch
        self._monotonic_s = monotonic_s
        self._log = log
        self._keys: dict[str, jwt.PyJWK] | None = None
        self._fetched_at_s = 0.0
        self._tried_at_s = -math.inf

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """Returns the key of this name; None when the provider has no such key.

        Raises:
            KeysUnavailable: There are no keys to search.
        """
        if self._keys is None:
            if self._has_just_tried():
                raise KeysUnavailable("they could not be fetched a moment ago")
            self._keys = self._renewed()
        elif self._is_due(key_id, self._keys):
            try:
                self._keys = self._renewed()
            except KeysUnavailable as error:
                self._log.warning("keys_not_renewed", error=str(error))
        return self._keys.get(key_id)

    def _is_due(self, key_id: str, keys: Mapping[str, jwt.PyJWK]) -> bool:
        if self._has_just_tried():
            return False
        return key_id not in keys or self._monotonic_s() - self._fetched_at_s >= self._cached_s

    def _has_just_tried(self) -> bool:
        return self._monotonic_s() - self._tried_at_s < REFETCH_AFTER_S

    def _renewed(self) -> dict[str, jwt.PyJWK]:
        self._tried_at_s = self._monotonic_s()
        configuration = self._fetch(self._issuer.rstrip("/") + DISCOVERY_PATH)
        if configuration.get("issuer") != self._issuer:
            raise KeysUnavailable(f"{self._issuer} says that it is another issuer")
        keys = _usable(self._fetch(str(configuration.get("jwks_uri", ""))))
        self._fetched_at_s = self._tried_at_s
        return keys


def _usable(key_set: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    documents = key_set.get("keys")
    keys: dict[str, jwt.PyJWK] = {}
    for document in documents if isinstance(documents, list) else ():
        try:
            if document["kty"] == "RSA" and document.get("use", "sig") == "sig":
                keys[str(document["kid"])] = jwt.PyJWK(document, algorithm="RS256")
        except (AttributeError, KeyError, TypeError, jwt.PyJWTError):
            continue  # one unreadable key does not affect the others
    return keys


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error: the check of the URL does not cover the redirect's target."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirects)


def fetch_json(url: str) -> Mapping[str, Any]:
    """Gets a JSON object over HTTPS; over plain HTTP from this machine's loopback only.

    Raises:
        KeysUnavailable: It can't be fetched.
    """
    if not _is_trusted(url):
        raise KeysUnavailable(f"{url!r} is not an https URL")
    try:
        with _OPENER.open(url, timeout=FETCH_TIMEOUT_S) as response:
            document = json.loads(response.read(_MAX_BYTES))
    except (OSError, ValueError) as error:
        raise KeysUnavailable(f"{url}: {error}") from error
    if not isinstance(document, dict):
        raise KeysUnavailable(f"{url} is not a JSON object")
    return document


def _is_trusted(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "https" or (
            parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
        )
    except ValueError:  # not a URL, or a host that is not an address
        return False
