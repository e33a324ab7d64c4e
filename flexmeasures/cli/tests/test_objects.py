"""What a host makes, changes and deletes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flexmeasures.cli.conftest import Invoke, Terminal
from flexmeasures.cli.data_add import fm_add_data
from flexmeasures.cli.data_delete import fm_delete_data
from flexmeasures.cli.data_edit import fm_edit_data
from flexmeasures.cli.data_show import fm_show_data
from flexmeasures.data.services.toy_account import ToyAccount

TIMES = ("--start", "2020-11-25T00:00+01:00", "--duration", "PT2H")


def test_from_nothing_to_data(terminal: Terminal) -> None:
    terminal("db", "upgrade")
    terminal("add", "toy-account")
    about = ("--unit", "°C", "--timezone", "Europe/Amsterdam", "--asset-id", "1")
    sensor = ("add", "sensor", "--name", "warmth", "--event-resolution", "30", *about)
    assert "Successfully created sensor with ID 4" in terminal(*sensor).stdout

    write_data(terminal.home / "data.csv")
    local = ("--timezone", "Europe/Amsterdam")
    terminal("add", "beliefs", "--sensor-id", "4", "--source", "meter", "data.csv", *local)
    changed = terminal(
        *("edit", "resample-data", "--sensor-id", "4", "--event-resolution", "60"), input="y\n"
    )
    assert changed.stdout == "Successfully resampled sensor data.\n"
    shown = terminal("show", "beliefs", "--sensor-id", "4", *TIMES, "--format", "json").stdout
    assert [belief["event_value"] for belief in json.loads(shown)[0]["beliefs"]] == [0.5, 2.5]
    declined = terminal("delete", "measurements", "--sensor-id", "4", input="n\n", exit_code=1)
    assert "Affected: 2 beliefs about <Sensor 4" in declined.stderr
    assert "Deleted 3 Assets" in terminal("delete", "structure", "--force").stdout


def test_from_asset_type_to_data_and_back(toy: ToyAccount, invoke: Invoke, tmp_path: Path) -> None:
    made = invoke(fm_add_data, "asset-type", "--name", "heat-pump").stdout
    kind = made.partition("with ID ")[2].partition(".")[0]
    account = str(toy.account.id)
    owned = ("--account-id", account, "--asset-type-id", kind)
    made = invoke(fm_add_data, "asset", "--name", "attic", *owned).stdout
    assert "Successfully created asset with ID 4." in made
    about = ("--unit", "°C", "--timezone", "Europe/Amsterdam", "--asset-id", "4")
    sensor = ("sensor", "--name", "warmth", "--event-resolution", "30", *about)
    assert "Successfully created sensor with ID 4" in invoke(fm_add_data, *sensor).stdout
    assert "already exists" in invoke(fm_add_data, *sensor, exit_code=1).stderr
    data = str(write_data(tmp_path / "data.csv"))
    local = ("--timezone", "Europe/Amsterdam")
    invoke(fm_add_data, "beliefs", "--sensor-id", "4", "--source", "meter", data, *local)

    attribute = ("attribute", "--asset-id", "4", "--attribute")
    invoke(fm_edit_data, *attribute, "floor", "--int", "2")
    asset = json.loads(invoke(fm_show_data, "asset", "--id", "4", "--format", "json").stdout)
    assert asset["attributes"] == {"floor": 2}
    assert asset["sensors"][0]["resolution"] == "PT30M"

    note = ("annotation", "--at", "2026-11-25", "--user-id", "1", "--asset-id", "4")
    assert "Successfully added" in invoke(fm_add_data, *note, "--content", "Cold").stdout
    holidays = ("holidays", "--year", "2020", "--account-id", account, "--country")
    assert "{'NL': 11}" in invoke(fm_add_data, *holidays, "NL").stdout
    unknown = invoke(fm_add_data, *holidays, "ZZ", exit_code=2)
    assert "--country: No holidays are known of ZZ" in unknown.stderr

    for words, says in (
        (("unchanged-beliefs",), "Done! 4 beliefs left"),
        (("nan-beliefs",), "Done! 4 beliefs left"),
        (("measurements", "--sensor-id", "4"), "Deleted 4 measurements"),
        (("prognoses", "--sensor-id", "4"), "Deleted 0 forecasts"),
        (("sensor", "--id", "4"), ""),
        (("structure",), "Deleted 4 Assets"),
    ):
        assert says in invoke(fm_delete_data, *words, "--force").stdout


def write_data(path: Path) -> Path:
    """Two hours in values of half an hour: 0, 1, 2 and 3."""
    rows = [f"2020-11-25T0{n // 2}:{n % 2 * 3}0,{n}\n" for n in range(4)]
    path.write_text("start,value\n" + "".join(rows))
    return path


GROUPS = (fm_add_data, fm_delete_data, fm_edit_data, fm_show_data)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_help_text_has_an_example(group: object) -> None:
    for name in group.lazy:  # type: ignore[attr-defined]
        text = CliRunner().invoke(group, [name, "--help"], prog_name="flexmeasures").output  # type: ignore[arg-type]
        assert "Usage: flexmeasures" in text
        assert "Example" in text or "COMMAND [ARGS]" in text, name
