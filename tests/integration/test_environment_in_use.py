"""An environment file belongs to a running local cloud, or is reported as out of date."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.environment import Environment, write_environment
from sim.local_cloud.env_file import EnvironmentInUseError, check_not_in_use
from sim.local_cloud.identity_provider import IdentityProvider, serve
from sim.local_cloud.token_issuer import TokenIssuer, load_or_create_key
from sim.token_client import TokenClient, TokenError

SECRET = "drawn by this local cloud"


@pytest.fixture
def token_url(tmp_path: Path) -> Iterator[str]:
    issuer = TokenIssuer(load_or_create_key(tmp_path / "key"), issuer="http://i", audience="a")
    provider = IdentityProvider(issuer, secret=SECRET, now_s=time.time)
    with serve(provider, host="127.0.0.1", port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
        server.shutdown()


def written(env_file: Path, token_url: str, secret: str = SECRET) -> Path:
    environment = Environment(
        server_url="http://a", websocket_url="ws://b", token_url=token_url, token_secret=secret
    )
    write_environment(environment, env_file)
    return env_file


def test_the_environment_file_of_a_running_local_cloud_is_not_overwritten(
    tmp_path: Path, token_url: str
) -> None:
    env_file = written(tmp_path / "env", token_url)

    with pytest.raises(EnvironmentInUseError, match="--env FILE"):
        check_not_in_use(env_file)


def test_any_other_environment_file_may_be_overwritten(tmp_path: Path, token_url: str) -> None:
    check_not_in_use(tmp_path / "none yet")
    check_not_in_use(written(tmp_path / "dead", "http://127.0.0.1:1/token"))
    check_not_in_use(written(tmp_path / "deployed", "http://issuer.invalid/token"))
    check_not_in_use(written(tmp_path / "before", token_url, secret="of an earlier one"))


def test_the_environment_file_of_an_ended_local_cloud_is_reported(
    tmp_path: Path, token_url: str
) -> None:
    for url, secret in (("http://127.0.0.1:1/token", SECRET), (token_url, "of an earlier one")):
        with pytest.raises(TokenError, match="is the local cloud running") as reported:
            TokenClient(url=url, secret=secret).token("truck", "T-1")
        assert "python -m sim up" in str(reported.value)
