"""`flexmeasures add schedule for-storage`: what it refuses (the tutorial tells what it stores)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from flexmeasures.cli.data_add.schedule import create_schedule
from flexmeasures.data.services.toy_account import ToyAccount

SCHEDULE = (
    *("--sensor-id", "1", "--soc-at-start", "50%"),
    *("--start", "2026-11-25T07:00+01:00", "--duration", "PT2H"),
)
MARKET = ("--consumption-price-sensor", "2")


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        ((), 2, "Missing option '--consumption-price-sensor'"),
        ((*MARKET, "--sensor-id", "2"), 1, "Sensor with ID 2 is not a power sensor."),
        ((*MARKET, "--sensor-id", "3"), 1, "Sensor production has no max_soc_in_mwh attribute."),
        ((*MARKET, "--inflexible-device-sensor", "1"), 1, "so it is not inflexible"),
        ((*MARKET, "--soc-at-start", "150%"), 2, "--soc-at-start"),
        ((*MARKET, "--soc-at-start", "half"), 2, "--soc-at-start"),
        ((*MARKET, "--duration", "12 hours"), 2, "--duration"),
        ((*MARKET, "--duration", "PT0M"), 2, "'--duration' must be longer"),
        ((*MARKET, "--start", "2026-11-25T07:00"), 2, "--start"),
        ((*MARKET, "--soc-target", "50%", "noon"), 2, "--soc-target"),
    ],
)
def test_refused(
    toy: ToyAccount,
    invoke: Callable[..., Result],
    options: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    refused = invoke(create_schedule, "for-storage", *SCHEDULE, *options, exit_code=exit_code)
    assert says in refused.stderr
