"""Entry point of the hook that AWS IoT Core calls before it gives a truck a certificate.

Fleet provisioning by claim ("Pre-provisioning hooks", AWS IoT Core Developer Guide): every box has
the same claim certificate, so the certificate does not prove which truck the box is in. A secret
that was made for this truck does (`python -m operations device enroll`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from iot_lambda import bootstrap
from iot_lambda.public_keys import public_key_hash
from rtdts.delivery_store.devices import is_secret
from rtdts.delivery_store.enrollments import can_be_thing
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger, get_logger

TRUCK_ID: Final = "TruckId"
ENROLLMENT_SECRET: Final = "EnrollmentSecret"  # noqa: S105 - a parameter's name
"""Parameters of `deploy/terraform/modules/iot_ingest/provisioning_template.json`."""
_MAX_LENGTH: Final = 100
"""Maximum length, in characters, of a value from a request in the log."""


class Enrollments(Protocol):
    """See `rtdts.delivery_store.enrollments.EnrollmentStore`."""

    def bind(self, secret: str, *, truck_id: str, key_hash: str, now_ms: int) -> bool:
        """Binds a secret to a public key; returns whether the truck may have the certificate."""


def handle(event: Mapping[str, Any], _context: object) -> dict[str, bool]:
    """Decides whether a truck may have the certificate that it requests.

    Raises:
        Exception: The table can't be read: AWS rejects the request, and the truck may retry.
    """
    log = get_logger(bootstrap.COMPONENT)
    try:
        allowed = is_allowed(event, bootstrap.enrollments(), log=log, now_ms=wall_clock.now_ms())
    except Exception as error:
        log.exception("enrollment_failed", error)
        raise
    return {"allowProvisioning": allowed}


def is_allowed(
    event: Mapping[str, Any], enrollments: Enrollments, *, log: Logger, now_ms: int
) -> bool:
    """Returns whether a truck may have the certificate that it requests; does not log its secret.

    Args:
        event: The event with which AWS IoT Core calls the hook.
        enrollments: The store of enrollment secrets.
        log: Logs one line per request.
        now_ms: The time.
    """
    parameters = event.get("parameters") or {}
    truck_id = str(parameters.get(TRUCK_ID, ""))
    secret = str(parameters.get(ENROLLMENT_SECRET, "")).strip().lower()
    key_hash = public_key_hash(str(event.get("certificatePem") or ""))
    # Malformed values must not cause a request to the table.
    allowed = (
        key_hash is not None
        and can_be_thing(truck_id)
        and is_secret(secret)
        and enrollments.bind(secret, truck_id=truck_id, key_hash=key_hash, now_ms=now_ms)
    )
    write = log.info if allowed else log.warning
    write(
        "enrolled" if allowed else "enrollment_rejected",
        truck_id=truck_id[:_MAX_LENGTH],
        certificate_id=str(event.get("certificateId") or "")[:_MAX_LENGTH],
        claim_certificate_id=str(event.get("claimCertificateId") or "")[:_MAX_LENGTH],
        client_id=str(event.get("clientId") or "")[:_MAX_LENGTH],
    )
    return allowed
