"""Classifies errors of the AWS SDK: temporary, or the fault of the call itself."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

_OWN_FAULTS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "NoSuchBucket",
    }
)
"""4xx errors caused by the deployment, not by the request: a policy or a table may not be ready
yet. They are retried, and finally reported, like other temporary errors."""

THROTTLING_CODES = frozenset(
    {
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottlingException",
        "TooManyRequestsException",
        # Reasons of a cancelled transaction.
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
    }
)
"""Error codes with which a service throttles."""

TEMPORARY_CODES = THROTTLING_CODES | frozenset(
    {
        "ExpiredTokenException",
        "RequestTimeoutException",
        "TransactionInProgressException",
        # A reason of a cancelled transaction. It is common: a truck's matches are one item.
        "TransactionConflict",
    }
)
"""Error codes after which the same call may succeed later. They are reported for a call, for one of
its records, or for one of its writes."""

_REJECTIONS = frozenset(
    {
        "IdempotentParameterMismatchException",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "TransactionCanceledException",
        "ValidationException",
    }
)
"""4xx errors caused by the data to read or write: too large, malformed, illegal. Another request
may succeed. A code that is in none of these sets may be the deployment's fault."""


def is_temporary(error: Exception) -> bool:
    """Returns whether the same call may succeed later."""
    if isinstance(error, ParamValidationError):
        return False
    if isinstance(error, BotoCoreError):
        return True
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    code = _code(error)
    return status >= 500 or status == 429 or code in TEMPORARY_CODES or code in _OWN_FAULTS


def is_rejection(error: Exception) -> bool:
    """Returns whether a store rejects this call's data: a retry fails, other calls may succeed."""
    if isinstance(error, ParamValidationError):  # the SDK rejects before it sends anything
        return True
    return (
        isinstance(error, ClientError) and not is_temporary(error) and _code(error) in _REJECTIONS
    )


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
