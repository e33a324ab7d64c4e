"""What charts, and the rows that fill them, are asked with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validates_schema
from marshmallow.validate import Length, OneOf

from flexmeasures.data.schemas.texts import storable
from flexmeasures.data.schemas.times import AwareDateTimeField, ResolutionField
from flexmeasures.data.schemas.utils import BooleanField, FMValidationError

_MOST_PIXELS = 10_000
_FEWEST_POINTS, _MOST_POINTS = 10, 50_000
CHART_THEMES = (
    "light",
    "dark",
    "excel",
    "fivethirtyeight",
    "ggplot2",
    "googlecharts",
    "latimes",
    "powerbi",
    "quartz",
    "urbaninstitute",
    "vox",
)
_LONGEST_STEP = timedelta(days=366)


class CountField(fields.Field["int | str"]):
    """A whole number of something, of which there can be so many.

    word : what may be said instead of a number
    """

    def __init__(
        self, what: str, least: int, most: int, *, word: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.what, self.least, self.most, self.word = what, least, most, word
        number: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
        said = {"type": "string", "enum": [word]}
        self.metadata = {**self.metadata, **({"anyOf": [number, said]} if word else number)}

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int | str:
        if self.word is not None and value == self.word:
            return self.word
        text = str(value) if isinstance(value, str | int) else ""
        if text.isascii() and text.isdecimal() and len(text) < 10:
            number = int(text)
            if self.least <= number <= self.most:
                return number
        other = f', or "{self.word}"' if self.word else ""
        raise FMValidationError(
            f"Expected a number of {self.what}, from {self.least} to {self.most}{other}."
        )


class PixelsField(CountField):
    """A number of pixels; where charts can fill their container, also "container"."""

    def __init__(self, *, container: bool = False, **kwargs: Any) -> None:
        word = "container" if container else None
        super().__init__("pixels", 1, _MOST_PIXELS, word=word, **kwargs)


def _max_points(description: str) -> CountField:
    metadata = {"description": description, "example": 1000}
    return CountField("points", _FEWEST_POINTS, _MOST_POINTS, metadata=metadata)


def _moment(description: str, example: str, *aliases: str) -> AwareDateTimeField:
    metadata = {"description": description, "example": example, "aliases": list(aliases)}
    return AwareDateTimeField(load_default=None, metadata=metadata)


def _on_demand(description: str) -> BooleanField:
    return BooleanField(load_default=False, metadata={"description": description})


def _check_step(step: timedelta) -> None:
    if not timedelta(0) < step <= _LONGEST_STEP:
        raise FMValidationError("Expected more than no time, and a year (366 days) at most.")


class ChartWindowQuery(Schema):
    """Which events, and what was believed about them when. Everything, by default."""

    event_starts_after = _moment(
        "Events from this moment on; one that is under way then counts.",
        "2026-01-01T00:00:00+01:00",
        "start",
    )
    event_ends_before = _moment(
        "Events before this moment; one that is under way then counts.",
        "2026-01-02T00:00:00+01:00",
        "end",
    )
    beliefs_after = _moment("Beliefs formed then or later.", "2025-12-01T00:00:00+01:00")
    beliefs_before = _moment(
        "Beliefs formed then or earlier.", "2026-01-01T12:00:00+01:00", "prior"
    )

    @validates_schema
    def validate_window(self, data: dict[str, Any], **kwargs: Any) -> None:
        start, end = data["event_starts_after"], data["event_ends_before"]
        if start is not None and end is not None and end < start:
            raise FMValidationError(
                {"event_ends_before": ["The end of the window is before its start."]}
            )


class AssetChartQuery(ChartWindowQuery):
    include_data = _on_demand("Send the rows along, in the chart's `datasets`.")
    dataset_name = fields.String(
        validate=[Length(min=1, max=120), storable],
        metadata={
            "description": "What the chart calls its rows; by default as in asset_3 or sensor_8.",
            "example": "my_data",
        },
    )
    height = PixelsField(metadata={"description": "In pixels.", "example": 300})
    width = PixelsField(
        container=True,
        metadata={
            "description": "In pixels; by default, as wide as the element that holds the chart.",
            "example": 400,
        },
    )
    max_points = _max_points(
        "The chart for rows that are asked for with this, too: events are as long as the rows say,"
        " and where these are means, the chart also shows between which values they lie."
    )


class SensorChartQuery(AssetChartQuery):
    include_sensor_annotations = _on_demand("Show the sensor's annotations.")
    include_asset_annotations = _on_demand("Show the annotations of the sensor's asset.")
    include_account_annotations = _on_demand(
        "Show the annotations of the account that owns the asset, if the caller may read it."
    )


class AssetChartDataQuery(ChartWindowQuery):
    most_recent_beliefs_only = BooleanField(
        load_default=True,
        metadata={
            "description": "Of each source, only the latest belief about an event; else also those"
            " before, to replay what was known when."
        },
    )
    max_points = _max_points(
        "Of a sensor with more rows than that, means of stretches of time instead: stretches are so"
        " long (a usual length, such as 15 minutes or 6 hours) that at most so many cover the"
        " window. Rows then say how long their event or stretch is (`event_resolution`); means also"
        " between which values they lie (`least`, `most`), and of how many events (`number`)."
        " Sensors keep their own resolution, whatever `resolution` says. If not only the most"
        " recent beliefs are asked for, more rows than that are refused instead."
    )


class SensorChartDataQuery(AssetChartDataQuery):
    resolution = ResolutionField(
        validate=_check_step,
        metadata={
            "description": "Resample to events of this length, at most a year. Then, only events"
            " that lie in the window as a whole are answered.",
            "example": "PT1H",
        },
    )


class AnnotationsQuery(ChartWindowQuery):
    include_sensor_annotations = _on_demand("Also those of the sensor.")
    include_asset_annotations = BooleanField(
        load_default=True, metadata={"description": "Those of the sensor's asset."}
    )
    include_account_annotations = _on_demand(
        "Also those of the account that owns the asset, if the caller may read it."
    )


class StandAloneChartQuery(SensorChartQuery):
    chart_theme = fields.String(
        load_default="light",
        validate=OneOf(CHART_THEMES),
        metadata={"description": "One of Vega's themes.", "example": "dark"},
    )
