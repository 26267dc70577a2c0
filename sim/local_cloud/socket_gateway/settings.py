"""Settings of the socket gateway: AWS's quotas, which a test may make smaller or shorter."""

from __future__ import annotations

import dataclasses
from typing import Any

from rtdts.runtime.settings import setting

FRAME_BYTES = 32 * 1024
MESSAGE_BYTES = 128 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that the socket gateway reads from its environment."""

    aws_endpoint_url: str = setting(
        "AWS_ENDPOINT_URL",
        help="URL of the local AWS, from which the gateway reads the APIs and functions",
    )
    region: str = setting("AWS_REGION", help="the region that the gateway simulates")
    access_key_id: str = setting("AWS_ACCESS_KEY_ID", help="the one access key that may post")
    secret_access_key: str = setting("AWS_SECRET_ACCESS_KEY", help="the secret of that access key")
    port: int = setting("GATEWAY_PORT", help="port on 127.0.0.1", minimum=1, maximum=65_535)
    lambda_python: str = setting("LAMBDA_PYTHON", help="the Python that runs the Lambdas")
    scratch: str = setting("GATEWAY_SCRATCH", help="folder for unpacked Lambdas")
    workers_per_function: int = setting(
        "WORKERS_PER_FUNCTION",
        default=4,
        minimum=1,
        maximum=100,
        help="processes per Lambda function; further invocations wait for a free one",
    )
    idle_s: float = setting(
        "GATEWAY_IDLE_S",
        default=600,
        minimum=0.1,
        help="seconds without a frame after which a socket is closed",
    )
    life_s: float = setting(
        "GATEWAY_LIFE_S",
        default=7_200,
        minimum=0.1,
        help="seconds after which any socket is closed",
    )
    requests_per_s: float = setting(
        "GATEWAY_REQUESTS_PER_S",
        default=10_000,
        minimum=1,
        help="frames and posts per second that the account allows; more get 429",
    )
    request_burst: float = setting(
        "GATEWAY_REQUEST_BURST",
        default=5_000,
        minimum=1,
        help="frames and posts that the account allows at once",
    )
    posts_per_s: float = setting(
        "GATEWAY_POSTS_PER_S",
        default=1_000,
        minimum=0.001,
        help="posts per second that one connection accepts; more get 429",
    )
    post_burst: float = setting(
        "GATEWAY_POST_BURST",
        default=1_000,
        minimum=1,
        help="posts that one connection accepts at once",
    )
    connects_per_s: float = setting(
        "GATEWAY_CONNECTS_PER_S",
        default=500,
        minimum=1,
        help="new connections per second that the account allows; more get 429",
    )
    client_buffer_bytes: int = setting(
        "GATEWAY_CLIENT_BUFFER_BYTES",
        default=256 * 1024,
        minimum=1_024,
        help="bytes that wait for one client before posts to it get 429",
    )
    disorder_ms: float = setting(
        "GATEWAY_DISORDER_MS",
        default=0,
        minimum=0,
        help="maximum milliseconds, chosen at random, by which a post may arrive after its "
        "response: the order of messages is not guaranteed",
    )

    @classmethod
    def without_aws(cls, **known: Any) -> Settings:
        """The settings of a gateway that is given its APIs and functions, and listens elsewhere."""
        return cls(aws_endpoint_url="", port=1, lambda_python="", scratch="", **known)
