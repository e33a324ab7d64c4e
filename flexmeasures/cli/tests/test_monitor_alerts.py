"""Rules of sensors, checked on hand-made series: what is found, kept once, and told once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.monitor import fm_monitor
from flexmeasures.cli.tests.conftest import Mailbox, told
from flexmeasures.data.models.alerts import SensorAlert
from flexmeasures.data.models.annotations import Annotation
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.alerts import check_alerts
from flexmeasures.data.services.attributes import set_attribute
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.data.services.users import create_user
from flexmeasures.utils import time_utils

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
T0 = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
NAN = float("nan")


@pytest.fixture
def sensor(fresh_db: SQLAlchemy) -> Sensor:
    owner = create_account("Bakery", [])
    asset = GenericAsset(name="store", generic_asset_type=GenericAssetType(name="x"), owner=owner)
    fresh_db.session.add(asset)
    return make_sensor(fresh_db, "meter")


def make_sensor(db: SQLAlchemy, name: str, resolution: timedelta = QUARTER) -> Sensor:
    made = Sensor(
        name,
        db.session.query(GenericAsset).one(),
        unit="kW",
        timezone="Europe/Amsterdam",
        event_resolution=resolution,
    )
    db.session.add(made)
    db.session.commit()
    return made


def make_user(name: str, account: str) -> str:
    """The address of a new user."""
    user = create_user(
        email=f"{name}@example.com",
        username=name,
        password="battery-horse",
        account_name=account,
        check_email_deliverability=False,
    )
    return str(user.email)


def rules(sensor: Sensor, *given: dict[str, Any]) -> None:
    set_attribute("alert-rules", list(given), sensor_ids=[sensor.id])


def store(
    db: SQLAlchemy,
    sensor: Sensor,
    values: Iterable[float | None],
    start: datetime = T0,
    horizon: timedelta = timedelta(0),
    source_type: str = "demo script",
) -> None:
    """None leaves a hole."""
    source = get_or_create_source(source_type, source_type=source_type)
    step = sensor.event_resolution or QUARTER
    for number, value in enumerate(values):
        if value is not None:
            db.session.add(
                TimedBelief(
                    sensor,
                    source,
                    event_start=start + number * step,
                    event_value=value,
                    belief_horizon=horizon,
                    cumulative_probability=0.5,
                )
            )
    db.session.flush()


def after(number: int) -> datetime:
    return T0 + number * QUARTER


def kept(db: SQLAlchemy) -> list[tuple[str, datetime, datetime, bool]]:
    """Rule, start, end, and whether it is open, in the order of starts."""
    db.session.flush()
    found = db.session.query(SensorAlert).join(Annotation).order_by(Annotation.start)
    return [(a.rule, a.annotation.start, a.annotation.end, a.is_open) for a in found]


ABOVE = {"kind": "above", "limit": 5, "for": "PT30M"}


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        # long enough, and over
        (ABOVE, [1, 6, 7, 5], [(1, 3, False)]),
        # too short
        (ABOVE, [1, 6, 1, 6], []),
        # still so
        (ABOVE, [1, 6, 7], [(1, 3, True)]),
        # a hole neither ends it nor counts
        (ABOVE, [6, None, 1], []),
        (ABOVE, [6, None, None, 6, 1], [(0, 4, False)]),
        # the limit itself is allowed
        (ABOVE, [5, 5, 5], []),
        # twice
        (ABOVE, [6, 6, 1, 6, 6, 6, 1], [(0, 2, False), (3, 6, False)]),
        ({"kind": "below", "limit": -1}, [0, -1, -2, 0], [(2, 3, False)]),
        (ABOVE, [NAN, 6, NAN, 6, 1], [(1, 4, False)]),
        (ABOVE, [], []),
    ],
)
def test_limits(
    fresh_db: SQLAlchemy,
    sensor: Sensor,
    rule: dict[str, Any],
    values: list[float | None],
    expected: list[tuple[int, int, bool]],
) -> None:
    rules(sensor, rule)
    store(fresh_db, sensor, values)
    check_alerts(after(10))
    assert [row[1:] for row in kept(fresh_db)] == [
        (after(start), after(end), is_open) for start, end, is_open in expected
    ]


def test_instants_hold_until_the_next(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    sensor = make_sensor(fresh_db, "valve", timedelta(0))
    rules(sensor, ABOVE)
    store(fresh_db, sensor, [6, 1, 6, None, 1])
    check_alerts(after(9))
    assert [row[1:3] for row in kept(fresh_db)] == [(after(2), after(4))]


def test_what_was_measured_counts(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    """Neither forecasts nor schedules; of corrections, the latest."""
    rules(sensor, ABOVE, {"kind": "gap", "longer-than": "PT1H"})
    store(fresh_db, sensor, [9, 9, 9], horizon=timedelta(hours=1))
    store(fresh_db, sensor, [9, 9, 9], source_type="scheduler")
    assert [row[0] for row in _after(fresh_db, 3)] == ["gap"]
    store(fresh_db, sensor, [9, 9, 9])
    store(fresh_db, sensor, [1, 1, 1], horizon=-DAY, source_type="correction")
    assert [(row[0], row[3]) for row in _after(fresh_db, 4)] == [("gap", False)]


def _after(db: SQLAlchemy, number: int) -> list[tuple[str, datetime, datetime, bool]]:
    check_alerts(after(number))
    return kept(db)


def test_an_alert_goes_on_until_values_say_otherwise(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    rules(sensor, ABOVE)
    store(fresh_db, sensor, [6, 6])
    assert len(check_alerts(after(2)).started) == 1
    # No news, for days: it is still open.
    again = check_alerts(after(2) + 5 * DAY)
    assert (again.started, again.ended) == ([], [])
    store(fresh_db, sensor, [7] * 3, after(2))
    again = check_alerts(after(5) + 5 * DAY)
    assert (again.started, again.ended) == ([], [])
    assert kept(fresh_db) == [("above 5", after(0), after(5), True)]
    store(fresh_db, sensor, [1], after(5))
    assert len(check_alerts(after(6) + 5 * DAY).ended) == 1
    assert kept(fresh_db) == [("above 5", after(0), after(5), False)]
    again = check_alerts(after(6) + 5 * DAY)
    assert (again.started, again.ended) == ([], [])


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_clock_changes(fresh_db: SQLAlchemy, sensor: Sensor, day: str) -> None:
    """Durations are exact, whether an hour is missing or is there twice: 00:00 to 04:00 are three
    hours or five."""
    rules(sensor, {"kind": "above", "limit": 5, "for": "PT4H"})
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
    end = start.replace(hour=4)
    number = int((end.timestamp() - start.timestamp()) // QUARTER.total_seconds())
    store(
        fresh_db, sensor, [6.0] * number + [1], datetime.fromtimestamp(start.timestamp(), T0.tzinfo)
    )
    check_alerts(end + DAY / 2)
    assert [row[1:3] for row in kept(fresh_db)] == ([(start, end)] if number == 20 else [])
    assert number in (12, 20)


def test_gaps(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    rules(sensor, {"kind": "gap", "longer-than": "PT1H", "name": "silence"})
    store(fresh_db, sensor, [1, 1])
    assert _after(fresh_db, 6) == []
    assert _after(fresh_db, 7) == [("silence", after(2), after(7), True)]
    assert _after(fresh_db, 20) == [("silence", after(2), after(20), True)]
    store(fresh_db, sensor, [1], after(20))
    assert _after(fresh_db, 21) == [("silence", after(2), after(20), False)]
    assert [row[1:] for row in _after(fresh_db, 30)] == [
        (after(2), after(20), False),
        (after(21), after(30), True),
    ]


def test_a_gap_without_any_history(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    rules(sensor, {"kind": "gap", "longer-than": "PT1H"})
    (first,) = _after(fresh_db, 0)
    (second,) = _after(fresh_db, 1000)
    assert first[3] and second[3] and second[2] == after(1000)
    (alert,) = fresh_db.session.query(SensorAlert)
    assert alert.annotation.content == "gap: no data in the last 366 days"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # median 3, MAD 1: scores of 0.6745 * (8 - 3) = 3.4 and 0.6745 * (9 - 3) = 4.0
        ([1, 2, 3, 4] * 8 + [8, 9, 3], [33]),
        # constant, and constant but for one value, which has a MAD of 0
        ([5] * 30, []),
        ([5] * 30 + [6, 5], [30]),
        # too few values
        ([1, 2, 1, 2, 900, 1], []),
        ([], []),
    ],
)
def test_outliers(
    fresh_db: SQLAlchemy, sensor: Sensor, values: list[float], expected: list[int]
) -> None:
    rules(sensor, {"kind": "outlier"})
    store(fresh_db, sensor, values)
    for _ in range(2):
        check_alerts(after(50))
        assert [row[1:] for row in kept(fresh_db)] == [
            (after(one), after(one + 1), False) for one in expected
        ]


def test_an_alert_is_an_annotation_of_its_sensor(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    """Two sensors with the same rule, broken at the same time, have two annotations."""
    other = make_sensor(fresh_db, "other")
    for one in (sensor, other):
        rules(one, ABOVE)
        store(fresh_db, one, [6, 6])
    check_alerts(after(2))
    store(fresh_db, other, [1], after(2))
    check_alerts(after(3))
    (mine,), (others,) = sensor.search_annotations(), other.search_annotations()
    assert isinstance(mine, Annotation) and isinstance(others, Annotation)
    assert mine.id != others.id
    assert (mine.type, mine.content) == ("alert", "above 5: 6 kW is above 5 kW")
    assert mine.source.type == "alerter"


def test_statements_do_not_grow(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    def needed() -> int:
        fresh_db.session.commit()
        fresh_db.session.expire_all()
        sent: list[str] = []

        def note(*arguments: Any) -> None:
            sent.append(arguments[2])

        event.listen(fresh_db.engine, "before_cursor_execute", note)
        try:
            check_alerts(after(8))
        finally:
            event.remove(fresh_db.engine, "before_cursor_execute", note)
        return len(sent)

    every: list[dict[str, Any]] = [
        ABOVE,
        {"kind": "gap", "longer-than": "PT1H"},
        {"kind": "outlier"},
    ]
    rules(sensor, *every)
    store(fresh_db, sensor, [6, 6, 6])
    needed()
    first = needed()
    for number in range(5):
        one = make_sensor(fresh_db, f"meter {number}")
        rules(one, *every)
        store(fresh_db, one, [6, 6, 6])
    with_new = needed()
    assert needed() == first
    assert with_new <= first + 4


@pytest.mark.parametrize("change", ["no rules", "another name", "null"])
def test_alerts_of_rules_that_are_gone_end(
    fresh_db: SQLAlchemy, sensor: Sensor, change: str
) -> None:
    rules(sensor, ABOVE)
    store(fresh_db, sensor, [6, 6])
    check_alerts(after(2))
    if change == "no rules":
        del sensor.attributes["alert-rules"]
    elif change == "null":
        sensor.attributes["alert-rules"] = None
    else:
        rules(sensor, ABOVE | {"limit": 9})
    checked = check_alerts(after(3))
    assert [alert.rule for alert in checked.ended] == ["above 5"]


# --- the command ---


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What time it is, in its only entry."""
    shown = [after(2)]
    monkeypatch.setattr(time_utils, "server_now", lambda: shown[0])
    return shown


