"""The raw log in memory."""

from __future__ import annotations

from collections.abc import Sequence

from rtdts.position_store.bulk import Fate, ItemOutcome
from rtdts.position_store.raw_log import RawDocument


class FakeRawLog:
    """Stands for `RawLog`; returns the scripted responses, then accepts everything.

    Attributes:
        calls: The documents of each call.
        held: The documents that were accepted.
    """

    def __init__(self, *responses: Sequence[Fate] | Exception) -> None:
        self._responses = list(responses)
        self.calls: list[list[RawDocument]] = []
        self.held: list[RawDocument] = []

    def index(self, documents: Sequence[RawDocument]) -> list[ItemOutcome]:
        self.calls.append(list(documents))
        response = self._responses.pop(0) if self._responses else [Fate.WRITTEN] * len(documents)
        if isinstance(response, Exception):
            raise response
        self.held += [
            one for one, fate in zip(documents, response, strict=True) if fate is Fate.WRITTEN
        ]
        return [ItemOutcome(fate=fate, reason=fate.value) for fate in response]
