"""The storage scheduler: batteries, and vehicles while they are plugged in."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from flexmeasures.data.schemas.scheduling import FlexContextSchema, StorageFlexModelSchema
from flexmeasures.scheduling.base import Scheduler
from flexmeasures.scheduling.engine.solvers import Options, Status
from flexmeasures.scheduling.inputs import (
    Surroundings,
    common_currency,
    look_around,
    money_per_mwh,
)
from flexmeasures.scheduling.site_problem import (
    DeviceCase,
    Miss,
    SiteCase,
    SitePlan,
    StockCase,
    plan_site,
)
from flexmeasures.scheduling.slots import initialize_index
from flexmeasures.scheduling.storage_flex_model import complete
from flexmeasures.utils.time_utils import as_utc, shift

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


class StorageScheduler(Scheduler):
    """Charges and discharges one storage device at the least cost.

    Energy is bought and sold through one grid connection, which inflexible devices share. The
    device never charges and discharges at once. Targets and limits are met, or missed by as little
    as its power allows; `report` tells. See `Scheduler` for how to use it.

    What `report` has, after `compute`:

    status : "optimal", or "feasible" for the best plan when the time was up
    solver : which one was used
    currency, cost : money for all energy at the given prices; earned, if negative
    cost-with-slope : the same at the prices that were optimised for, which break ties
    misses : limits that are not kept: which, when, by how much (MWh, or MW for site-capacity)
    filled-prices, assumed-zeros : what was unknown
    ignored-targets : and why
    assumed : the part of the flex-model that was filled in
    """

    __author__ = "Seita"
    __version__ = "1"

    def compute(self, *args: Any, **kwargs: Any) -> pd.Series:
        """Power in MW by slot start, consumption positive.

        Raises
        ------
        MissingAttributeException, WrongTypeAttributeException : about capacity_in_mw
        UnknownMarketException, UnknownPricesException : no price sensor; no prices
        NotImplementedError : nothing says whether the state of charge is in kWh or MWh
        ValueError : bad input, units of the wrong kind
        SolverError : no solver, or none that gives an answer
        """
        import pandas as pd

        if not self.config_deserialized:
            self.deserialize_config()
        if self.flex_model["soc_unit"] is None:
            raise NotImplementedError("Unsupported SoC unit 'None'.")
        self.sensor.check_required_attributes([("capacity_in_mw", (float, int))])
        index = initialize_index(self.start, self.end, self.resolution)
        if index.empty:
            return pd.Series([], index=index, dtype=float)
        around = look_around(
            self.sensor,
            self.flex_context,
            self.start,
            self.end,
            self.resolution,
            beliefs_before=self.belief_time,
        )
        device = self._device(around, len(index))
        case = self._case(around, device, len(index))
        options = Options(time_limit=self.settings.time_limit)
        plan = plan_site(case, self.settings.solver, options)
        self._tell(around, plan)
        power = plan.power[device]
        if self.round_to_decimals is not None:
            power = power.round(self.round_to_decimals)
        # Adding zero turns negative zeros into plain ones.
        return pd.Series(power + 0.0, index=index)

    def deserialize_timing_config(self) -> None:
        """Slots must be those of the sensor, and whole."""
        super().deserialize_timing_config()
        if self._since_start(self.end) % self.resolution:
            raise ValueError(
                f"From {self.start} to {self.end} is no whole number of slots of {self.resolution}."
            )
        if not _is_on_grid(self.start, self.resolution, self.sensor.timezone):
            raise ValueError(
                f"Start {self.start} is not the start of a slot: slots of sensor {self.sensor.id}"
                f" take {self.resolution}."
            )

    def deserialize_flex_config(self) -> None:
        """Complete, check and convert flex-model and flex-context; targets may extend the end.

        Afterwards they have names with underscores, MWh and sensors in place of ids.
        """
        sent: Any = self.flex_model
        if isinstance(sent, Mapping):
            sent, assumed = complete(sent, self.sensor, self.start)
            self.report["assumed"] = assumed
            if assumed:
                logger.info("Sensor %s: flex-model is completed by %s.", self.sensor.id, assumed)
        self.flex_model = StorageFlexModelSchema().load(sent)
        self.flex_context = FlexContextSchema().load(self.flex_context)
        self._check_currencies()
        self._extend_end()

    def persist_flex_model(self) -> None:
        """Remember the state of charge at the start, if the asset has attributes for it."""
        attributes = self.sensor.generic_asset.attributes
        if "soc_datetime" in attributes:
            attributes["soc_datetime"] = self.start.isoformat()
        if "soc_in_mwh" in attributes:
            attributes["soc_in_mwh"] = self.flex_model["soc_at_start"]

    def _check_currencies(self) -> None:
        names = ("consumption_price_sensor", "production_price_sensor")
        given = [self.flex_context[name] for name in names if name in self.flex_context]
        if given:
            common_currency(*given)

    def _extend_end(self) -> None:
        """Up to the latest target, as far as the planning horizon goes."""
        asked = self._since_start(self.end)
        moments = (target["datetime"] for target in self.flex_model["soc_targets"])
        wanted = max([asked, *map(self._since_start, moments)])
        limit = self.settings.latest_end(self.start, self.resolution)
        if limit is not None:
            wanted = max(asked, min(wanted, self._since_start(limit)))
        if wanted > asked:
            self.end = shift(self.start, wanted // self.resolution * self.resolution)

    def _since_start(self, moment: datetime) -> timedelta:
        """Time that passes, which on some days is not what clocks show."""
        return as_utc(moment) - as_utc(self.start)

    def _case(self, around: Surroundings, device: DeviceCase, slots: int) -> SiteCase:
        attribute = self.sensor.generic_asset.attributes.get("capacity_in_mw")
        capacity = np.inf if attribute is None else _magnitude("capacity_in_mw", attribute)
        return SiteCase(
            slots=slots,
            hours=self.resolution / timedelta(hours=1),
            devices=(device,),
            inflexible={f"sensor {s.id}": power for s, power in around.inflexible.items()},
            import_max=capacity,
            export_max=capacity,
            consumption_price=around.consumption_price,
            production_price=around.production_price,
        )

    def _device(self, around: Surroundings, slots: int) -> DeviceCase:
        model, sensor = self.flex_model, self.sensor
        capacity = _magnitude("capacity_in_mw", sensor.get_attribute("capacity_in_mw"))
        efficiency = math.sqrt(model["roundtrip_efficiency"])
        none = np.full(slots, np.nan)
        stock = StockCase(
            name=f"state of charge of sensor {sensor.id}",
            at_start=model["soc_at_start"],
            minimum=model["soc_min"],
            maximum=model["soc_max"],
            minima=none,
            maxima=none,
            targets=self._targets_per_slot(slots),
            value_at_end=money_per_mwh(
                "soc-value-at-end", model.get("soc_value_at_end") or 0, around.currency
            ),
        )
        return DeviceCase(
            name=f"sensor {sensor.id}",
            consumption_max=0.0 if sensor.is_strictly_non_negative else capacity,
            production_max=0.0 if sensor.is_strictly_non_positive else capacity,
            stock=stock,
            charging_efficiency=efficiency,
            discharging_efficiency=efficiency,
            prefer_charging_sooner=model["prefer_charging_sooner"],
        )

    def _targets_per_slot(self, slots: int) -> np.ndarray:
        """MWh at the end of each slot; of several targets at a time the last one counts."""
        targets = np.full(slots, np.nan)
        ignored = self.report["ignored-targets"] = []
        for target in self.flex_model["soc_targets"]:
            moment, value = target["datetime"], target["value"]
            slot, rest = divmod(self._since_start(moment), self.resolution)
            if slot < 1:
                reason = "not after the first slot"
            elif slot > slots or (slot == slots and rest):
                reason = "after the end"
            elif rest:
                reason = "not at the end of a slot"
            else:
                targets[slot - 1] = value
                continue
            ignored.append({"datetime": moment.isoformat(), "value": value, "reason": reason})
            logger.warning(
                "Sensor %s: target of %s MWh at %s is ignored, as it is %s.",
                self.sensor.id,
                value,
                moment,
                reason,
            )
        return targets

    def _tell(self, around: Surroundings, plan: SitePlan) -> None:
        """Complete the report, and log it."""
        self.report |= {
            "status": plan.status.value,
            "solver": self.settings.solver,
            "currency": around.currency,
            "cost": plan.cost,
            "cost-with-slope": plan.cost_with_slope,
            "misses": [self._describe(miss) for miss in plan.misses],
            "filled-prices": around.filled_prices,
            "assumed-zeros": around.assumed_zeros,
        }
        if plan.status is not Status.OPTIMAL:
            logger.warning("Sensor %s: the best schedule found in time is used.", self.sensor.id)
        for limit in dict.fromkeys(miss.limit for miss in plan.misses):
            of_limit = [miss for miss in plan.misses if miss.limit == limit]
            worst = max(of_limit, key=lambda miss: miss.size)
            logger.warning(
                "Sensor %s: %s cannot be met at %s moment(s). The plan comes as close as it can;"
                " furthest off at %s: %.6g instead of %.6g %s.",
                self.sensor.id,
                limit,
                len(of_limit),
                self._moment(worst).isoformat(),
                worst.reached,
                worst.wanted,
                self._unit(worst),
            )
        logger.info(
            "Sensor %s: schedule from %s to %s costs %.6f %s.",
            self.sensor.id,
            self.start,
            self.end,
            plan.cost,
            around.currency,
        )

    def _describe(self, miss: Miss) -> dict[str, Any]:
        return {
            "limit": miss.limit,
            "datetime": self._moment(miss).isoformat(),
            "wanted": miss.wanted,
            "reached": miss.reached,
            "size": miss.size,
            "unit": self._unit(miss),
        }

    def _moment(self, miss: Miss) -> datetime:
        return shift(self.start, miss.tick * self.resolution)

    @staticmethod
    def _unit(miss: Miss) -> str:
        return "MW" if miss.limit == "site-capacity" else "MWh"


def _magnitude(name: str, value: Any) -> float:
    """A capacity: one that is negative, or endless, is a mistake."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"Attribute {name} should be a number (of MW), but is {value!r}.")
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"Attribute {name} should be a positive number (of MW), but is {value}.")
    return float(value)


def _is_on_grid(moment: datetime, resolution: timedelta, zone: str) -> bool:
    """Is this a multiple of the resolution after midnight, here or in UTC?"""
    local = moment.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    epoch = datetime.fromtimestamp(0, tz=timezone.utc)
    return any(not (as_utc(moment) - as_utc(first)) % resolution for first in (midnight, epoch))