@pytest.fixture
def address(sensor: Sensor) -> str:
    """Of a user of the sensor's account."""
    return make_user("ann", "Bakery")


def test_recipients_are_told_twice(
    invoke: Invoke,
    fresh_db: SQLAlchemy,
    sensor: Sensor,
    mailbox: Mailbox,
    sentry: list[dict[str, Any]],
    clock: list[datetime],
    address: str,
) -> None:
    rules(sensor, ABOVE | {"recipients": [address.upper()]})
    store(fresh_db, sensor, [6, 6])
    fresh_db.session.commit()
    first, second = (invoke(fm_monitor, "alerts") for _ in range(2))
    name = f"meter of {sensor.generic_asset.name} (sensor {sensor.id})"
    found = f"{name}: above 5: 6 kW is above 5 kW\n"
    assert (first.stdout, second.stdout) == (f"Alert: {found}", "")
    ((to, letter),) = mailbox.letters
    assert to == [address]
    assert told(letter) == (
        "Alert: meter: above 5",
        f"{name}\nabove 5: 6 kW is above 5 kW\n(since 2026-06-01T02:00:00+02:00)\n",
    )
    assert [event["message"] for event in sentry] == [f"Alert: {found}".strip()]
    store(fresh_db, sensor, [1], after(2))
    fresh_db.session.commit()
    clock[0] = after(4)
    third, fourth = (invoke(fm_monitor, "alerts") for _ in range(2))
    assert (third.stdout, fourth.stdout) == (f"Over: {found}", "")
    assert [told(letter)[0] for _, letter in mailbox.letters[1:]] == [
        "Alert is over: meter: above 5"
    ]


