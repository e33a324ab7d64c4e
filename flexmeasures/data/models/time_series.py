"""Sensors, and the beliefs about the events that they record."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    DDL,
    JSON,
    DateTime,
    ForeignKey,
    Interval,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.auth.acl import AccessList, AuthModelMixin
from flexmeasures.data.config import Model, db
from flexmeasures.data.models.attributes import json_attributes
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.sessions import join_session_of
from flexmeasures.data.models.validation_utils import check_required_attributes
from flexmeasures.utils.entity_address_utils import EntityAddressException, build_entity_address
from flexmeasures.utils.geo_utils import parse_lat_lng
from flexmeasures.utils.timely import tb
from flexmeasures.utils.unit_utils import is_energy_unit, is_power_unit

if TYPE_CHECKING:
    from pandas import DataFrame
    from timely_beliefs import BeliefsDataFrame

    from flexmeasures.data.models.annotations import Annotation

    Source = DataSource | int | str
    Sources = Source | list[Source] | tuple[Source, ...]

logger = logging.getLogger(__name__)


class Sensor(Model, tb.SensorDBMixin, AuthModelMixin):
    """One quantity of one asset, recorded as a time series of events.

    Power values are stored production positive, unless an attribute says otherwise.
    """

    __tablename__ = "sensor"
    __table_args__ = (
        UniqueConstraint("name", "generic_asset_id", name="sensor_name_generic_asset_id_key"),
    )
    __allow_unmapped__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    unit: Mapped[str] = mapped_column(String(80), default="")
    timezone: Mapped[str] = mapped_column(String(80), default="UTC")
    event_resolution: Mapped[timedelta] = mapped_column(Interval(), default=timedelta(0))
    knowledge_horizon_fnc: Mapped[str] = mapped_column(String(80), default="ex_post")
    knowledge_horizon_par: Mapped[dict[str, Any]] = mapped_column(
        JSON(), default=lambda: {"ex_post_horizon": "P0D"}
    )
    attributes: Mapped[dict[str, Any]] = json_attributes()
    generic_asset_id: Mapped[int] = mapped_column(
        ForeignKey("generic_asset.id", ondelete="CASCADE"), index=True
    )

    generic_asset: Mapped[GenericAsset] = relationship(back_populates="sensors")

    def __init__(
        self,
        name: str,
        generic_asset: GenericAsset | None = None,
        generic_asset_id: int | None = None,
        attributes: dict[str, Any] | None = None,
        unit: str = "",
        timezone: str = "UTC",
        event_resolution: timedelta | None = None,
        knowledge_horizon: timedelta
        | tuple[Callable[..., timedelta], dict[str, Any]]
        | None = None,
        **kwargs: Any,
    ) -> None:
        if (generic_asset is None) == (generic_asset_id is None):
            raise AssertionError("Pass exactly one of generic_asset and generic_asset_id.")
        tb.SensorDBMixin.__init__(
            self,
            name,
            unit=unit,
            timezone=timezone,
            event_resolution=event_resolution,
            knowledge_horizon=knowledge_horizon,
        )
        belongs_to = (
            {"generic_asset": generic_asset}
            if generic_asset is not None
            else {"generic_asset_id": generic_asset_id}
        )
        Model.__init__(
            self, attributes={} if attributes is None else attributes, **belongs_to, **kwargs
        )

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Sensor {self.id}: {self.name}, unit: {self.unit} res.: {self.event_resolution}>"

    def __acl__(self) -> AccessList:
        """A sensor is as open as its asset."""
        return self.generic_asset.__acl__()

    @property
    def entity_address(self) -> str:
        """Where the world finds this sensor, for example ea1.2021-01.io.flexmeasures:fm1.1"""
        try:
            return build_entity_address({"sensor_id": self.id}, "sensor")
        except EntityAddressException as error:
            logger.warning("Sensor %s has no entity address: %s", self.id, error)
            return "no entity address available"

    @property
    def location(self) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees, or None unless both are known."""
        latitude, longitude = self.get_attribute("latitude"), self.get_attribute("longitude")
        return None if latitude is None or longitude is None else (latitude, longitude)

    @property
    def measures_power(self) -> bool:
        return is_power_unit(self.unit)

    @property
    def measures_energy(self) -> bool:
        return is_energy_unit(self.unit)

    @property
    def is_strictly_non_positive(self) -> bool:
        """Are all stored values <= 0? So it is with pure consumers."""
        return bool(self.get_attribute("is_consumer", False)) and not self.get_attribute(
            "is_producer", True
        )

    @property
    def is_strictly_non_negative(self) -> bool:
        """Are all stored values >= 0? So it is with pure producers."""
        return bool(self.get_attribute("is_producer", False)) and not self.get_attribute(
            "is_consumer", True
        )

    def knowledge_time(self, event_start: Any, event_resolution: timedelta | None = None) -> Any:
        """When an event can be known, or each of several (see `data.beliefs.knowledge`)."""
        from flexmeasures.data.beliefs.knowledge import knowledge_time

        return knowledge_time(self, event_start, event_resolution)

    def knowledge_horizon(self, event_start: Any, event_resolution: timedelta | None = None) -> Any:
        """How long before its start an event can be known; negative if only afterwards."""
        return event_start - self.knowledge_time(event_start, event_resolution)

    def get_attribute(self, attribute: str, default: Any = None) -> Any:
        """Look an attribute up.

        In this order: a property of the sensor (such as `unit`), the sensor's JSON attributes,
        a property of its asset (such as `latitude`), the asset's JSON attributes, `default`.
        """
        for owner in (self, self.generic_asset):
            if hasattr(owner, attribute):
                return getattr(owner, attribute)
            if attribute in owner.attributes:
                return owner.attributes[attribute]
        return default

    def has_attribute(self, attribute: str) -> bool:
        """Is it among the JSON attributes of the sensor or of its asset?"""
        return attribute in self.attributes or attribute in self.generic_asset.attributes

    def set_attribute(self, attribute: str, value: Any) -> None:
        """Set on the sensor what exists already on sensor or asset; other names are left alone."""
        if self.has_attribute(attribute):
            self.attributes[attribute] = value

    def check_required_attributes(
        self, attributes: Iterable[str | tuple[str, type | tuple[type, ...]]]
    ) -> None:
        """Raise unless these attributes exist (see `validation_utils`)."""
        check_required_attributes(self, attributes)

    @classmethod
    def find_closest(
        cls,
        generic_asset_type_name: str,
        sensor_name: str,
        n: int = 1,
        account_id: int | None = None,
        **location: Any,
    ) -> Sensor | list[Sensor] | None:
        """The nearest of the sensors with this name, on assets of this type; or n of them, if > 1.

        Who makes a request finds sensors of the own account, and public ones; admins, commands and
        jobs find all.

        account_id : only sensors of this account, and public ones
        location : one of `object=`, `latitude=` and `longitude=`, `lat=` and `lng=`
        """
        from flexmeasures.data.queries.sensors import find_closest

        place = parse_lat_lng(location)
        found = find_closest(generic_asset_type_name, sensor_name, place, n, account_id)
        if n == 1:
            return found[0] if found else None
        return found

    def search_beliefs(
        self,
        event_starts_after: datetime | None = None,
        event_ends_before: datetime | None = None,
        beliefs_after: datetime | None = None,
        beliefs_before: datetime | None = None,
        horizons_at_least: timedelta | None = None,
        horizons_at_most: timedelta | None = None,
        source: Sources | None = None,
        most_recent_beliefs_only: bool = True,
        most_recent_events_only: bool = False,
        one_deterministic_belief_per_event: bool = False,
        one_deterministic_belief_per_event_per_source: bool = False,
        resolution: timedelta | str | None = None,
        as_json: bool = False,
    ) -> BeliefsDataFrame | str:
        """What is believed about this sensor's events (see `flexmeasures.data.beliefs.search`).

        All filters hold at once, and only then, of what is left, the most recent are picked.

        Returns
        -------
        BeliefsDataFrame with column event_value and index levels event_start, belief_time, source
        and cumulative_probability, in the sensor's unit and timezone; with `as_json`, its records
        (see `flexmeasures.charts.records.sensor_records`).
        """
        from flexmeasures.data.beliefs.search import search

        beliefs = search(
            [self],
            event_starts_after=event_starts_after,
            event_ends_before=event_ends_before,
            beliefs_after=beliefs_after,
            beliefs_before=beliefs_before,
            horizons_at_least=horizons_at_least,
            horizons_at_most=horizons_at_most,
            source=source,
            most_recent_beliefs_only=most_recent_beliefs_only,
            most_recent_events_only=most_recent_events_only,
            one_deterministic_belief_per_event=one_deterministic_belief_per_event,
            one_deterministic_belief_per_event_per_source=(
                one_deterministic_belief_per_event_per_source
            ),
            resolution=resolution,
        )[self]
        if not as_json:
            return beliefs
        from flexmeasures.charts.records import as_json as to_json
        from flexmeasures.charts.records import sensor_records

        return to_json(sensor_records(beliefs))

    def latest_state(self, source: Sources | None = None) -> BeliefsDataFrame:
        """The most recent event that was measured, as one deterministic belief (or no row)."""
        return self.search_beliefs(
            horizons_at_most=timedelta(0),
            source=source,
            most_recent_events_only=True,
            one_deterministic_belief_per_event=True,
        )

    @property
    def timerange(self) -> dict[str, datetime]:
        """First event start and last event end; now, twice, without data."""
        from flexmeasures.data.beliefs.search import timerange

        return timerange([self])

    def chart(self, chart_type: str = "bar_chart", **options: Any) -> dict[str, Any]:
        """A chart in Vega-Lite (see `flexmeasures.charts.filled.chart_of_sensor`)."""
        from flexmeasures.charts.filled import chart_of_sensor

        return chart_of_sensor(self, chart_type, **options)

    def search_annotations(
        self,
        annotations_after: datetime | None = None,
        annotations_before: datetime | None = None,
        source: Sources | None = None,
        include_asset_annotations: bool = False,
        include_account_annotations: bool = False,
        as_frame: bool = False,
        **older_names: Any,
    ) -> list[Annotation] | DataFrame:
        """Its annotations, and on demand those of its asset and account.

        See `flexmeasures.data.queries.annotations`.
        """
        from flexmeasures.data.queries.annotations import search_annotations

        account_id = self.generic_asset.account_id
        return search_annotations(
            sensor_id=self.id,
            asset_id=self.generic_asset_id if include_asset_annotations else None,
            account_id=account_id if include_account_annotations else None,
            annotations_after=annotations_after,
            annotations_before=annotations_before,
            source=source,
            as_frame=as_frame,
            **older_names,
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": f"{self.name} ({self.generic_asset.name})",
        }

    def make_hashable(self) -> tuple[int, str, str]:
        """What scheduling jobs about this sensor depend on: identity and attributes."""
        return (
            self.id,
            json.dumps(self.attributes, sort_keys=True),
            json.dumps(self.generic_asset.attributes, sort_keys=True),
        )


