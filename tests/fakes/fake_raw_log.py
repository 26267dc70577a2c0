"""The raw log in memory."""

from __future__ import annotations

from collections.abc import Sequence

from rtdts.position_store.bulk import ItemOutcome, WriteResult
from rtdts.position_store.raw_log import RawDocument


class FakeRawLog:
    """Stands for `RawLog`; returns the scripted responses, then accepts everything.

    Attributes:
        calls: The documents of each call.
        accepted: The documents that were accepted.
    """

    def __init__(self, *responses: Sequence[WriteResult] | Exception) -> None:
        self._responses = list(responses)
        self.calls: list[list[RawDocument]] = []
        self.accepted: list[RawDocument] = []

    def index(self, documents: Sequence[RawDocument]) -> list[ItemOutcome]:
        self.calls.append(list(documents))
        response = (
            self._responses.pop(0) if self._responses else [WriteResult.WRITTEN] * len(documents)
        )
        if isinstance(response, Exception):
            raise response
        self.accepted += [
            one
            for one, result in zip(documents, response, strict=True)
            if result is WriteResult.WRITTEN
        ]
        return [ItemOutcome(result=result, reason=result.value) for result in response]
