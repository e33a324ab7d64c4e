"""Assets: things or places that have sensors."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.auth.acl import (
    ACCOUNT_ADMIN_ROLE,
    EVERY_LOGGED_IN_USER,
    AccessList,
    AuthModelMixin,
)
from flexmeasures.data.config import Model, db
from flexmeasures.data.models.attributes import flex_config, json_attributes
from flexmeasures.data.models.sessions import join_session_of
from flexmeasures.data.models.user import Account, User
from flexmeasures.utils import geo_utils

if TYPE_CHECKING:
    from pandas import DataFrame
    from timely_beliefs import BeliefsDataFrame

    from flexmeasures.data.models.annotations import Annotation, AnnotationType
    from flexmeasures.data.models.time_series import Sensor


class GenericAssetType(Model):
    """What kind of thing an asset is, such as battery or building."""

    __tablename__ = "generic_asset_type"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True, default="")
    description: Mapped[str | None] = mapped_column(String(80))

    def __repr__(self) -> str:
        return f"<GenericAssetType {self.id}: {self.name!r}>"


class GenericAsset(Model, AuthModelMixin):
    """A thing or place with sensors, owned by an account or (without one) public.

    Assets form trees: a child is part of its parent and goes when that goes.
    """

    __tablename__ = "generic_asset"
    __table_args__ = (
        # A name per parent, and per account at the top. NULLs differ: public assets may share one.
        Index(
            "generic_asset_name_account_id_key",
            "name",
            "account_id",
            unique=True,
            postgresql_where=text("parent_asset_id IS NULL"),
        ),
        # starts with the parent, so that it finds children, too
        UniqueConstraint("parent_asset_id", "name", name="generic_asset_parent_asset_id_name_key"),
        CheckConstraint("parent_asset_id <> id", name="not_own_parent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    attributes: Mapped[dict[str, Any]] = json_attributes()
    generic_asset_type_id: Mapped[int] = mapped_column(ForeignKey("generic_asset_type.id"))
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )

    parent_asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("generic_asset.id", ondelete="CASCADE")
    )
    description: Mapped[str | None] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(String(255))
    flex_model: Mapped[dict[str, Any]] = flex_config()
    flex_context: Mapped[dict[str, Any]] = flex_config()

    generic_asset_type: Mapped[GenericAssetType] = relationship(backref="generic_assets")
    owner: Mapped[Account | None] = relationship(back_populates="generic_assets")
    sensors: Mapped[list[Sensor]] = relationship(
        back_populates="generic_asset",
        cascade="save-update, merge, delete",
        passive_deletes=True,
        order_by="Sensor.id",
    )
    parent_asset: Mapped[GenericAsset | None] = relationship(
        back_populates="child_assets", remote_side="GenericAsset.id"
    )
    child_assets: Mapped[list[GenericAsset]] = relationship(
        back_populates="parent_asset",
        cascade="save-update, merge, delete",
        passive_deletes=True,
        order_by="GenericAsset.id",
    )

    def __init__(self, attributes: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(attributes={} if attributes is None else attributes, **kwargs)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<GenericAsset {self.id}: {self.name!r} ({self.generic_asset_type.name})>"

    def __acl__(self) -> AccessList:
        """Members of the account work with its assets; public assets are there to be read."""
        if self.account_id is None:
            return {"read": EVERY_LOGGED_IN_USER}
        member = f"account:{self.account_id}"
        return {
            "create-children": member,
            "read": member,
            "update": member,
            "delete": (member, f"role:{ACCOUNT_ADMIN_ROLE}"),
        }

    @property
    def asset_type(self) -> GenericAssetType:
        return self.generic_asset_type

    @property
    def location(self) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees, or None unless both are known."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude

    def great_circle_distance(self, **location: Any) -> float | None:
        """Distance in km to a location, or None if this asset has none.

        `location` is one of `object=`, `latitude=` and `longitude=`, `lat=` and `lng=`.
        """
        if self.location is None:
            return None
        return geo_utils.earth_distance(self.location, geo_utils.parse_lat_lng(location))

    def make_hashable(self) -> tuple[int, str]:
        """What scheduling jobs about this asset depend on: attributes of all below it."""
        from flexmeasures.data.queries.assets import attributes_below

        return self.id, json.dumps(attributes_below(self.id), sort_keys=True)

    def get_attribute(self, attribute: str, default: Any = None) -> Any:
        return self.attributes.get(attribute, default)

    def has_attribute(self, attribute: str) -> bool:
        return attribute in self.attributes

    def set_attribute(self, attribute: str, value: Any) -> None:
        """Change an attribute that exists already; other names are left alone."""
        if self.has_attribute(attribute):
            self.attributes[attribute] = value

    @property
    def has_power_sensors(self) -> bool:
        return any(sensor.measures_power for sensor in self.sensors)

    @property
    def has_energy_sensors(self) -> bool:
        return any(sensor.measures_energy for sensor in self.sensors)

    @property
    def timezone(self) -> str:
        """The asset's own timezone, else its first sensor's, else UTC."""
        if self.has_attribute("timezone"):
            return str(self.get_attribute("timezone"))
        return self.sensors[0].timezone if self.sensors else "UTC"

    @property
    def timerange(self) -> dict[str, datetime]:
        """First event start and last event end over all sensors; now, twice, without data."""
        return self.get_timerange(self.sensors)

    @staticmethod
    def get_timerange(sensors: list[Sensor]) -> dict[str, datetime]:
        from flexmeasures.data.beliefs.search import timerange

        return timerange(sensors)

    @property
    def sensors_to_show(self) -> list[Sensor | list[Sensor]]:
        """What its charts show (see `data.queries.sensors_to_show`)."""
        from flexmeasures.data.queries.sensors_to_show import sensors_to_show

        return sensors_to_show(self)

    @property
    def timerange_of_sensors_to_show(self) -> dict[str, datetime]:
        """As `timerange`, of the sensors that its charts show."""
        from flexmeasures.data.queries.sensors_to_show import flat, rows_to_show

        return self.get_timerange(flat(rows_to_show(self)))

    def search_beliefs(
        self,
        sensors: list[Sensor] | None = None,
        most_recent_beliefs_only: bool = True,
        as_json: bool = False,
        **filters: Any,
    ) -> dict[Sensor, BeliefsDataFrame] | str:
        """What is believed about events of these sensors, by default its own.

        filters : those of `flexmeasures.data.beliefs.search.search`

        Returns a frame per sensor, with one value per belief; with `as_json`, one list of records
        in the finest of the sensors' resolutions (see `charts.records.asset_records`).
        """
        from flexmeasures.charts.records import as_json as to_json
        from flexmeasures.charts.records import asset_records
        from flexmeasures.data.beliefs.search import search

        filters["one_deterministic_belief_per_event_per_source"] = True
        most_recent = most_recent_beliefs_only
        shown = self.sensors if sensors is None else sensors
        frames = search(shown, most_recent_beliefs_only=most_recent, **filters)
        if not as_json:
            return frames
        return to_json(asset_records(frames, most_recent_beliefs_only=most_recent))

    def chart(
        self, chart_type: str = "chart_for_multiple_sensors", **options: Any
    ) -> dict[str, Any]:
        """A chart in Vega-Lite (see `flexmeasures.charts.filled.chart_of_asset`)."""
        from flexmeasures.charts.filled import chart_of_asset
        from flexmeasures.data.queries.sensors_to_show import rows_to_show

        return chart_of_asset(self, rows_to_show(self), chart_type, **options)

    def search_annotations(
        self,
        annotations_after: datetime | None = None,
        annotations_before: datetime | None = None,
        source: Any = None,
        annotation_type: Any = None,
        include_account_annotations: bool = False,
        as_frame: bool = False,
        **older_names: Any,
    ) -> list[Annotation] | DataFrame:
        """Its annotations, and on demand its account's (see `data.queries.annotations`)."""
        from flexmeasures.data.queries.annotations import search_annotations

        return search_annotations(
            asset_id=self.id,
            account_id=self.account_id if include_account_annotations else None,
            annotations_after=annotations_after,
            annotations_before=annotations_before,
            source=source,
            annotation_type=annotation_type,
            as_frame=as_frame,
            **older_names,
        )

    def count_annotations(
        self,
        annotations_after: datetime | None = None,
        annotations_before: datetime | None = None,
        include_account_annotations: bool = False,
        **filters: Any,
    ) -> int:
        """How many `search_annotations` would find."""
        from flexmeasures.data.queries.annotations import count_annotations

        return count_annotations(
            asset_id=self.id,
            account_id=self.account_id if include_account_annotations else None,
            annotations_after=annotations_after,
            annotations_before=annotations_before,
            **filters,
        )

    def add_annotations(
        self,
        df: DataFrame,
        annotation_type: AnnotationType,
        commit_transaction: bool = False,
    ) -> None:
        """Give it these annotations (a frame as in `services.annotations.save_annotations`)."""
        from flexmeasures.data.services.annotations import save_annotations

        save_annotations(df, annotation_type, generic_asset_id=self.id)
        if commit_transaction:
            db.session.commit()


join_session_of(GenericAsset.generic_asset_type)


def assets_share_location(assets: list[GenericAsset]) -> bool:
    """Are all these assets at one place? (So are none, and assets that all lack a location.)"""
    return len({asset.location for asset in assets}) <= 1


def get_center_location_of_assets(user: User | None) -> tuple[float, float]:
    """The middle of the smallest box around the assets of the user's account; of all, without user.

    Latitude and longitude in degrees; (52.366, 4.904) if no asset has a location.
    """
    latitude, longitude = GenericAsset.latitude, GenericAsset.longitude
    sides = (func.min(latitude), func.max(latitude), func.min(longitude), func.max(longitude))
    box = select(*sides).where(latitude.is_not(None), longitude.is_not(None))
    if user is not None:
        box = box.where(GenericAsset.account_id == user.account_id)
    found = db.session.execute(box).one()
    if None in found:
        return 52.366, 4.904  # Amsterdam
    south, north, west, east = (float(side) for side in found)
    return (south + north) / 2, (west + east) / 2
