import dataclasses
import subprocess
from pathlib import Path

from sim.environment import Environment, write_environment

LOCAL = Environment(
    **{
        field.name: f"http://127.0.0.1:1/{field.name}/$default & 'more'"
        for field in dataclasses.fields(Environment)
    }
)


def test_a_shell_reads_the_same_values_from_the_environment_file(tmp_path: Path):
    path = tmp_path / ".env"
    write_environment(LOCAL, path)

    out = subprocess.run(
        ["/bin/sh", "-c", f'set -a; . {path}; printf %s "$ServerURL"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert out == LOCAL.server_url
