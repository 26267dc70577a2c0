"""The effect of one fix outside a geofence on a stay inside it."""

from __future__ import annotations

import pytest

from rtdts.tracking.fixes import fix_of
from rtdts.tracking.presence import FenceEvidence, PresenceRules, is_far, observe_fence, stay
from tests.support.consumer_world import ORIGIN, START_MS, point

RULES = PresenceRules()
DWELL_S = 60.0
STAY = FenceEvidence(START_MS, "T-1:0", START_MS + 100_000, RULES.max_sum)
"""The stay of a truck that has stood there for long."""


def after_a_fix(east_m: float, accuracy_m: float, second: int = 110) -> FenceEvidence | None:
    seen = observe_fence(fix_of(point(second, east_m, accuracy_m=accuracy_m)), ORIGIN, RULES)
    return stay(STAY, seen.inside, seen, DWELL_S, RULES)


@pytest.mark.parametrize("east_m", [130.0, 250.0, 600.0])
def test_one_fix_outside_ends_no_stay(east_m: float) -> None:
    after = after_a_fix(east_m, 20.0)

    assert after is not None
    assert after.since_ms == STAY.since_ms
    assert 0 < after.sum < STAY.sum


def test_one_fix_far_outside_ends_a_stay_unless_it_is_poor() -> None:
    far = observe_fence(fix_of(point(110, 700.0, accuracy_m=20.0)), ORIGIN, RULES)

    assert is_far(far, RULES)
    assert after_a_fix(700.0, 20.0) is None
    assert after_a_fix(700.0, 100.0) is not None


def test_one_fix_outside_after_a_silence_as_long_as_a_dwell_ends_a_stay() -> None:
    assert after_a_fix(250.0, 20.0, second=160) is None
    assert after_a_fix(250.0, 20.0, second=159) is not None
