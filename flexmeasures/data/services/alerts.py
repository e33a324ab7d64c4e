"""Check the rules of sensors, and keep what breaks them as alerts: each period once.

A fixed number of statements reads what all rules need, however many there are.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from marshmallow import ValidationError
from sqlalchemy import cast, func, insert, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import contains_eager, joinedload

from flexmeasures.data.beliefs.measured import last_measured_events, measured
from flexmeasures.data.beliefs.rows import Rows
from flexmeasures.data.config import db
from flexmeasures.data.models.alerts import SensorAlert
from flexmeasures.data.models.annotations import (
    LONGEST_CONTENT,
    Annotation,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.alert_rules import ALERT_RULES, AlertRule, load_rules
from flexmeasures.data.services.alert_periods import (
    LOOK_BACK,
    Period,
    broken_limits,
    gap,
    outliers,
)
from flexmeasures.data.services.data_sources import get_or_create_source

log = logging.getLogger(__name__)

RECENT = timedelta(days=1)  # Of limits and outliers, periods are looked for in the last day.
_CHECKING = 0x616C7274  # key of the lock that who checks holds; any number that nobody else uses
_SHORTEST = timedelta(seconds=1)  # An annotation takes time, also of an instant.


@dataclass(frozen=True)
class Checked:
    """rules : that can be used, by sensor
    started, ended : alerts; what is over when it is found is in both
    problems : rules that cannot be used, in words
    """

    rules: dict[Sensor, list[AlertRule]]
    started: list[SensorAlert] = field(default_factory=list)
    ended: list[SensorAlert] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_alerts(now: datetime) -> Checked:
    """Look at all sensors with rules. Others who check wait until the transaction ends."""
    db.session.execute(select(func.pg_advisory_xact_lock(_CHECKING)))
    checked, unreadable = _read_rules()
    alerts = _alerts_since(now - LOOK_BACK, [sensor.id for sensor in checked.rules])
    new: list[tuple[Sensor, AlertRule, Period]] = []
    for sensor, rule, periods in _broken(checked.rules, alerts, now):
        _compare(sensor, rule, periods, alerts.pop((sensor.id, rule.name), []), new, checked)
    for (sensor_id, _), others in alerts.items():  # of rules that are gone
        if sensor_id not in unreadable:
            _end(others, checked)
    checked.started.extend(_add(new))
    checked.ended.extend(alert for alert in checked.started if not alert.is_open)
    _log(checked)
    return checked


def name_of(sensor: Sensor) -> str:
    return f"{sensor.name} of {sensor.generic_asset.name} (sensor {sensor.id})"


def _read_rules() -> tuple[Checked, set[int]]:
    """Rules, and the sensors whose rules cannot be read."""
    checked, unreadable = Checked({}), set()
    query = (
        select(Sensor)
        .where(cast(Sensor.attributes, JSONB).has_key(ALERT_RULES))
        .options(joinedload(Sensor.generic_asset))
        .order_by(Sensor.id)
        .execution_options(populate_existing=True)
    )
    for sensor in db.session.scalars(query):
        try:
            checked.rules[sensor] = load_rules(sensor.attributes[ALERT_RULES] or [])
        except ValidationError as error:
            unreadable.add(sensor.id)
            checked.problems.append(f"{name_of(sensor)}: {' '.join(map(str, error.messages))}")
    return checked, unreadable


def _alerts_since(since: datetime, ids: list[int]) -> dict[tuple[int, str], list[SensorAlert]]:
    """By sensor and rule: those of these sensors, and open ones of others."""
    recent = SensorAlert.sensor_id.in_(ids) & (Annotation.end >= since)
    query = (
        select(SensorAlert)
        .join(SensorAlert.annotation)
        .where(or_(SensorAlert.is_open, recent))
        .options(
            contains_eager(SensorAlert.annotation),
            joinedload(SensorAlert.sensor).joinedload(Sensor.generic_asset),
        )
        .order_by(SensorAlert.id)
    )
    found: defaultdict[tuple[int, str], list[SensorAlert]] = defaultdict(list)
    for alert in db.session.scalars(query.execution_options(populate_existing=True)):
        found[alert.sensor_id, alert.rule].append(alert)
    return found


def _broken(
    rules: dict[Sensor, list[AlertRule]],
    alerts: dict[tuple[int, str], list[SensorAlert]],
    now: datetime,
) -> Iterator[tuple[Sensor, AlertRule, list[Period]]]:
    """Each rule, with the periods in which it is broken."""
    since: dict[int, datetime] = {}
    with_gaps = []
    for sensor, of_sensor in rules.items():
        for rule in of_sensor:
            if rule.kind == "gap":
                with_gaps.append(sensor.id)
                continue
            # An open alert is judged as a whole, so that it ends by what is known later only.
            starts = [
                a.annotation.start for a in alerts.get((sensor.id, rule.name), ()) if a.is_open
            ]
            first = min([now - RECENT - rule.duration, *starts])
            since[sensor.id] = max(min(first, since.get(sensor.id, first)), now - LOOK_BACK)
    last = last_measured_events(with_gaps, now - LOOK_BACK, now)
    values = _by_sensor(measured(since, now))
    for sensor, of_sensor in rules.items():
        for rule in of_sensor:
            if rule.kind == "gap":
                start = last.get(sensor.id)
                end = None if start is None else start + sensor.event_resolution
                yield sensor, rule, [*gap(rule, end, now)]
                continue
            rows = values.get(sensor.id, Rows.none())
            series = rule, rows.event_start, rows.event_value, sensor.event_resolution, sensor.unit
            judge = outliers(*series, now - RECENT) if rule.kind == "outlier" else None
            yield sensor, rule, [*(broken_limits(*series) if judge is None else judge)]


def _by_sensor(rows: Rows) -> dict[int, Rows]:
    ids, firsts = np.unique(rows.sensor_id, return_index=True)
    ends = np.append(firsts, len(rows))[1:].tolist()
    return {
        id_: rows.take(slice(first, end))
        for id_, first, end in zip(ids.tolist(), firsts.tolist(), ends, strict=True)
    }


def _compare(
    sensor: Sensor,
    rule: AlertRule,
    periods: Iterable[Period],
    known: list[SensorAlert],
    new: list[tuple[Sensor, AlertRule, Period]],
    checked: Checked,
) -> None:
    """Bring what is known about a rule up to date; note what is new."""
    for period in periods:
        alert = next((one for one in known if _is_same(one, period, rule)), None)
        if alert is None:
            new.append((sensor, rule, period))
            continue
        known.remove(alert)
        alert.annotation.end = max(alert.annotation.end, period.end)
        if period.is_open and not alert.is_open:  # others say now that it was not over
            alert.is_open, alert.start_told, alert.end_told = True, False, False
            checked.started.append(alert)
        elif alert.is_open and not period.is_open:
            _end([alert], checked)
    _end(known, checked)


def _is_same(alert: SensorAlert, period: Period, rule: AlertRule) -> bool:
    note = alert.annotation
    overlaps = note.start <= period.end and period.start <= note.end
    # A gap that was over stays so: what comes later is another one.
    return overlaps and (alert.is_open or rule.kind != "gap")


def _end(alerts: Iterable[SensorAlert], checked: Checked) -> None:
    for alert in alerts:
        if alert.is_open:
            alert.is_open = False
            checked.ended.append(alert)


def _add(new: Sequence[tuple[Sensor, AlertRule, Period]]) -> list[SensorAlert]:
    if not new:
        return []
    source = get_or_create_source("FlexMeasures", source_type="alerter")
    alerts = [
        SensorAlert(
            sensor=sensor,
            rule=rule.name,
            is_open=period.is_open,
            start_told=False,
            end_told=False,
            annotation=Annotation(
                start=period.start,
                end=max(period.end, period.start + _SHORTEST),
                source=source,
                type="alert",
                content=period.content[:LONGEST_CONTENT],
            ),
        )
        for sensor, rule, period in new
    ]
    db.session.add_all(alerts)
    db.session.flush()
    links: list[dict[str, Any]] = [
        {"sensor_id": alert.sensor_id, "annotation_id": alert.annotation_id} for alert in alerts
    ]
    db.session.execute(insert(SensorAnnotationRelationship), links)
    return alerts


def _log(checked: Checked) -> None:
    """Tell log and Sentry."""
    import sentry_sdk

    db.session.flush()
    for alert in checked.started:
        text = f"Alert: {name_of(alert.sensor)}: {alert.annotation.content}"
        log.warning(text)
        with sentry_sdk.new_scope() as scope:
            context = {"sensor": alert.sensor_id, "rule": alert.rule}
            scope.set_context("alert", {**context, "start": alert.annotation.start.isoformat()})
            sentry_sdk.capture_message(text, level="warning")
    for alert in checked.ended:
        log.info("Alert is over: %s: %s", name_of(alert.sensor), alert.annotation.content)
