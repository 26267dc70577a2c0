"""The tests' own OpenSearch node: that of the local cloud, without the rest of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import install_index_templates
from sim.local_cloud.opensearch.node import node_command, node_environment, prepare_home
from sim.local_cloud.ports import HOST, free_port
from sim.setup.java import find_java
from sim.setup.opensearch import node_files
from sim.setup.places import find_places
from tests.support.http_process import running_http_process


@contextmanager
def running_opensearch(folder: Path) -> Iterator[str]:
    """Runs a node with the index templates, and yields its URL; its files are in the folder."""
    places = find_places()
    files = node_files(places, find_java(os.environ, places.python))
    prepare_home(folder)
    url = f"http://{HOST}:{(port := free_port())}"
    with running_http_process(
        node_command(files, home=folder, port=port),
        cwd=folder,
        variables=node_environment(files, {}),
        health_url=f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s",
        log=folder / "opensearch.log",
    ):
        install_index_templates(connect(url))
        yield url
