"""Pages about assets: lists, one asset with its charts, and forms to add, change and delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.exceptions import Forbidden, NotFound

from flexmeasures.auth.policy import (
    ADMIN_ROLE,
    check_access,
    check_scheduler,
    may,
    user_has_admin_access,
)
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.access import readable
from flexmeasures.data.queries.assets import (
    MOST_COUNTED,
    NUMBER_OF_SENSORS,
    assets_with,
    middle_of_assets,
    path_to,
    what_goes_with,
)
from flexmeasures.data.schemas.ids import LARGEST_ID
from flexmeasures.data.services.accounts import get_accounts
from flexmeasures.data.services.assets import (
    AssetGone,
    AssetRefused,
    change_asset,
    create_asset,
    delete_asset,
)
from flexmeasures.ui.crud.asset_form import (
    LABELS,
    AssetForm,
    blank_form,
    form_of,
    read_changes,
    read_new,
)
from flexmeasures.ui.listing import Listing, listing
from flexmeasures.ui.operations import operations_on_asset
from flexmeasures.ui.utils.objects import find_or_404
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

_COLUMNS = {
    "name": GenericAsset.name,
    "id": GenericAsset.id,
    "account": Account.name,
    "sensors": NUMBER_OF_SENSORS,
}
_SENSOR_COLUMNS = {
    "name": Sensor.name,
    "unit": Sensor.unit,
    "resolution": Sensor.event_resolution,
    "id": Sensor.id,
}
_WITH_TYPE_AND_OWNER = (
    joinedload(GenericAsset.generic_asset_type),
    joinedload(GenericAsset.owner),
)


class AssetCrudUI:
    @login_required
    def index(self) -> ResponseReturnValue:
        """Of all accounts, and public, for those who may read everything; their own, for others."""
        if user_has_admin_access(current_user, "read"):
            return _list(true())
        return _list(GenericAsset.account_id == current_user.account_id)

    @login_required
    def owned_by(self, account_id: str) -> ResponseReturnValue:
        account = db.session.get(Account, _id(account_id) or 0)
        if account is None:
            message = f"Account {account_id} unknown."
            return _list(GenericAsset.account_id == 0, message=message)
        check_access(account, "read")
        return _list(GenericAsset.account_id == account.id, account=account)

    @login_required
    def get(self, id: str) -> ResponseReturnValue:
        if id == "new":
            return _new()
        return _show(_find(id, "read"))

    @login_required
    def post(self, id: str) -> ResponseReturnValue:
        if id == "create":
            return _create()
        asset = _find(id, "update")
        form = read_changes(request.form, asset)
        if not form.errors:
            _change(asset, form)
        if form.errors:
            db.session.rollback()
            return _show(_find(id, "update"), form=form)
        db.session.commit()
        return _show(_find(id, "read"), message="Editing was successful.")

    @login_required
    def delete_with_data(self, id: str) -> ResponseReturnValue:
        """Ask, telling what goes; and delete, when that is posted."""
        asset = _find(id, "delete")
        if request.method == "GET":
            return render_flexmeasures_template(
                "crud/asset_delete.html",
                asset=asset,
                going=what_goes_with(asset.id),
                most_counted=MOST_COUNTED,
            )
        delete_asset(asset)
        db.session.commit()
        flash(f"Asset {int(id)} and assorted meter readings / forecasts have been deleted.")
        return redirect(url_for("AssetCrudUI:index"), 303)


def register_at(app: Flask) -> None:
    pages = AssetCrudUI()
    for path, view, methods in (
        ("/assets/", pages.index, ["GET"]),
        ("/assets/<id>/", pages.get, ["GET"]),
        ("/assets/<id>/", pages.post, ["POST"]),
        ("/assets/owned_by/<account_id>/", pages.owned_by, ["GET"]),
        ("/assets/delete_with_data/<id>/", pages.delete_with_data, ["GET", "POST"]),
    ):
        app.add_url_rule(path, f"AssetCrudUI:{view.__name__}", view, methods=methods)


def get_assets_by_account(account_id: int | str | None) -> list[GenericAsset]:
    """Assets of an account (None: public ones) that the current user may read, by name.

    With types, owners and sensors, in two statements and one more for every 500 assets.
    """
    owner = GenericAsset.account_id
    whose = owner.is_(None) if account_id is None else owner == (_id(str(account_id)) or 0)
    statement = (
        select(GenericAsset)
        .where(whose, readable(current_user, owner))
        .order_by(GenericAsset.name, GenericAsset.id)
        .options(*_WITH_TYPE_AND_OWNER, selectinload(GenericAsset.sensors))
    )
    return list(db.session.scalars(statement))


def _list(
    whose: ColumnElement[bool], account: Account | None = None, message: str = ""
) -> ResponseReturnValue:
    return render_flexmeasures_template(
        "crud/assets.html",
        assets=_assets_listed(whose),
        account=account,
        may_create=may(current_user.account, "create-children"),
        message=message,
    )


def _assets_listed(whose: ColumnElement[bool], prefix: str = "") -> Listing:
    statement = assets_with({"owner", "generic_asset_type"}, current_user).where(whose)
    return listing(
        statement.add_columns(NUMBER_OF_SENSORS),
        columns=_COLUMNS,
        texts=[GenericAsset.name, Account.name],
        id_column=GenericAsset.id,
        sort_by="name",
        prefix=prefix,
        scalars=False,
    )


def _show(
    asset: GenericAsset, form: AssetForm | None = None, message: str = ""
) -> ResponseReturnValue:
    parts = GenericAsset.parent_asset_id == asset.id
    return render_flexmeasures_template(
        "crud/asset.html",
        asset=asset,
        path=path_to(asset, current_user),
        sensors=listing(
            select(Sensor).where(Sensor.generic_asset_id == asset.id),
            columns=_SENSOR_COLUMNS,
            texts=[Sensor.name, Sensor.unit],
            id_column=Sensor.id,
            sort_by="id",
        ),
        parts=_assets_listed(parts & readable(current_user, GenericAsset.account_id), "parts-"),
        form=form or form_of(asset),
        labels=LABELS,
        may_edit=may(asset, "update"),
        may_delete=may(asset, "delete"),
        may_add_parts=may(asset, "create-children"),
        may_create=may(current_user.account, "create-children"),
        operations=operations_on_asset(asset),
        message=message,
    )


def _new(form: AssetForm | None = None) -> ResponseReturnValue:
    parent = _parent(request.values.get("parent_asset_id", ""))
    own = current_user.account
    if parent is None:
        check_access(own, "create-children")
    is_admin = current_user.has_role(ADMIN_ROLE)
    if form is None:
        owner = None if is_admin and parent is None else own.id
        form = blank_form(
            owner if parent is None else parent.account_id, parent.id if parent else None
        )
    return render_flexmeasures_template(
        "crud/asset_new.html",
        form=form,
        labels=LABELS,
        parent=parent,
        types=_types(),
        accounts=get_accounts() if is_admin else [own],
        may_be_public=is_admin,
        center=middle_of_assets(own.id),
    )


def _create() -> ResponseReturnValue:
    parent = _parent(request.form.get("parent_asset_id", ""))
    if parent is None:
        check_access(current_user.account, "create-children")
    form = read_new(request.form, public=current_user.has_role(ADMIN_ROLE))
    _check_place(form, parent)
    if not form.errors:
        try:
            check_scheduler(form.fields, {})
            asset = create_asset(**form.fields)
        except AssetRefused as error:
            form.refuse(error.field, str(error))
        except Forbidden as error:
            form.refuse("attributes", error.description or "")
    if form.errors:
        db.session.rollback()
        return _new(form)
    db.session.commit()
    return _show(_find(str(asset.id), "read"), message="Creation was successful.")


def _check_place(form: AssetForm, parent: GenericAsset | None) -> None:
    """May the caller add an asset there? What the form says of account and parent is checked."""
    account_id, parent_id = form.fields.get("account_id"), form.fields.get("parent_asset_id")
    if parent_id is not None and parent is None:
        form.refuse("parent_asset_id", f"No asset found with id {parent_id}.")
    if parent is not None:
        if account_id is not None and account_id != parent.account_id:
            form.refuse("parent_asset_id", "The parent should belong to the same account.")
        form.fields["account_id"] = parent.account_id
    elif account_id is not None and not may(db.session.get(Account, account_id), "create-children"):
        form.refuse("account_id", "You are not allowed to create assets for this account.")


def _change(asset: GenericAsset, form: AssetForm) -> None:
    """Store what the form says, or note in it why not."""
    parent_id = form.fields.get("parent_asset_id")
    if parent_id is not None and _parent(str(parent_id)) is None:
        form.refuse("parent_asset_id", f"No asset found with id {parent_id}.")
        return
    try:
        check_scheduler(form.fields, asset.attributes)
        change_asset(asset, **form.fields)
    except AssetRefused as error:
        form.refuse(error.field, str(error))
    except Forbidden as error:
        form.refuse("attributes", error.description or "")
    except AssetGone as error:
        raise NotFound(f"GenericAsset {asset.id} not found") from error


def _parent(text: str) -> GenericAsset | None:
    """The asset with this id, if the caller may add to it."""
    id_ = _id(text.strip())
    parent = None if id_ is None else db.session.get(GenericAsset, id_)
    return parent if parent is not None and may(parent, "create-children") else None


def _find(id: str, permission: str) -> GenericAsset:
    asset = find_or_404(GenericAsset, _id(id) or 0, *_WITH_TYPE_AND_OWNER)
    check_access(asset, permission)
    return asset


def _types() -> Sequence[GenericAssetType]:
    return db.session.scalars(select(GenericAssetType).order_by(GenericAssetType.name)).all()


def _id(text: Any) -> int | None:
    """What is written in an address, as an id."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 11
    return int(text) if is_number and int(text) <= LARGEST_ID else None
