"""How often the truck arrives within its ETA range, and how wide that range is.

    python -m bench.truth.eta_accuracy            the report roads
    python -m bench.truth.eta_accuracy --tuning   the roads on which the constants were chosen

Each drive is evaluated at 20 moments, evenly spread from departure to arrival. Every drive has the
same weight, whatever its length. The baseline is what an app without such a service would show: the
remaining great circle over the current speed, minus and plus 20 %. A standing truck has no such
range; widths and coverage are compared only where both have one.

Because the two differ in width and in coverage, each is also adjusted to the other: our range is
narrowed until its median width equals the naive one's, and the naive one is widened, by a factor on
both sides, until it covers as often as ours.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

import msgspec

from bench.figures import Figure, beside, table_of
from bench.truth.eta_drives import REPORT, TUNING, EtaDrive, drives, recorded_drives
from rtdts.tracking.deliveries import Status
from rtdts.tracking.eta import (
    RULES,
    EtaBaseline,
    EtaRules,
    TruckPace,
    drive_on,
    eta_range,
    observe,
)
from rtdts.tracking.geodesy import distance_m

MOMENTS = 20
"""Moments per drive."""
NAIVE_SHARE = 0.2
MIN_SPEED_MPS = 1.0
"""At lower speeds the naive range would have no end."""
RESAMPLES = 1_000
SEEDS = {TUNING: 1, REPORT: 2}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What was known at one fix, and the true arrival."""

    pace: TruckPace
    baseline: EtaBaseline | None
    remaining_m: float
    radius_m: float
    speed_mps: float
    truth_s: float

    def ours(self, rules: EtaRules) -> tuple[float, float] | None:
        """Our range in seconds from the fix."""
        found = eta_range(
            self.baseline,
            self.pace,
            remaining_m=self.remaining_m,
            radius_m=self.radius_m,
            status=Status.IN_TRANSIT,
            rules=rules,
        )
        if found is None:
            return None
        at_ms = self.pace.at_ms
        return (found.earliest_ms - at_ms) / 1_000, (found.latest_ms - at_ms) / 1_000

    @property
    def naive_s(self) -> float | None:
        """Remaining distance over current speed; None when the truck stands."""
        if self.speed_mps < MIN_SPEED_MPS:
            return None
        return self.remaining_m / self.speed_mps


def moments_of(drive: EtaDrive) -> list[Moment]:
    """The fixes of a drive at which it is evaluated, with what was folded until then."""
    pace: TruckPace | None = None
    baseline: EtaBaseline | None = None
    moments = []
    every_ms = (drive.entered_ms - drive.departed_ms) / MOMENTS
    next_ms = float(drive.departed_ms)
    for fix in drive.fixes:
        at_ms = fix.recorded_at_ms
        if at_ms >= drive.entered_ms:
            break
        pace = drive_on(pace, at_ms=at_ms, lat=fix.lat, lon=fix.lon, accuracy_m=fix.accuracy_m)
        if at_ms < drive.departed_ms:
            continue
        remaining_m = distance_m(fix.lat, fix.lon, *drive.destination)
        baseline = observe(baseline, pace, remaining_m=remaining_m, status=Status.IN_TRANSIT)
        if at_ms < next_ms:
            continue
        next_ms += every_ms * math.ceil((at_ms - next_ms + 1) / every_ms)
        moments.append(
            Moment(
                pace=pace,
                baseline=baseline,
                remaining_m=remaining_m,
                radius_m=drive.radius_m,
                speed_mps=fix.speed_mps,
                truth_s=(drive.entered_ms - at_ms) / 1_000,
            )
        )
    return moments


Range = Callable[[Moment], tuple[float, float] | None]


def naive(moment: Moment) -> tuple[float, float] | None:
    """The naive range: the expected time minus and plus 20 %."""
    expected_s = moment.naive_s
    if expected_s is None:
        return None
    return expected_s * (1 - NAIVE_SHARE), expected_s * (1 + NAIVE_SHARE)


def ours_with(rules: EtaRules) -> Range:
    """Our range with these constants."""
    return lambda moment: moment.ours(rules)


def widened(factor: float) -> Range:
    """The naive range, from a `factor`-th of the expected time to `factor` times it."""

    def of(moment: Moment) -> tuple[float, float] | None:
        expected_s = moment.naive_s
        return None if expected_s is None else (expected_s / factor, expected_s * factor)

    return of


