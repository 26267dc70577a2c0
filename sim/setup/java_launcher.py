"""Compiles the launchers of the Java programs whose jars set-up fetches."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sim.setup.downloads import read_pinned
from sim.setup.places import Places
from sim.setup.problems import SetupError

OTHER_JAVA = "Too little memory, or a Java that it can't run on? JAVA_HOME may name another."


def compile_launcher(
    places: Places, java: Path, source: Path, *, jars: Sequence[Path], out: Path, scratch: Path
) -> None:
    """Compiles one source file into a jar, with a compiler that runs on a bare JRE.

    Args:
        places: Where the compiler is.
        java: The Java to run it on.
        source: The source file.
        jars: The jars to compile against.
        out: Path of the new jar; written atomically.
        scratch: A folder for temporary files.

    Raises:
        SetupError: It doesn't compile.
    """
    (compiler,) = read_pinned("compiler")
    classes = scratch / "classes"
    command = [str(java), "-jar", str(compiler.path(places.downloads)), "-21", "-nowarn"]
    command += ["-classpath", os.pathsep.join(map(str, jars)), "-d", str(classes), str(source)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise SetupError(f"could not compile {source.name}:\n{ended.stderr}", OTHER_JAVA)
    with zipfile.ZipFile(scratch / "launcher.jar", "w") as jar:
        for compiled in sorted(classes.rglob("*.class")):
            jar.write(compiled, compiled.relative_to(classes))
    move_into_place(scratch / "launcher.jar", out)


def move_into_place(made: Path, place: Path) -> None:
    """Moves a finished file to its place in one step, also across file systems."""
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.copyfile(made, unfinished)
    os.replace(unfinished, place)
