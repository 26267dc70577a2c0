"""A share on the local cloud: what a page does with a link, and what the link does not open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from websockets.exceptions import InvalidStatus

from tests.end_to_end.test_contract_by_hand import Trip, api, dispatcher, instant, token, trip
from tests.support.asyncapi_schema import validate_message
from tests.support.http_client import ApiClient, HttpResponse
from tests.support.openapi_schema import validate_response
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

__all__ = ["api", "dispatcher", "token", "trip"]  # fixtures
PAGE = "http://127.0.0.1:8090"


class Link:
    """A share of a trip's delivery, and the page that has its link."""

    def __init__(self, trip: Trip, local_cloud: Any) -> None:
        self._trip = trip
        self._socket_url = local_cloud.environment.websocket_url
        self.path = f"/deliveries/{trip.delivery_id}/shares"
        made = trip.api("POST", self.path, token=trip.dispatcher, body={"expires_in_s": 3_600})
        assert made.status == 201, made.text
        self.share_id, self.token = made.json["share_id"], made.json["token"]

    def open(self, origin: str = PAGE) -> HttpResponse:
        return self._trip.api(
            "POST", "/shares/tickets", body={"token": self.token}, headers={"Origin": origin}
        )

    def socket(self, origin: str = PAGE) -> Viewer:
        return Viewer(self._socket_url, ticket=self.open().json["ticket"], origin=origin)

    def revoke(self) -> int:
        response = self._trip.api(
            "DELETE", f"{self.path}/{self.share_id}", token=self._trip.dispatcher
        )
        return response.status


@pytest.fixture
def link(trip: Trip, local_cloud: Any) -> Link:
    places: dict[str, Any] = {
        "origin": {**trip.plan()["origin"], "name": "Centum depot"},
        "stop_sequence": 1,
    }
    assert trip.put(**places).status == 201
    return Link(trip, local_cloud)


def test_a_link_shows_its_delivery_until_it_is_revoked(trip: Trip, link: Link) -> None:
    response = link.open()
    shown = validate_response("POST", "/shares/tickets", 201, response.headers, response.text)[
        "delivery"
    ]

    assert (shown["status"], shown["origin"]["name"]) == ("assigned", "Centum depot")
    assert (shown["stops_before"], shown["ended"]) == (0, False)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    with link.socket() as page:
        page.track(trip.delivery_id)
        snapshot = page.wait_for_type("snapshot")
        trip.post(trip.point(ago_s=20), trip.point(north_m=300, ago_s=10), trip.point(north_m=600))
        status = page.wait_for_type("status", status="en_route_to_pickup")
        position = page.wait_for(lambda one: one.get("position") is not None)
        for message in page.messages:
            validate_message(message)
        assert (snapshot["stops_before"], status["stops_before"]) == (0, 0)
        assert position["position"]["lat"] > 35.17

        assert link.revoke() == 204
        ended = page.wait_for_type("ended")
        assert ended["reason"] == "token_expired"
        trip.declare("picked_up", key="k")
        page.receive_pending()
        # A message may come twice, so the last one is another copy of it at most.
        assert page.messages[-1] == ended | {"sent_at": page.messages[-1]["sent_at"]}
    assert link.open().status == 404
    listed = trip.api("GET", link.path, token=trip.dispatcher).json["shares"]
    assert [one["tickets"] for one in listed] == [2]


def test_a_link_opens_no_other_delivery(
    api: ApiClient, token: Callable[..., str], dispatcher: str, link: Link, trip: Trip
) -> None:
    other = Trip(api, token, dispatcher)
    other.put()
    secret = link.token.partition("~")[2]
    guessed = api("POST", "/shares/tickets", body={"token": f"{other.delivery_id}~{secret}"})
    with link.socket() as page:
        page.track(other.delivery_id)
        rejected = page.wait_for_type("error", delivery_id=other.delivery_id)
    other.declare("cancelled", key="tidy-up")

    assert guessed.status == 404
    assert rejected["reason"] == "not_found"


def test_a_ticket_of_a_link_is_spent_by_one_socket(link: Link, local_cloud: Any) -> None:
    ticket = link.open().json["ticket"]
    url = local_cloud.environment.websocket_url
    with Viewer(url, ticket=ticket), pytest.raises(InvalidStatus) as caught:
        Viewer(url, ticket=ticket)

    assert caught.value.response.status_code == 401


def test_a_browser_may_request_a_ticket(local_cloud: Any) -> None:
    response = urllib3.request(
        "OPTIONS",
        f"{local_cloud.environment.server_url}/shares/tickets",
        headers={
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
        retries=False,
    )

    assert response.status == 204
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


def test_a_trucks_track_can_be_read_only_by_a_dispatcher(trip: Trip, link: Link) -> None:
    path = f"/trucks/{trip.truck_id}/track?from={instant(300)}&to={instant(-60)}"
    trip.post(*(trip.point(north_m=10 * n, ago_s=20 - n) for n in range(5)))

    def points() -> list[Any]:
        response = trip.api("GET", path, token=trip.dispatcher)
        page = validate_response(
            "GET", "/trucks/{truck_id}/track", response.status, response.headers, response.text
        )
        return list(page["points"])

    eventually(lambda: len(points()) == 5)
    at = [one["at"] for one in points()]
    assert at == sorted(at)
    assert trip.api("GET", path, token=trip.customer).status == 403
    assert trip.api("GET", path, token=trip.truck).status == 403
    assert trip.api("GET", path).status == 401
