"""A minimal client of the HTTP API: it needs only a URL, a token and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.support.waiting import DEADLINE_S


@dataclass(frozen=True)
class HttpResponse:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class ApiClient:
    """Requests against one `ServerURL`; never retries, never follows redirects."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=DEADLINE_S)

    def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> HttpResponse:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        response = self._pool.request(method, self._server_url + path, body=data, headers=sent)
        return HttpResponse(response.status, dict(response.headers), response.data.decode())
