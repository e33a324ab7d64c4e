"""Mails about alerts, to the recipients of their rules: once when they start, and at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from flexmeasures.data.config import db
from flexmeasures.data.models.alerts import SensorAlert
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import User
from flexmeasures.data.schemas.alert_rules import AlertRule
from flexmeasures.data.services.alerts import name_of
from flexmeasures.data.services.monitoring import MailFailure, send_mail
from flexmeasures.utils.time_utils import zone


def tell_recipients(
    rules: Mapping[Sensor, Sequence[AlertRule]], operators: Collection[str]
) -> list[str]:
    """Mail what has not been told yet, one mail per recipient; returns what went wrong, in words.

    rules : of all sensors that have some
    operators : addresses that may get mail about any sensor; else, active users of the account may
        (of any account, if the sensor belongs to none). So nobody can let us mail strangers.

    If no recipient of an alert could be reached, the next call tries again.
    """
    allowed, problems = _allowed(rules, {address.lower() for address in operators})
    mails: defaultdict[str, list[SensorAlert]] = defaultdict(list)
    failed: set[SensorAlert] = set()
    reached: set[SensorAlert] = set()
    waiting = _untold()
    for alert in waiting:
        for address in allowed.get((alert.sensor_id, alert.rule), ()):
            mails[address].append(alert)
    for address, alerts in mails.items():
        try:
            send_mail(*_letter(alerts), to=[address])
            reached.update(alerts)
        except MailFailure as error:
            problems.append(str(error))
            failed.update(alerts)
    for alert in waiting:
        if alert in reached or alert not in failed:
            alert.start_told, alert.end_told = True, not alert.is_open
    db.session.flush()
    return problems


def _untold() -> Sequence[SensorAlert]:
    told = SensorAlert.start_told & or_(SensorAlert.is_open, SensorAlert.end_told)
    query = select(SensorAlert).where(~told).order_by(SensorAlert.id)
    return db.session.scalars(
        query.options(
            joinedload(SensorAlert.annotation),
            joinedload(SensorAlert.sensor).joinedload(Sensor.generic_asset),
        ).with_for_update(of=SensorAlert)
    ).all()


def _allowed(
    rules: Mapping[Sensor, Sequence[AlertRule]], operators: set[str]
) -> tuple[dict[tuple[int, str], list[str]], list[str]]:
    """Recipients by sensor id and rule; and who may not be one, in words."""
    wanted = {to for of_sensor in rules.values() for rule in of_sensor for to in rule.recipients}
    address = func.lower(User.email)
    query = select(address, User.account_id).where(address.in_(wanted), User.active)
    accounts: dict[str, int] = {row[0]: row[1] for row in db.session.execute(query)}
    allowed: dict[tuple[int, str], list[str]] = {}
    problems = []
    for sensor, of_sensor in rules.items():
        account_id = sensor.generic_asset.account_id
        for rule in of_sensor:
            good = allowed[sensor.id, rule.name] = []
            for to in rule.recipients:
                is_theirs = to in accounts and account_id in (None, accounts[to])
                if is_theirs or to in operators:
                    good.append(to)
                else:
                    problems.append(
                        f"{name_of(sensor)}: {to}, a recipient of rule '{rule.name}', is no active"
                        " user of the account."
                    )
    return allowed, problems


def _letter(alerts: Sequence[SensorAlert]) -> tuple[str, str]:
    """Subject and text."""
    lines = [_line(alert) for alert in alerts]
    first = f"{alerts[0].sensor.name}: {alerts[0].rule}"
    state = "Alert" if alerts[0].is_open else "Alert is over"
    more = "" if len(alerts) == 1 else f", and {len(alerts) - 1} more"
    return f"{state}: {first}{more}", "\n\n".join(lines)


def _line(alert: SensorAlert) -> str:
    note, local = alert.annotation, zone(alert.sensor.timezone)
    since = f"since {note.start.astimezone(local).isoformat()}"
    if not alert.is_open:
        since = f"over: {since[6:]} - {note.end.astimezone(local).isoformat()}"
    return f"{name_of(alert.sensor)}\n{note.content}\n({since})"
