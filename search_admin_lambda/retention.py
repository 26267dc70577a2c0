"""How long each kind of daily index is kept, as policies of Index State Management. Pure.

The node of a local cloud has no Index State Management: its indexes live as long as it does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rtdts.position_store.index_definitions import POSITIONS_PATTERN, RAW_PATTERN


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """Deletes the indexes of a pattern a number of days after their creation."""

    name: str
    index_pattern: str
    days: int

    @property
    def body(self) -> Mapping[str, Any]:
        """The policy in the plugin's format."""
        return {
            "policy": {
                "description": f"delete {self.index_pattern} after {self.days} days",
                "default_state": "kept",
                "states": [
                    {
                        "name": "kept",
                        "actions": [],
                        "transitions": [
                            {
                                "state_name": "deleted",
                                "conditions": {"min_index_age": f"{self.days}d"},
                            }
                        ],
                    },
                    {"name": "deleted", "actions": [{"delete": {}}], "transitions": []},
                ],
                # New indexes get it automatically.
                "ism_template": [{"index_patterns": [self.index_pattern], "priority": 100}],
            }
        }


def retention_policies(*, raw_days: int, positions_days: int) -> tuple[RetentionPolicy, ...]:
    """Returns every policy. Other indexes are kept: their documents are overwritten by truck."""
    return (
        RetentionPolicy(name="truck-raw", index_pattern=RAW_PATTERN, days=raw_days),
        RetentionPolicy(
            name="truck-positions", index_pattern=POSITIONS_PATTERN, days=positions_days
        ),
    )
