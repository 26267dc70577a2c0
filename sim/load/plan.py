"""Who connects when, and tracks which delivery. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

SOCKETS_PER_CUSTOMER: Final = 20
"""As many as the service keeps open for one identity (MAX_SOCKETS)."""


@dataclass(frozen=True)
class LoadOptions:
    """How heavy the load is.

    Attributes:
        sockets: How many customers' sockets.
        duration_s: How long they are held, once all of them have their picture.
        connect_rate: Sockets that connect in a second.
        patience_s: How long after the last one's turn they may take for that; then those that
            are there are held.
        trucks: That drive meanwhile.
        deliveries_per_truck: Deliveries that each carries, more if there are too few customers for
            the sockets; each has one customer.
        seed: Of all that is drawn.
    """

    sockets: int = 1_000
    duration_s: float = 60.0
    connect_rate: float = 20.0
    patience_s: float = 60.0
    trucks: int = 5
    deliveries_per_truck: int = 4
    seed: int = 1

    @property
    def ramp_s(self) -> float:
        """From the first socket's turn to the last one's."""
        return (self.sockets - 1) / self.connect_rate

    @property
    def longest_s(self) -> float:
        """From the first socket's turn to the end, at most."""
        return self.ramp_s + self.patience_s + self.duration_s

    @property
    def deliveries(self) -> int:
        """No more than there are sockets: each has at least one viewer."""
        for_customers = math.ceil(self.sockets / SOCKETS_PER_CUSTOMER)
        return min(self.sockets, max(self.trucks * self.deliveries_per_truck, for_customers))


@dataclass(frozen=True)
class Seat:
    """One socket's part.

    Attributes:
        number: From 0.
        connects_at_s: Its turn, after the first one's.
        delivery: Number of the delivery that it tracks, from 0. Its customer holds the socket;
            where there are more sockets than deliveries, customers have several devices.
    """

    number: int
    connects_at_s: float
    delivery: int


def seats(options: LoadOptions) -> tuple[Seat, ...]:
    """Everybody's, in the order of their turns."""
    return tuple(
        Seat(number, number / options.connect_rate, number % options.deliveries)
        for number in range(options.sockets)
    )


def carrier(delivery: int, options: LoadOptions) -> int:
    """Number of the truck, from 0, that carries a delivery."""
    return delivery % options.trucks
