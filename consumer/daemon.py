"""``python -m consumer.daemon``: becomes the KCL's MultiLangDaemon.

It writes the daemon's configuration to files and replaces itself with the JVM, so the process that
a supervisor starts, signals and waits for is the daemon itself. The daemon starts one
``python -m consumer`` per shard.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from consumer.kcl_configuration import LOGBACK, command, properties, properties_file
from consumer.settings import Settings
from rtdts.runtime.settings import SettingsError, read_settings


def main() -> int:
    """Starts the daemon; returns only when it can't."""
    try:
        settings = read_settings(Settings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    folder = Path(settings.work_folder)
    folder.mkdir(parents=True, exist_ok=True)
    properties_path = folder / "kcl.properties"
    logback_path = folder / "logback.xml"
    properties_path.write_text(properties_file(properties(settings)), encoding="utf-8")
    logback_path.write_text(LOGBACK, encoding="utf-8")
    arguments = command(
        settings, jars=_jars(), properties_path=properties_path, logback_path=logback_path
    )
    # The children must run this interpreter, with these packages.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        os.execvpe(arguments[0], arguments, {**os.environ, "PATH": path})  # noqa: S606 - no shell is needed
    except FileNotFoundError:
        sys.stderr.write(f"JAVA={settings.java!r}: there is no such program\n")
        return 2


def _jars() -> Path:
    spec = find_spec("amazon_kclpy")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("amazon_kclpy is not installed")
    return Path(spec.submodule_search_locations[0]) / "jars"


if __name__ == "__main__":
    sys.exit(main())
