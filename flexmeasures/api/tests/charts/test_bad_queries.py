from __future__ import annotations

from typing import Any

import pytest

from flexmeasures.api.tests.charts.conftest import ASSET, SENSOR, WINDOW, Get

_BAD_WINDOWS: list[tuple[dict[str, Any], str]] = [
    *(
        ({field: value}, field)
        for field in (*WINDOW, "beliefs_after", "beliefs_before")
        for value in ("", "x", "2026-01-01", "2026-01-01T00:00", "9999-01-01T00:00Z", "1\0")
    ),
    ({"start": "2026-01-02T00:00Z", "end": "2026-01-01T00:00Z"}, "event_ends_before"),
    ({"start": "2026-01-01T00:00Z", "event_starts_after": "x"}, "event_starts_after"),
    ({"json": {"start": 3}}, "event_starts_after"),
    ({"json": {"start": [[]]}}, "event_starts_after"),
]
_BAD_CHARTS: list[tuple[dict[str, Any], str]] = [
    *(({"include_data": value}, "include_data") for value in ("", "maybe", "2")),
    *(({"width": value}, "width") for value in ("", "0", "-1", "1.5", "wide", "9" * 30, "²")),
    *(({"height": value}, "height") for value in ("container", "x", "10001")),
    ({"json": {"width": True}}, "width"),
    ({"json": {"width": {}}}, "width"),
    *(({"dataset_name": value}, "dataset_name") for value in ("", "x" * 121, "a\0b")),
    ({"json": {"dataset_name": 3}}, "dataset_name"),
]
_BAD_DATA: list[tuple[dict[str, Any], str]] = [
    *(
        ({"resolution": value}, "resolution")
        for value in ("", "x", "PT0S", "-PT1H", "P1M", "P367D", "P99999999999D", "nan")
    ),
    ({"most_recent_beliefs_only": "perhaps"}, "most_recent_beliefs_only"),
    ({"json": {"resolution": None}}, "resolution"),
]
_BAD_POINTS: list[tuple[dict[str, Any], str]] = [
    *(
        ({"max_points": value}, "max_points")
        for value in ("", "9", "50001", "-10", "1e3", "9" * 30)
    ),
    ({"json": {"max_points": True}}, "max_points"),
    ({"json": {"max_points": 10.5}}, "max_points"),
    ({"json": {"max_points": None}}, "max_points"),
    ({"json": {"max_points": {}}}, "max_points"),
]


@pytest.mark.parametrize(
    ("of", "path", "query", "field"),
    [
        *((SENSOR, "chart/", *case) for case in _BAD_WINDOWS + _BAD_CHARTS),
        (SENSOR, "chart/", {"include_account_annotations": "?"}, "include_account_annotations"),
        *((ASSET, "chart/", *case) for case in _BAD_WINDOWS + _BAD_CHARTS),
        *((SENSOR, "chart_data/", *case) for case in _BAD_WINDOWS + _BAD_DATA),
        *((ASSET, "chart_data/", *case) for case in _BAD_WINDOWS),
        (ASSET, "chart_data/", {"most_recent_beliefs_only": "?"}, "most_recent_beliefs_only"),
        *((SENSOR, "chart_annotations/", *case) for case in _BAD_WINDOWS),
        *(
            (of, path, *case)
            for of in (SENSOR, ASSET)
            for path in ("chart/", "chart_data/")
            for case in _BAD_POINTS
        ),
        (
            SENSOR,
            "chart_annotations/",
            {"include_asset_annotations": "?"},
            "include_asset_annotations",
        ),
    ],
)
def test_bad_queries(get: Get, of: str, path: str, query: dict[str, Any], field: str) -> None:
    answer = get(of, path, **query)
    assert answer.status_code == 422, answer.get_json()
    assert answer.get_json()["status"] == "UNPROCESSABLE_ENTITY"
    assert answer.get_json()["message"]["query"].keys() == {field}
