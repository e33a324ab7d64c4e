"""Sensors: list, read, make, change and delete them. (Their data are elsewhere.)"""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Blueprint, abort, jsonify, make_response
from flask.typing import ResponseReturnValue
from flask_security import current_user
from marshmallow import fields, post_load
from marshmallow.validate import Length
from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import NotFound

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.listing import ListingQuery, listing, paged
from flexmeasures.api.common.parsing import from_path, use_args, use_kwargs
from flexmeasures.api.common.responses import unprocessable_entity, with_status
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import check_access, check_scheduler
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.listing import matches_any
from flexmeasures.data.queries.sensors import is_below, sensors_with_owners
from flexmeasures.data.schemas.account import AccountIdField
from flexmeasures.data.schemas.generic_assets import GenericAssetIdField
from flexmeasures.data.schemas.sensors import NewSensorSchema, SensorAnswerSchema, SensorSchema
from flexmeasures.data.schemas.texts import storable
from flexmeasures.data.schemas.utils import BooleanField
from flexmeasures.data.services.assets import delete_sensor
from flexmeasures.data.services.sensors import (
    SensorGone,
    SensorRefused,
    change_sensor,
    create_sensor,
)

sensors = Blueprint("sensors", __name__, url_prefix="/sensors")

_answer = SensorAnswerSchema()
_changes = NewSensorSchema(partial=True, exclude=["generic_asset_id"])
_ASSET = joinedload(Sensor.generic_asset)


class ListQuery(ListingQuery):
    account = AccountIdField(
        data_key="account_id",
        load_default=None,
        metadata={
            "aliases": ["account"],
            "description": "Sensors of this account; by default of the own one.",
        },
    )
    asset = GenericAssetIdField(
        load_default=None,
        metadata={
            "aliases": ["asset_id"],
            "description": "Sensors on this asset and on all below it.",
        },
    )
    include_public_assets = BooleanField(
        load_default=False, metadata={"description": "Also sensors on public assets."}
    )
    unit = fields.String(
        load_default=None,
        validate=[Length(max=80), storable],
        metadata={"description": "Sensors with exactly this unit.", "example": "kW"},
    )

    class Meta:
        exclude = ("sort_dir",)

    @post_load(pass_original=True)
    def note_generation(self, query: dict[str, Any], original: Any, **_: Any) -> dict[str, Any]:
        """Older clients, which take minutes for resolutions, know one parameter."""
        known = {field.data_key or name for name, field in self.load_fields.items()}
        newer = known.intersection(original) - {"account_id"}
        return query | {"schema": SensorAnswerSchema if newer else SensorSchema}


@sensors.get("")
@answers(200, paged(SensorSchema()), "The sensors")
@auth_required()
@use_args(ListQuery, location="query")
def index(query: dict[str, Any]) -> ResponseReturnValue:
    """Sensors: by default those of the own account.

    A page is answered if one is asked for; otherwise everything, as a bare list. Filters look at
    names of sensors, assets and accounts, and at starts of ids; one of the words has to match.

    Resolutions are numbers of minutes (rounded down), or ISO 8601 durations if any parameter but
    `account_id` is given.

    .. :quickref: Sensor; Get list of sensors
    """
    statement = sensors_with_owners().where(_asked_for(query))
    texts = [Sensor.name, GenericAsset.name, Account.name]
    criterion = matches_any(query["filter"], texts, Sensor.id) if query["filter"] else None
    return listing(
        statement,
        query["schema"](many=True).dump,
        criterion=criterion,
        page=query["page"],
        per_page=query["per_page"],
    )


def _asked_for(query: dict[str, Any]) -> ColumnElement[bool]:
    """Of these sensors a listing is. Raises Forbidden for accounts and assets of others."""
    account, asset = query["account"], query["asset"]
    wanted: ColumnElement[bool]
    if asset is not None:
        check_access(asset, "read")
        if account is not None and account.id != asset.account_id:
            _refuse("account_id", "The asset does not belong to this account.", "query")
        wanted = is_below(asset) & readable(current_user, GenericAsset.account_id)
    else:
        account = account or current_user.account
        check_access(account, "read")
        wanted = GenericAsset.account_id == account.id
    if query["include_public_assets"]:
        wanted |= GenericAsset.account_id.is_(None)
    return wanted if query["unit"] is None else wanted & (Sensor.unit == query["unit"])


@sensors.post("")
@answers(201, _answer, "The new sensor")
@auth_required()
@use_kwargs(NewSensorSchema, location="json")
@permission_required_for_context("create-children", arg_name="generic_asset")
def post(generic_asset: GenericAsset, **new: Any) -> ResponseReturnValue:
    """Add a sensor to an asset.

    .. :quickref: Sensor; Create a new sensor
    """
    check_scheduler(new, {})
    try:
        sensor = create_sensor(generic_asset, **new)
    except SensorRefused as error:
        _refuse(error.field, str(error))
    db.session.commit()
    return jsonify(_answer.dump(sensor)), 201


@sensors.get("/<id:id>")
@answers(200, _answer, "The sensor", repeats_status=True)
@auth_required()
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def get(sensor: Sensor) -> ResponseReturnValue:
    """One sensor.

    .. :quickref: Sensor; Get a sensor
    """
    return with_status(dict(_answer.dump(sensor)))


@sensors.patch("/<id:id>")
@answers(200, _answer, "The changed sensor", repeats_status=True)
@auth_required()
@use_args(_changes, location="json")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("update", arg_name="sensor")
def patch(changes: dict[str, Any], sensor: Sensor) -> ResponseReturnValue:
    """Change a sensor. Each field that is sent is replaced as a whole; its asset stays.

    Unit and resolution of a sensor with data stay, too: stored values would be misread.

    .. :quickref: Sensor; Update a sensor
    """
    check_scheduler(changes, sensor.attributes)
    try:
        change_sensor(sensor, **changes)
    except SensorRefused as error:
        _refuse(error.field, str(error))
    except SensorGone as error:
        raise NotFound(f"Sensor {sensor.id} not found") from error
    db.session.commit()
    return with_status(dict(_answer.dump(sensor)))


@sensors.delete("/<id:id>")
@answers(204, None, "The sensor is gone")
@auth_required()
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("delete", arg_name="sensor")
def delete(sensor: Sensor) -> ResponseReturnValue:
    """Delete a sensor with all its data. Charts and flex-models do not refer to it any more.

    .. :quickref: Sensor; Delete a sensor
    """
    delete_sensor(sensor)
    db.session.commit()
    return "", 204


def _refuse(field: str, message: str, location: str = "json") -> NoReturn:
    body, code = unprocessable_entity({location: {field: [message]}})
    abort(make_response(jsonify(body), code))