def test_a_mail_that_fails_is_sent_later(
    invoke: Invoke,
    fresh_db: SQLAlchemy,
    sensor: Sensor,
    mailbox: Mailbox,
    clock: list[datetime],
    address: str,
) -> None:
    rules(sensor, ABOVE | {"recipients": [address]})
    store(fresh_db, sensor, [6, 6])
    fresh_db.session.commit()
    mailbox.unknown = {address}
    failed = invoke(fm_monitor, "alerts", exit_code=1)
    assert "could not be sent: " in failed.stderr
    mailbox.unknown = set()
    invoke(fm_monitor, "alerts")
    invoke(fm_monitor, "alerts")
    assert len(mailbox.letters) == 1


def test_strangers_get_no_mail(
    invoke: Invoke, fresh_db: SQLAlchemy, sensor: Sensor, mailbox: Mailbox, clock: list[datetime]
) -> None:
    """Neither users of other accounts; operators may."""
    others = [make_user("other", "Mill"), "stranger@far.example"]
    rules(sensor, ABOVE | {"recipients": [*others, "fred@one.example"]})
    store(fresh_db, sensor, [6, 6])
    fresh_db.session.commit()
    failed = invoke(fm_monitor, "alerts", exit_code=1)
    assert [to for to, _ in mailbox.letters] == [["fred@one.example"]]
    for other in others:
        assert f"{other}, a recipient of rule 'above 5', is no active user" in failed.stderr


