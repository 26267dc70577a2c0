"""The settings of a deployable that reads or writes OpenSearch."""

from __future__ import annotations

import dataclasses

from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Base of the settings of deployables that use OpenSearch."""

    region: str = setting("AWS_REGION", help="the AWS region")
    opensearch_url: str = setting("OPENSEARCH_URL", help="URL of the OpenSearch domain")
    opensearch_auth: str = setting(
        "OPENSEARCH_AUTH",
        default="sigv4",
        choices=("sigv4", "none"),
        help="how requests to OpenSearch are signed",
    )
