"""Requests tokens from the environment's issuer."""

from __future__ import annotations

import json

import urllib3

from sim.environment import Environment

TIMEOUT_S = 10.0
_HINT = "is the local cloud running? start it with 'python -m sim up'"


class TokenError(Exception):
    """The issuer returned no token; the message says why."""


class TokenClient:
    """Tokens for trucks, customers and dispatchers. Thread-safe."""

    def __init__(self, *, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)

    @classmethod
    def of(cls, environment: Environment) -> TokenClient:
        """The client of an environment's own issuer.

        Raises:
            TokenError: The environment names no issuer.
        """
        if not environment.token_url:
            raise TokenError("this environment has no issuer of tokens (TOKEN_URL is not set)")
        return cls(url=environment.token_url, secret=environment.token_secret)

    def token(self, role: str, identity: str, *, ttl_s: int = 3600) -> str:
        """A token for one identity.

        Args:
            role: ``truck``, ``customer`` or ``dispatcher``.
            identity: The truck's, customer's or dispatcher's id.
            ttl_s: How long it is valid, in seconds.

        Raises:
            TokenError: The issuer can't be reached or rejects the request.
        """
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=json.dumps({"role": role, "identity": identity, "ttl_s": ttl_s}),
                headers={
                    "Authorization": f"Bearer {self._secret}",
                    "Content-Type": "application/json",
                },
                timeout=TIMEOUT_S,
            )
        except urllib3.exceptions.HTTPError as error:
            problem = f"the issuer of tokens at {self._url} doesn't respond"
            raise TokenError(f"{problem}: {self._hint() or error}") from error
        if response.status == 401 and self._hint():  # a different issuer has this port now
            raise TokenError(f"another issuer of tokens responds at {self._url}: {self._hint()}")
        if response.status != 200:
            raise TokenError(
                f"the issuer returned {response.status}: {response.data.decode()[:200]}"
            )
        return str(response.json()["access_token"])

    def _hint(self) -> str:
        """What to do when the issuer is a local cloud's: the file outlives the cloud."""
        return _HINT if self._url.startswith("http://127.0.0.1:") else ""
