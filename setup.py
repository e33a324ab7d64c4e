"""Packaging of FlexMeasures; tool settings and the build system are in pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


# Tests stay here, but for this module, which the documentation's example names.
PUBLIC_TESTS = "flexmeasures.data.tests"
PUBLIC_MODULES = {"__init__", "dummy_scheduler"}


class BuildWithMigrations(build_py):
    """Put the top-level migrations inside the package, so that an installed one can migrate."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        modules = super().find_package_modules(package, package_dir)
        if package != PUBLIC_TESTS:
            return modules
        return [module for module in modules if module[1] in PUBLIC_MODULES]

    def run(self) -> None:
        if not self.editable_mode:
            # Nothing that an earlier build left may travel, above all no migration that is gone.
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            inside = Path(self.build_lib) / "flexmeasures" / "data" / "migrations"
            ignored = shutil.ignore_patterns("__pycache__", "dumps", "tests")
            shutil.copytree(ROOT / "migrations", inside, ignore=ignored, dirs_exist_ok=True)


def requirements(purpose: str) -> list[str]:
    """The loose requirements for one purpose, without comments and references to pins."""
    lines = (ROOT / "requirements" / f"{purpose}.in").read_text().splitlines()
    wanted = (line.partition(" #")[0].strip() for line in lines)
    return [line for line in wanted if line and not line.startswith(("#", "-"))]


setup(
    name="flexmeasures",
    description="A platform that times flexible energy assets well: data, forecasts, schedules.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The FlexMeasures contributors",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    keywords=["smart grid", "renewables", "balancing", "forecasting", "scheduling"],
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Console",
        "Environment :: Web Environment",
        "Framework :: Flask",
        "Intended Audience :: Developers",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering",
    ],
    python_requires=">=3.10",
    install_requires=requirements("app"),
    extras_require={purpose: requirements(purpose) for purpose in ("test", "dev", "docs")},
    packages=[
        *find_packages(
            include=["flexmeasures", "flexmeasures.*"], exclude=["*.tests", "*.tests.*"]
        ),
        PUBLIC_TESTS,
    ],
    package_dir={"": "."},  # lets an editable install be one line with the checkout's path
    cmdclass={"build_py": BuildWithMigrations},
    include_package_data=True,
    # Named, as `package_dir` keeps the line above from finding them.
    package_data={
        "flexmeasures": ["templates/**/*"],
        "flexmeasures.api.openapi": ["templates/**/*", "static/**/*"],
        "flexmeasures.cli.data_add": ["skeleton/**/*"],
        "flexmeasures.ui": ["templates/**/*", "static/**/*"],
    },
    exclude_package_data={"": ["tests/*"]},
    zip_safe=False,
    entry_points={
        "console_scripts": ["flexmeasures = flexmeasures.utils.app_utils:flexmeasures_cli"],
    },
)
