from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from flexmeasures.utils.timely import HEAVY_MODULES, tb

START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def run_fresh(code: str) -> str:
    """What this code prints in a Python process of its own."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_leaves_heavy_modules_alone() -> None:
    code = (
        "import sys, flexmeasures.utils.timely as timely;"
        "print([name for name in timely.HEAVY_MODULES if name in sys.modules])"
    )
    assert run_fresh(code) == "[]"


@pytest.mark.parametrize("name", HEAVY_MODULES)
def test_others_get_the_real_module_afterwards(name: str) -> None:
    code = (
        f"import flexmeasures.utils.timely, {name} as real;"
        "print(real.__spec__ is not None, real.__file__ is not None)"
    )
    assert run_fresh(code) == "True True"


def test_modules_that_are_loaded_already_are_kept() -> None:
    code = (
        "import openturns;"
        "from flexmeasures.utils.timely import tb;"
        "import timely_beliefs.beliefs.probabilistic_utils as utils;"
        "print(utils.ot is openturns)"
    )
    assert run_fresh(code) == "True"


def two_coin_flips() -> tb.BeliefsDataFrame:
    """Two half-hour events, each 0 or 1 with equal probability, believed at two times."""
    source = tb.BeliefSource("statistician")
    sensor = tb.Sensor("coin", event_resolution=timedelta(minutes=30))
    return tb.BeliefsDataFrame(
        [
            tb.TimedBelief(
                sensor,
                source,
                event_value=value,
                cumulative_probability=probability,
                event_start=START + i * timedelta(minutes=30),
                belief_time=START - hours * timedelta(hours=1),
            )
            for i in range(2)
            for hours in range(2)
            for value, probability in [(0, 0.5), (1, 1)]
        ]
    )


def test_probabilistic_resampling_works() -> None:
    hourly = two_coin_flips().resample_events(timedelta(hours=1))
    assert hourly["event_value"].tolist() == pytest.approx(2 * [0, 0.5, 1])
    probabilities = hourly.index.get_level_values("cumulative_probability")
    assert probabilities.tolist() == pytest.approx(2 * [0.25, 0.75, 1])


def test_mean_of_probabilistic_beliefs_works() -> None:
    """Uniform between the two points, the lower one taking all probability below it."""
    means = two_coin_flips().make_deterministic()
    assert means["event_value"].tolist() == pytest.approx(4 * [0.25])
