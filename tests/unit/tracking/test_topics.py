from __future__ import annotations

import pytest

from rtdts.tracking.topics import (
    FLEET,
    connection_of,
    delivery_of,
    delivery_topic,
    is_of_delivery,
    socket_endpoint,
)


@pytest.mark.parametrize("delivery_id", ["D-1", "fleet", "delivery", "a.b_c-d"])
def test_a_topic_gives_back_its_delivery(delivery_id: str) -> None:
    topic = delivery_topic(delivery_id)

    assert delivery_of(topic) == delivery_id
    assert is_of_delivery(topic)
    assert topic != FLEET


def test_an_endpoint_gives_back_its_connection() -> None:
    assert connection_of(socket_endpoint("JKJbWfMPLAMCJ1Q=")) == "JKJbWfMPLAMCJ1Q="


def test_another_topic_or_endpoint_is_not_accepted_for_one() -> None:
    assert not is_of_delivery(FLEET)
    with pytest.raises(ValueError, match="fleet"):
        delivery_of(FLEET)
    with pytest.raises(ValueError, match="mail:a"):
        connection_of("mail:a")
