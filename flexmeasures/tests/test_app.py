from __future__ import annotations

from pathlib import Path

import pytest

import flexmeasures
from flexmeasures import cli
from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.tests.program import run_python
from flexmeasures.utils.time_utils import get_timezone


def test_the_app_that_plugins_know(app: FlexMeasures) -> None:
    assert app.name == "flexmeasures"
    assert Path(app.root_path) == Path(flexmeasures.__file__).parent
    assert app.testing
    assert app.env == "testing"
    assert set(app.queues) == {"forecasting", "scheduling"}
    assert app.db is app.extensions["sqlalchemy"]
    assert app.config["START_TIME"].utcoffset().total_seconds() == 0


def test_apps_do_not_share_plugins(test_database_uri: str) -> None:
    assert create(env="testing", plugins=["one"]).config["FLEXMEASURES_PLUGINS"] == ["one"]
    assert create(env="testing").config["FLEXMEASURES_PLUGINS"] == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FLASK_ENV": "holiday"}, 'It currently is "holiday".'),
        ({"FLASK_ENV": "production"}, "Missing the required configuration settings: SQLALCHEMY_"),
        ({"SQLALCHEMY_DATABASE_URI": "postgresql://"}, "Error:  No secret key set."),
        ({"LOGGING_LEVEL": "loud"}, "LOGGING_LEVEL=loud cannot be used"),
        ({"FLEXMEASURES_JOB_TTL": "long"}, "FLEXMEASURES_JOB_TTL=long cannot be used"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_unusable_settings_stop_with_code_2(
    home: Path,
    logging_state: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        create()
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""


def test_documentation_needs_no_settings(tmp_path: Path) -> None:
    code = "from flexmeasures.app import create; print(create(env='documentation').config['ENV'])"
    done = run_python(tmp_path, "-c", code)
    assert (done.stdout, done.stderr) == ("documentation\n", "")


def test_helpers_get_answers_from_the_app(
    app: FlexMeasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_TIMEZONE", "Europe/Amsterdam")
    assert str(get_timezone()) == "Europe/Amsterdam"


def test_commands_run_with_the_test_runner_of_flask(app: FlexMeasures) -> None:
    result = app.test_cli_runner().invoke(args=["add", "--help"])
    assert result.exit_code == 0
    assert "toy-account" in result.output


@pytest.mark.parametrize(
    ("arguments", "running"),
    [
        (["/usr/bin/flexmeasures", "add", "source"], True),
        (["flexmeasures", "--debug", "show", "account"], True),
        (["flexmeasures", "-e", "file", "add", "source"], True),
        (["/site-packages/flexmeasures/__main__.py", "add", "source"], True),
        (["flexmeasures", "of-plugin"], True),
        (["flexmeasures", "run", "--host", "add"], False),
        (["flexmeasures", "shell"], False),
        (["flexmeasures", "db", "upgrade"], False),
        (["flexmeasures"], False),
        (["/usr/bin/gunicorn", "flexmeasures", "add"], False),
        (["pytest"], False),
    ],
)
def test_running_a_command(
    app: FlexMeasures, monkeypatch: pytest.MonkeyPatch, arguments: list[str], running: bool
) -> None:
    monkeypatch.setitem(app.cli.commands, "of-plugin", app.cli)
    monkeypatch.setattr("sys.argv", arguments)
    assert cli.is_running() is running


def test_pretending_to_run_a_command(app: FlexMeasures, run_as_cli: None) -> None:
    assert cli.is_running()