class TimedBelief(Model, tb.TimedBeliefDBMixin):
    """What a source believed about an event of a sensor; one row per value.

    Rows are read and written in sets, through `flexmeasures.data.beliefs`. This class describes
    the table, and lets single beliefs be made by hand.
    """

    __tablename__ = "timed_belief"
    # The key leads with the sensor and covers the value: a sensor's window is one index-only scan.
    __table_args__ = (
        PrimaryKeyConstraint(
            "sensor_id",
            "event_start",
            "source_id",
            "belief_horizon",
            "cumulative_probability",
            name="timed_belief_pkey",
            postgresql_include=["event_value"],
        ),
    )
    __allow_unmapped__ = True

    event_start: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    belief_horizon: Mapped[timedelta] = mapped_column(Interval())
    cumulative_probability: Mapped[float] = mapped_column(default=0.5)
    event_value: Mapped[float]
    sensor_id: Mapped[int] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    source_id: Mapped[int] = mapped_column(ForeignKey("data_source.id"))

    sensor: Mapped[Sensor] = relationship()
    source: Mapped[DataSource] = relationship()

    def __init__(self, sensor: Sensor, source: DataSource, **kwargs: Any) -> None:
        tb.TimedBeliefDBMixin.__init__(self, sensor=sensor, source=source, **kwargs)

    @classmethod
    def search(
        cls,
        sensors: Sensor | int | str | list[Sensor | int | str],
        sensor: Sensor | None = None,
        sum_multiple: bool = True,
        **filters: Any,
    ) -> BeliefsDataFrame | dict[str, BeliefsDataFrame]:
        """Search several sensors at once (see `flexmeasures.data.beliefs.search.search_many`)."""
        from flexmeasures.data.beliefs.search import search_many

        return search_many(
            sensors if sensor is None else sensor, sum_multiple=sum_multiple, **filters
        )

    @classmethod
    def add(
        cls,
        beliefs_data_frame: BeliefsDataFrame,
        expunge_session: bool = False,
        allow_overwrite: bool = False,
        bulk_save_objects: bool = False,
        commit_transaction: bool = False,
    ) -> None:
        """Store a frame as it is, unchanged beliefs included.

        `expunge_session` and `bulk_save_objects` have no effect: no row becomes an object.
        """
        from flexmeasures.data.beliefs.save import save

        save(beliefs_data_frame, unchanged="store", overwrite=allow_overwrite)
        if commit_transaction:
            db.session.commit()


join_session_of(Sensor.generic_asset)

# Index-only scans need a current visibility map, so vacuum soon after inserts too.
event.listen(
    TimedBelief.__table__,
    "after_create",
    DDL("ALTER TABLE timed_belief SET (autovacuum_vacuum_insert_scale_factor = 0.02)"),
)
