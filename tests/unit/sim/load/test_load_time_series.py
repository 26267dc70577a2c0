"""The time series of a load test, its chart, and the CPU time of the measured parts."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.status_rules import StatusRules
from sim.load.plan import LoadOptions
from sim.load.processes import CpuMeter
from sim.load.report import CpuUse, sum_up
from sim.load.tally import Tally
from sim.load.time_series import LEFT, WIDTH, Sample, TimeSeries, draw
from sim.load.trucks import FAR_M, plan_load_trips
from sim.load.view import report_lines


def test_each_sample_of_the_time_series_has_only_its_own_second() -> None:
    tally = Tally()
    time_series = TimeSeries(tally)
    tally.open_now = 2
    tally.messages["position"] += 3
    tally.ages_s += [1.0, 2.0, 3.0]
    tally.gaps_s += [4.0]
    time_series.sample(1.0)
    time_series.sample(2.0)

    first, second = time_series.samples
    assert (first.open_now, first.messages, first.age_p50_s, first.age_p99_s) == (2, 3, 2.0, 3.0)
    assert first.gap_max_s == 4.0
    assert (second.messages, second.age_p50_s, second.gap_max_s) == (0, None, None)


def test_the_chart_is_valid_svg_even_with_missing_values() -> None:
    tally = Tally()
    time_series = TimeSeries(tally)
    time_series.sample(1.0)
    tally.ages_s.append(0.5)
    time_series.sample(2.0)

    drawn = ET.fromstring(draw(time_series.samples, "20 sockets <&>", held_from_s=1.5))  # noqa: S314 - ours

    words = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "20 sockets <&>" in words
    assert {"sockets open", "messages per second"} <= {*words}


def test_draw_marks_only_samples_without_a_value_on_either_side() -> None:
    gaps = [2.0, None, 3.0, 4.0, 5.0, None, None, 6.0, None, 7.0, 8.0, None, 9.0]
    samples = [Sample(float(at), 1, 1, None, None, gap) for at, gap in enumerate(gaps)]

    drawn = ET.fromstring(draw(samples, "20 sockets", held_from_s=None))  # noqa: S314 - ours

    dots = [dot.get("cx") for dot in drawn.iter("{http://www.w3.org/2000/svg}circle")]
    assert dots == [f"{LEFT + (WIDTH - LEFT - 20) * at / 12:.1f}" for at in (0, 7, 12)]


def process(proc: Path, run_dir: Path, name: str, pid: int, user: int, system: int) -> None:
    (run_dir / f"{name}.pid").write_text(f"{pid}\n")
    (proc / str(pid)).mkdir(parents=True)
    fields = ["S", *"1111111111", str(user), str(system), "0", "0"]
    (proc / str(pid) / "stat").write_text(f"{pid} (a (b) c) {' '.join(fields)}")


def test_the_cpu_of_all_broadcasters_is_summed_and_of_ended_parts_ignored(tmp_path: Path) -> None:
    proc, run_dir, tick = tmp_path / "proc", tmp_path / "run", os.sysconf("SC_CLK_TCK")
    run_dir.mkdir()
    process(proc, run_dir, "broadcaster", 7, 2 * tick, tick)
    process(proc, run_dir, "broadcaster-2", 8, tick, 0)
    (run_dir / "socket-gateway.pid").write_text("9\n")  # gone

    assert CpuMeter(run_dir, proc).read() == {"broadcaster": 4.0}
    assert CpuMeter(tmp_path / "nowhere", proc).read() == {}


def test_the_report_has_the_cpu_time_per_message_and_what_was_not_measured() -> None:
    use = CpuUse(cpu_s=0.5, messages=1_000)
    report = sum_up(
        Tally(), now_ms=0, elapsed_s=1.0, points_accepted=0, lags_s=(), cpu={"gateway": use}
    )

    document = report.to_json([])
    assert document["cpu_us_per_message"] == {"gateway": 500}
    assert document["unseen"] == ["the CPU of the broadcaster"]
    lines = "\n".join(report_lines(report, []))
    assert "500 µs per message" in lines
    assert "not measured: the CPU of the broadcaster" in lines
    assert CpuUse(cpu_s=1.0, messages=0).us_per_message is None


def test_near_trucks_wait_near_their_destination_and_far_trucks_stay_away() -> None:
    options = LoadOptions(sockets=100, near=50, trucks=3, duration_s=120.0)

    trips = plan_load_trips(options)

    near, far = options.groups
    assert len(trips) == 3
    for number, trip in enumerate(trips):
        assert trip.motion.duration_s >= options.longest_s - 1
        states = [trip.motion.at(float(t)) for t in range(0, int(options.longest_s), 5)]
        place = trip.destination
        away_m = [distance_m(one.lat, one.lon, place.lat, place.lon) for one in states]
        if number in near.trucks:
            assert trip.destination.radius_m < min(away_m)
            assert max(away_m) < StatusRules().near_m
        else:
            assert number in far.trucks
            assert min(away_m) > FAR_M / 2
