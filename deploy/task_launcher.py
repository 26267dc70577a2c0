"""Starts a container's program under a name that the program keeps when it restarts.

    python -m deploy.task_launcher KCL_WORKER_ID python -m consumer.daemon

The KCL's leases are held under its worker's name. A container that ECS restarts in the same task
must come back under the same one, or waits until its own leases run out; two tasks must never
share one. That is what the task's id is, and only ECS's metadata endpoint tells it (Amazon ECS
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
    """ECS runs this, and does not say as which task."""


def fetch(url: str) -> bytes:
    """What the metadata endpoint says."""
    # The address is the container's own, given by ECS.
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - http, link-local
        return bytes(response.read())


def task_id(metadata: bytes) -> str:
    """The last part of the task's ARN.

    Raises:
        NoTaskIdError: The metadata hold none.
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
    """The program's environment: what is there, and its name if ECS knows one.

    Args:
        environ: What is there.
        variable: What the program calls its name; one that is set already is kept.
        fetch: Reads a URL.
        sleep: Waits between attempts.

    Raises:
        NoTaskIdError: ECS runs this, and does not say as which task.
    """
    endpoint = environ.get(METADATA_VARIABLE)
    if not endpoint or environ.get(variable):
        return dict(environ)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return {**environ, variable: task_id(fetch(f"{endpoint}/task"))}
        except OSError as error:
            if attempt == ATTEMPTS:
                raise NoTaskIdError(f"the metadata endpoint does not answer: {error}") from error
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
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted
    except FileNotFoundError:
        sys.stderr.write(f"{command[0]}: there is no such program\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
