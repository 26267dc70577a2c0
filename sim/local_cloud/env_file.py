"""Ensures that an environment file belongs to only one running local cloud."""

from __future__ import annotations

from pathlib import Path

from sim.environment import EnvironmentFileError, read_environment
from sim.local_cloud.ports import HOST
from sim.token_client import TokenClient, TokenError


class EnvironmentInUseError(Exception):
    """The file belongs to another local cloud, which is running."""

    def __init__(self, env_file: Path) -> None:
        super().__init__(
            f"{env_file} belongs to another local cloud, which is running.\n"
            "  Stop that one, or use another file: --env FILE"
        )


def check_not_in_use(env_file: Path) -> None:
    """Checks that the file may be overwritten.

    It is in use when the local token issuer that it names accepts its secret. Every local cloud
    draws its own secret, so another program that listens there now rejects it.

    Raises:
        EnvironmentInUseError: The file is in use.
    """
    try:
        environment = read_environment(env_file)
        if not environment.token_url.startswith(f"http://{HOST}:"):
            return
        TokenClient.of(environment).token("dispatcher", "sim", ttl_s=1)
    except (EnvironmentFileError, TokenError):
        return
    raise EnvironmentInUseError(env_file)
