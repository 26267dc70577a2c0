"""Shares in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from rtdts.delivery_store.errors import DeliveryErased, TooManyShares
from rtdts.delivery_store.items import to_item
from rtdts.delivery_store.shares import ShareKey
from rtdts.delivery_store.socket_limits import Rate
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.shares import Share
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeShareStore:
    """Stands for `ShareStore`; its tokens end with s-0…01, s-0…02 …

    Attributes:
        finds: How often a token was looked up.
        writes: How often a write was made or tried.
        reads: The keys of each `get_many`.
        is_unavailable: Whether each read fails.
        before_read: Called before each `get_many` returns.
    """

    def __init__(self) -> None:
        self.finds = 0
        self.writes = 0
        self.reads: list[tuple[ShareKey, ...]] = []
        self.is_unavailable = False
        self.before_read: Callable[[], None] = lambda: None
        self.exists: Callable[[str], bool] = lambda _: True
        self._made = 0
        self._shares: dict[ShareKey, Share] = {}
        self._tokens: dict[str, ShareKey] = {}
        self._full_at_ms: dict[ShareKey, int] = {}

    def create(
        self,
        delivery: Delivery,
        *,
        created_by: str,
        expires_at_ms: int,
        max_shares: int,
        now_ms: int,
    ) -> tuple[Share, str]:
        there = self._list_shares(delivery.delivery_id)
        if sum(one.is_live(now_ms) for one in there) >= max_shares:
            raise TooManyShares(delivery.delivery_id, max_shares)
        if not self.exists(delivery.delivery_id):
            raise DeliveryErased(delivery.delivery_id)
        self._made += 1
        share = Share(
            delivery_id=delivery.delivery_id,
            share_id=f"{self._made:016x}",
            customer_since_version=delivery.customer_since_version,
            created_at_ms=now_ms,
            created_by=created_by,
            expires_at_ms=expires_at_ms,
        )
        token = f"{delivery.delivery_id}~s-{self._made:041}"
        return self.put(share, token), token

    def put(self, share: Share, token: str = "") -> Share:
        """Adds a share unchanged."""
        key = ShareKey(share.delivery_id, share.share_id)
        _check_size(share)
        self.writes += 1
        self._shares[key] = share
        if token:
            self._tokens[token] = key
        return share

    def by_token(self, token: str) -> Share | None:
        self.finds += 1
        self._check()
        key = self._tokens.get(token)
        return self._shares.get(key) if key is not None else None

    def get_many(self, keys: Iterable[ShareKey]) -> dict[ShareKey, Share]:
        expected = tuple(keys)
        self.reads.append(expected)
        self.before_read()
        self._check()
        return {key: self._shares[key] for key in expected if key in self._shares}

    def live_and_revoked(self, delivery_id: str, *, now_ms: int) -> list[Share]:
        self._check()
        kept = [one for one in self._list_shares(delivery_id) if now_ms < one.expires_at_ms]
        return sorted(kept, key=lambda one: (one.created_at_ms, one.share_id))

    def revoke(self, key: ShareKey, *, now_ms: int) -> bool:
        self.writes += 1
        share = self._shares.get(key)
        if share is None:
            return False
        if share.revoked_at_ms is None:
            revoked = msgspec.structs.replace(share, revoked_at_ms=now_ms)
            _check_size(revoked)
            self._shares[key] = revoked
        return True

    def acquire_ticket(self, key: ShareKey, rate: Rate, *, now_ms: int) -> bool:
        self.writes += 1
        share, full_at_ms = self._shares.get(key), self._full_at_ms.get(key, 0)
        last_ms = now_ms + (rate.burst - 1) * rate.ms_per_unit
        if share is None or share.revoked_at_ms is not None or full_at_ms > last_ms:
            return False
        used = msgspec.structs.replace(share, tickets=share.tickets + 1, last_used_at_ms=now_ms)
        _check_size(used)
        self._full_at_ms[key] = max(full_at_ms, now_ms) + rate.ms_per_unit
        self._shares[key] = used
        return True

    def _list_shares(self, delivery_id: str) -> list[Share]:
        return [one for key, one in self._shares.items() if key.delivery_id == delivery_id]

    def _check(self) -> None:
        if self.is_unavailable:
            raise client_error("InternalServerError")


def _check_size(share: Share) -> None:
    if code := breach("put_item", {"Item": to_item(share)}):
        raise client_error(code)
