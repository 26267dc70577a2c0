"""What an error of the AWS SDK says of its call: may it pass, or is it the call's own fault."""

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
"""4xx of the deployment, not of the request: a policy or a table may be on its way. Worth the same
patience, and the same loud end."""

_THROTTLED = frozenset(
    {
        "ExpiredTokenException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)

_REJECTIONS = frozenset(
    {
        "IdempotentParameterMismatchException",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "TransactionCanceledException",
        "ValidationException",
    }
)
"""4xx of what was to be read or written: too large, malformed, illegal. Another request may be
fine. A code in none of these lists may be the deployment's fault."""


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, ParamValidationError):
        return False
    if isinstance(error, BotoCoreError):
        return True
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    code = _code(error)
    return status >= 500 or status == 429 or code in _THROTTLED or code in _OWN_FAULTS


def is_rejection(error: Exception) -> bool:
    """Whether a store refuses what one call brings: no repetition mends it, others may go on."""
    if isinstance(error, ParamValidationError):  # the SDK's own refusal, before it sends anything
        return True
    return isinstance(error, ClientError) and not may_pass(error) and _code(error) in _REJECTIONS


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
