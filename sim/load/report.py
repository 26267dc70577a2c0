"""The load test's result, and whether it is within the limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.drive.verdict import percentile
from sim.load.processes import PARTS
from sim.load.tally import Tally

LAGGING_S = 0.5
"""Lag above which the figures reflect the client's own delay, not the service."""


@dataclass(frozen=True)
class Spread:
    """Percentiles and maximum of durations, in seconds; None without values."""

    p50_s: float | None
    p99_s: float | None
    max_s: float | None

    @classmethod
    def of(cls, values_s: Sequence[float]) -> Spread:
        """Computes the spread of some values."""
        ascending = sorted(values_s)
        return cls(
            percentile(ascending, 50),
            percentile(ascending, 99),
            ascending[-1] if ascending else None,
        )


@dataclass(frozen=True)
class CpuUse:
    """CPU use of a part of the system while all sockets were held.

    Attributes:
        cpu_s: Seconds of one core.
        messages: Messages that the sockets received in this time.
    """

    cpu_s: float
    messages: int

    @property
    def us_per_message(self) -> float | None:
        """Microseconds per message, including all other work of the part; None without messages."""
        return self.cpu_s / self.messages * 1e6 if self.messages else None


@dataclass(frozen=True)
class Limits:
    """Limits of the result; None for no limit.

    Attributes:
        max_errors: Errors of all kinds together.
        max_gap_s: Longest time without a message on any socket.
        max_age_p99_s: Age of the positions, from the fix to the socket.
        max_connect_p99_s: Duration of the handshakes.
        max_snapshot_p99_s: Time from a socket's opening to its first snapshot.
    """

    max_errors: int | None = 0
    max_gap_s: float | None = 75.0
    max_age_p99_s: float | None = None
    max_connect_p99_s: float | None = None
    max_snapshot_p99_s: float | None = None


@dataclass(frozen=True)
class LoadReport:
    """The result of a load test.

    Attributes:
        sockets: Requested sockets.
        connected: Sockets that opened at least once.
        snapshots: Sockets that received their snapshot.
        open_at_end: Sockets that were open at the end.
        gap: Time between messages; its maximum includes the silence at the end.
        client_lag: How late this program ran its own scheduled work.
        cpu: CPU use by part; without parts that are not on this machine.
    """

    sockets: int
    connected: int
    snapshots: int
    open_at_end: int
    elapsed_s: float
    points_accepted: int
    messages: Mapping[str, int]
    errors: Mapping[str, int]
    connect: Spread
    snapshot: Spread
    age: Spread
    gap: Spread
    client_lag: Spread
    cpu: Mapping[str, CpuUse]

    def problems(self, limits: Limits) -> list[str]:
        """The violated limits, as text for people; empty when there are none."""
        found = []
        if self.connected < self.sockets:
            found.append(f"only {self.connected} of {self.sockets} sockets were opened")
        if self.snapshots < self.connected:
            found.append(f"{self.connected - self.snapshots} open sockets never got a snapshot")
        if self.open_at_end < self.connected:
            found.append(f"{self.connected - self.open_at_end} sockets were not open at the end")
        errors = sum(self.errors.values())
        if limits.max_errors is not None and errors > limits.max_errors:
            found.append(f"{errors} errors; the limit is {limits.max_errors}")
        for name, value_s, max_s in (
            ("the longest gap", self.gap.max_s, limits.max_gap_s),
            ("the age of positions (p99)", self.age.p99_s, limits.max_age_p99_s),
            ("connecting (p99)", self.connect.p99_s, limits.max_connect_p99_s),
            ("the wait for the snapshot (p99)", self.snapshot.p99_s, limits.max_snapshot_p99_s),
        ):
            if max_s is None:
                continue
            if value_s is None:
                found.append(f"{name} is unknown: no message was received")
            elif value_s > max_s:
                found.append(f"{name} is {value_s:.2f} s; the limit is {max_s:g} s")
        return found

    @property
    def warning(self) -> str | None:
        """What makes the figures unreliable without being the service's fault."""
        lag_s = self.client_lag.p99_s
        if lag_s is None or lag_s < LAGGING_S:
            return None
        return (
            f"this program itself was up to {self.client_lag.max_s:.1f} s late (p99 {lag_s:.1f} "
            "s): the machine is too slow for so many sockets, and the figures are partly its own"
        )

    @property
    def unseen(self) -> list[str]:
        """What could not be measured, as text for people."""
        return [f"the CPU of the {part}" for part in PARTS if part not in self.cpu]

    def to_json(self, problems: Sequence[str]) -> dict[str, Any]:
        """The report as one flat object."""
        spreads = {
            f"{name}_{part}": getattr(getattr(self, name), part)
            for name in ("connect", "snapshot", "age", "gap", "client_lag")
            for part in ("p50_s", "p99_s", "max_s")
        }
        return {
            "sockets": self.sockets,
            "connected": self.connected,
            "snapshots": self.snapshots,
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
    """The report on a tally at the end of the test, before the open sockets are closed."""
    gaps = Spread.of(tally.gaps_s)
    longest = [*(gap for gap in [gaps.max_s] if gap is not None), *tally.silences_s(now_ms)]
    return LoadReport(
        sockets=len(tally.sockets),
        connected=sum(one.connected_at_ms is not None for one in tally.sockets),
        snapshots=sum(one.snapshot_at_ms is not None for one in tally.sockets),
        open_at_end=tally.open_now,
        elapsed_s=elapsed_s,
        points_accepted=points_accepted,
        messages=dict(tally.messages),
        errors=dict(tally.errors),
        connect=Spread.of(tally.connect_s),
        snapshot=Spread.of(tally.snapshot_s),
        age=Spread.of(tally.ages_s),
        gap=Spread(gaps.p50_s, gaps.p99_s, max(longest, default=None)),
        client_lag=Spread.of(lags_s),
        cpu=cpu or {},
    )
