"""Plans when each socket connects, and which delivery on which truck it tracks. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SOCKETS_PER_CUSTOMER: Final = 10
"""Half of what the service allows one identity (MAX_SOCKETS): a socket that is opened again after a
handshake that was too slow must not end another."""


@dataclass(frozen=True)
class Group:
    """Sockets of one kind with their own trucks and deliveries; numbers count from 0.

    Attributes:
        is_near: Whether its trucks stay near their destination, so that each socket receives
            every fix; otherwise they stay far from it, and sockets receive updates in rounds.
        sockets: Numbers of its sockets.
        trucks: Numbers of its trucks.
        deliveries: Numbers of its deliveries, each for a different customer.
    """

    is_near: bool
    sockets: range
    trucks: range
    deliveries: range


@dataclass(frozen=True)
class LoadOptions:
    """How heavy the load is.

    Attributes:
        sockets: Number of customers' sockets.
        near: How many of these watch a truck near its destination: one message per second.
        duration_s: How long the sockets are held once all of them have their snapshot.
        connect_rate: New sockets per second.
        wait_s: How long the sockets may take for their snapshots after the last connect time;
            then those that are open are held.
        trucks: Trucks that drive meanwhile; at least one of each kind that is watched.
        deliveries_per_truck: Deliveries that each truck carries, more if there are too few
            customers for the sockets; each delivery has one customer.
        seed: Seed of all random choices.
    """

    sockets: int = 1_000
    near: int = 0
    duration_s: float = 60.0
    connect_rate: float = 20.0
    wait_s: float = 60.0
    trucks: int = 5
    deliveries_per_truck: int = 4
    seed: int = 1

    @property
    def ramp_s(self) -> float:
        """Time from the first socket's connect time to the last one's."""
        return (self.sockets - 1) / self.connect_rate

    @property
    def longest_s(self) -> float:
        """Maximum time from the first socket's connect time to the end."""
        return self.ramp_s + self.wait_s + self.duration_s

    @property
    def groups(self) -> tuple[Group, ...]:
        """The near group, then the far group; a group without sockets is omitted."""
        near = min(self.near, self.sockets)
        far = self.sockets - near
        trucks = self.trucks if near and far else 0
        near_trucks = min(max(1, round(trucks * near / self.sockets)), max(1, trucks - 1))
        made: list[Group] = []
        for is_near, sockets in ((True, near), (False, far)):
            if not sockets:
                continue
            count = self.trucks if not trucks else near_trucks if is_near else trucks - near_trucks
            made.append(self._group(made[-1] if made else None, is_near, sockets, max(1, count)))
        return tuple(made)

    @property
    def deliveries(self) -> int:
        """Number of deliveries of all groups."""
        return self.groups[-1].deliveries.stop

    def _group(self, before: Group | None, is_near: bool, sockets: int, trucks: int) -> Group:
        """A group with at most as many deliveries as sockets: each has at least one viewer."""
        for_customers = math.ceil(sockets / SOCKETS_PER_CUSTOMER)
        deliveries = min(sockets, max(trucks * self.deliveries_per_truck, for_customers))
        first = (before.sockets.stop, before.trucks.stop, before.deliveries.stop) if before else ()
        first_socket, first_truck, first_delivery = first or (0, 0, 0)
        return Group(
            is_near,
            range(first_socket, first_socket + sockets),
            range(first_truck, first_truck + trucks),
            range(first_delivery, first_delivery + deliveries),
        )


@dataclass(frozen=True)
class SocketPlan:
    """The plan of one socket.

    Attributes:
        number: The socket's number, from 0.
        connects_at_s: Its connect time, relative to the first socket's.
        delivery: Number of the delivery that it tracks, from 0. Its customer holds the socket;
            where there are more sockets than deliveries, customers have several devices.
    """

    number: int
    connects_at_s: float
    delivery: int


def socket_plans(options: LoadOptions) -> tuple[SocketPlan, ...]:
    """The plans of all sockets, in the order of their connect times."""
    return tuple(
        SocketPlan(number, number / options.connect_rate, _round_robin(group.deliveries, place))
        for group in options.groups
        for place, number in enumerate(group.sockets)
    )


def truck_assignments(options: LoadOptions) -> Iterator[tuple[int, int]]:
    """Each delivery's number with that of the truck that carries it."""
    for group in options.groups:
        for place, delivery in enumerate(group.deliveries):
            yield delivery, _round_robin(group.trucks, place)


def _round_robin(numbers: range, place: int) -> int:
    return numbers[place % len(numbers)]
