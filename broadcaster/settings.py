"""The settings that the broadcaster reads from its environment."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import DeliveryTableSettings
from rtdts.position_store.search_settings import SearchSettings
from rtdts.runtime import point_trace
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(DeliveryTableSettings, SearchSettings):
    """The broadcaster's settings; see docs/settings.md."""

    subscriptions_table: str = setting("SUBSCRIPTIONS_TABLE", help="the table of subscriptions")
    delivery_shares_table: str = setting(
        "DELIVERY_SHARES_TABLE", help="the table of deliveries' shares, for rights to view"
    )
    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="the queue of nudges")
    nudge_dead_letter_queue_url: str = setting(
        "NUDGE_DEAD_LETTER_QUEUE_URL",
        help="the dead-letter queue of nudges; an invalid nudge goes there at once",
    )
    snapshot_queue_url: str = setting(
        "SNAPSHOT_QUEUE_URL", help="the queue of snapshots, for viewers that have begun to track"
    )
    snapshot_dead_letter_queue_url: str = setting(
        "SNAPSHOT_DEAD_LETTER_QUEUE_URL", help="the dead-letter queue of snapshots"
    )
    round_queue_url: str = setting(
        "ROUND_QUEUE_URL",
        default="",
        help="the queue with which several broadcasters divide each round; without it, this "
        "broadcaster runs complete rounds and must be the only one",
    )
    socket_management_url: str = setting(
        "SOCKET_MANAGEMENT_URL",
        help="the management endpoint of the WebSocket API, stage included",
    )
    round_interval_s: float = setting(
        "ROUND_INTERVAL_S",
        default=60.0,
        minimum=1,
        maximum=60,
        help="seconds between rounds, the same for all broadcasters; viewers are promised one "
        "message per minute",
    )
    round_spread: float = setting(
        "ROUND_SPREAD",
        default=0.0,
        minimum=0,
        maximum=0.75,
        help="share of the interval over which a round is spread, each bucket at a fixed place: "
        "0.5 is half a minute, 0 is as fast as possible; must be the same for all broadcasters",
    )
    viewing_minutes: int = setting(
        "VIEWING_MINUTES",
        default=30,
        minimum=0,
        maximum=24 * 60,
        help="minutes for which a closed delivery may still be viewed, unless it was cancelled",
    )
    posts_per_second: float = setting(
        "POSTS_PER_SECOND",
        default=5_000.0,
        minimum=1,
        maximum=1_000_000,
        help="maximum posts per second of one broadcaster. Terraform sets what http_throttle "
        "leaves of gateway_requests_per_second, divided by the broadcaster's max_tasks, "
        "so that all together stay below API Gateway's quota. Below it, the broadcaster "
        "adapts to what the account allows",
    )
    round_posts: int = setting(
        "ROUND_POSTS",
        default=800,
        minimum=100,
        maximum=10_000,
        help="concurrent posts of rounds",
    )
    nudge_posts: int = setting(
        "NUDGE_POSTS",
        default=200,
        minimum=100,
        maximum=10_000,
        help="concurrent posts of nudges, and as many of snapshots; these do not wait for "
        "each other or for rounds",
    )
    quarantine_posts: int = setting(
        "QUARANTINE_POSTS",
        default=40,
        minimum=1,
        maximum=10_000,
        help="concurrent posts to connections that hang repeatedly, of rounds and nudges together, "
        "in addition to ROUND_POSTS and NUDGE_POSTS",
    )
    post_timeout_s: float = setting(
        "POST_TIMEOUT_S",
        default=2.0,
        minimum=0.1,
        maximum=30,
        help="timeout of one post in seconds; a connection that hangs occupies a slot for this "
        "time",
    )
    queue_wait_s: int = setting(
        "QUEUE_WAIT_S",
        default=3,
        minimum=1,
        maximum=20,
        help="length of a long poll of any queue in seconds; a shutdown may have to wait for one",
    )
    shutdown_budget_s: float = setting(
        "SHUTDOWN_BUDGET_S",
        default=10.0,
        minimum=1,
        maximum=100,
        help="seconds for finishing work in progress on shutdown; well below the container's "
        "stop timeout",
    )
    fleet_stale_after_s: int = setting(
        "FLEET_STALE_AFTER_S",
        default=120,
        minimum=5,
        maximum=86_400,
        help="seconds after which a truck's last good position is stale in a view of the fleet",
    )
    fleet_offline_after_s: int = setting(
        "FLEET_OFFLINE_AFTER_S",
        default=600,
        minimum=5,
        maximum=604_800,
        help="seconds without any point after which a truck is offline in a view of the fleet",
    )
    fleet_max_trucks: int = setting(
        "FLEET_MAX_TRUCKS",
        default=400,
        minimum=1,
        maximum=1_000,
        help="maximum number of single trucks in a view of the fleet; above it, or if they do "
        "not fit into a frame of 32 KB, the view shows clusters",
    )
    trace_trucks: str = setting("TRACE_TRUCKS", default="", help=point_trace.HELP)
