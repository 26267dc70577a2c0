"""Starts a container's program under a name that the program keeps when it restarts.

    python -m deploy.task_launcher KCL_WORKER_ID python -m consumer.daemon

The KCL holds its leases under its worker's name. A container that ECS restarts in the same task
must come back under the same name, or it waits until its own leases expire; two tasks must never
share a name. The task's id is such a name, and only ECS's metadata endpoint provides it (Amazon ECS
Developer Guide, "Task metadata endpoint version 4"). Elsewhere the program gets no name.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Final

METADATA_VARIABLE: Final = "ECS_CONTAINER_METADATA_URI_V4"
ATTEMPTS: Final = 5
WAIT_S: Final = 1.0
TIMEOUT_S: Final = 2.0


class NoTaskIdError(Exception):
    """ECS runs this, but does not provide the task's id."""


def fetch(url: str) -> bytes:
    """Reads the metadata endpoint."""
    # The address is the container's own, given by ECS.
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - http, link-local
        return bytes(response.read())


def task_id(metadata: bytes) -> str:
    """The last part of the task's ARN.

    Raises:
        NoTaskIdError: The metadata contain none.
    """
    try:
        arn = json.loads(metadata)["TaskARN"]
    except (ValueError, KeyError, TypeError) as error:
        raise NoTaskIdError(f"no TaskARN in {metadata[:200]!r}") from error
    return str(arn).rpartition("/")[2]


def environment_for(
    environ: Mapping[str, str],
    variable: str,
    *,
    fetch: Callable[[str], bytes] = fetch,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """The program's environment: the current one, and its name if ECS provides one.

    Args:
        environ: The current environment.
        variable: The variable of the program's name; a value that is set already is kept.
        fetch: Reads a URL.
        sleep: Waits between attempts.

    Raises:
        NoTaskIdError: ECS runs this, but does not provide the task's id.
    """
    endpoint = environ.get(METADATA_VARIABLE)
    if not endpoint or environ.get(variable):
        return dict(environ)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return {**environ, variable: task_id(fetch(f"{endpoint}/task"))}
        except OSError as error:
            if attempt == ATTEMPTS:
                raise NoTaskIdError(f"the metadata endpoint does not respond: {error}") from error
            sleep(WAIT_S)
    raise AssertionError("the last attempt returns or raises")


def main(arguments: Sequence[str]) -> int:
    """Becomes the program; returns only when it can't."""
    if len(arguments) < 2:
        sys.stderr.write("usage: python -m deploy.task_launcher VARIABLE PROGRAM [ARGUMENT...]\n")
        return 2
    variable, *command = arguments
    try:
        environment = environment_for(os.environ, variable)
    except NoTaskIdError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is needed
    except FileNotFoundError:
        sys.stderr.write(f"{command[0]}: there is no such program\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
