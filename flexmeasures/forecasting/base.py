"""The contract of forecasters: ours, and those that plugins bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.forecasting.engine.model import Fitted


@dataclass(frozen=True)
class Settings:
    """What a forecaster needs to know of the host's configuration; the service fills it in.

    history : how much of the past, at most, models learn from
    public_holidays : whether a sensor without annotations of holidays has those of the country
        that its timezone names; the attribute `public_holidays` of sensor or asset goes before
    """

    history: timedelta = timedelta(days=730)
    public_holidays: bool = True


class ModelStore(Protocol):
    """Keeps fitted models for some time, for other forecasters of the same sensor."""

    def get(self, key: str) -> Fitted | None: ...

    def put(self, key: str, fitted: Fitted) -> None: ...


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What was forecast, and how.

    frame : a row per event and belief time, by these, with columns event_start and belief_time
        (both UTC), belief_horizon (a timedelta before the event's knowledge time), value (in the
        sensor's unit), rung (what answered; see `Forecaster.get_data_source_info`), and one per
        probability that was asked for, named by that number (such as 0.05), rising from left
        to right. No value is missing or infinite
    notes : what was assumed, left out or chosen, and why, for people; each once
    """

    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frame)


class Forecaster:
    """Forecasts the events of a sensor.

    Subclasses set `__author__` and `__version__`, and override `compute`.

    Parameters
    ----------
    sensor : whose events to forecast
    model_search_term : which of our own models comes first
    regressors : sensors whose beliefs may tell something, in place of those that the attributes
        `regressors` (ids) and `weather_correlations` (names) of sensor or asset name
    quantiles : probabilities in (0, 1) for which values are wanted as well
    settings : the host's configuration
    store : of fitted models
    belief_time : only what was known then counts; all, if None. (It is no limit to the belief
        times of forecasts.)
    """

    __author__: ClassVar[str | None] = None
    __version__: ClassVar[str | None] = None

    def __init__(
        self,
        sensor: Sensor,
        *,
        model_search_term: str = "auto",
        regressors: Sequence[Sensor] | None = None,
        quantiles: Sequence[float] = (),
        settings: Settings | None = None,
        store: ModelStore | None = None,
        belief_time: datetime | None = None,
    ) -> None:
        self.sensor = sensor
        self.model_search_term = model_search_term
        self.regressors = None if regressors is None else list(dict.fromkeys(regressors))
        self.quantiles = tuple(sorted({float(quantile) for quantile in quantiles}))
        if not all(0 < quantile < 1 for quantile in self.quantiles):
            raise ValueError(f"Probabilities are between 0 and 1, unlike {list(quantiles)}.")
        self.settings = Settings() if settings is None else settings
        self.store = store
        self.belief_time = belief_time

    def compute(
        self,
        history: pd.Series,
        event_starts: pd.DatetimeIndex,
        belief_time: datetime,
        regressors: pd.DataFrame,
    ) -> pd.Series | pd.DataFrame:
        """Forecast these events as seen from one moment. Plugins override this.

        history : measurements known at the belief time, by event start, in the sensor's unit and
            timezone; every step from the first measurement to the last, nan where there is none
        event_starts : of the events to forecast, in the sensor's timezone
        regressors : a column per sensor, named by its id (text); by event start, from the start of
            the history to the last event to forecast, what was believed at the belief time;
            nan where nothing was

        Returns values by event start; or, if `self.quantiles` are wanted, a frame with a column
        "value" and one per probability, named by that number. Missing events and nan mean that
        there is no forecast.
        """
        raise NotImplementedError(f"{type(self).__name__} should have a method `compute`.")

    def rolling(self, start: datetime, end: datetime, horizons: Sequence[timedelta]) -> Forecasts:
        """Forecast the events that start in [start, end), each as seen a while before it is known.

        horizons : how long before; positive. Each event gets a forecast per horizon, with just
            that belief horizon

        Raises
        ------
        NotEnoughDataException : no event can be forecast; the text says why
        InvalidHorizonException : a horizon is not positive
        """
        from flexmeasures.forecasting.custom import compute_all
        from flexmeasures.forecasting.views import rolling

        return compute_all(self, *rolling(self, start, end, horizons))

    def fixed(self, start: datetime, end: datetime, belief_time: datetime) -> Forecasts:
        """Forecast the events that start in [start, end), all as seen from one moment.

        Events that are known by then are left out. Raises NotEnoughDataException as above.
        """
        from flexmeasures.forecasting.custom import compute_all
        from flexmeasures.forecasting.views import fixed

        return compute_all(self, *fixed(self, start, end, belief_time))

    def get_data_source_info(self, rung: str) -> dict[str, str | None]:
        """Name, model and version of the data source (type forecaster) of a rung's forecasts."""
        return {
            "name": str(self.__author__),
            "model": type(self).__name__,
            "version": str(self.__version__),
        }
