import dataclasses

import pytest

from rtdts.runtime.settings import SettingsError, read_settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    name: str = setting("NAME", help="a name")
    size: int = setting("SIZE", default=5, minimum=1, maximum=9, help="a size")
    ratio: float | None = setting("RATIO", default=None, help="a ratio")
    loud: bool = setting("LOUD", default=False, help="whether it is loud")
    mode: str = setting("MODE", default="a", choices=("a", "b"), help="a mode")


def test_reads_values_and_defaults():
    sample = read_settings(Sample, {"NAME": "x", "RATIO": "0.5", "LOUD": "yes", "SIZE": ""})

    assert sample == Sample(name="x", size=5, ratio=0.5, loud=True, mode="a")


def test_reports_every_problem_at_once():
    with pytest.raises(SettingsError) as caught:
        read_settings(Sample, {"SIZE": "10", "RATIO": "nan", "LOUD": "perhaps", "MODE": "c"})

    assert [p.split("=")[0].split(" ")[0] for p in caught.value.problems] == [
        "NAME",
        "SIZE",
        "RATIO",
        "LOUD",
        "MODE",
    ]


@pytest.mark.parametrize("text", ["0", "10", "1.5", "five"])
def test_rejects_numbers_out_of_bounds_or_of_another_kind(text):
    with pytest.raises(SettingsError, match="SIZE="):
        read_settings(Sample, {"NAME": "x", "SIZE": text})
