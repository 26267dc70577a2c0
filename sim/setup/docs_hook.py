"""MkDocs calls it: pages of the repository's root become pages of the site.

``docs/`` links to files as they lie in the repository, so that the links work where it is browsed.
The site has no files outside ``docs/`` but the pages named here: links to others become plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "SECURITY.md": "SECURITY.md",
}
"""Pages of the repository's root, with the names that they have in the site."""

_TEXT = r"(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*"
_LINK = re.compile(rf"\[({_TEXT})\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Adds the root's pages."""
    from mkdocs.structure.files import File  # only the environment that renders has it

    for source, name in ROOT_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Makes each link of a page one within the site, or plain text."""
    return within_site(markdown, page.file.src_uri)


def within_site(markdown: str, name: str) -> str:
    """The text of a page whose links hold in the site.

    Args:
        markdown: The text as it stands in the repository.
        name: The page's name in the site.
    """
    of_root = {page: source for source, page in ROOT_PAGES.items()}
    source = of_root.get(name) or f"docs/{name}"

    def resolved(match: re.Match[str]) -> str:
        text, target, anchor = match.groups(default="")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path == "docs/decisions":
            path += "/README.md"
        if path in ROOT_PAGES:
            there = ROOT_PAGES[path]
        elif path.startswith("docs/"):
            there = path.removeprefix("docs/")
        else:
            return text
        return f"[{text}]({posixpath.relpath(there, posixpath.dirname(name) or '.')}{anchor})"

    return _LINK.sub(resolved, markdown)
