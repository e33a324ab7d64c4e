"""Which scheduler schedules which sensor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from flexmeasures.scheduling.process import ProcessScheduler
from flexmeasures.scheduling.registry import find_scheduler_class, load_custom_scheduler
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.scheduling.tests.worlds import make_world


@pytest.mark.parametrize("asset_type", ["battery", "one-way_evse", "two-way_evse"])
def test_storage(asset_type: str, session: None) -> None:
    assert find_scheduler_class(make_world(asset_type=asset_type).battery) is StorageScheduler


def test_other_assets(session: None) -> None:
    with pytest.raises(ValueError, match=r"Scheduling is not \(yet\) supported for asset type"):
        find_scheduler_class(make_world(asset_type="windmill").battery)


@pytest.mark.parametrize(
    ("flex_model", "attributes", "found"),
    [
        ({"power-capacity": "5 kW"}, {}, StorageScheduler),
        ({"power": 5, "duration": "PT1H"}, {}, ProcessScheduler),
        (None, {"max_soc_in_mwh": 1}, StorageScheduler),
        (None, {"custom-scheduler": "ProcessScheduler"}, ProcessScheduler),
    ],
)
def test_other_assets_of_which_more_is_known(
    flex_model: Any, attributes: dict[str, Any], found: type, session: None
) -> None:
    world = make_world(asset_type="windmill", asset_attributes=attributes)
    assert find_scheduler_class(world.battery, flex_model) is found


def test_sites(session: None) -> None:
    assert find_scheduler_class(make_world(asset_type="building").asset) is StorageScheduler
    assert find_scheduler_class(make_world(asset_type="process").asset) is ProcessScheduler


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
