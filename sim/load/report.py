"""The load test's result, and whether it is within the limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.drive.verdict import percentile
from sim.load.processes import PARTS
from sim.load.tally import Tally

LAGGING_S = 0.5
"""A client that comes to its turn so late tells of itself, not of the service."""


@dataclass(frozen=True)
class Spread:
    """Of some durations, in seconds; None of none."""

    p50_s: float | None
    p99_s: float | None
    max_s: float | None

    @classmethod
    def of(cls, values_s: Sequence[float]) -> Spread:
        """Sums up."""
        ascending = sorted(values_s)
        return cls(
            percentile(ascending, 50),
            percentile(ascending, 99),
            ascending[-1] if ascending else None,
        )


@dataclass(frozen=True)
class CpuUse:
    """What a part of the system spent while all sockets were held.

    Attributes:
        cpu_s: In seconds of a core.
        messages: That came to the sockets in this time.
    """

    cpu_s: float
    messages: int

    @property
    def us_per_message(self) -> float | None:
        """Microseconds a message, all that the part did included; None without a message."""
        return self.cpu_s / self.messages * 1e6 if self.messages else None


@dataclass(frozen=True)
class Limits:
    """What the result must keep to; None: not judged.

    Attributes:
        max_errors: Errors of all kinds together.
        max_gap_s: Longest time without a message on any socket.
        max_age_p99_s: Of the shown positions, from the fix to the socket.
        max_connect_p99_s: Of the handshakes.
        max_picture_p99_s: From a socket's opening to its first picture.
    """

    max_errors: int | None = 0
    max_gap_s: float | None = 75.0
    max_age_p99_s: float | None = None
    max_connect_p99_s: float | None = None
    max_picture_p99_s: float | None = None


@dataclass(frozen=True)
class LoadReport:
    """How a load test went.

    Attributes:
        sockets: Asked for.
        connected: That were opened at all.
        pictured: That got their picture.
        open_at_end: That were still open.
        gap: Between messages, the silence at the end included in its longest.
        client_lag: How late this program came to its own turns.
        cpu: By part; without a part that is not on this machine.
    """

    sockets: int
    connected: int
    pictured: int
    open_at_end: int
    elapsed_s: float
    points_accepted: int
    messages: Mapping[str, int]
    errors: Mapping[str, int]
    connect: Spread
    picture: Spread
    age: Spread
    gap: Spread
    client_lag: Spread
    cpu: Mapping[str, CpuUse]

    def problems(self, limits: Limits) -> list[str]:
        """Why it is not as it should be, for people; nothing when it is."""
        found = []
        if self.connected < self.sockets:
            found.append(f"only {self.connected} of {self.sockets} sockets were opened")
        if self.pictured < self.connected:
            found.append(f"{self.connected - self.pictured} open sockets never got a picture")
        if self.open_at_end < self.connected:
            found.append(f"{self.connected - self.open_at_end} sockets were not open at the end")
        errors = sum(self.errors.values())
        if limits.max_errors is not None and errors > limits.max_errors:
            found.append(f"{errors} errors, of at most {limits.max_errors}")
        for name, value_s, most_s in (
            ("the longest gap", self.gap.max_s, limits.max_gap_s),
            ("the age of positions (p99)", self.age.p99_s, limits.max_age_p99_s),
            ("connecting (p99)", self.connect.p99_s, limits.max_connect_p99_s),
            ("the wait for the picture (p99)", self.picture.p99_s, limits.max_picture_p99_s),
        ):
            if most_s is None:
                continue
            if value_s is None:
                found.append(f"{name} can't be told: nothing came")
            elif value_s > most_s:
                found.append(f"{name} is {value_s:.2f} s, of at most {most_s:g} s")
        return found

    @property
    def warning(self) -> str | None:
        """What spoils the figures though it isn't the service's fault."""
        lag_s = self.client_lag.p99_s
        if lag_s is None or lag_s < LAGGING_S:
            return None
        return (
            f"this program itself came up to {self.client_lag.max_s:.1f} s late (p99 {lag_s:.1f} "
            "s): the machine is too slow for so many sockets, and the figures are partly its own"
        )

    @property
    def unseen(self) -> list[str]:
        """What could not be measured, for people."""
        return [f"the CPU of the {part}" for part in PARTS if part not in self.cpu]

    def to_json(self, problems: Sequence[str]) -> dict[str, Any]:
        """One flat object."""
        spreads = {
            f"{name}_{part}": getattr(getattr(self, name), part)
            for name in ("connect", "picture", "age", "gap", "client_lag")
            for part in ("p50_s", "p99_s", "max_s")
        }
        return {
            "sockets": self.sockets,
            "connected": self.connected,
            "pictured": self.pictured,
            "open_at_end": self.open_at_end,
            "elapsed_s": round(self.elapsed_s, 1),
            "points_accepted": self.points_accepted,
            "messages": dict(self.messages),
            "errors": dict(self.errors),
            "cpu_us_per_message": {
                part: None if use.us_per_message is None else round(use.us_per_message)
                for part, use in self.cpu.items()
            },
            "unseen": self.unseen,
            **{
                name: value if value is None else round(value, 3) for name, value in spreads.items()
            },
            "problems": list(problems),
            "ok": not problems,
        }


def sum_up(
    tally: Tally,
    *,
    now_ms: int,
    elapsed_s: float,
    points_accepted: int,
    lags_s: Sequence[float],
    cpu: Mapping[str, CpuUse] | None = None,
) -> LoadReport:
    """The report on a tally, at the end (while the sockets that live are still open)."""
    gaps = Spread.of(tally.gaps_s)
    longest = [*(gap for gap in [gaps.max_s] if gap is not None), *tally.silences_s(now_ms)]
    return LoadReport(
        sockets=len(tally.sockets),
        connected=sum(one.connected_at_ms is not None for one in tally.sockets),
        pictured=sum(one.pictured_at_ms is not None for one in tally.sockets),
        open_at_end=tally.open_now,
        elapsed_s=elapsed_s,
        points_accepted=points_accepted,
        messages=dict(tally.messages),
        errors=dict(tally.errors),
        connect=Spread.of(tally.connect_s),
        picture=Spread.of(tally.snapshot_s),
        age=Spread.of(tally.ages_s),
        gap=Spread(gaps.p50_s, gaps.p99_s, max(longest, default=None)),
        client_lag=Spread.of(lags_s),
        cpu=cpu or {},
    )
