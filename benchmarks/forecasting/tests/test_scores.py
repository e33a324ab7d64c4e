from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecasting.__main__ import main
from benchmarks.forecasting.datasets import NoData, find, read
from benchmarks.forecasting.scores import coverage, relative_width, wape

NAN = np.nan


def test_wape() -> None:
    assert wape(np.array([1.0, -3.0, NAN, 0.0]), np.array([2.0, -2.0, 5.0, 1.0])) == 3 / 4


def test_wape_of_zeros_is_unknown() -> None:
    assert np.isnan(wape(np.zeros(3), np.ones(3)))


def test_bands() -> None:
    measured = np.array([1.0, 2.0, NAN, 3.0, 4.0])
    low, high = np.array([0.0, 2.5, 0.0, NAN, 4.0]), np.array([1.0, 3.5, 9.0, NAN, 6.0])
    assert coverage(measured, low, high) == 2 / 3
    assert relative_width(measured, low, high) == (1 + 1 + 2) / (1 + 2 + 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """60 days of hours, of which the last ones repeat each day, and forecasts of two leads."""
    starts = pd.date_range("2020-01-01", periods=24 * 60, freq="h", tz="UTC")
    hour = starts.hour.to_numpy()
    values = 10.0 + hour + np.random.default_rng(0).normal(size=len(hour)) * (starts.month < 2)
    table = pd.DataFrame(
        {
            "value": values,
            "fc_wind_01_12h": hour + 0.1,
            "fc_wind_13_24h": hour + 0.2,
            "fc_sun": hour,
            "obs_sun": hour,
            "hist_cars": hour,
            "cs_sun": hour,
        },
        index=pd.Index(starts.strftime("%Y-%m-%dT%H:%M:%SZ"), name="event_start"),
    )
    table.to_csv(tmp_path / "mill.csv.gz")
    return tmp_path


def test_forecasts_are_known_from_their_issue_on(folder: Path) -> None:
    """Those of 13 to 24 h for an event at 12:00 or later were issued at midnight before."""
    wind = read(folder / "mill.csv.gz").regressors["forecast"]["fc_wind"]
    event = np.array([48 + 13])
    known = {back: wind.as_known(event, event - back)[0] for back in (1, 2, 13, 14, 25, 26)}
    assert known[1] == pytest.approx(13.1)  # issued at 12:00
    assert known[2] == pytest.approx(13.2)  # one hour too early for that, but not for the one
    assert known[13] == pytest.approx(13.2)  # that was issued at 00:00
    assert np.isnan(known[14])
    assert np.isnan(known[26])


@pytest.mark.parametrize(
    ("name", "mode", "known_from"),
    [
        ("fc_sun", "forecast", 100 - 48),
        ("cs_sun", "forecast", 0),
        ("obs_sun", "forecast", 101),
        ("hist_cars", "forecast", 101),
        ("obs_sun", "perfect", 0),
        ("hist_cars", "perfect", 101),
        ("fc_sun", "perfect", 100 - 48),
    ],
)
def test_other_regressors_are_known_by_prefix(
    folder: Path, name: str, mode: str, known_from: int
) -> None:
    by = read(folder / "mill.csv.gz").regressors[mode][name]
    assert by.known[by.event == 100].tolist() == [known_from]


def test_clocks(tmp_path: Path, folder: Path) -> None:
    (folder / "mill.csv.gz").rename(tmp_path / "solar_us.csv.gz")
    calendar = read(tmp_path / "solar_us.csv.gz").series.calendar
    assert calendar.minute[:2].tolist() == [17 * 60, 18 * 60]
    assert calendar.weekday[0] == 1  # still 31 December there, a Tuesday
    assert calendar.yearday[0] == 364
    assert calendar.holiday[:8].tolist() == [0] * 7 + [1]  # New Year
    assert np.diff(calendar.day[:8]).tolist() == [0] * 6 + [1]


def test_files_that_are_not_regular_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mill.csv"
    path.write_text("event_start,value\n2020-01-01T00Z,1\n2020-01-01T01Z,1\n2020-01-01T03Z,1\n")
    with pytest.raises(NoData, match="not regular"):
        read(path)


@pytest.mark.parametrize("folder_there", [True, False])
def test_nothing_to_evaluate(tmp_path: Path, folder_there: bool) -> None:
    with pytest.raises(NoData, match="has no files" if folder_there else "is no folder"):
        list(find(tmp_path if folder_there else tmp_path / "nowhere", []))


def test_a_run(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Days repeat themselves in the part that is scored, so some rules are perfect."""
    figures = tmp_path / "figures.json"
    assert main(["--data", str(folder), "--horizons", "1,24", "--json", str(figures)]) == 0
    out = capsys.readouterr().out
    assert "mill     1         91.1     100.0" in out
    found = json.loads(figures.read_text())
    cells = {(cell["model"], cell["horizon"]): cell for cell in found["cells"]}
    assert cells["seasonal", 24]["wape"] == 0
    assert cells["weekly", 1]["wape"] == 0
    # From one hour to the next 1, at midnight 23; the mean value is 21.5.
    assert cells["persistence", 1]["wape"] == pytest.approx((23 * 1 + 23) / 24 / 21.5)
    assert cells["persistence", 1]["events"] == 15 * 24


def test_a_run_from_some_day_on(folder: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    scored = ["--from", "2020-02-20", "--until", "2020-02-22T12:00Z"]
    assert main(["--data", str(folder), *scored, "--json", str(figures)]) == 0
    assert {cell["events"] for cell in json.loads(figures.read_text())["cells"]} == {60}


def test_without_data_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "--data" in capsys.readouterr().err
