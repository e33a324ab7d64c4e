"""The smallest world in which something is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor

MakeSensor = Callable[..., Sensor]


@pytest.fixture
def session(db: SQLAlchemy) -> Iterator[Any]:
    """A session whose changes are undone."""
    yield db.session
    db.session.rollback()


@pytest.fixture
def make_sensor(session: Any) -> MakeSensor:
    """Makes sensors of one asset: by default with hourly events, in Amsterdam."""
    asset = GenericAsset(name="mill", generic_asset_type=GenericAssetType(name="windmill"))
    names = (f"sensor {number}" for number in count())

    def make(
        event_resolution: timedelta = timedelta(hours=1),
        timezone: str = "Europe/Amsterdam",
        **kwargs: Any,
    ) -> Sensor:
        sensor = Sensor(
            kwargs.pop("name", next(names)),
            generic_asset=asset,
            unit="MW",
            timezone=timezone,
            event_resolution=event_resolution,
            **kwargs,
        )
        session.add(sensor)
        session.flush()
        return sensor

    return make


@pytest.fixture
def sensor(make_sensor: MakeSensor) -> Sensor:
    return make_sensor()


@pytest.fixture
def sources(session: Any) -> list[DataSource]:
    """Two sources, in their order."""
    result = [DataSource("Ann", type="script"), DataSource("Bob", type="forecaster")]
    session.add_all(result)
    session.flush()
    return result


@pytest.fixture
def source(sources: list[DataSource]) -> DataSource:
    return sources[0]


@pytest.fixture
def statements(db: SQLAlchemy, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that were sent to the database since the test began or emptied this list."""
    from flexmeasures.data.beliefs import wire

    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any) -> Any:
            sent.append(function.__name__)
            return function(*args)

        return wrapper

    for name in ("read", "write"):
        monkeypatch.setattr(wire, name, counted(getattr(wire, name)))
    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)