def test_rules_that_cannot_be_used_do_not_hide_others(
    invoke: Invoke, fresh_db: SQLAlchemy, sensor: Sensor, mailbox: Mailbox, clock: list[datetime]
) -> None:
    broken = make_sensor(fresh_db, "broken")
    broken.attributes["alert-rules"] = [{"kind": "above"}]  # past all checks
    rules(sensor, ABOVE)
    store(fresh_db, sensor, [6, 6])
    fresh_db.session.commit()
    done = invoke(fm_monitor, "alerts", exit_code=1)
    assert done.stdout.startswith("Alert: meter of ")
    assert f"(sensor {broken.id}): alert-rules, rule 1: limit: Missing data" in done.stderr


# --- writing rules ---


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "expected a list"),
        ([5], "rule 1: _schema: Invalid input type."),
        ([{"kind": "sideways"}], "rule 1: kind: Must be one of: above, below, gap, outlier."),
        ([{"kind": "gap"}], "rule 1: longer-than: Missing data for required field."),
        ([{"kind": "gap", "longer-than": "PT0S"}], "rule 1: longer-than: A duration above 0"),
        ([{"kind": "gap", "longer-than": "P1M"}], "Months and years differ"),
        ([{"kind": "gap", "longer-than": "P900D"}], "between none and 366 days"),
        ([{"kind": "gap", "longer-than": "PT1H", "limit": 3}], "limit: A rule of kind gap has no"),
        ([{"kind": "outlier", "z-score": 0}], "rule 1: z-score: "),
        ([{"kind": "outlier", "history": "PT0S"}], "rule 1: history: "),
        ([ABOVE, ABOVE], "rule 2: another rule is named 'above 5', too."),
        ([ABOVE | {"recipients": ["ann"]}], "rule 1: recipients: 0: Not a valid email"),
        ([ABOVE | {"colour": "red"}], "rule 1: colour: Unknown field."),
        ([ABOVE | {"name": "a\nb"}], "rule 1: name: Cannot have control characters."),
        ([ABOVE | {"limit": float("nan")}], "rule 1: limit: "),
        ([ABOVE | {"limit": True}], "rule 1: limit: "),
        ([{"kind": "outlier", "name": str(n)} for n in range(21)], "at most 20 rules"),
    ],
)
def test_wrong_rules_are_named(sensor: Sensor, given: Any, problem: str) -> None:
    from marshmallow import ValidationError

    with pytest.raises(ValidationError) as refused:
        set_attribute("alert-rules", given, sensor_ids=[sensor.id])
    assert problem in str(refused.value.messages)
