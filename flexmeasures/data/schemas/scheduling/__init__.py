"""Flex-model and flex-context: what devices can do, and what surrounds them."""

from __future__ import annotations

from flexmeasures.data.schemas.scheduling.context import FlexContextSchema
from flexmeasures.data.schemas.scheduling.process import ProcessFlexModelSchema
from flexmeasures.data.schemas.scheduling.references import load_sensors, referenced_ids
from flexmeasures.data.schemas.scheduling.spelling import FlexSchema, hyphenated, of_modest_size
from flexmeasures.data.schemas.scheduling.storage import (
    DeviceFlexModelSchema,
    StorageFlexModelSchema,
)
from flexmeasures.data.schemas.scheduling.values import SOCTargetSchema

__all__ = [
    "DeviceFlexModelSchema",
    "FlexContextSchema",
    "FlexSchema",
    "ProcessFlexModelSchema",
    "SOCTargetSchema",
    "StorageFlexModelSchema",
    "hyphenated",
    "load_sensors",
    "of_modest_size",
    "referenced_ids",
]
