"""Uploading files with data: for which sensor, and the panel for it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required
from sqlalchemy import select
from sqlalchemy.orm import contains_eager, joinedload

from flexmeasures.auth.policy import check_access, may
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import writable
from flexmeasures.data.schemas.sensor_data import UploadedFileField
from flexmeasures.ui.listing import listing
from flexmeasures.ui.utils.objects import find_or_404
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

_COLUMNS = {
    "name": Sensor.name,
    "asset": GenericAsset.name,
    "account": Account.name,
    "unit": Sensor.unit,
    "resolution": Sensor.event_resolution,
    "id": Sensor.id,
}


@dataclass(frozen=True)
class Upload:
    """What `panels/upload.html` needs to know.

    most_bytes : that a request may have
    """

    sensor: Sensor
    url: str
    most_bytes: int | None

    @property
    def extensions(self) -> str:
        return ",".join(f".{extension}" for extension in UploadedFileField.EXTENSIONS)


def upload_on_sensor(sensor: Sensor) -> Upload | None:
    """None if the current user may not post data of this sensor."""
    if not may(sensor, "create-children"):
        return None
    return Upload(
        sensor,
        url_for("v3_0.sensor_data.upload", id=sensor.id),
        current_app.config["FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES"],
    )


@login_required
def upload_view() -> ResponseReturnValue:
    """The sensors of which the user may post data."""
    statement = (
        select(Sensor)
        .join(Sensor.generic_asset)
        .outerjoin(GenericAsset.owner)
        .options(
            contains_eager(Sensor.generic_asset).contains_eager(GenericAsset.owner),
            contains_eager(Sensor.generic_asset).joinedload(GenericAsset.generic_asset_type),
        )
        .where(writable(current_user, GenericAsset.account_id))
    )
    sensors = listing(
        statement,
        columns=_COLUMNS,
        texts=[Sensor.name, GenericAsset.name, Account.name],
        id_column=Sensor.id,
        sort_by="name",
    )
    return render_flexmeasures_template("admin/upload.html", sensors=sensors)


@login_required
def upload_to_sensor_view(id: int) -> ResponseReturnValue:
    """The panel, above the sensor's chart."""
    sensor = find_or_404(Sensor, id, joinedload(Sensor.generic_asset))
    check_access(sensor, "create-children")
    return render_flexmeasures_template(
        "views/upload.html", sensor=sensor, upload=upload_on_sensor(sensor)
    )
