"""Charts and their rows, read from the store: what `Sensor.chart` and `GenericAsset.chart` do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures.charts.annotations import annotations_dataset
from flexmeasures.charts.asset_chart import as_row, chart_for_multiple_sensors
from flexmeasures.charts.defaults import Spec
from flexmeasures.charts.points import points
from flexmeasures.charts.records import (
    Record,
    annotation_records,
    asset_records,
    resampled,
    sensor_records,
)
from flexmeasures.charts.sensor_chart import bar_chart
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.queries.annotations import find_annotations
from flexmeasures.data.queries.sensors_to_show import Row, flat

if TYPE_CHECKING:
    from flexmeasures.data.beliefs.sources import Sources
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor

CHART_TYPES: dict[str, Callable[..., Spec]] = {
    "bar_chart": bar_chart,
    "chart_for_multiple_sensors": chart_for_multiple_sensors,
}


def chart_type_to_chart_specs(chart_type: str, **kwargs: Any) -> Spec:
    """A chart of that type, from the arguments of its function. KeyError for unknown types."""
    return CHART_TYPES[chart_type](**kwargs)


def chart_of_sensor(
    sensor: Sensor,
    chart_type: str = "bar_chart",
    *,
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    beliefs_after: datetime | None = None,
    beliefs_before: datetime | None = None,
    source: Sources | None = None,
    most_recent_beliefs_only: bool = True,
    include_data: bool = False,
    include_sensor_annotations: bool = False,
    include_asset_annotations: bool = False,
    include_account_annotations: bool = False,
    dataset_name: str | None = None,
    max_points: int | None = None,
    **overrides: Any,
) -> Spec:
    """A chart of what is believed about a sensor's events (filters as in `beliefs.search`).

    include_data : with the rows, and the annotations asked for, in `datasets`
    dataset_name : what the rows are called; by default sensor_<id>
    max_points : with rows of `points.points`, and a chart for such
    overrides : keys of the specification to replace, such as `width`
    """
    name = dataset_name or f"sensor_{sensor.id}"
    spec = chart_type_to_chart_specs(
        chart_type,
        sensor=sensor,
        event_starts_after=event_starts_after,
        event_ends_before=event_ends_before,
        dataset_name=name,
        include_annotations=include_sensor_annotations
        or include_asset_annotations
        or include_account_annotations,
        **overrides,
        **({} if max_points is None else {"max_points": max_points}),
    )
    if include_data:
        rows = sensor_data(
            sensor,
            event_starts_after=event_starts_after,
            event_ends_before=event_ends_before,
            beliefs_after=beliefs_after,
            beliefs_before=beliefs_before,
            source=source,
            most_recent_beliefs_only=most_recent_beliefs_only,
            max_points=max_points,
        )
        asset = sensor.generic_asset
        notes = find_annotations(
            sensor_id=sensor.id if include_sensor_annotations else None,
            asset_id=asset.id if include_asset_annotations else None,
            account_id=asset.account_id if include_account_annotations else None,
            annotations_after=event_starts_after,
            annotations_before=event_ends_before,
        )
        spec["datasets"] = {name: rows, annotations_dataset(name): annotation_records(notes)}
    return spec


def chart_of_asset(
    asset: GenericAsset,
    shown: Sequence[Sensor | Sequence[Sensor] | Row],
    chart_type: str = "chart_for_multiple_sensors",
    *,
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    beliefs_after: datetime | None = None,
    beliefs_before: datetime | None = None,
    source: Sources | None = None,
    most_recent_beliefs_only: bool = True,
    include_data: bool = False,
    dataset_name: str | None = None,
    max_points: int | None = None,
    **overrides: Any,
) -> Spec:
    """A chart of an asset that shows these sensors; otherwise as `chart_of_sensor`.

    By default the rows are called asset_<id>.
    """
    name = dataset_name or f"asset_{asset.id}"
    spec = chart_type_to_chart_specs(
        chart_type,
        sensors_to_show=shown,
        event_starts_after=event_starts_after,
        event_ends_before=event_ends_before,
        dataset_name=name,
        **overrides,
        **({} if max_points is None else {"max_points": max_points}),
    )
    if include_data:
        rows = asset_data(
            flat(map(as_row, shown)),
            event_starts_after=event_starts_after,
            event_ends_before=event_ends_before,
            beliefs_after=beliefs_after,
            beliefs_before=beliefs_before,
            source=source,
            most_recent_beliefs_only=most_recent_beliefs_only,
            max_points=max_points,
        )
        spec["datasets"] = {name: rows}
    return spec


def sensor_data(
    sensor: Sensor,
    *,
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    most_recent_beliefs_only: bool = True,
    resolution: timedelta | None = None,
    max_points: int | None = None,
    **filters: Any,
) -> list[Record]:
    """The rows of a sensor's chart (see `records.sensor_records`); filters of `beliefs.search`.

    A bar shows one value: of a probabilistic belief, the median.

    resolution : resample to this; then, only events that lie in the window as a whole are left.
        Raises UnfitResolution.
    max_points : rows of `points.points` instead, whatever the resolution
    """
    if max_points is not None:
        return points(
            [sensor],
            max_points,
            event_starts_after=event_starts_after,
            event_ends_before=event_ends_before,
            most_recent_beliefs_only=most_recent_beliefs_only,
            **filters,
        )
    frame = search(
        [sensor],
        event_starts_after=event_starts_after,
        event_ends_before=event_ends_before,
        most_recent_beliefs_only=most_recent_beliefs_only,
        one_deterministic_belief_per_event_per_source=True,
        **filters,
    )[sensor]
    if resolution is not None:
        frame = resampled(
            frame,
            resolution,
            event_starts_after,
            event_ends_before,
            most_recent_beliefs_only=most_recent_beliefs_only,
        )
    return sensor_records(frame)


def asset_data(
    sensors: Iterable[Sensor],
    *,
    most_recent_beliefs_only: bool = True,
    max_points: int | None = None,
    **filters: Any,
) -> list[Record]:
    """The rows of an asset's chart (see `records.asset_records`); filters of `beliefs.search`.

    max_points : rows of `points.points` instead, each sensor in its own resolution
    """
    if max_points is not None:
        return points(
            sensors, max_points, most_recent_beliefs_only=most_recent_beliefs_only, **filters
        )
    frames = search(
        sensors,
        most_recent_beliefs_only=most_recent_beliefs_only,
        one_deterministic_belief_per_event_per_source=True,
        **filters,
    )
    return asset_records(frames, most_recent_beliefs_only=most_recent_beliefs_only)
