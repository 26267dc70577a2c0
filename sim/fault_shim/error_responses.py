"""Error responses in the service's own format."""

from __future__ import annotations

from xml.sax.saxutils import escape

import msgspec
from multidict import CIMultiDict

from sim.fault_shim.requests import Dialect
from sim.fault_shim.responses import ProxyResponse
from sim.fault_shim.rules import Reject

REQUEST_ID = "fa017000-0000-4000-8000-000000000000"


def worded(rejection: Reject, dialect: Dialect, content_type: str) -> ProxyResponse:
    """The error response for a rejection.

    Args:
        rejection: The error to return.
        dialect: The service's error format.
        content_type: The request's: an AWS JSON response uses the same version.
    """
    code, message = rejection.code, rejection.message
    headers = CIMultiDict({"x-amzn-RequestId": REQUEST_ID, "Content-Type": "application/json"})
    if dialect is Dialect.OPENSEARCH:
        error = {"type": code, "reason": message}
        document = {"error": {"root_cause": [error], **error}, "status": rejection.status}
        body = msgspec.json.encode({**document, **rejection.more})
    elif dialect is Dialect.JSON:
        headers["Content-Type"] = content_type or "application/x-amz-json-1.0"
        body = msgspec.json.encode({"__type": code, "message": message, **rejection.more})
    elif dialect is Dialect.REST:
        headers["x-amzn-ErrorType"] = code
        body = msgspec.json.encode({"message": message, **rejection.more})
    else:
        headers["Content-Type"] = "text/xml"
        error_xml = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        request_xml = f"<RequestId>{REQUEST_ID}</RequestId>"
        if dialect is Dialect.S3:
            text = f"<Error>{error_xml}{request_xml}</Error>"
        else:
            fault = "Sender" if rejection.status < 500 else "Receiver"
            error_xml = f"<Error><Type>{fault}</Type>{error_xml}</Error>"
            text = f"<ErrorResponse>{error_xml}{request_xml}</ErrorResponse>"
        body = b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode()
    return ProxyResponse(status=rejection.status, headers=headers, body=body)
