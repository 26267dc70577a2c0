"""Phones' apps as trucks: each app's own format in, the response that the app expects out.

A phone proves with its own secret which truck it is: OwnTracks by HTTP Basic authentication,
Traccar Client by its device identifier in the body. `TelemetryService` does the rest: blocks, quota
and the points themselves. Both apps send a message again until the response is 200, and all later
messages wait for it. So the response is also 200 for a message that a retry can't make valid; the
log has the reason.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from ingest_lambda.request import Sender, address_of, unpacked_body
from ingest_lambda.routes import POST_OWNTRACKS, POST_TRACCAR_CLIENT
from ingest_lambda.service import RETRY_AFTER_S, HandledRequest, TelemetryService
from rtdts.delivery_store.devices import Device
from rtdts.delivery_store.known_devices import DevicesUnavailableError, TooManyGuessesError
from rtdts.ingest.packed_bodies import BodyTooLargeError, NotUnpackableError
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.http_api import Response, json_response, over_quota, problem
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.tracking.blocks import Token
from rtdts.tracking.owntracks import owntracks_telemetry
from rtdts.tracking.telemetry import UnreadableBodyError
from rtdts.tracking.traccar_client import read_traccar_message, traccar_telemetry

MAX_BODY_BYTES: Final = 65_536
"""A message holds one position; it is read before its sender is known."""
_DO_NOT_RESEND = (HTTPStatus.ACCEPTED, HTTPStatus.BAD_REQUEST)
"""Status codes of `TelemetryService`: accepted, or never to be sent again."""
_BASIC = "basic "
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="RTDTS", charset="UTF-8"'}


class _UnknownSenderError(Exception):
    """No device has this credential; the text contains no part of it."""


class _Message(NamedTuple):
    sender: Sender
    read_body: Callable[[], bytes | None]


class PhoneService:
    """Handles requests from phones.

    Args:
        telemetry: The service that ingests the points.
        holder: Returns the device of a secret from an address: `KnownDevices.holder`.
    """

    def __init__(
        self,
        telemetry: TelemetryService,
        *,
        holder: Callable[[str, str], Device | None],
        now_ms: Callable[[], int],
    ) -> None:
        self._telemetry = telemetry
        self._holder = holder
        self._now_ms = now_ms
        self._lines = RejectionLogLimiter()

    def handle(self, event: Mapping[str, Any], *, deadline: Deadline) -> HandledRequest:
        """Handles one message.

        Args:
            event: The gateway's event (payload format 2.0) of one of `OPEN_ROUTES`.
            deadline: Only the first attempt to put may begin after it.
        """
        read, accepted, challenge = _APPS[event["routeKey"]]
        try:
            message = read(self, event)
        except _UnknownSenderError as error:
            status = HTTPStatus.UNAUTHORIZED
            return self._unknown_sender(status, problem(status, str(error), headers=challenge))
        except TooManyGuessesError as error:
            detail = "too many requests with wrong credentials; send this again later"
            status = HTTPStatus.TOO_MANY_REQUESTS
            return self._unknown_sender(status, over_quota(detail, error.wait_ms))
        except DevicesUnavailableError:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            detail = "credentials can't be checked at the moment; send this again later"
            return self._unknown_sender(status, problem(status, detail, headers=headers))
        except BodyTooLargeError:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            detail = f"the body is larger than {MAX_BODY_BYTES} bytes"
            return self._unknown_sender(status, problem(status, detail))
        except (NotUnpackableError, UnreadableBodyError) as error:
            status = HTTPStatus.BAD_REQUEST
            return self._unknown_sender(status, problem(status, f"the body can't be used: {error}"))
        handled = self._telemetry.handle_for(
            message.sender, message.read_body, max_bytes=MAX_BODY_BYTES, deadline=deadline
        )
        if handled.response["statusCode"] not in _DO_NOT_RESEND:
            return handled
        fields = handled.fields
        if fields is not None:
            fields = {**fields, "status": int(HTTPStatus.OK)}
        return dataclasses.replace(handled, response=accepted, fields=fields)

    def owntracks(self, event: Mapping[str, Any]) -> _Message:
        """Reads a message of OwnTracks; the credential determines the truck, not the body."""
        truck_id, secret = _basic_credentials(event)
        device = self._holder(secret, address_of(event))
        # The secret alone decides; with a wrong user name the phone was set up for another truck.
        if device is None or device.truck_id != truck_id:
            raise _UnknownSenderError("no device has this user name and password")

        def read_body() -> bytes | None:
            body = unpacked_body(event, max_bytes=MAX_BODY_BYTES)
            return owntracks_telemetry(body, truck_id=truck_id)

        return _Message(_sender(device), read_body)

    def traccar_client(self, event: Mapping[str, Any]) -> _Message:
        """Reads a message of Traccar Client, which names its sender in the body."""
        if event.get("rawQueryString"):
            # Versions before 9: their secret would be in every log of URLs on the path.
            raise UnreadableBodyError("send JSON, not a query: Traccar Client 9 or later")
        sent = read_traccar_message(unpacked_body(event, max_bytes=MAX_BODY_BYTES))
        device = self._holder(sent.device_id.strip().lower(), address_of(event))
        if device is None:
            raise _UnknownSenderError("no device has this identifier")
        return _Message(_sender(device), lambda: traccar_telemetry(sent, truck_id=device.truck_id))

    def _unknown_sender(self, status: HTTPStatus, response: Response) -> HandledRequest:
        """Rejects a request before its sender is known; logs only a few per minute."""
        if not self._lines.allows("", self._now_ms()):
            return HandledRequest(response=response, fields=None)
        return HandledRequest(response=response, fields={"truck_id": None, "status": int(status)})


class _App(NamedTuple):
    read: Callable[[PhoneService, Mapping[str, Any]], _Message]
    accepted: Response
    """The response that the app expects for a message that it need not send again."""
    challenge: Mapping[str, str] | None


_APPS: Final[Mapping[str, _App]] = {
    " ".join(POST_OWNTRACKS): _App(
        PhoneService.owntracks, json_response(HTTPStatus.OK, []), _CHALLENGE
    ),
    " ".join(POST_TRACCAR_CLIENT): _App(
        PhoneService.traccar_client, json_response(HTTPStatus.OK, {}), None
    ),
}


def _sender(device: Device) -> Sender:
    # A device counts as a token issued when it was added: `block` and its log line work alike.
    token = Token(f"device-{device.device_id}", device.added_at_ms)
    return Sender(truck_id=device.truck_id, token=token)


def _basic_credentials(event: Mapping[str, Any]) -> tuple[str, str]:
    """Returns user name and password (RFC 7617); the password is the secret."""
    header = str((event.get("headers") or {}).get("authorization", ""))
    if header[: len(_BASIC)].lower() != _BASIC:
        raise _UnknownSenderError("send the truck and its secret by Basic authentication")
    try:
        text = base64.b64decode(header[len(_BASIC) :].strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    name, colon, password = text.partition(":")
    if not colon:
        raise _UnknownSenderError("the Basic credentials can't be read")
    return name, password.strip().lower()
