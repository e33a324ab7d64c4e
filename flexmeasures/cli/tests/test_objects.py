"""What a host makes, changes and deletes, through the installed program."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from flexmeasures.cli.conftest import Terminal
from flexmeasures.cli.data_add import fm_add_data
from flexmeasures.cli.data_delete import fm_delete_data
from flexmeasures.cli.data_edit import fm_edit_data
from flexmeasures.cli.data_show import fm_show_data

TIMES = ("--start", "2020-11-25T00:00+01:00", "--duration", "PT2H")


def test_from_nothing_to_data_and_back(terminal: Terminal) -> None:
    terminal("db", "upgrade")
    terminal("add", "toy-account")
    made = terminal("add", "asset-type", "--name", "heat-pump").stdout
    assert "Successfully created asset type with ID 8." in made
    owned = ("--account-id", "1", "--asset-type-id", "8")
    made = terminal("add", "asset", "--name", "attic", *owned).stdout
    assert "Successfully created asset with ID 4." in made
    about = ("--unit", "°C", "--timezone", "Europe/Amsterdam", "--asset-id", "4")
    sensor = ("add", "sensor", "--name", "warmth", "--event-resolution", "30", *about)
    assert "Successfully created sensor with ID 4" in terminal(*sensor).stdout
    assert "already exists" in terminal(*sensor, exit_code=1).stderr

    (terminal.home / "data.csv").write_text(
        "start,value\n" + "".join(f"2020-11-25T0{n // 2}:{n % 2 * 3}0,{n}\n" for n in range(4))
    )
    local = ("--timezone", "Europe/Amsterdam")
    terminal("add", "beliefs", "--sensor-id", "4", "--source", "meter", "data.csv", *local)
    changed = terminal(
        *("edit", "resample-data", "--sensor-id", "4", "--event-resolution", "60"), input="y\n"
    )
    assert changed.stdout == "Successfully resampled sensor data.\n"
    shown = terminal("show", "beliefs", "--sensor-id", "4", *TIMES, "--format", "json").stdout
    assert [belief["event_value"] for belief in json.loads(shown)[0]["beliefs"]] == [0.5, 2.5]

    terminal("edit", "attribute", "--asset-id", "4", "--attribute", "floor", "--int", "2")
    refused = terminal("edit", "attribute", "--asset-id", "4", "--attribute", "x", exit_code=1)
    assert refused.stderr.endswith("; 0 were given.\n")
    asset = json.loads(terminal("show", "asset", "--id", "4", "--format", "json").stdout)
    assert asset["attributes"] == {"floor": 2}
    assert asset["sensors"][0]["resolution"] == "PT1H"

    note = ("add", "annotation", "--at", "2026-11-25", "--user-id", "1", "--asset-id", "4")
    assert "Successfully added annotation." in terminal(*note, "--content", "Cold").stdout
    holidays = ("add", "holidays", "--year", "2020", "--account-id", "1", "--country")
    assert "{'NL': 11}" in terminal(*holidays, "NL").stdout
    assert "--country: No holidays are known of ZZ" in terminal(*holidays, "ZZ", exit_code=2).stderr

    declined = terminal("delete", "measurements", "--sensor-id", "4", input="n\n", exit_code=1)
    assert "Affected: 2 beliefs about <Sensor 4" in declined.stderr
    for done, says in (
        (("unchanged-beliefs",), "Done! 2 beliefs left"),
        (("nan-beliefs",), "Done! 2 beliefs left"),
        (("measurements", "--sensor-id", "4"), "Deleted 2 measurements"),
        (("prognoses", "--sensor-id", "4"), "Deleted 0 forecasts"),
        (("sensor", "--id", "4"), ""),
        (("structure",), "Deleted 4 Assets"),
    ):
        assert says in terminal("delete", *done, "--force").stdout


GROUPS = (fm_add_data, fm_delete_data, fm_edit_data, fm_show_data)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_help_text_has_an_example(group: object) -> None:
    for name in group.lazy:  # type: ignore[attr-defined]
        text = CliRunner().invoke(group, [name, "--help"], prog_name="flexmeasures").output  # type: ignore[arg-type]
        assert "Usage: flexmeasures" in text
        assert "Example" in text or "COMMAND [ARGS]" in text, name
