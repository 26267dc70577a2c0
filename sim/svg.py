"""Charts as SVG, without a library: axes, bands, lines, marks and text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

FONT = "font-family='Helvetica, Arial, sans-serif'"
INK, FAINT = "#1f2933", "#8593a0"


@dataclasses.dataclass
class Drawing:
    """An SVG being drawn; the size is in pixels."""

    width: int
    height: int
    title: str
    _parts: list[str] = dataclasses.field(default_factory=list)

    def add(self, *parts: str) -> None:
        """Draws on top of what is there."""
        self._parts += parts

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        size: int = 12,
        colour: str = INK,
        weight: str = "normal",
    ) -> None:
        """One line of text; (x, y) is the start, middle or end of its baseline."""
        self.add(
            f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}' "
            f"font-weight='{weight}' fill='{colour}'>{escape(words)}</text>"
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, *, more: str = ""
    ) -> None:
        """A straight line."""
        self.add(
            f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' "
            f"stroke='{colour}' {more}/>"
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self.add(
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' "
            f"fill='{colour}'/>"
        )

    def svg(self) -> str:
        """The content of the SVG file."""
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self.width} {self.height}' "
            f"width='{self.width}' height='{self.height}' {FONT} role='img'>"
        )
        ground = f"<rect width='{self.width}' height='{self.height}' fill='#ffffff'/>"
        return "\n".join(
            [head, f"<title>{escape(self.title)}</title>", ground, *self._parts, "</svg>\n"]
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """A part of a drawing with two axes; y grows upwards."""

    drawing: Drawing
    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """The x coordinate of a value, kept within the chart."""
        low, high = self.x_range
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.left + share * self.width

    def y(self, value: float) -> float:
        """The y coordinate of a value, kept within the chart."""
        low, high = self.y_range
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.top + (1.0 - share) * self.height

    def axes(
        self,
        x_ticks: Iterable[tuple[float, str]],
        y_ticks: Iterable[tuple[float, str]],
        title: str,
    ) -> None:
        """Ticks with their labels, and the axis titles."""
        foot = self.top + self.height
        for value, words in y_ticks:
            self.drawing.line(
                self.left, self.y(value), self.left + self.width, self.y(value), "#e4e8ec"
            )
            self.drawing.text(
                self.left - 6, self.y(value) + 4, words, anchor="end", size=11, colour=FAINT
            )
        for value, words in x_ticks:
            self.drawing.line(self.x(value), foot, self.x(value), foot + 4, FAINT)
            self.drawing.text(
                self.x(value), foot + 16, words, anchor="middle", size=11, colour=FAINT
            )
        self.drawing.line(self.left, foot, self.left + self.width, foot, FAINT)
        self.drawing.text(
            self.left + self.width, foot + 32, title, anchor="end", size=11, colour=FAINT
        )

    def curve(self, points: Sequence[tuple[float, float]], colour: str, more: str = "") -> None:
        """A line through points."""
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.drawing.add(f"<polyline points='{places}' fill='none' stroke='{colour}' {more}/>")

    def area(self, points: Sequence[tuple[float, float]], colour: str, more: str = "") -> None:
        """A filled polygon."""
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.drawing.add(f"<polygon points='{places}' fill='{colour}' {more}/>")

    def dot(self, x: float, y: float, colour: str, radius: float = 2.5) -> None:
        """A mark; nothing is drawn outside the chart."""
        if self.x_range[0] <= x <= self.x_range[1] and self.y_range[0] <= y <= self.y_range[1]:
            self.drawing.add(
                f"<circle cx='{self.x(x):.1f}' cy='{self.y(y):.1f}' r='{radius}' fill='{colour}'/>"
            )

    def bar(self, x: float, low: float, high: float, colour: str, more: str = "") -> None:
        """A vertical line."""
        if self.x_range[0] <= x <= self.x_range[1]:
            self.drawing.line(self.x(x), self.y(low), self.x(x), self.y(high), colour, more=more)

    def strip(self, from_x: float, to_x: float, y: float, height: float, colour: str) -> None:
        """A band between two values of x, at a fixed height of the drawing."""
        if to_x > from_x:
            self.drawing.box(self.x(from_x), y, self.x(to_x) - self.x(from_x), height, colour)
