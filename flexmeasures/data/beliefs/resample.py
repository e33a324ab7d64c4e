"""To another resolution.

Longer events hold the mean of the shorter ones, weighted by how long they overlap, as far as they
are known; shorter events repeat the value of the longer one.

Bins start at midnight on the clock of the sensor's timezone. Up to an hour they are of equal length
from there on; longer ones start at the same times on the clock each day, so that on a day on which
the clock changes one of them, or the day itself, is longer or shorter than the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs.frames import Columns, columns_of_frame, frame_of_columns
from flexmeasures.data.beliefs.medians import medians
from flexmeasures.data.beliefs.rows import Floats, Integers, changed, microseconds, order_by
from flexmeasures.utils.timely import tb

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_MOST_OUTCOMES = 100_000  # of several events together


def resample(
    frame: tb.BeliefsDataFrame,
    resolution: timedelta,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    most_recent_beliefs_only: bool = False,
    per_source: bool = True,
    complete_only: bool = False,
    average_readings: bool = False,
) -> tb.BeliefsDataFrame:
    """These beliefs, about events of another length.

    start, end : keep only events that, then, lie in this window
    most_recent_beliefs_only : one belief about each new event (per source), formed when the latest
        belief that goes into it was; else one for each time at which such a belief was formed
    per_source : else the beliefs of all sources are put together
    complete_only : leave out beliefs of when something was not believed yet about each event that
        goes into the new one (such as the mean over an hour whose second half is still to come)
    average_readings : of an instantaneous sensor, the new events hold means of readings

    Of an instantaneous sensor, else, the readings at the starts of the bins are kept, and it stays
    instantaneous. Missing values (nan) count as unknown.

    Quantiles are averaged one by one, as far as all events of a bin have them: errors of forecasts
    come together. Whole distributions (with a highest probability of 1; see `medians`) are joined
    as if they were independent; this takes time, bins of whole events, and not too many of them
    (ValueError).
    """
    step, length = microseconds(resolution), microseconds(frame.event_resolution)
    if step <= 0:
        raise ValueError(f"A resolution is a positive length, not {resolution}.")
    columns = columns_of_frame(frame)
    columns = columns.take(~np.isnan(columns.event_value)).sorted()
    ends = columns.event_start + length
    lasting = bool(length) or average_readings
    if step != length and len(columns):
        last = ends[-1] if length else ends[-1] + 1  # a reading at an edge is of the next bin
        edges = local_edges(columns.event_start[0], last, step, frame.sensor.timezone, start)
        if lasting:
            columns = _binned(
                columns, length, edges, most_recent_beliefs_only, per_source, complete_only
            )
            ends = edges[np.searchsorted(edges, columns.event_start) + 1]
        else:
            columns = columns.take(np.isin(columns.event_start, edges))
            ends = columns.event_start
    inside = np.ones(len(columns), bool)
    if start is not None:
        inside &= columns.event_start >= microseconds(start)
    if end is not None:
        inside &= ends <= microseconds(end)
    return frame_of_columns(
        columns.take(inside), frame.sensor, resolution if lasting else frame.event_resolution
    )


def local_edges(
    first: int, last: int, step: int, timezone: str, origin: datetime | None = None
) -> Integers:
    """Where bins start, from the last at or before `first` to the first at or after `last`.

    first, last, step and the result in microseconds (since the Unix epoch)
    origin : bins that do not divide the day are counted from the local midnight before this
        moment, by default from that before `first`
    """
    edges = _grid(first, last, step, timezone, first if origin is None else microseconds(origin))
    return edges[edges.searchsorted(first, "right") - 1 : edges.searchsorted(last) + 1]


def _grid(first: int, last: int, step: int, timezone: str, origin: int) -> Integers:
    """Bins around these moments."""
    day_of_first, day_of_last, day = _local_days([first, last, origin], timezone)
    if step > _HOUR and (_DAY % step == 0 or step % _DAY == 0):
        begin = day + (day_of_first - day) // step * step
        return instants(np.arange(begin, day_of_last + _DAY + step, step), timezone)
    if _DAY % step == 0:
        midnights = instants(np.arange(day_of_first, day_of_last + 2 * _DAY, _DAY), timezone)
        if not (np.diff(midnights) % step).any():
            return np.arange(midnights[0], midnights[-1] + step, step)
        days = [np.arange(*day, step) for day in pairwise(midnights)]
        return np.concatenate([*days, midnights[-1:]])
    [midnight] = instants(np.array([day]), timezone)
    begin = midnight + (first - midnight) // step * step
    return np.arange(begin, last + step, step)


def slots(start: datetime, resolution: timedelta, number: int) -> Integers:
    """The edges of consecutive slots, in microseconds since the Unix epoch."""
    return microseconds(start) + microseconds(resolution) * np.arange(number + 1)


def slot_values(
    event_start: Integers, event_value: Floats, event_resolution: timedelta, edges: Integers
) -> Floats:
    """One value per slot between these edges: the mean of the events that overlap with it.

    Readings of an instantaneous sensor count in the slot that they fall in. nan without any.
    """
    number = len(edges) - 1
    length = microseconds(event_resolution)
    event, slot, weight = _overlaps(event_start, length, edges)
    total = np.bincount(slot, weight, number)
    sums = np.bincount(slot, weight * event_value[event], number)
    return np.divide(sums, total, out=np.full(number, np.nan), where=total > 0)


def _overlaps(
    event_start: Integers, length: int, edges: Integers
) -> tuple[Integers, Integers, Floats]:
    """All pairs of an event and a bin that overlap.

    Returns the position of the event, that of the bin, and by how much they overlap, as a part of
    the shorter of the two (1 for an instant).
    """
    first = np.searchsorted(edges, event_start, "right") - 1
    last = np.searchsorted(edges, event_start + length, "left") - 1 if length else first
    first, last = np.maximum(first, 0), np.minimum(last, len(edges) - 2)
    counts = np.maximum(last - first + 1, 0)
    event = np.repeat(np.arange(len(event_start)), counts)
    skipped = np.repeat(np.cumsum(counts) - counts, counts)
    bin = np.repeat(first, counts) + np.arange(len(event)) - skipped
    if not length:
        return event, bin, np.ones(len(event))
    start, end = edges[bin], edges[bin + 1]
    overlap = np.minimum(event_start[event] + length, end) - np.maximum(event_start[event], start)
    return event, bin, overlap / np.minimum(length, end - start)


def _binned(
    columns: Columns,
    length: int,
    edges: Integers,
    most_recent: bool,
    per_source: bool,
    complete_only: bool,
) -> Columns:
    """Each bin as an event, in the order of `Columns.sorted`, which is expected too."""
    if most_recent:
        columns = columns.latest_beliefs()
    row, bin, weight = _overlaps(columns.event_start, length, edges)
    parts = _Parts(bin, weight, columns.take(row), per_source, most_recent)
    order = order_by(bin, parts.events.event_start)
    bins, events = bin[order], parts.events.event_start[order]
    if not ((np.diff(bins) == 0) & (np.diff(events) != 0)).any():  # each bin within one event
        return replace(parts.events, event_start=edges[bin]).sorted()
    belief = columns.belief() - 1
    several = np.bincount(belief) > 1
    if several.any():
        last = np.append(changed(belief)[1:], True)
        complete = several & (columns.cumulative_probability[last] == 1)
        joint = np.isin(bin, bin[complete[belief][row]])
        averages = Columns.joined(
            [_averaged_quantiles(parts.take(~joint)), _joined(parts.take(joint))]
        )
    else:
        averages = _averaged(parts)
    if complete_only:
        averages = _complete(averages, parts)
    return replace(averages, event_start=edges[averages.event_start]).sorted()


@dataclass(frozen=True)
class _Parts:
    """Parts of events that fall into one bin each; arrays of equal length.

    bin : position of the bin
    weight : size of the part
    events : what is believed about the whole event
    """

    bin: Integers
    weight: Floats
    events: Columns
    per_source: bool
    most_recent: bool

    def take(self, selection: Any) -> _Parts:
        return replace(
            self,
            bin=self.bin[selection],
            weight=self.weight[selection],
            events=self.events.take(selection),
        )

    @property
    def group(self) -> Integers:
        """Whose beliefs are put together."""
        return self.events.source if self.per_source else np.zeros_like(self.bin)


def _averaged_quantiles(parts: _Parts) -> Columns:
    """The mean of each bin, at each probability that all beliefs in it have. (See `_averaged`.)

    A single value counts at all of them. If there are none, the mean of medians.
    """
    order = order_by(
        parts.bin, parts.events.source, parts.events.event_start, parts.events.belief_time
    )  # keeps the order of probabilities
    parts = parts.take(order)
    events = parts.events
    starts = changed(parts.bin, events.source, events.event_start, events.belief_time)
    belief = np.cumsum(starts) - 1
    quantile = (np.bincount(belief) > 1)[belief]
    _, group = np.unique(parts.bin * len(events.sources) + parts.group, return_inverse=True)
    number = np.bincount(group[quantile & starts], minlength=len(starts))
    settled = np.zeros(len(starts), bool)
    result = []
    for probability in np.unique(events.cumulative_probability[quantile]):
        here = quantile & (events.cumulative_probability == probability)
        shared = ((np.bincount(group[here], minlength=len(starts)) == number) & (number > 0))[group]
        settled |= shared
        averages = _averaged(parts.take((here | ~quantile) & shared))
        same = np.full(len(averages), probability)
        result.append(replace(averages, cumulative_probability=same))
    rest = parts.take(~settled)
    middle = medians(rest.events, belief[~settled])
    first = rest.take(changed(belief[~settled]))
    return Columns.joined([*result, _averaged(replace(first, events=middle))])


def _averaged(parts: _Parts) -> Columns:
    """The mean of each bin, as of each time at which some belief about its events was formed.

    Beliefs have one value each. The event start of the result is the position of the bin.
    """
    events, group = parts.events, parts.group
    parts = parts.take(order_by(parts.bin, group, events.event_start, events.belief_time))
    events, group = parts.events, parts.group
    replaces = ~changed(parts.bin, group, events.event_start)
    by_time = order_by(parts.bin, group, events.belief_time)
    bins, groups, times = parts.bin[by_time], group[by_time], events.belief_time[by_time]
    total = np.cumsum(changed(bins, groups))

    def known(amount: Floats) -> Floats:
        """The weighted sum over the events of the bin, each as last believed."""
        weighted = parts.weight * amount
        gain = np.where(replaces, weighted - np.roll(weighted, 1), weighted)
        return pd.Series(gain[by_time]).groupby(total).cumsum().to_numpy()

    weight = known(np.ones(len(events)))
    result = Columns(
        bins,
        times,
        events.source[by_time],
        known(events.cumulative_probability) / weight,
        known(events.event_value) / weight,
        events.sources,
    )
    ends = (bins, groups) if parts.most_recent else (bins, groups, times)
    return result.take(np.append(changed(*ends)[1:], True)) if len(result) else result


def _complete(averages: Columns, parts: _Parts) -> Columns:
    """Those formed since something was believed about each event of the bin."""
    group, time = parts.group, parts.events.belief_time
    order = order_by(parts.bin, group, parts.events.event_start, time)
    bins, groups, events = parts.bin[order], group[order], parts.events.event_start[order]
    first = changed(bins, groups, events)
    bins, groups, firsts = bins[first], groups[first], time[order][first]
    starts = np.flatnonzero(changed(bins, groups))
    complete_since = np.maximum.reduceat(firsts, starts)
    number = len(parts.events.sources)
    places = bins[starts] * number + groups[starts]
    own = averages.source if parts.per_source else np.zeros_like(averages.source)
    place = np.searchsorted(places, averages.event_start * number + own)
    return averages.take(averages.belief_time >= complete_since[place])


def _joined(parts: _Parts) -> Columns:
    """The distribution of the mean of each bin, for probabilistic beliefs, as of each time."""
    if (parts.weight != 1).any():
        raise ValueError("Probabilistic beliefs can be averaged over whole events only.")
    group = parts.group
    order = order_by(parts.bin, group)
    parts, group = parts.take(order), group[order]
    starts = np.flatnonzero(changed(parts.bin, group))
    result = []
    for start, end in pairwise([*starts.tolist(), len(order)]):
        own = parts.events.take(slice(start, end))
        times = np.unique(own.belief_time)
        for time in times[-1:] if parts.most_recent else times:
            known = own.take(own.belief_time <= time).sorted().latest_beliefs()
            values, probabilities = _distribution_of_mean(known)
            result.append(
                Columns(
                    np.full(len(values), parts.bin[start]),
                    np.full(len(values), time),
                    np.full(len(values), known.source[-1]),
                    probabilities,
                    values,
                    known.sources,
                )
            )
    return Columns.joined(result) if result else parts.events


def _distribution_of_mean(columns: Columns) -> tuple[Floats, Floats]:
    """Values, and the probability that the mean over all events is at most that."""
    from timely_beliefs.beliefs.probabilistic_utils import probabilistic_nan_mean

    outcomes = np.unique(columns.event_start, return_counts=True)[1]
    if np.log(outcomes).sum() > np.log(_MOST_OUTCOMES):
        raise ValueError(
            f"The distributions of {len(outcomes)} events are too many to be averaged."
        )
    names = ["event_start", "belief_time", "source", "cumulative_probability"]
    index = pd.MultiIndex.from_arrays(
        [
            columns.event_start,
            np.zeros(len(columns)),
            np.zeros(len(columns)),
            columns.cumulative_probability,
        ],
        names=names,
    )
    frame = pd.DataFrame({"event_value": columns.event_value}, index=index)
    joint = probabilistic_nan_mean(frame, 1, 1)
    return joint["event_value"].to_numpy(), joint.index.get_level_values(names[-1]).to_numpy()


def _local_days(times: list[int], timezone: str) -> list[int]:
    """The days on the local clock, as if it were that of UTC."""
    local = pd.to_datetime(times, unit="us", utc=True).tz_convert(timezone).tz_localize(None)
    return local.as_unit("us").floor("D").asi8.tolist()


def instants(clock: Integers, timezone: str) -> Integers:
    """When the local clock shows this. The first of two instants; after a gap, if within it."""
    local = pd.DatetimeIndex(clock.view("M8[us]")).tz_localize(
        timezone, ambiguous=np.ones(len(clock), bool), nonexistent="shift_forward"
    )
    return local.asi8
