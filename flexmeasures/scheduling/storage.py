"""The storage scheduler: batteries, vehicles, heat pumps, whatever can choose its power."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flexmeasures.data.schemas.scheduling import FlexContextSchema, load_sensors
from flexmeasures.scheduling.base import Output, SiteScheduler
from flexmeasures.scheduling.devices import DeviceModel, load_device, load_devices
from flexmeasures.scheduling.outputs import OutputSensors, device_outputs, site_outputs
from flexmeasures.scheduling.report import describe
from flexmeasures.scheduling.site import Planned, Site, plan_at_once, plan_one_by_one
from flexmeasures.scheduling.site_checks import (
    check_capacities,
    check_inflexible,
    check_prices,
    relaxation_notes,
)
from flexmeasures.scheduling.slots import check_slots, initialize_index
from flexmeasures.scheduling.start_levels import find_start_levels
from flexmeasures.scheduling.variable import Grid
from flexmeasures.utils.time_utils import as_utc, shift

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.generic_assets import GenericAsset

logger = logging.getLogger(__name__)


class StorageScheduler(SiteScheduler):
    """Chooses the power of one device, or of several behind one grid connection, at the least cost.

    A device fills and empties a stock (a battery, a buffer of heat), or has none (solar panels that
    can be curtailed). Energy is bought and sold through the connection, which inflexible devices
    share. No device ever charges and discharges at once. Targets and limits are met, or missed by
    as little as power allows; `report` tells. See `Scheduler` for how to use it.

    sensor : the power sensor of one device, whose flex-model is a mapping
    asset : or else the site of the devices in a list of flex-models
    sequential : plan these one after the other, not all at once

    What `report` has, after `compute` or `compute_outputs`:

    status : "optimal", or "feasible" for the best plan when the time was up
    solver : which one was used
    currency, cost : money for all energy at the given prices; earned, if negative
    cost-with-slope : the same at the prices that were optimised for, which break ties
    cost-without-flexibility : the same, had storage done nothing
    misses : limits that are not kept: which, when, by how much (MWh, or MW for site-capacity)
    unresolved, resolved : wishes that are missed, and margins of those that are not
    prices : by field, the sensor that they are from; or else what they are, from when till when
    filled-prices, assumed-zeros, unknown-capacities : what was unknown
    ignored-targets : and why
    assumed : the part of the flex-model that was filled in; of several, by position
    notes : what else there is to know
    """

    __author__ = "Seita"
    __version__ = "1"

    def compute(self, *args: Any, **kwargs: Any) -> pd.Series:
        """Power in MW by slot start, consumption positive; of one device only.

        Raises
        ------
        MissingAttributeException, WrongTypeAttributeException : about capacity_in_mw
        UnknownMarketException, UnknownPricesException : no price sensor; no prices
        NotImplementedError : nothing says whether the state of charge is in kWh or MWh
        ValueError : bad input, units of the wrong kind
        SolverError : no solver, or none that gives an answer
        """
        import pandas as pd

        if self.asset is not None:
            raise TypeError("The schedules of several devices are made by compute_outputs.")
        planned = self._plan()
        index = initialize_index(self.start, self.end, self.resolution)
        if planned is None:
            return pd.Series([], index=index, dtype=float)
        return pd.Series(planned.power_of(planned.devices[0]), index=index)

    def compute_outputs(self) -> list[Output]:
        """What to store on each sensor. Raises as `compute` does."""
        if type(self).compute is not StorageScheduler.compute:
            return super().compute_outputs()
        planned = self._plan()
        if planned is None:
            return []
        return [
            output
            for device in planned.devices
            for output in device_outputs(device, planned, self._grid)
        ] + site_outputs(self.flex_context, planned, self._grid)

    @property
    def _grid(self) -> Grid:
        slots = (as_utc(self.end) - as_utc(self.start)) // self.resolution
        return Grid(self.start, self.resolution, slots)

    @property
    def _site_asset(self) -> GenericAsset:
        return self.sensor.generic_asset if self.asset is None else self.asset

    def _plan(self) -> Planned | None:
        """None if there are no slots."""
        if not self.config_deserialized:
            self.deserialize_config()
        devices = self._devices()
        if devices[0].older:
            if self.flex_model["soc_unit"] is None:
                raise NotImplementedError("Unsupported SoC unit 'None'.")
            self.sensor.check_required_attributes([("capacity_in_mw", (float, int))])
        grid = self._grid
        if not grid.slots:
            return None
        site = Site.look_around(
            devices,
            self.flex_context,
            self._site_asset,
            self.sensor,
            grid,
            beliefs_before=self.belief_time,
        )
        planner = plan_one_by_one if self.sequential else plan_at_once
        planned = planner(site, self.settings, self.round_to_decimals)
        self.report |= describe(site, planned, self.settings.solver)
        return planned

    def deserialize_timing_config(self) -> None:
        """Slots must be those of the sensor, and whole."""
        super().deserialize_timing_config()
        sensor = self.sensor if self.asset is None else None
        check_slots(self.start, self.end, self.resolution, sensor)

    def deserialize_flex_config(self) -> None:
        """Complete, check and convert flex-model and flex-context; targets may extend the end.

        Afterwards they have names with underscores, MW, MWh and sensors in place of ids.
        """
        # Held until all are looked up one by one, which then needs no more statements.
        sensors = load_sensors([self.flex_model, self.flex_context])
        if self.asset is None:
            device = load_device(self.flex_model, self.sensor, self.start)
            self.flex_model = device.model
            self.report["assumed"] = device.assumed
            self._older = device.older
            devices = [device]
        else:
            devices = load_devices(self.flex_model, self.start)
            self.flex_model = [device.model for device in devices]
            self.report["assumed"] = [device.assumed for device in devices]
            self._loaded = devices
        for device in devices:
            if device.assumed:
                logger.info("%s: flex-model is completed by %s.", device.name, device.assumed)
        self.report["notes"] = find_start_levels(
            devices, self.start, self.resolution, self.belief_time
        )
        self.flex_context = FlexContextSchema(timezone=self._timezone(devices)).load(
            self.flex_context
        )
        self.report["notes"] += relaxation_notes(self.flex_context)
        check_prices(self.flex_context, self.asset)
        check_inflexible(self.flex_context, devices)
        check_capacities(self.flex_context, self._site_asset, devices)
        OutputSensors(devices, self.flex_context).check(self.start, self.resolution)
        self._extend_end(devices)
        del sensors

    def persist_flex_model(self) -> None:
        """Remember states of charge at the start, if assets have attributes for them, and signs."""
        for device in self._devices():
            if device.asset is not None and "soc_at_start" in device.model:
                attributes = device.asset.attributes
                if "soc_datetime" in attributes:
                    attributes["soc_datetime"] = self.start.isoformat()
                if "soc_in_mwh" in attributes:
                    attributes["soc_in_mwh"] = device.model["soc_at_start"]
        OutputSensors(self._devices(), self.flex_context).remember_signs()

    def _devices(self) -> Sequence[DeviceModel]:
        if self.asset is not None:
            return self._loaded
        older = getattr(self, "_older", "soc_at_start" in self.flex_model)
        return [DeviceModel(self.flex_model, self.sensor, self.sensor.generic_asset, older)]

    def _timezone(self, devices: Sequence[DeviceModel]) -> ZoneInfo | None:
        """On whose calendar months are counted."""
        sensors = [self.sensor, *(device.sensor for device in devices)]
        return next((ZoneInfo(s.timezone) for s in sensors if s is not None), None)

    def _extend_end(self, devices: Sequence[DeviceModel]) -> None:
        """Up to the latest target, as far as the planning horizon goes."""
        asked = self._since_start(self.end)
        moments = (
            target["datetime"]
            for device in devices
            if isinstance(targets := device.model.get("soc_targets"), list)
            for target in targets
            if "datetime" in target
        )
        wanted = max([asked, *map(self._since_start, moments)])
        limit = self.settings.latest_end(self.start, self.resolution)
        if limit is not None:
            wanted = max(asked, min(wanted, self._since_start(limit)))
        if wanted > asked:
            self.end = shift(self.start, wanted // self.resolution * self.resolution)

    def _since_start(self, moment: datetime) -> timedelta:
        """Time that passes, which on some days is not what clocks show."""
        return as_utc(moment) - as_utc(self.start)
