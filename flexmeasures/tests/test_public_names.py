from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from packaging.version import Version

import flexmeasures
from flexmeasures.tests.program import run_python


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("Account", "flexmeasures.data.models.user.Account"),
        ("AccountRole", "flexmeasures.data.models.user.AccountRole"),
        ("Annotation", "flexmeasures.data.models.annotations.Annotation"),
        ("Asset", "flexmeasures.data.models.generic_assets.GenericAsset"),
        ("AssetType", "flexmeasures.data.models.generic_assets.GenericAssetType"),
        ("Forecaster", "flexmeasures.forecasting.base.Forecaster"),
        ("Scheduler", "flexmeasures.scheduling.base.Scheduler"),
        ("Sensor", "flexmeasures.data.models.time_series.Sensor"),
        ("Source", "flexmeasures.data.models.data_sources.DataSource"),
        ("User", "flexmeasures.data.models.user.User"),
        ("UserRole", "flexmeasures.data.models.user.Role"),
    ],
)
def test_public_names(name: str, home: str) -> None:
    public = getattr(flexmeasures, name)
    assert f"{public.__module__}.{public.__qualname__}" == home
    assert name in dir(flexmeasures)


def test_unknown_names_are_missed() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Sensors'"):
        _ = flexmeasures.Sensors


def test_version_of_the_installed_distribution_can_be_compared() -> None:
    assert flexmeasures.__version__ == importlib.metadata.version("flexmeasures")
    assert Version("0.13") <= Version(flexmeasures.__version__) < Version("0.32")
    assert flexmeasures.version("flexmeasures") == flexmeasures.__version__


def test_version_when_not_installed(tmp_path: Path) -> None:
    code = (
        "import importlib.metadata as metadata\n"
        "def version(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.version = version\n"
        "import flexmeasures; print(flexmeasures.__version__)"
    )
    assert run_python(tmp_path, "-c", code).stdout == "Unknown\n"
