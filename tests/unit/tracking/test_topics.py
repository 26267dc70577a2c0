from __future__ import annotations

import pytest

from rtdts.tracking.topics import (
    FLEET,
    SOCKET,
    delivery_of,
    delivery_topic,
    is_of_delivery,
    kind_and_name,
    socket_endpoint,
)


@pytest.mark.parametrize("delivery_id", ["D-1", "fleet", "delivery", "a.b_c-d"])
def test_a_topic_gives_back_its_delivery(delivery_id: str) -> None:
    topic = delivery_topic(delivery_id)

    assert delivery_of(topic) == delivery_id
    assert is_of_delivery(topic)
    assert topic != FLEET


@pytest.mark.parametrize("connection_id", ["JKJbWfMPLAMCJ1Q=", "a:b", ""])
def test_an_endpoint_gives_back_its_kind_and_its_connection(connection_id: str) -> None:
    assert kind_and_name(socket_endpoint(connection_id)) == (SOCKET, connection_id)


def test_a_topic_of_another_kind_is_not_accepted_as_a_delivery_topic() -> None:
    assert not is_of_delivery(FLEET)
    with pytest.raises(ValueError, match="fleet"):
        delivery_of(FLEET)
