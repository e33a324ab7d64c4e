"""A plugin as a package."""

from setuptools import setup

setup(
    name="energy-service",
    version="1.2",
    packages=["energy_service"],
    package_data={"energy_service": ["templates/*.html"]},
)
