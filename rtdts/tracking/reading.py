"""The optional measurements of a point, as flat fields at every stage.

To add a measurement: a field here, its mapping in `rtdts.position_store.index_definitions`, its
description in ``docs/openapi.yaml``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """The measurements of a point, each None when the device did not send it.

    The base of every type that carries a point: what a truck sends, the stream's and the index's
    documents, `Point` and `Fix`. Their other fields are keyword-only, so that a new measurement
    goes to the end here and is carried by `measured` everywhere.

    The ranges exclude only impossible values, generously: a value outside rejects the whole point
    permanently. Whether a possible fix is plausible is decided later, by the quality rules.
    """

    accuracy_m: Annotated[float, Meta(ge=0.0, le=1e7)] | None = None
    speed_mps: Annotated[float, Meta(ge=0.0, le=1_000.0)] | None = None
    heading_deg: Annotated[float, Meta(ge=0.0, le=360.0)] | None = None
    altitude_m: Annotated[float, Meta(ge=-12_000.0, le=100_000.0)] | None = None
    satellites: Annotated[int, Meta(ge=0, le=1_000)] | None = None
    hdop: Annotated[float, Meta(ge=0.0, le=1_000.0)] | None = None
    ignition: bool | None = None
    battery_pct: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    odometer_m: Annotated[float, Meta(ge=0.0, le=1e11)] | None = None


measured: Callable[[Reading], tuple[Any, ...]] = operator.attrgetter(*Reading.__struct_fields__)
"""The measurements in order: the first, positional arguments of every `Reading`."""
