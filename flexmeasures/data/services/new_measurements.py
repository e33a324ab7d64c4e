"""New measurements ask for new forecasts.

Each measurement is a viewpoint: from the moment at which it is known, the events one horizon later
are forecast. Whoever posts asks for that with one call of Redis. There is at most one job a sensor
that waits: as long as it has not begun, what is posted widens its window. So the queue does not
grow with what is posted, also if no worker takes the jobs.

    flexmeasures:new-measurements:<sensor id>            start, end : the window to forecast from
                                                         job, made : the last one that was made
                                                         for it, and when
    flexmeasures:new-measurements:<sensor id>:<job id>   start, end : the window that a job took

No window is lost: a script of Redis widens it and looks at the job at once. If the job waits, it is
to take the window yet; else a new job is made. If a job is run again, it does what it took, too.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from flask import current_app
from redis.exceptions import RedisError

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import select_time_range
from flexmeasures.data.beliefs.rows import EPOCH, Rows, microseconds
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.forecasting.exceptions import NotEnoughDataException
from flexmeasures.utils.time_utils import forecast_horizons_for, server_now
from flexmeasures.utils.unit_utils import is_energy_price_unit

if TYPE_CHECKING:
    from rq.job import Job

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
OLDEST = timedelta(days=2)  # From older measurements, nothing is forecast by itself.
HISTORY = timedelta(days=1)  # that a sensor has before
_AHEAD = timedelta(minutes=5)  # by which the clocks of those who measure may be fast
# Forecasts of readings are about regular moments, of which there is one since the reading before.
_BETWEEN_READINGS = timedelta(minutes=15)
_KEPT = 3 * 24 * 3600  # seconds
_MAKING_TAKES = 5  # seconds
_JOBS_KEPT = 3600  # seconds after success
_PAUSE = 30  # seconds until we ask Redis again after it did not answer

_away_until = 0.0


@dataclass(frozen=True)
class Viewpoints:
    """Measurements of a sensor to forecast from: the events that start in [start, end).

    In seconds since 1970.
    """

    sensor_id: int
    start: int
    end: int


def viewpoints_of(sensor: Sensor, stored: Rows) -> Viewpoints | None:
    """Which of the beliefs that were just stored are to be forecast from; None if none are.

    These are measurements (believed when they could be known, or later) that became known in the
    last two days. In play mode, whose clock is that of the data, these are the two days before the
    last of the measurements.
    """
    if not (current_app.config["FLEXMEASURES_FORECAST_ON_NEW_DATA"] and horizons_of(sensor)):
        return None
    in_play = current_app.config["FLEXMEASURES_MODE"] == "play"
    if in_play and not (sensor.measures_power or sensor.measures_energy):
        return None
    event_start = stored.event_start[stored.belief_horizon <= 0]
    if not len(event_start) or not sensor.get_attribute("forecast_on_new_data", True):
        return None
    known = Timing.of(sensor).knowledge_times(event_start)
    now = int(known.max()) if in_play else microseconds(server_now())
    recent = (known >= now - microseconds(OLDEST)) & (known <= now + microseconds(_AHEAD))
    event_start = event_start[recent]
    if not len(event_start):
        return None
    first, end = int(event_start.min()), int(event_start.max()) + 1
    if sensor.event_resolution:
        end += microseconds(sensor.event_resolution) - 1
    else:
        first -= microseconds(_BETWEEN_READINGS)
    return Viewpoints(sensor.id, first // 1_000_000, -(-end // 1_000_000))


def horizons_of(sensor: Sensor) -> list[timedelta]:
    """How far ahead new measurements let forecast."""
    if is_energy_price_unit(sensor.unit):
        return [24 * HOUR, 48 * HOUR]
    return forecast_horizons_for(sensor.event_resolution)


def ask_for_forecasts(viewpoints: Viewpoints) -> None:
    """Let a worker forecast from these viewpoints: call this after committing them.

    Sensors need some history for that, a day at least. Without Redis, there is a warning in the
    log, and no forecast.
    """
    global _away_until
    if time.monotonic() < _away_until:
        return
    try:
        _ask(viewpoints)
    except RedisError as error:
        _away_until = time.monotonic() + _PAUSE
        sensor = viewpoints.sensor_id
        logger.warning(
            "Redis does not answer, so there will be no forecasts from new measurements of sensor"
            " %s, nor from any others in the next %s seconds: %s",
            sensor,
            _PAUSE,
            error,
        )


def _ask(viewpoints: Viewpoints) -> None:
    sensor_id, job_id = viewpoints.sensor_id, str(uuid4())
    told = _widen(viewpoints, job_id)
    if told == _UNKNOWN and _has_history(viewpoints):
        told = _widen(viewpoints, job_id, has_history=True)
    if told != _NEEDED:
        return
    job = jobs.make_job(
        "forecasting",
        forecast_new_measurements,
        {"sensor_id": sensor_id},
        description=f"forecasts from new measurements of sensor {sensor_id}",
        job_id=job_id,
        meta={"asset_or_sensor": {"class": "Sensor", "id": sensor_id}},
    )
    # There may be many.
    job.result_ttl, job.failure_ttl = _JOBS_KEPT, _KEPT
    jobs.enqueue(job)


def _widen(viewpoints: Viewpoints, job_id: str, has_history: bool = False) -> int:
    return int(
        jobs.redis_connection().eval(
            _WIDEN,
            2,
            _key(viewpoints.sensor_id),
            jobs.find_queue("forecasting").key,
            *(viewpoints.start, viewpoints.end, job_id, _KEPT, _MAKING_TAKES, int(has_history)),
        )
    )


def _has_history(viewpoints: Viewpoints) -> bool:
    query = select_time_range([viewpoints.sensor_id])
    first: datetime | None = db.session.execute(query).one().first
    return first is not None and first + HISTORY <= EPOCH + timedelta(seconds=viewpoints.end)


def forecast_new_measurements(sensor_id: int) -> int:
    """What the job does, which commits. Returns the number of forecasts.

    If nothing can be forecast (yet), its result says why; that is no failure.
    """
    from flexmeasures.data.services.forecasting import forecast_from

    job = jobs.current_job()
    if job is None:
        raise RuntimeError("This is to be run as a job.")
    sensor = db.session.get(Sensor, sensor_id)
    viewpoints = take_viewpoints(sensor_id, job.id)
    if sensor is None or viewpoints is None:
        return _end(job, "There was nothing to do.")
    start, end = (EPOCH + timedelta(seconds=time) for time in (viewpoints.start, viewpoints.end))
    try:
        made = forecast_from(sensor, start, end, horizons_of(sensor))
    except NotEnoughDataException as error:
        db.session.rollback()
        made = _end(job, str(error))
    forget_viewpoints(sensor_id, job.id)
    return made


def _end(job: Job, note: str) -> int:
    job.meta["result"] = {"num-beliefs": 0, "models": {}, "notes": [note]}
    job.save_meta()
    return 0


def take_viewpoints(sensor_id: int, job_id: str) -> Viewpoints | None:
    """What this job is to forecast from: what nobody took yet, and what an earlier run took.

    Of windows longer than two days, these are the last two. None: others did it all.
    """
    taken = f"{_key(sensor_id)}:{job_id}"
    window = jobs.redis_connection().eval(_TAKE, 2, _key(sensor_id), taken, _KEPT)
    if not window:
        return None
    start, end = map(int, window)
    oldest = end - int(OLDEST.total_seconds())
    return Viewpoints(sensor_id, max(start, oldest), end)


def forget_viewpoints(sensor_id: int, job_id: str) -> None:
    """This job did what it took."""
    jobs.redis_connection().delete(f"{_key(sensor_id)}:{job_id}")


def _key(sensor_id: int) -> str:
    return f"flexmeasures:new-measurements:{sensor_id}"


_WINDOW = """
local function widen(key, first, last)
  local known = redis.call('HMGET', key, 'start', 'end')
  if not known[1] or tonumber(first) < tonumber(known[1]) then
    redis.call('HSET', key, 'start', first)
  end
  if not known[2] or tonumber(last) > tonumber(known[2]) then
    redis.call('HSET', key, 'end', last)
  end
