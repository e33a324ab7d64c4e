"""A sensor, as the program that sends and reads its data knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.tests.permissions.world import World, user_named

START = "2026-03-01T00:00:00+01:00"
PRIOR = "2026-02-01T00:00:00+01:00"


@dataclass
class Meter:
    """Calls about one sensor, as a user; by default about the hour from START on, in kW."""

    site: Flask
    sensor_id: int
    token: str

    @property
    def path(self) -> str:
        return f"/api/v3_0/sensors/{self.sensor_id}/data"

    @property
    def address(self) -> str:
        return f"ea1.1000-01.required-but-unused-field:fm1.{self.sensor_id}"

    def send(self, body: Any, path: str | None = None, **kwargs: Any) -> TestResponse:
        headers = {"Authorization": self.token} | kwargs.pop("headers", {})
        content = {"data": body} if isinstance(body, (str, bytes)) else {"json": body}
        client = self.site.test_client()
        return client.post(path or self.path, headers=headers, **content, **kwargs)

    def post(self, values: Any, **message: Any) -> TestResponse:
        default = {"start": START, "duration": "PT1H", "unit": "kW", "values": values}
        return self.send(default | message)

    def get(self, path: str | None = None, **query: Any) -> TestResponse:
        """Keys with an underscore in the end are reserved words; None leaves a key out."""
        default = {"start": START, "duration": "PT1H", "unit": "kW"}
        asked = {
            key.rstrip("_"): value for key, value in (default | query).items() if value is not None
        }
        headers = {"Authorization": self.token}
        return self.site.test_client().get(path or self.path, query_string=asked, headers=headers)

    def values(self, **query: Any) -> list[float | None]:
        answer = self.get(**query)
        assert answer.status_code == 200, answer.get_json()
        values: list[float | None] = answer.get_json()["values"]
        return values


def make_meter(
    site: Flask,
    world: World,
    minutes: float = 15,
    *,
    unit: str = "kW",
    timezone: str = "Europe/Amsterdam",
    who: str = "member",
    on_asset: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Meter:
    """A sensor of the bakery, and its user. `on_asset` are attributes of its asset."""
    number = db.session.scalar(select(func.count(GenericAsset.id)))
    asset = GenericAsset(
        name=f"asset {number}",
        generic_asset_type=db.session.query(GenericAssetType).first(),
        account_id=world.ids["account of Bakery"],
        attributes=on_asset,
    )
    sensor = Sensor(
        "power",
        asset,
        unit=unit,
        timezone=timezone,
        event_resolution=timedelta(minutes=minutes),
        **kwargs,
    )
    db.session.add(sensor)
    db.session.commit()
    return Meter(site, sensor.id, str(user_named(who).get_auth_token()))


def number_of_beliefs(meter: Meter) -> int:
    db.session.rollback()
    query = select(func.count()).where(TimedBelief.sensor_id == meter.sensor_id)
    return db.session.scalar(query) or 0


def beliefs(meter: Meter) -> list[TimedBelief]:
    """What is stored about the sensor, in the order of events."""
    db.session.rollback()
    query = select(TimedBelief).filter_by(sensor_id=meter.sensor_id)
    return list(
        db.session.scalars(
            query.order_by(TimedBelief.event_start).execution_options(populate_existing=True)
        )
    )


def errors(answer: TestResponse, location: str) -> Any:
    """What an answer says is wrong, by field."""
    body = answer.get_json()
    assert answer.status_code == 422, body
    assert body["result"] == "Rejected"
    assert body["status"] == "UNPROCESSABLE_ENTITY"
    assert list(body["message"]) == [location]
    return body["message"][location]
