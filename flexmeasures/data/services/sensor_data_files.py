"""Storing what files say about a sensor, as if it had been posted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import numpy as np

from flexmeasures.data.beliefs.rows import EPOCH
from flexmeasures.data.beliefs.save import Saved
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import User
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.data.services.file_import.rows import FileImportError, OpenFile
from flexmeasures.data.services.file_import.uploads import read_events
from flexmeasures.data.services.sensor_data import (
    check_unit_of_post,
    save_events,
    sign_rule,
)
from flexmeasures.data.services.sensor_events import Events
from flexmeasures.utils import ask_app
from flexmeasures.utils.time_utils import zone

_FILES = "uploaded-files"


def record_files(
    sensor: Sensor,
    user: User,
    files: Sequence[OpenFile],
    *,
    unit: str | None = None,
    measured_instantly: bool = False,
) -> Saved:
    """Store what a user says, in files, about a sensor: all of it, or nothing.

    files : see `file_import.uploads.read_events`
    unit : of all values; the sensor's, if not given
    measured_instantly : each event is believed right when it could be known, instead of now

    Raises FMValidationError that tells by the index of each file what is wrong with it, and
    ReplacementError (see `data.beliefs.save`) if some values contradict what is stored, or others.
    """
    unit = sensor.unit if unit is None else unit
    check_unit_of_post(sensor, unit)
    left: int = ask_app.setting("FLEXMEASURES_MAX_SENSOR_DATA_VALUES")
    found: list[Events] = []
    problems: dict[int, list[str]] = {}
    for index, file in enumerate(files):
        try:
            events = read_events(file, sensor, unit, left)
            _check_signs(sensor, events)
        except FileImportError as error:
            problems[index] = [error.problem]
        else:
            found.append(events)
            left -= len(events.value)
    if problems:
        raise FMValidationError({_FILES: problems})
    return save_events(
        sensor,
        user,
        Events(
            np.concatenate([events.start for events in found]),
            np.concatenate([events.value for events in found]),
        ),
        horizon=timedelta(0) if measured_instantly else None,
    )


def _check_signs(sensor: Sensor, events: Events) -> None:
    rule = sign_rule(sensor)
    if rule is None:
        return
    wrong = rule.broken_by(events.value)
    if wrong.any():
        moment = EPOCH + timedelta(microseconds=int(events.start[wrong][0]))
        raise FileImportError(f"{rule.text}, but that of {_local(moment, sensor)} is not.")


def _local(moment: datetime, sensor: Sensor) -> str:
    return moment.astimezone(timezone.utc).astimezone(zone(sensor.timezone)).isoformat()
