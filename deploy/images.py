"""Writes the build contexts of the containers' images.

A build context is a folder with the import closure of the modules that run, and the locked
requirements of their dependency group, so the image can hold nothing else. Its digest is the
image's tag: the same sources have the same tag, and a pushed image need not be built again.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from deploy.archive import digest_of
from deploy.import_closure import import_closure
from deploy.package import PROJECT

TAG_DIGITS: Final = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """A container's image.

    Attributes:
        name: The name of the container and of its dependency group.
        modules: The modules that run in it; the first is the container's own process.
    """

    name: str
    modules: tuple[str, ...]

    @property
    def dockerfile(self) -> Path:
        """The path of its Dockerfile from the project's root."""
        return Path(self.name) / "Dockerfile"


CONSUMER = Image(
    name="consumer", modules=("consumer.daemon", "consumer.__main__", "deploy.task_launcher")
)
BROADCASTER = Image(name="broadcaster", modules=("broadcaster.__main__",))
OPERATIONS = Image(name="operations", modules=("operations.__main__",))
MQTT_BRIDGE = Image(name="mqtt_bridge", modules=("mqtt_bridge.__main__",))
IMAGES: Final = (CONSUMER, BROADCASTER, OPERATIONS, MQTT_BRIDGE)
"""All images. The bridge's is built even where none runs, so that an apply can turn it on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """A folder from which an image can be built.

    Attributes:
        image: The image.
        folder: The folder, including the Dockerfile.
        tag: Digest of its content.
    """

    image: Image
    folder: Path
    tag: str


def context_files(image: Image, *, requirements: str) -> dict[str, bytes]:
    """The files of an image's context: contents by name.

    Args:
        image: The image.
        requirements: The locked requirements of its group, with hashes.

    Raises:
        ImportClosureError: An imported module can't be found.
    """
    ours: dict[str, Path] = {}
    for module in image.modules:
        for path in import_closure(module, PROJECT).modules.values():
            ours[f"app/{path.relative_to(PROJECT).as_posix()}"] = path
    return {
        "Dockerfile": (PROJECT / image.dockerfile).read_bytes(),
        "requirements.txt": requirements.encode(),
        **{name: path.read_bytes() for name, path in ours.items()},
    }


def tag_of(files: Mapping[str, bytes]) -> str:
    """The digest of a context."""
    return digest_of(files)[:TAG_DIGITS]


def write_context(image: Image, files: Mapping[str, bytes], out: Path) -> Context:
    """Writes an image's context; no file of an earlier one is left."""
    folder = out / "images" / image.name
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        for name, content in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        draft.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Context(image=image, folder=folder, tag=tag_of(files))


def build_contexts(*, out: Path, requirements_of: Callable[[str], str]) -> dict[str, Context]:
    """Writes every image's context.

    Args:
        out: Folder of the build output.
        requirements_of: Returns the locked requirements of a dependency group.

    Returns:
        The contexts by image name.

    Raises:
        ImportClosureError: An imported module can't be found.
        WheelsError: The requirements can't be resolved.
    """
    return {
        image.name: write_context(
            image, context_files(image, requirements=requirements_of(image.name)), out
        )
        for image in IMAGES
    }