def coverages(by_drive: Iterable[Sequence[Moment]], of: Range) -> list[float]:
    """The share of its moments at which a drive's arrival lay within the range, by drive."""
    shares = []
    for moments in by_drive:
        ranges = [(found, one.truth_s) for one in moments if (found := of(one)) is not None]
        if ranges:
            hits = sum(low <= truth_s <= high for (low, high), truth_s in ranges)
            shares.append(hits / len(ranges))
    return shares


def median_width_s(by_drive: Iterable[Sequence[Moment]], of: Range) -> float:
    """The median width, over all moments at which there is a range."""
    return statistics.median(
        found[1] - found[0]
        for moment in chain.from_iterable(by_drive)
        if (found := of(moment)) is not None
    )


def figures(name: str, by_drive: Sequence[Sequence[Moment]]) -> Iterator[Figure]:
    """The results of the drives of one set."""
    ours = ours_with(RULES)
    everything = coverages(by_drive, ours)
    moving = [[one for one in moments if one.naive_s is not None] for moments in by_drive]
    low, high = _interval(everything)
    yield Figure(name=f"eta_coverage.{name}", value=statistics.mean(everything), unit="share")
    yield Figure(name=f"eta_coverage_low.{name}", value=low, unit="share, 95 % interval")
    yield Figure(name=f"eta_coverage_high.{name}", value=high, unit="share, 95 % interval")
    null = sum(ours(one) is None for one in chain.from_iterable(by_drive))
    yield Figure(
        name=f"eta_null.{name}", value=null / sum(map(len, by_drive)), unit="share of moments"
    )
    yield Figure(name=f"eta_width.{name}", value=median_width_s(by_drive, ours), unit="s, median")
    covered, naive_covered = (statistics.mean(coverages(moving, of)) for of in (ours, naive))
    width_s, naive_s = median_width_s(moving, ours), median_width_s(moving, naive)
    label = "remaining / speed ± 20 %"
    yield beside(f"eta_moving_coverage.{name}", covered, "share", label, naive_covered)
    yield beside(f"eta_moving_width.{name}", width_s, "s, median", label, naive_s)
    narrow = _spread_for(moving, naive_s)
    yield beside(
        f"eta_coverage_at_naive_width.{name}",
        statistics.mean(coverages(moving, narrow)),
        "share",
        label,
        naive_covered,
    )
    wide = _factor_for(moving, covered)
    yield beside(
        f"eta_width_at_our_coverage.{name}",
        width_s,
        "s, median",
        "the naive range widened",
        median_width_s(moving, wide),
    )


def all_figures(roads: Sequence[str], count: int) -> list[Figure]:
    """The results of a number of modelled drives on these roads, and a quarter as many recorded."""
    seed = SEEDS[tuple(roads)]
    sets = {
        "modelled": drives(roads, count, seed),
        "recorded": recorded_drives(roads, max(1, count // 4), seed),
    }
    found: list[Figure] = []
    for name, some in sets.items():
        found += figures(name, [moments_of(drive) for drive in some])
    return found


def _spread_for(by_drive: Sequence[Sequence[Moment]], width_s: float) -> Range:
    low, high = 0.0, RULES.spread * 2
    for _ in range(20):
        middle = (low + high) / 2
        of = ours_with(msgspec.structs.replace(RULES, spread=middle))
        low, high = (middle, high) if median_width_s(by_drive, of) < width_s else (low, middle)
    return ours_with(msgspec.structs.replace(RULES, spread=low))


def _factor_for(by_drive: Sequence[Sequence[Moment]], coverage: float) -> Range:
    low, high = 1.0, 100.0
    for _ in range(20):
        middle = (low + high) / 2
        covered = statistics.mean(coverages(by_drive, widened(middle)))
        low, high = (middle, high) if covered < coverage else (low, middle)
    return widened(high)


def _interval(shares: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval, by resampling drives: moments of one drive depend on each other."""
    rng = Random(1)
    means = sorted(statistics.mean(rng.choices(shares, k=len(shares))) for _ in range(RESAMPLES))
    return means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1]


def main(argv: Sequence[str]) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.truth.eta_accuracy", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--tuning", action="store_true", help="use the tuning roads instead of the report roads"
    )
    parser.add_argument(
        "--drives", type=int, default=400, help="number of modelled drives (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    found = all_figures(TUNING if args.tuning else REPORT, args.drives)
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 120).print(table_of(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