end
"""
_UNKNOWN, _NEEDED = -1, 1
# Keys: of the window, of the queue. Arguments: start, end, id of a new job, seconds to keep the
# window, seconds that it takes to make a job, and 1 if the sensor has a history. Gives 1 if the job
# is to be made, 0 if not; and -1, having done nothing, if that depends on the history: of sensors
# that lately had a job, nobody has to look it up.
_WIDEN = f"""{_WINDOW}
local known = redis.call('HMGET', KEYS[1], 'job', 'made')
if not known[1] and ARGV[6] == '0' then
  return -1
end
widen(KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
local now = tonumber(redis.call('TIME')[1])
if known[1] then
  local status = redis.call('HGET', 'rq:job:' .. known[1], 'status')
  local unborn = not status or status == 'created'
  if status == 'queued' or unborn and now - tonumber(known[2]) < tonumber(ARGV[5]) then
    return 0
  end
  if not status then
    redis.call('LREM', KEYS[2], 1, known[1])
  end
end
redis.call('HSET', KEYS[1], 'job', ARGV[3], 'made', now)
return 1
"""
# Keys: of the window, of what the job takes. Argument: seconds to keep that.
# Gives what the job has taken, now and before: start and end, or nothing.
_TAKE = f"""{_WINDOW}
local window = redis.call('HMGET', KEYS[1], 'start', 'end')
if window[1] then
  redis.call('HDEL', KEYS[1], 'start', 'end')
  widen(KEYS[2], window[1], window[2])
  redis.call('EXPIRE', KEYS[2], ARGV[1])
end
local taken = redis.call('HMGET', KEYS[2], 'start', 'end')
return taken[1] and taken or {{}}
"""
