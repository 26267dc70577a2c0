"""The diagrams of docs/tracking.md, drawn from drives through the consumer.

``python -m tests.support.tracking_diagrams`` writes them into docs/images/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from rtdts.tracking.deliveries import Cause, DeliveryEvent, Status
from rtdts.tracking.delivery_log import fold_log
from rtdts.tracking.status_rules import StatusRules
from sim.svg import FAINT, INK, Chart, Drawing
from tests.support.source_tree import ROOT
from tests.support.tracked_drives import (
    TrackedDrive,
    Truth,
    a_late_drive,
    a_noisy_drive,
    a_silent_drive,
    an_ordinary_drive,
    away_m,
    seconds,
    without_coverage,
)

FOLDER = ROOT / "docs" / "images"
MAX_KM = 5.0
LETTER_PX = 6.8
"""Approximate width of a letter."""
RULES = StatusRules()

COLOURS: Mapping[Status, str] = {
    Status.ASSIGNED: "#e3e7eb",
    Status.EN_ROUTE_TO_PICKUP: "#c9e0f5",
    Status.AT_PICKUP: "#fbe3a4",
    Status.IN_TRANSIT: "#cdecd4",
    Status.NEARBY: "#fcd0a9",
    Status.ARRIVED: "#dcc8ef",
}
TRACK, FENCE, TRUE, LATE = "#1b4f8a", "#c0392b", "#7b8794", "#d9730d"

Spans = list[tuple[float, Status]]
"""Each status, and since when it was in effect, in seconds."""


def a_drive() -> str:
    """Draws a complete drive with its statuses, and a close-up of its arrival."""
    drive = a_noisy_drive()
    drawing = Drawing(820, 720, "A drive, its statuses, and its arrival")
    drawing.text(60, 26, "A drive, and its statuses", size=15, weight="bold")
    spans, ends_s = _spans(drive.log), drive.truth.motion.duration_s
    whole = _chart(drawing, 96, 218, (0.0, ends_s), (0.0, MAX_KM))
    _bands(whole, spans, ends_s)
    _minutes(whole, 120.0, [(km, f"{km:g}") for km in range(5)], "km to the destination")
    _level(whole, RULES.near_m / 1_000, f"{RULES.near_m / 1_000:g} km", FAINT)
    whole.curve(_truth_curve(drive.truth, (0.0, ends_s), 1_000.0), TRUE, "stroke-width='1'")
    for at_s, distance_m, _ in _seen(drive):
        whole.dot(at_s, distance_m / 1_000, TRACK, 1.8)

    drawing.text(60, 400, "Its arrival, close up", size=15, weight="bold")
    shown_s = (drive.truth.entered_s - 65.0, drive.truth.entered_s + 115.0)
    near = _chart(drawing, 466, 182, shown_s, (0.0, 450.0))
    _bands(near, spans, shown_s[1])
    _minutes(near, 30.0, [(m, f"{m:g}") for m in (0, 100, 200, 300, 400)], "metres to its centre")
    _arrival(near, drive)
    drawing.text(
        60,
        706,
        "Dots: fixes, with the accuracy that the device sent. Grey line: the true track.",
        size=11,
        colour=FAINT,
    )
    return drawing.svg()


def a_backlog() -> str:
    """Draws a phone that has coverage again: the log before and after settling."""
    drive = a_late_drive()
    truth, log = drive.truth, drive.log
    lost_s, back_s = without_coverage(truth)
    drawing = Drawing(820, 800, "A backlog that comes newest first, and the delivery's log")
    drawing.text(60, 26, "A backlog that comes newest first", size=15, weight="bold")
    ends_s = log[-1].recorded_at_ms / 1_000 - log[0].recorded_at_ms / 1_000 + 60.0
    chart = _chart(drawing, 62, 190, (0.0, ends_s), (0.0, MAX_KM))
    _minutes(chart, 120.0, [(km, f"{km:g}") for km in range(5)], "km to the destination")
    chart.strip(lost_s, back_s, chart.top, chart.height, "#f4f5f7")
    drawing.text(chart.x(lost_s) + 6, chart.y(0.15), "no coverage", size=11, colour=FAINT)
    for at_s, distance_m, received_s in _seen(drive):
        is_late = received_s - at_s > 5.0
        chart.dot(at_s, distance_m / 1_000, LATE if is_late else TRACK, 2.2)
    first_late_s = min(received_s for at_s, _, received_s in _seen(drive) if received_s - at_s > 5)
    chart.bar(first_late_s, 0.0, MAX_KM, LATE, "stroke-width='1.5'")
    drawing.text(
        chart.x(first_late_s) - 5,
        chart.top + 14,
        "backlog sent",
        anchor="end",
        size=11,
        colour=LATE,
    )

    drawing.text(60, 312, "What the log says the delivery's statuses were", size=13, weight="bold")
    stages = _stages(log)
    for row, (known_s, events) in enumerate(stages):
        y = 344 + row * 42
        drawing.text(60, y - 4, f"{_clock(known_s)}  {_STAGES[row]}", size=11, colour=FAINT)
        spans = _spans(events)
        for (from_s, status), to_s in zip(
            spans, [*(at_s for at_s, _ in spans[1:]), known_s], strict=True
        ):
            chart.strip(from_s, to_s, y, 16, COLOURS[status])
            if chart.x(to_s) - chart.x(from_s) > LETTER_PX * len(status):
                drawing.text(chart.x(from_s) + 4, y + 12, status.value, size=10)

    drawing.text(60, 490, "The log at the end", size=13, weight="bold")
    for x, words in zip(
        _COLUMNS, ("version", "status", "cause", "effective", "recorded"), strict=True
    ):
        drawing.text(x, 512, words, size=11, colour=FAINT)
    for row, event in enumerate(log):
        y = 530 + row * 18
        drawing.box(_COLUMNS[1] - 6, y - 12, 150, 16, COLOURS[event.status])
        cells = (
            str(event.version),
            event.status.value,
            event.cause.value,
            _clock(seconds(event.effective_at_ms)),
            _clock(seconds(event.recorded_at_ms)),
        )
        is_correction = event.cause is Cause.CORRECTED
        for x, words in zip(_COLUMNS, cells, strict=True):
            drawing.text(
                x,
                y,
                words,
                size=11,
                colour=LATE if is_correction else INK,
                weight="bold" if is_correction else "normal",
            )
    drawing.text(60, 784, "Times are minutes:seconds since the start.", size=11, colour=FAINT)
    return drawing.svg()


def a_dock() -> str:
    """Draws a dock without reception: the silence counts as the dwell."""
    drive = a_silent_drive()
    truth = drive.truth
    arrived = next(event for event in drive.log if event.status is Status.ARRIVED)
    drawing = Drawing(820, 360, "A dock without reception")
    drawing.text(60, 26, "A dock without reception", size=15, weight="bold")
    shown_s = (truth.entered_s - 90.0, seconds(arrived.recorded_at_ms) + 40.0)
    chart = _chart(drawing, 96, 198, shown_s, (0.0, 450.0))
    _bands(chart, _spans(drive.log), shown_s[1])
    _minutes(chart, 60.0, [(m, f"{m:g}") for m in (0, 100, 200, 300, 400)], "metres to its centre")
    inside = [at_s for at_s, distance_m, _ in _seen(drive) if distance_m <= 100.0]
    after_s = next(at_s for at_s, _, _ in _seen(drive) if at_s > inside[-1])
    chart.area(
        [(inside[-1], 0.0), (inside[-1], 450.0), (after_s, 450.0), (after_s, 0.0)],
        "#ffffff",
        "fill-opacity='0.6'",
    )
    silence_s = after_s - inside[-1]
    middle = (chart.x(inside[-1]) + chart.x(after_s)) / 2
    drawing.text(
        middle, chart.top + 60, f"nothing for {silence_s:.0f} s", anchor="middle", colour=FAINT
    )
    _arrival(chart, drive)
    drawing.text(
        60,
        346,
        f"The first fix after the silence, {_clock(after_s)}, shows that the truck was there: "
        f"arrived, effective {_clock(seconds(arrived.effective_at_ms))}, "
        f"recorded {_clock(seconds(arrived.recorded_at_ms))}.",
        size=11,
        colour=FAINT,
    )
    return drawing.svg()


def an_eta() -> str:
    """Draws the range in which the truck is expected, during the drive."""
    drive = an_ordinary_drive()
    truth = drive.truth
    drawing = Drawing(820, 440, "The ETA range of a drive")
    drawing.text(60, 26, "The ETA range, calculated with each good fix", size=15, weight="bold")
    etas = drive.etas
    from_s, to_s = etas[0].at_s, etas[-1].at_s
    highest_s = 60.0 * math.ceil(max(eta.latest_s for eta in etas) / 60.0)
    chart = _chart(drawing, 62, 300, (from_s - 20.0, truth.entered_s + 60.0), (from_s, highest_s))
    step_s = 300.0
    ticks = [(n * step_s, f"{n * step_s / 60:g}") for n in range(1, round(highest_s / step_s) + 1)]
    _minutes(chart, 60.0, [one for one in ticks if one[0] >= from_s], "minute of the arrival")
    early = [(eta.at_s, eta.earliest_s) for eta in etas]
    late = [(eta.at_s, eta.latest_s) for eta in etas]
    chart.area([*early, *reversed(late)], "#cdecd4", "fill-opacity='0.8'")
    chart.curve(early, "#2f8f4e")
    chart.curve(late, "#2f8f4e")
    chart.curve([(from_s, from_s), (to_s, to_s)], FAINT, "stroke-dasharray='4 3'")
    drawing.text(chart.x(to_s) - 4, chart.y(to_s) + 26, "now", anchor="end", size=11, colour=FAINT)
    _level(chart, truth.entered_s, "the truck entered the geofence", FENCE)
    held = sum(eta.earliest_s <= truth.entered_s <= eta.latest_s for eta in etas)
    first_s, last_s = (eta.latest_s - eta.earliest_s for eta in (etas[0], etas[-1]))
    drawing.text(
        60,
        412,
        f"{len(etas)} ranges; {held} of them contain the time at which the truck entered. "
        f"Width: {first_s:.0f} s at first, {last_s:.0f} s at the end.",
        size=11,
        colour=FAINT,
    )
    return drawing.svg()


DIAGRAMS: Mapping[str, Callable[[], str]] = {
    "tracking-drive.svg": a_drive,
    "tracking-backlog.svg": a_backlog,
    "tracking-dock.svg": a_dock,
    "tracking-eta.svg": an_eta,
}
_STAGES = (
    "back in coverage, before the backlog",
    "after the first settling: a status has changed",
    "after late points have paused for 30 s: times are corrected",
)
_COLUMNS = (66.0, 126.0, 300.0, 470.0, 560.0)


def _spans(log: Sequence[DeliveryEvent]) -> Spans:
    """Returns the statuses that a log folds to."""
    folded = fold_log(log)
    spans = [(seconds(folded.anchor.effective_at_ms), folded.anchor.status)]
    return spans + [(seconds(one.effective_at_ms), one.status) for one in folded.transitions]


def _stages(log: Sequence[DeliveryEvent]) -> list[tuple[float, Sequence[DeliveryEvent]]]:
    """Returns time and log before each correction, and at the end."""
    ends = [n for n, event in enumerate(log) if event.cause is Cause.CORRECTED]
    return [(seconds(log[n - 1].recorded_at_ms), log[:n]) for n in (*ends, len(log))]


def _seen(drive: TrackedDrive) -> Iterator[tuple[float, float, float]]:
    """Returns each fix's time, its distance from the destination, and when it was received."""
    for fix in drive.fixes:
        yield (
            seconds(fix.event_at_ms),
            away_m(fix.lat, fix.lon, drive.truth.destination),
            seconds(fix.received_at_ms),
        )


