"""Entry point of the Lambda that Terraform invokes before Firehose and the services start.

A failure fails the invocation, and with it the apply: nothing may write to a domain without its
templates.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from search_admin_lambda.bootstrap import build


def lambda_handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Invoked by Terraform, and by operators to see the result; ignores the event."""
    app = build(os.environ)
    app.run()
    installed = {
        "policies": [policy.name for policy in app.policies],
        "roles": [role.name for role in app.roles],
        # Nothing else in the account can list them: the domain is in the VPC, accepting only roles.
        "indexes": app.daily_indexes(),
    }
    app.log.info("installed", **installed)
    return installed
