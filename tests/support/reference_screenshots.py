"""Screenshots, kept for people and compared loosely with those that were looked at.

RENEW_SCREENSHOTS=1 .venv/bin/python -m pytest tests/browser  # writes the reference screenshots

Both are drawn so small that letters are smudges, and without what changes with the time: a hair of
the map changes little, and a part that is missing, elsewhere or of another colour more. A browser
that `CHROME` names has other letters, so its screenshots are kept and not compared.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page

from tests.support.browser import artifact

REFERENCES = Path(__file__).parents[1] / "browser" / "reference_screenshots"
WIDTH = 48
"""In pixels, of what is compared and kept."""

MAX_MEAN_DIFFERENCE = 1.0
"""Of 255: how far all pixels may be off in the mean. 14 minutes later it was 0.15, with times."""

MAX_CHANGED_SHARE = 0.003
"""Which part of the pixels may be off by more than `MAX_CELL_DIFFERENCE`. 14 minutes later it was
0.0004, times drawn, and without the map's markers 0.0044."""

MAX_CELL_DIFFERENCE = 40.0
TIMES = "time, .range, .window, .age, .notice, .detail dd, .row > .muted"
"""What changes with the time of day, or with each second."""

_SHRINK = """async ({png, width}) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = Math.round((image.height * width) / image.width);
  const pen = canvas.getContext('2d');
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
  return {png: canvas.toDataURL('image/png').split(',')[1], pixels: [...data]};
}"""


def zone_at_noon() -> str:
    """The time zone in which it is between 12 and 1 now: no time of a picture has a date there."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def difference_from_reference(page: Page, name: str) -> str | None:
    """Keeps a screenshot as an artifact, and compares it.

    Args:
        page: What is seen; its context bypasses the page's policy for styles.
        name: Of the picture, without its ending.

    Returns:
        What differs; None when it looks as before, or the picture is made anew.
    """
    page.screenshot(path=artifact(f"{name}.png"))
    if os.environ.get("CHROME"):
        return None
    taken = page.screenshot(style=f"{TIMES} {{ color: transparent !important; }}")
    scratch = page.context.new_page()
    try:
        small = scratch.evaluate(_SHRINK, {"png": _text(taken), "width": WIDTH})
        reference = REFERENCES / f"{name}.png"
        if os.environ.get("RENEW_SCREENSHOTS"):
            REFERENCES.mkdir(exist_ok=True)
            reference.write_bytes(base64.b64decode(small["png"]))
            return None
        before = scratch.evaluate(_SHRINK, {"png": _text(reference.read_bytes()), "width": WIDTH})
    finally:
        scratch.close()
    return difference(before["pixels"], small["pixels"])


def difference(before: list[int], after: list[int]) -> str | None:
    """What differs between the RGBA values of two pictures; None: too little to name."""
    if len(before) != len(after):
        return f"another size: {len(after) // 4} pixels, before {len(before) // 4}"
    off = [
        sum(abs(before[i + c] - after[i + c]) for c in range(3)) / 3
        for i in range(0, len(before), 4)
    ]
    mean = sum(off) / len(off)
    far = sum(one > MAX_CELL_DIFFERENCE for one in off) / len(off)
    if mean <= MAX_MEAN_DIFFERENCE and far <= MAX_CHANGED_SHARE:
        return None
    return (
        f"off by {mean:.1f} of 255 in the mean, "
        f"{100 * far:.1f} % of it by more than {MAX_CELL_DIFFERENCE}"
    )


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode()
