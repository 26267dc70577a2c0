"""The demo on a terminal: a live table, or plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from rtdts.tracking.deliveries import Status
from sim.drive.simulated_truck import SimulatedTruck
from sim.drive.verdict import percentile
from sim.environment import Environment

STATUS_STYLES = {
    Status.ASSIGNED: "dim",
    Status.EN_ROUTE_TO_PICKUP: "cyan",
    Status.AT_PICKUP: "yellow",
    Status.IN_TRANSIT: "blue",
    Status.NEARBY: "magenta",
    Status.ARRIVED: "yellow",
    Status.DELIVERED: "green",
}

LEGEND = (
    "age s: age of the last position on the customer's socket; points: the accepted ones;",
    "msgs: messages on that socket; refused: how often another customer was refused the delivery",
)


@dataclass(frozen=True)
class Row:
    """One truck as its customer sees it."""

    truck_id: str
    road: str
    delivery_id: str
    status: str | None
    age_s: float | None
    """Age of the last position on the customer's socket, in seconds."""
    speed_mps: float | None
    remaining_m: float | None
    accepted: int
    messages: int
    rejections: int
    """How often intruders were denied this truck's deliveries."""


@dataclass(frozen=True)
class DemoSummary:
    """Summary of the demo."""

    trucks: int
    reached: int
    """Trucks whose positions reached their customers' sockets."""
    delivered: int
    positions: int
    messages: int
    rejections: int
    foreign: int
    age_p50_s: float | None

    @property
    def ok(self) -> bool:
        """Whether every truck was seen by its customer, and only by its customer."""
        return self.reached == self.trucks and self.foreign == 0

    def __str__(self) -> str:
        age = "" if self.age_p50_s is None else f" (median age {self.age_p50_s:.1f} s)"
        return (
            f"demo {'OK' if self.ok else 'FAILED'}: positions of {self.reached} of {self.trucks} "
            f"trucks reached their customers' sockets; {self.positions} positions{age} in "
            f"{self.messages} messages, {self.delivered} deliveries completed, "
            f"{self.rejections} requests of other customers refused, "
            f"{self.foreign} messages to the wrong customer"
        )


def row_of(truck: SimulatedTruck, road: str, rejected: Mapping[str, int], now_ms: int) -> Row:
    """The row of a truck: what its customer sees now.

    Args:
        truck: The truck and its customer.
        road: Name of the road it drives, for people.
        rejected: By delivery, how often intruders were denied it.
        now_ms: The current time.
    """
    delivery_id = truck.delivery_ids[-1] if truck.delivery_ids else ""
    view = truck.customer.views.get(delivery_id)
    last_ms = truck.log.last_position_at_ms
    return Row(
        truck_id=truck.truck_id,
        road=road,
        delivery_id=delivery_id,
        status=view.status if view else None,
        age_s=None if last_ms is None else max(0.0, (now_ms - last_ms) / 1000),
        speed_mps=view.position.speed_mps if view and view.position else None,
        remaining_m=view.distance_remaining_m if view else None,
        accepted=len(truck.uploader.report.accepted),
        messages=truck.log.messages,
        rejections=sum(rejected.get(one, 0) for one in truck.delivery_ids),
    )


def summarise(
    trucks: Sequence[SimulatedTruck], rejected: Mapping[str, int], foreign: int
) -> DemoSummary:
    """Count the messages that the customers received.

    Args:
        trucks: All trucks.
        rejected: By delivery, how often intruders were denied it.
        foreign: How many messages intruders received about deliveries of others.
    """
    ages_s = sorted(shown.age_s for truck in trucks for shown in truck.log.positions)
    return DemoSummary(
        trucks=len(trucks),
        reached=sum(bool(truck.log.positions) for truck in trucks),
        delivered=sum(
            Status.DELIVERED in seen for truck in trucks for seen in truck.log.statuses.values()
        ),
        positions=len(ages_s),
        messages=sum(truck.log.messages for truck in trucks),
        rejections=sum(rejected.values()),
        foreign=foreign + sum(len(truck.log.foreign) for truck in trucks),
        age_p50_s=percentile(ages_s, 50),
    )


def table_of(rows: Sequence[Row], footer: Sequence[str], title: str) -> Group:
    """The live table.

    `LEGEND`, below the table, explains its columns.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("truck", "delivery", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("age s", "km/h", "to go m", "points", "msgs", "refused"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("road", no_wrap=True)
    for row in rows:
        style = STATUS_STYLES.get(Status(row.status), "") if row.status else "dim"
        table.add_row(
            row.truck_id,
            row.delivery_id,
            Text(row.status or "-", style=style),
            _number(row.age_s, 1),
            _number(None if row.speed_mps is None else row.speed_mps * 3.6),
            _number(row.remaining_m),
            str(row.accepted),
            str(row.messages),
            str(row.rejections),
            row.road,
        )
    return Group(table, *(Text(line, style="dim") for line in (*LEGEND, *footer)))


def line_of(row: Row) -> str:
    """The row of one truck as a plain line."""
    return (
        f"{row.truck_id}  {row.delivery_id}  {row.status or '-'}  "
        f"age {_number(row.age_s, 1)} s  to go {_number(row.remaining_m)} m  "
        f"points {row.accepted}  messages {row.messages}  refused {row.rejections}"
    )


def page_lines(links: Sequence[str], console: str) -> list[str]:
    """Lines with the URLs of the pages, the first thing to look at.

    Args:
        links: URLs of the customers' pages.
        console: URL of the dispatcher's console.
    """
    if not links:
        return []
    return [
        f"What the dispatcher sees (any name signs in): {console}",
        "What each customer sees of its current delivery (add ?lang=ko before the # for Korean):",
        *links,
    ]


def where_to_look(environment: Environment, env_file: str) -> list[str]:
    """Commands to try while the demo runs."""
    lines = [
        f"HTTP API   {environment.server_url}",
        f"WebSocket  {environment.websocket_url}",
    ]
    if environment.mqtt_url:
        lines.append(f"MQTT       {environment.mqtt_url}, used by the second truck")
    if environment.opensearch_url:
        lines.append(f"OpenSearch {environment.opensearch_url}/truck-latest/_search?pretty")
    env = "" if env_file == "sim/.env" else f" --env {env_file}"
    lines.append(f"A delivery as its customer sees it: python -m sim watch DELIVERY{env}")
    return lines


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
