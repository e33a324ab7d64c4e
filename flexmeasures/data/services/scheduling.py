"""Make schedules, and store them as beliefs of their scheduler."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.scheduling.base import Scheduler, Settings
from flexmeasures.scheduling.registry import find_scheduler_class, load_custom_scheduler
from flexmeasures.utils.time_utils import server_now
from flexmeasures.utils.timely import tb
from flexmeasures.utils.unit_utils import convert_units

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_scheduler_class", "load_custom_scheduler", "make_schedule"]

logger = logging.getLogger(__name__)


def make_schedule(
    sensor_id: int,
    start: datetime,
    end: datetime,
    resolution: timedelta,
    belief_time: datetime | None = None,
    flex_model: dict[str, Any] | None = None,
    flex_context: dict[str, Any] | None = None,
    flex_config_has_been_deserialized: bool = False,
) -> bool:
    """Compute a schedule for a power sensor, and store it (without committing).

    Parameters
    ----------
    start, end : of the schedule; targets in the flex-model may extend the end
    resolution : length of a slot; the sensor's, unless that records instants
    belief_time : what became known later does not count, and the schedule is recorded as made then;
        now, if None
    flex_model, flex_context : as sent, or already deserialized, as the last argument says

    Returns
    -------
    True

    Raises
    ------
    ValueError, ValidationError : bad input
    Exceptions of `flexmeasures.scheduling.exceptions` : something that is needed is not known
    """
    sensor = _get_sensor(sensor_id, resolution)
    belief_time = server_now() if belief_time is None else belief_time
    scheduler = find_scheduler_class(sensor)(
        sensor,
        start,
        end,
        resolution,
        belief_time=belief_time,
        flex_model=flex_model,
        flex_context=flex_context,
    )
    scheduler.settings = _settings()
    if flex_config_has_been_deserialized:
        scheduler.config_deserialized = True
    else:
        scheduler.deserialize_config()

    power = scheduler.compute()
    if power is None:
        logger.warning("%s made no schedule for sensor %s.", type(scheduler).__name__, sensor.id)
        return True
    save(
        _to_beliefs(power, sensor, scheduler, belief_time),
        overwrite=current_app.config["FLEXMEASURES_ALLOW_DATA_OVERWRITE"],
    )
    scheduler.persist_flex_model()
    db.session.flush()
    return True


def _get_sensor(sensor_id: int, resolution: timedelta) -> Sensor:
    sensor = db.session.get(Sensor, sensor_id)
    if sensor is None:
        raise ValueError(f"No sensor found with id {sensor_id}.")
    if sensor.event_resolution not in (resolution, timedelta(0)):
        raise ValueError(
            f"Sensor {sensor_id} records events of {sensor.event_resolution}, so its schedules "
            f"have slots of that length, not of {resolution}."
        )
    return sensor


def _settings() -> Settings:
    config = current_app.config
    return Settings(
        solver=config["FLEXMEASURES_LP_SOLVER"],
        max_planning_horizon=config["FLEXMEASURES_MAX_PLANNING_HORIZON"],
    )


def _to_beliefs(
    power: pd.Series, sensor: Sensor, scheduler: Scheduler, belief_time: datetime
) -> tb.BeliefsDataFrame:
    """Consumption-positive MW become production-positive values in the sensor's unit."""
    info = scheduler.get_data_source_info()
    source = get_or_create_source(
        info["name"],
        source_type="scheduler",
        model=info["model"],
        version=info["version"],
    )
    # Adding zero turns the negative zeros of idle slots into plain ones.
    produced = -power + 0.0
    produced = convert_units(produced, "MW", sensor.unit, event_resolution=scheduler.resolution)
    return tb.BeliefsDataFrame(
        produced.tz_convert(sensor.timezone),
        sensor=sensor,
        source=source,
        belief_time=belief_time,
    )
