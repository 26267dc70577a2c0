"""Where a page of a track ends; what OpenSearch finds is the contract test's."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rtdts.position_store.track_pages import TrackPages
from rtdts.tracking.instants import format_instant

AT_MS = 1_795_504_200_000


class Hits:
    """Finds as many points of one moment as are requested."""

    def search(self, *, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        source = {"event_at": format_instant(AT_MS), "location": {"lat": 35.1, "lon": 129.1}}
        return {"hits": {"hits": [{"_id": str(n), "_source": source} for n in range(body["size"])]}}


@pytest.mark.parametrize(
    ("to_ms", "next_ms"), [(AT_MS + 1, None), (AT_MS + 2, AT_MS + 1), (AT_MS + 9, AT_MS + 1)]
)
def test_after_a_page_full_of_points_of_one_moment_the_next_page_begins_1_ms_later(
    to_ms: int, next_ms: int | None
) -> None:
    pages = TrackPages(cast("Any", Hits()))

    page = pages.page("T-1", from_ms=AT_MS - 1, to_ms=to_ms, limit=3)

    assert len(page.points) == 3
    assert page.next_ms == next_ms
