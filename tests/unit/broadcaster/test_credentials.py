from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from botocore.credentials import ReadOnlyCredentials

from broadcaster.credentials import CachedCredentials, NoCredentialsError
from broadcaster.signing import Credentials
from broadcaster.threads import Threads
from rtdts.runtime.logs import Logger
from tests.fakes.fake_clock import FakeClock


def keys(access_key: str) -> ReadOnlyCredentials:
    return ReadOnlyCredentials(access_key, "secret", "token")


class Enough(Exception):  # noqa: N818 - not an error
    pass


async def test_credentials_are_cached_and_the_last_ones_stay_in_use_when_a_refresh_fails() -> None:
    responses: Iterator[ReadOnlyCredentials | OSError] = iter(
        [keys("first"), OSError("metadata unavailable"), keys("second")]
    )
    written, clock = io.StringIO(), FakeClock()

    def read() -> ReadOnlyCredentials:
        response = next(responses)
        if isinstance(response, OSError):
            raise response
        return response

    kept = CachedCredentials(read, Threads(1, "test"))
    with pytest.raises(NoCredentialsError):
        kept.current()
    await kept.refresh()
    seen = []

    async def sleep(seconds: float) -> None:
        seen.append(kept.current())
        if len(seen) == 3:
            raise Enough
        await clock.sleep(seconds)

    with pytest.raises(Enough):
        await kept.keep_refreshing(Logger("broadcaster", written), sleep)

    first, second = (
        Credentials("first", "secret", "token"),
        Credentials("second", "secret", "token"),
    )
    assert seen == [first, first, second]
    assert "credentials_not_renewed" in written.getvalue()
