"""The file that says how a local cloud is reached belongs to one local cloud at a time."""

from __future__ import annotations

from pathlib import Path

from sim.environment import EnvironmentFileError, read_environment
from sim.local_cloud.ports import HOST
from sim.token_client import TokenClient, TokenError


class EnvironmentInUseError(Exception):
    """Another local cloud, which runs, is reached by the file."""

    def __init__(self, env_file: Path) -> None:
        super().__init__(
            f"{env_file} is how another local cloud is reached, and it is running.\n"
            "  End that one, or name another file: --env FILE"
        )


def check_not_in_use(env_file: Path) -> None:
    """Makes sure that the file may be overwritten.

    It is in use when the local issuer of tokens that it names takes its secret, which every local
    cloud has drawn for itself: whoever else listens there by now doesn't.

    Raises:
        EnvironmentInUseError: It may not.
    """
    try:
        environment = read_environment(env_file)
        if not environment.token_url.startswith(f"http://{HOST}:"):
            return
        TokenClient.of(environment).token("dispatcher", "sim", ttl_s=1)
    except (EnvironmentFileError, TokenError):
        return
    raise EnvironmentInUseError(env_file)
