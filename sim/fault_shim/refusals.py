"""A refusal, worded as the service itself would."""

from __future__ import annotations

from xml.sax.saxutils import escape

import msgspec
from multidict import CIMultiDict

from sim.fault_shim.answers import Answer
from sim.fault_shim.requests import Dialect
from sim.fault_shim.rules import Refuse

REQUEST_ID = "fa017000-0000-4000-8000-000000000000"


def worded(refusal: Refuse, dialect: Dialect, content_type: str) -> Answer:
    """The answer that says so.

    Args:
        refusal: What is refused, and why.
        dialect: How the service words an error.
        content_type: Of the request: AWS JSON answers in the version that it was asked in.
    """
    code, message = refusal.code, refusal.message
    headers = CIMultiDict({"x-amzn-RequestId": REQUEST_ID, "Content-Type": "application/json"})
    if dialect is Dialect.OPENSEARCH:
        error = {"type": code, "reason": message}
        told = {"error": {"root_cause": [error], **error}, "status": refusal.status}
        body = msgspec.json.encode({**told, **refusal.more})
    elif dialect is Dialect.JSON:
        headers["Content-Type"] = content_type or "application/x-amz-json-1.0"
        body = msgspec.json.encode({"__type": code, "message": message, **refusal.more})
    elif dialect is Dialect.REST:
        headers["x-amzn-ErrorType"] = code
        body = msgspec.json.encode({"message": message, **refusal.more})
    else:
        headers["Content-Type"] = "text/xml"
        error_xml = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        request_xml = f"<RequestId>{REQUEST_ID}</RequestId>"
        if dialect is Dialect.S3:
            text = f"<Error>{error_xml}{request_xml}</Error>"
        else:
            fault = "Sender" if refusal.status < 500 else "Receiver"
            error_xml = f"<Error><Type>{fault}</Type>{error_xml}</Error>"
            text = f"<ErrorResponse>{error_xml}{request_xml}</ErrorResponse>"
        body = b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode()
    return Answer(status=refusal.status, headers=headers, body=body)
