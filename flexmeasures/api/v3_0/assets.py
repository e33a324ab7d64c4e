"""Assets: list, read, make, change and delete them."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Blueprint, abort, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from flask_security import current_user
from marshmallow import fields
from marshmallow.validate import Range
from sqlalchemy import ColumnElement, select
from werkzeug.exceptions import Forbidden, MethodNotAllowed, NotFound

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.listing import ListingQuery, listing, paged, sort_by_field
from flexmeasures.api.common.parsing import from_path, use_args, use_kwargs
from flexmeasures.api.common.responses import unprocessable_entity, with_status
from flexmeasures.api.openapi.refusals import ERROR, FORBIDDEN
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import ADMIN_ROLE, check_access, check_scheduler
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.assets import assets_with, descendants
from flexmeasures.data.queries.listing import matches_all, ordered
from flexmeasures.data.schemas.account import AccountIdField
from flexmeasures.data.schemas.generic_assets import (
    ASSET_FIELDS,
    AssetFieldsField,
    AssetSchema,
    GenericAssetIdField,
    GenericAssetSchema,
    GenericAssetTypeIdField,
    GenericAssetTypeSchema,
)
from flexmeasures.data.schemas.ids import LARGEST_ID
from flexmeasures.data.schemas.sensors import SensorAnswerSchema
from flexmeasures.data.schemas.utils import BooleanField
from flexmeasures.data.services.assets import (
    AssetGone,
    AssetRefused,
    change_asset,
    create_asset,
    delete_asset,
)

assets = Blueprint("assets", __name__, url_prefix="/assets")

_answer = AssetSchema()
_items = AssetSchema(many=True)
_changes = GenericAssetSchema(partial=True, exclude=["account_id"])
_types = GenericAssetTypeSchema(many=True)
_SORTABLE = {"id": GenericAsset.id, "name": GenericAsset.name, "owner": Account.name}
_SENSORS_SORTABLE = {
    "id": Sensor.id,
    "name": Sensor.name,
    "resolution": Sensor.event_resolution,
}


def _fields_field() -> AssetFieldsField:
    return AssetFieldsField(
        data_key="fields",
        load_default=ASSET_FIELDS,
        metadata={
            "description": "Which fields to answer, with bars between them.",
            "type": "string",
            "pattern": "^({0})([|]({0}))*$".format("|".join(ASSET_FIELDS)),
            "default": "|".join(ASSET_FIELDS),
            "example": "id|name",
        },
    )


class ListQuery(ListingQuery):
    account = AccountIdField(
        data_key="account_id",
        load_default=None,
        metadata={"aliases": ["account"], "description": "Assets of this account only."},
    )
    all_accessible = BooleanField(
        load_default=False,
        metadata={"description": "Assets of all accounts that one may read, and public ones."},
    )
    include_public = BooleanField(
        load_default=False,
        metadata={"description": "Also public assets. Ignored when an account is given."},
    )
    root = GenericAssetIdField(
        load_default=None,
        metadata={"description": "This asset and all below it, whosever they are."},
    )
    depth = fields.Integer(
        load_default=None,
        validate=Range(min=0, max=LARGEST_ID),
        metadata={"description": "At most so many levels below the root, or below the top."},
    )
    asset_type = GenericAssetTypeIdField(
        load_default=None, metadata={"description": "Assets of the type with this id only."}
    )
    names = _fields_field()
    sort_by = sort_by_field(list(_SORTABLE))


class PublicQuery(ListingQuery):
    names = _fields_field()

    class Meta:
        fields = ("names",)


_LISTS = ("public", "types")
_METHODS_OF_LISTS = ["GET", "HEAD", "OPTIONS"]


@assets.before_request
def not_ids() -> ResponseReturnValue | None:
    """Lists beside assets are no assets, which one could change or delete by their id."""
    if request.path.rpartition("/")[2] not in _LISTS:
        return None
    if request.method == "OPTIONS":
        return "", 200, {"Allow": ", ".join(_METHODS_OF_LISTS)}
    if request.method not in _METHODS_OF_LISTS:
        raise MethodNotAllowed(_METHODS_OF_LISTS)
    return None


@assets.get("")
@answers(200, paged(_answer), "The assets")
@answers(403, FORBIDDEN, "The account, or the root, is not the caller's to read")
@auth_required()
@use_args(ListQuery, location="query")
def index(query: dict[str, Any]) -> ResponseReturnValue:
    """Assets: by default those of the own account.

    A page is answered if one is asked for; otherwise everything, as a bare list. Filters look at
    names, names of owners, and starts of ids; all words have to match.

    .. :quickref: Asset; Download asset list
    """
    statement = assets_with(query["names"], current_user).where(_asked_for(query))
    statement = ordered(
        statement, _SORTABLE, query["sort_by"], query["sort_dir"], otherwise=GenericAsset.id
    )
    terms, texts = query["filter"], [GenericAsset.name, Account.name]
    return listing(
        statement,
        AssetSchema(only=query["names"], many=True).dump,
        criterion=matches_all(terms, texts, GenericAsset.id) if terms else None,
        page=query["page"],
        per_page=query["per_page"],
    )


def _asked_for(query: dict[str, Any]) -> ColumnElement[bool]:
    """Of these assets a listing is. Raises Forbidden for accounts and roots of others."""
    account, root, depth = query["account"], query["root"], query["depth"]
    everywhere = query["all_accessible"] or root is not None
    wanted: ColumnElement[bool]
    if account is not None:
        check_access(account, "read")
        wanted = GenericAsset.account_id == account.id
    elif everywhere:
        wanted = readable(current_user, GenericAsset.account_id)
    else:
        wanted = GenericAsset.account_id == current_user.account.id
        if query["include_public"]:
            wanted |= GenericAsset.account_id.is_(None)
    if root is not None:
        check_access(root, "read")
        wanted &= GenericAsset.id.in_(descendants(GenericAsset.id == root.id, depth))
    elif depth is not None:
        at_the_top = GenericAsset.parent_asset_id.is_(None)
        wanted &= GenericAsset.id.in_(descendants(at_the_top, depth))
    if query["asset_type"] is not None:
        wanted &= GenericAsset.generic_asset_type_id == query["asset_type"].id
    return wanted


@assets.get("/public")
@answers(200, _items, "The public assets")
@auth_required("token")
@use_kwargs(PublicQuery, location="query")
def public(names: list[str]) -> ResponseReturnValue:
    """All public assets: those that belong to no account.

    .. :quickref: Asset; Return all public assets.
    """
    statement = assets_with(names, current_user).where(GenericAsset.account_id.is_(None))
    dump = AssetSchema(only=names, many=True).dump
    return listing(statement.order_by(GenericAsset.id), dump)


@assets.get("/types")
@answers(200, _types, "The types")
@auth_required()
def types() -> ResponseReturnValue:
    """All types that assets can have.

    .. :quickref: Asset; Get list of available asset types
    """
    return listing(select(GenericAssetType).order_by(GenericAssetType.id), _types.dump)


@assets.post("")
@answers(201, _answer, "The new asset")
@answers(403, FORBIDDEN, "The caller may not add assets there")
@answers(404, ERROR, "There is no such parent")
@auth_required()
@use_args(GenericAssetSchema, location="json")
def post(new: dict[str, Any]) -> ResponseReturnValue:
    """Add an asset.

    With a parent, one has to be allowed to add to that. Otherwise account-admins add assets to
    their account, and admins to all accounts, and public ones.

    .. :quickref: Asset; Create a new asset
    """
    parent_id = new.get("parent_asset_id")
    if parent_id is None:
        _check_account(new.get("account_id"))
    else:
        new.setdefault("account_id", _check_parent(parent_id, new).account_id)
    check_scheduler(new, {})
    try:
        asset = create_asset(**new)
    except AssetRefused as error:
        _refuse(error.field, str(error))
    answer = _dump(asset.id)
    db.session.commit()
    return jsonify(answer), 201


def _check_account(account_id: int | None) -> None:
    """May the caller add assets to this account, or public ones?"""
    if account_id is None:
        if not current_user.has_role(ADMIN_ROLE):
            raise Forbidden("Only admins add public assets.")
        return
    account = db.session.get(Account, account_id)
    try:
        check_access(account, "create-children")
    except Forbidden:
        if account_id == current_user.account.id:
            raise
        check_access(current_user.account, "create-children")
        _refuse("account_id", "User is not allowed to create assets for this account.")


def _check_parent(parent_id: int, new: dict[str, Any]) -> GenericAsset:
    """May the caller add this new asset to its parent, and does it belong there?"""
    parent = db.session.get(GenericAsset, parent_id) if 0 < parent_id <= LARGEST_ID else None
    if parent is None:
        raise NotFound(f"GenericAsset {parent_id} not found")
    check_access(parent, "create-children")
    if new.get("account_id", parent.account_id) != parent.account_id:
        _refuse("parent_asset_id", "The parent should belong to the same account.")
    return parent


@assets.get("/<id:id>")
@answers(200, _answer, "The asset", repeats_status=True)
@auth_required()
@from_path("asset", GenericAsset)
@permission_required_for_context("read", arg_name="asset")
def get(asset: GenericAsset) -> ResponseReturnValue:
    """One asset.

    .. :quickref: Asset; Get an asset
    """
    return with_status(_dump(asset.id))


class SensorsQuery(ListingQuery):
    page = fields.Integer(
        load_default=1,
        validate=Range(min=1, max=LARGEST_ID),
        metadata={"description": "Which page to answer, counted from 1.", "example": 1},
    )
    sort_by = sort_by_field(list(_SENSORS_SORTABLE))


@assets.get("/<id:id>/sensors")
@answers(200, paged(SensorAnswerSchema()), "A page of its sensors")
@auth_required()
@use_args(SensorsQuery, location="query")
@from_path("asset", GenericAsset)
@permission_required_for_context("read", arg_name="asset")
def sensors(query: dict[str, Any], asset: GenericAsset) -> ResponseReturnValue:
    """The sensors of an asset, without those of its children: always a page of them.

    Filters look at names and starts of ids; all words have to match.

    .. :quickref: Asset; Get the sensors of an asset
    """
    statement = ordered(
        select(Sensor).where(Sensor.generic_asset_id == asset.id),
        _SENSORS_SORTABLE,
        query["sort_by"],
        query["sort_dir"],
        otherwise=Sensor.id,
    )
    terms = query["filter"]
    return listing(
        statement,
        SensorAnswerSchema(many=True).dump,
        criterion=matches_all(terms, [Sensor.name], Sensor.id) if terms else None,
        page=query["page"],
        per_page=query["per_page"],
    )


@assets.patch("/<id:id>")
@answers(200, _answer, "The changed asset", repeats_status=True)
@auth_required()
@use_args(_changes, location="json")
@from_path("asset", GenericAsset)
@permission_required_for_context("update", arg_name="asset")
def patch(changes: dict[str, Any], asset: GenericAsset) -> ResponseReturnValue:
    """Change an asset. Each field that is sent is replaced as a whole; its account stays.

    .. :quickref: Asset; Update an asset
    """
    parent_id = changes.get("parent_asset_id")
    if parent_id is not None and parent_id != asset.parent_asset_id:
        parent = db.session.get(GenericAsset, parent_id) if 0 < parent_id <= LARGEST_ID else None
        if parent is None:
            _refuse("parent_asset_id", f"No asset found with id {parent_id}.")
        check_access(parent, "create-children")
    check_scheduler(changes, asset.attributes)
    try:
        change_asset(asset, **changes)
    except AssetRefused as error:
        _refuse(error.field, str(error))
    except AssetGone as error:
        raise NotFound(f"GenericAsset {asset.id} not found") from error
    answer = _dump(asset.id)
    db.session.commit()
    return with_status(answer)


@assets.delete("/<id:id>")
@answers(204, None, "The asset is gone")
@auth_required()
@from_path("asset", GenericAsset)
@permission_required_for_context("delete", arg_name="asset")
def delete(asset: GenericAsset) -> ResponseReturnValue:
    """Delete an asset with all its children, their sensors and their data.

    .. :quickref: Asset; Delete an asset
    """
    delete_asset(asset)
    db.session.commit()
    return "", 204


def _dump(asset_id: int) -> dict[str, Any]:
    """The asset as it is answered to the caller. Raises NotFound if it was deleted meanwhile."""
    query = assets_with(ASSET_FIELDS, current_user).where(GenericAsset.id == asset_id)
    query = query.execution_options(populate_existing=True)
    asset = db.session.scalars(query).one_or_none()
    if asset is None:
        raise NotFound(f"GenericAsset {asset_id} not found")
    return dict(_answer.dump(asset))


def _refuse(field: str, message: str) -> NoReturn:
    body, code = unprocessable_entity({"json": {field: [message]}})
    abort(make_response(jsonify(body), code))