def _clock(at_s: float) -> str:
    return f"{int(at_s) // 60}:{int(at_s) % 60:02}"


def _chart(
    drawing: Drawing,
    top: float,
    height: float,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> Chart:
    return Chart(
        drawing=drawing,
        left=60,
        top=top,
        width=730,
        height=height,
        x_range=x_range,
        y_range=y_range,
    )


def _minutes(
    chart: Chart, every_s: float, y_ticks: Sequence[tuple[float, str]], y_title: str
) -> None:
    low, high = chart.x_range
    first = math.ceil(low / every_s)
    ticks = [(n * every_s, _clock(n * every_s)) for n in range(first, int(high / every_s) + 1)]
    chart.axes(ticks, y_ticks, f"{y_title}, over minutes since the start")


def _bands(chart: Chart, spans: Spans, ends_s: float) -> None:
    """Draws the statuses behind a chart, with their names above it."""
    ends_px: list[float] = [0.0] * 4
    for (from_s, status), to_s in zip(
        spans, [*(at_s for at_s, _ in spans[1:]), ends_s], strict=True
    ):
        if to_s <= chart.x_range[0]:
            continue
        chart.strip(from_s, to_s, chart.top, chart.height, COLOURS[status])
        left_px = chart.x(from_s) + 2
        row = next(n for n, end_px in enumerate(ends_px) if end_px <= left_px)
        ends_px[row] = left_px + LETTER_PX * len(status)
        chart.drawing.text(left_px, chart.top - 8 - 14 * row, status.value, size=11)


def _level(chart: Chart, value: float, words: str, colour: str) -> None:
    left, right, y = chart.left, chart.left + chart.width, chart.y(value)
    chart.drawing.line(left, y, right, y, colour, more="stroke-dasharray='5 4'")
    chart.drawing.text(left + 4, y - 4, words, size=11, colour=colour)


def _truth_curve(
    truth: Truth, shown_s: tuple[float, float], unit_m: float
) -> list[tuple[float, float]]:
    curve = []
    at_s = shown_s[0]
    while at_s <= shown_s[1]:
        state = truth.motion.at(at_s)
        curve.append((at_s, away_m(state.lat, state.lon, truth.destination) / unit_m))
        at_s += (shown_s[1] - shown_s[0]) / 250
    return curve


def _arrival(chart: Chart, drive: TrackedDrive) -> None:
    """Draws fixes with their accuracy, the geofence, and the dwell."""
    truth, (low_s, high_s) = drive.truth, chart.x_range
    _level(chart, truth.destination.radius_m, f"geofence, {truth.destination.radius_m:g} m", FENCE)
    chart.curve(_truth_curve(truth, chart.x_range, 1.0), TRUE)
    for fix, (at_s, distance_m, _) in zip(drive.fixes, _seen(drive), strict=True):
        if low_s <= at_s <= high_s and distance_m <= chart.y_range[1]:
            accuracy_m = fix.accuracy_m or 0.0
            chart.bar(at_s, max(0.0, distance_m - accuracy_m), distance_m + accuracy_m, TRACK)
            chart.dot(at_s, distance_m, TRACK)
    arrived = next(event for event in drive.log if event.status is Status.ARRIVED)
    arrived_s = seconds(arrived.effective_at_ms)
    first_s = arrived_s - RULES.dwell_s
    y = chart.y_range[1]
    chart.bar(first_s, 0.0, y * 0.84, INK, "stroke-dasharray='2 3'")
    chart.bar(arrived_s, 0.0, y * 0.84, INK, "stroke-dasharray='2 3'")
    middle = (chart.x(first_s) + chart.x(arrived_s)) / 2
    chart.drawing.line(
        chart.x(first_s), chart.y(y * 0.8), chart.x(arrived_s), chart.y(y * 0.8), INK
    )
    chart.drawing.text(
        middle, chart.y(y * 0.86), f"dwell, {RULES.dwell_s:g} s", anchor="middle", size=11
    )
    chart.drawing.text(
        chart.x(first_s) - 4, chart.y(y * 0.66), "first fix inside", anchor="end", size=11
    )
    chart.drawing.text(chart.x(arrived_s) + 4, chart.y(y * 0.66), "arrived takes effect", size=11)


def write_all() -> None:
    """Writes all diagrams to the folder."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DIAGRAMS.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    write_all()
