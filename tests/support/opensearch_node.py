"""An OpenSearch node of the tests' own: the local cloud's, without the rest of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import install_index_templates
from sim.local_cloud.engines import plain_environment
from sim.local_cloud.opensearch.node import (
    node_answers,
    node_command,
    node_environment,
    prepare_home,
)
from sim.local_cloud.ports import HOST, free_port
from sim.setup.java import find_java
from sim.setup.opensearch import node_files
from sim.setup.places import find_places
from tests.support.waiting import eventually


@contextmanager
def running_opensearch(folder: Path) -> Iterator[str]:
    """Runs it, with the index templates; yields its URL. Its data and output are in the folder."""
    places, port = find_places(), free_port()
    files = node_files(places, find_java(os.environ, places.python))
    prepare_home(folder)
    log = folder / "opensearch.log"
    with log.open("wb") as output:
        node = subprocess.Popen(
            node_command(files, home=folder, port=port),
            env=node_environment(files, plain_environment()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def works() -> bool:
        assert node.poll() is None, f"OpenSearch ended:\n{log.read_text()}"
        return node_answers(port)

    try:
        eventually(works)
        url = f"http://{HOST}:{port}"
        install_index_templates(connect(url))
        yield url
    finally:
        node.kill()  # nobody reads its data again
        node.wait()
