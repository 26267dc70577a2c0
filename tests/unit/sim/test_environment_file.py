import dataclasses
import stat
from pathlib import Path

import pytest

from sim.environment import (
    Environment,
    EnvironmentFileError,
    read_environment,
    write_environment,
)

LOCAL = Environment(
    **{
        field.name: f"http://127.0.0.1:1/{field.name}/$default & 'more'"
        for field in dataclasses.fields(Environment)
    }
)


def test_reads_back_what_it_wrote(tmp_path: Path):
    path = tmp_path / "run" / ".env"

    write_environment(LOCAL, path)

    assert read_environment(path) == LOCAL


def test_only_the_owner_may_read_the_secret_in_it(tmp_path: Path):
    path = tmp_path / ".env"

    write_environment(LOCAL, path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LOCAL.token_secret not in repr(LOCAL).replace(LOCAL.server_url, "")


def test_leaves_no_draft_behind(tmp_path: Path):
    write_environment(LOCAL, tmp_path / ".env")
    write_environment(LOCAL, tmp_path / ".env")

    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_a_missing_file_is_reported_with_its_remedy(tmp_path: Path):
    with pytest.raises(EnvironmentFileError, match=r"python -m sim up.*--env"):
        read_environment(tmp_path / ".env")


def test_a_deployed_system_shows_only_its_public_endpoints(tmp_path: Path):
    path = tmp_path / "deployed.env"
    path.write_text(
        "# of the staging account\n\nexport ServerURL=https://a.example\nWebSocketURL=wss://b.example/live\n"
    )

    environment = read_environment(path)

    assert environment.server_url == "https://a.example"
    assert environment.websocket_url == "wss://b.example/live"
    assert environment.opensearch_url == ""


def test_all_missing_names_are_reported(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_text("AWS_REGION=eu-north-1\n")

    with pytest.raises(EnvironmentFileError, match="ServerURL, WebSocketURL"):
        read_environment(path)


@pytest.mark.parametrize("line", ["ServerURL", "ServerURL='open", "ServerURL=two words"])
def test_a_line_that_is_not_an_assignment_is_reported_with_its_number(tmp_path: Path, line: str):
    path = tmp_path / ".env"
    path.write_text(f"WebSocketURL=ws://x\n{line}\n")

    with pytest.raises(EnvironmentFileError, match="line 2"):
        read_environment(path)


def test_deployables_get_the_names_of_their_own_settings():
    variables = LOCAL.variables()

    assert variables["OPENSEARCH_URL"] == LOCAL.opensearch_url
    assert variables["SOCKET_MANAGEMENT_URL"] == LOCAL.socket_management_url
    assert variables["AWS_DEFAULT_REGION"] == variables["AWS_REGION"] == LOCAL.region
    assert "TOKEN_SECRET" not in variables
    assert "ServerURL" not in variables
