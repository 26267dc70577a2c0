"""Screenshots, kept as artifacts, and compared with a tolerance with reviewed references.

RENEW_SCREENSHOTS=1 .venv/bin/python -m pytest tests/browser  # writes the reference screenshots

Both are scaled down until letters are blurred, and omit what changes with time. So small
differences of the map change little, and a part that is missing, moved or of another colour changes
more. A browser set by `CHROME` has other fonts, so its screenshots are kept but not compared.
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
"""Width of compared and kept screenshots, in pixels."""

MAX_MEAN_DIFFERENCE = 1.0
"""Maximum mean difference of all pixels, of 255. After 14 minutes it was 0.15, with times shown."""

MAX_CHANGED_SHARE = 0.003
"""Maximum share of pixels that differ by more than `MAX_CELL_DIFFERENCE`. After 14 minutes it was
0.0004 with times shown, and without the map's markers 0.0044."""

MAX_CELL_DIFFERENCE = 40.0
TIMES = "time, .range, .window, .age, .notice, .detail dd, .row > .muted"
"""Elements that change with the time of day, or every second."""

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
    """Returns a time zone in which it is between 12 and 1 now, so that no shown time has a date."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def difference_from_reference(page: Page, name: str) -> str | None:
    """Keeps a screenshot as an artifact, and compares it.

    Args:
        page: The page to compare; its context bypasses the page's policy for styles.
        name: The name of the screenshot, without its extension.

    Returns:
        The difference; None if there is none, or if the reference is renewed.
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
    """Returns the difference between the RGBA values of two pictures; None if it is small."""
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
