"""Which scheduler schedules which sensor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from flexmeasures.scheduling.registry import find_scheduler_class, load_custom_scheduler
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.scheduling.tests.worlds import make_world


@pytest.mark.parametrize("asset_type", ["battery", "one-way_evse", "two-way_evse"])
def test_storage(asset_type: str, session: None) -> None:
    assert find_scheduler_class(make_world(asset_type=asset_type).battery) is StorageScheduler


def test_other_assets(session: None) -> None:
    with pytest.raises(ValueError, match=r"Scheduling is not \(yet\) supported for asset type"):
        find_scheduler_class(make_world(asset_type="windmill").battery)


def test_a_custom_scheduler_wins(session: None, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from flexmeasures.scheduling.base import Scheduler\n"
        "class Mine(Scheduler):\n"
        "    __author__, __version__ = 'Me', '2'\n"
        "    def compute(self): return None\n"
    )
    world = make_world(asset_type="windmill")
    world.battery.attributes["custom-scheduler"] = {"module": str(path), "class": "Mine"}
    found = find_scheduler_class(world.battery)
    assert found.get_data_source_info() == {"name": "Me", "model": "Mine", "version": "2"}
    assert sys.modules.pop("Mine").Mine is found


def test_unset_author_and_version_become_text() -> None:
    from flexmeasures.scheduling.base import Scheduler

    assert Scheduler.get_data_source_info() == {
        "name": "None",
        "model": "Scheduler",
        "version": "None",
    }


@pytest.mark.parametrize(
    ("specs", "error"),
    [
        ("storage", AssertionError),
        ({"module": "flexmeasures.scheduling.storage"}, AssertionError),
        ({"class": "StorageScheduler"}, AssertionError),
        ({"module": "flexmeasures.scheduling.storage", "class": "Missing"}, AssertionError),
        ({"module": "no.such.module", "class": "Mine"}, ModuleNotFoundError),
        ({"module": "flexmeasures.scheduling.base", "class": "Settings"}, NotImplementedError),
        ({"module": "flexmeasures.scheduling.base", "class": "Scheduler"}, NotImplementedError),
    ],
)
def test_bad_specs(specs: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_custom_scheduler(specs)
