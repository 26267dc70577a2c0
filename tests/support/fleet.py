"""Fixes of a truck, as its device sends them."""

from sim.fleet.device import Fix


def fix(seq: int) -> Fix:
    return Fix(
        truck_id="T-1",
        seq=seq,
        recorded_at_ms=1_795_504_368_000 + seq * 1000,
        lat=48.0,
        lon=11.0,
        accuracy_m=5.0,
        speed_mps=0.0,
        heading_deg=0.0,
        satellites=9,
        hdop=0.9,
        ignition=True,
        battery_pct=100.0,
        odometer_m=1,
    )


BATCH = tuple(fix(seq) for seq in range(5))
