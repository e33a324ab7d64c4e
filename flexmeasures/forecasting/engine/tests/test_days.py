import numpy as np

from flexmeasures.forecasting.engine.days import Days
from flexmeasures.forecasting.engine.series import Calendar, Series
from flexmeasures.forecasting.engine.tests.worlds import series_of


def test_the_latest_known_day_depends_on_the_time_of_the_viewpoint() -> None:
    days = Days(series_of(np.arange(24.0 * 10)))
    noon = np.array([5 * 24 + 12])
    assert days.latest_known(noon, np.array([5 * 24 + 12])) == 4  # seen from just before
    assert days.latest_known(noon, np.array([4 * 24 + 12])) == 3  # a day before: it begins just now
    assert days.latest_known(noon, np.array([4 * 24 + 13])) == 4
    assert days.latest_known(noon, np.array([0])) < 0
    assert days.latest_known(np.array([9 * 24]), np.array([9 * 24]), every=7) == 2


def test_what_is_usual_leans_on_this_day_and_the_ones_before_only() -> None:
    values = np.repeat([10.0, 20.0, np.nan, 40.0], 24)
    days = Days(series_of(values))
    usual = days.usual(days.table(values), decay=0.5)
    assert usual[:, 5].tolist() == [10.0, (20 + 5) / 1.5, (20 + 5) / 1.5, (40 + 10 + 2.5) / 1.75]


def test_the_same_local_time_is_found_across_the_clock_change() -> None:
    """Clocks jump from 2 to 3 on the second day; work starts at 8."""
    hours = np.concatenate([np.arange(24), np.delete(np.arange(24), 2), np.arange(24)])
    day = np.repeat([0, 1, 2], [24, 23, 24])
    zeros = np.zeros(len(hours))
    calendar = Calendar(day, hours * 60, day, day, zeros)
    values = np.where(hours >= 8, 1.0, 0.0)
    days = Days(Series(values, 24, calendar))
    for event in range(24, len(hours)):
        at = days.latest_known(np.array([event]), np.array([event]))
        found = days.look_up(days.table(values), at, np.array([event]))[0]
        assert found == values[event] or (hours[event] == 2 and np.isnan(found))


def test_mondays_are_compared_with_fridays() -> None:
    days = Days(series_of(np.zeros(24 * 14)))
    monday = np.array([7 * 24])
    assert days.latest_alike(monday, days.latest_known(monday, monday)) == 4
