"""The local HTTP gateway's responses to browsers: to preflights and to requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from deploy.preflight import METHODS, REQUEST_HEADERS
from sim.local_cloud.gateways import Gateways, create_gateways
from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION

PAGE = "http://127.0.0.1:8090"
PATHS = ("/tickets", "/shares/tickets", "/deliveries/D-1", "/trucks/T-1/track?from=x")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint


def gateways(url: str, *allowed: str) -> Gateways:
    client = local_session(REGION).client("apigatewayv2", endpoint_url=url)
    return create_gateways(
        client,
        endpoint_url=url,
        route_selection="$request.body.action",
        allowed_origins=allowed,
    )


def preflight(made: Gateways, path: str, origin: str) -> urllib3.BaseHTTPResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return urllib3.request("OPTIONS", made.server_url + path, headers=headers, retries=False)


def listed(response: urllib3.BaseHTTPResponse, header: str) -> set[str]:
    return {one.strip().lower() for one in response.headers.get(header, "").split(",")}


@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_an_allowed_origin_may_send_requests(url: str, path: str) -> None:
    response = preflight(gateways(url, "https://other.example", PAGE), path, PAGE)

    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert listed(response, "Access-Control-Allow-Methods") == {one.lower() for one in METHODS}
    assert listed(response, "Access-Control-Allow-Headers") == set(REQUEST_HEADERS)
    assert response.headers["Access-Control-Max-Age"] == "3600"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", PAGE + "1"])
def test_a_page_of_another_origin_may_not_send_requests(url: str, origin: str) -> None:
    response = preflight(gateways(url, PAGE), "/tickets", origin)

    assert "Access-Control-Allow-Origin" not in response.headers


def test_any_page_may_send_requests_if_all_origins_are_allowed(url: str) -> None:
    response = preflight(gateways(url, "*"), "/tickets", PAGE)

    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (204, "*")


def test_no_page_may_send_requests_if_no_origins_are_allowed(url: str) -> None:
    response = preflight(gateways(url), "/tickets", PAGE)

    assert "Access-Control-Allow-Origin" not in response.headers
