// Pages with one chart (#sensorchart) and, in a side panel, a calendar (#datepicker). The chart's
// element says what it shows:
//
//   <div id="sensorchart" data-spec-url="..." data-data-url="..." data-info-url="..."
//        data-dataset="asset_3" data-name="battery" data-start="..." data-end="..."></div>
//
// data-start and data-end (ISO 8601): the period that the session remembers, if it does. Else it is
// that of the address, or the last two days with data, which data-info-url tells.
//
// With data-annotations-url, annotations are laid over the chart (see annotations.js). With the macro
// `replay` beside it, what was known when can be played (replay.js).
//
// Other scripts find the chart by `await chartOfPage`.

import { Period, addDays, midnight, periodOfAddress, rememberInAddress } from "./calendar.js";
import { offerAnnotations } from "./annotations.js";
import { Chart, getJson } from "./chart.js";
import { Replay } from "./replay.js";

const DAYS = 2;

export const chartOfPage = start();

async function start() {
  const element = document.getElementById("sensorchart");
  if (!element?.dataset.specUrl) return null;
  const { specUrl, dataUrl, annotationsUrl, infoUrl, dataset, name } = element.dataset;
  const chart = new Chart(element, { specUrl, dataUrl, annotationsUrl, dataset, name });
  offerAnnotations(chart);
  if (document.getElementById("replay")) new Replay(chart);
  const known = periodOfAddress() ?? periodOfSession(element);
  const info = infoUrl ? getJson(infoUrl, {}).catch(() => null) : Promise.resolve(null);
  // A known period need not wait for what only the calendar wants to know.
  const drawn = known && chart.show(known.start, known.end);
  const range = rangeOf(await info);
  const period = known ?? lastDays(range);
  warnOfTimezone((await info)?.timezone);
  offerCalendar(chart, period, range);
  if (!drawn) chart.show(period.start, period.end);
  return chart;
}

function offerCalendar(chart, { start, end }, range) {
  const element = document.getElementById("datepicker");
  if (!element) return;
  const period = new Period(element, { start, end, from: range?.start, until: range?.end });
  element.addEventListener("period:change", ({ detail }) => {
    rememberInAddress(detail);
    chart.show(detail.start, detail.end, {}, { reuse: true });
  });
  addEventListener("popstate", () => {
    const { start: first, end: last } = periodOfAddress() ?? { start, end };
    period.set(first, last);
    chart.show(first, last, {}, { reuse: true });
  });
}

function periodOfSession({ dataset: { start, end } }) {
  const period = { start: new Date(start ?? NaN), end: new Date(end ?? NaN) };
  return period.start < period.end ? period : null;
}

function rangeOf(info) {
  const range = info?.timerange ?? info?.timerange_of_sensors_to_show;
  return range ? { start: new Date(range.start), end: new Date(range.end) } : null;
}

function lastDays(range) {
  const end = addDays(midnight(new Date((range?.end ?? new Date()) - 1)), 1);
  return { start: addDays(end, -DAYS), end };
}

/** Tell, in #tzwarn, that the data are from a place where clocks show another time. */
export function warnOfTimezone(timezone) {
  const element = document.getElementById("tzwarn");
  if (!element || !timezone) return;
  const minutes = offset(timezone) - offset(Intl.DateTimeFormat().resolvedOptions().timeZone);
  element.hidden = minutes === 0;
  if (minutes === 0) return;
  const far = `${Math.abs(minutes)} minutes ${minutes > 0 ? "ahead" : "behind"}`;
  element.textContent =
    `These data are located in a different timezone, whose clocks are ${far}. To see them in the ` +
    `time of that place, set the timezone of this device to ${timezone}.`;
}

function offset(timezone) {
  const now = new Date();
  now.setSeconds(0, 0);
  const local = new Date(now.toLocaleString("en-US", { timeZone: timezone }));
  const utc = new Date(now.toLocaleString("en-US", { timeZone: "UTC" }));
  return Math.round((local - utc) / 60_000);
}
