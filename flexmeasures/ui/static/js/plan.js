// What came of a job: a schedule drawn over the prices, with its cost and what was assumed; or a
// forecast after what was measured. Loads with the rights of whoever looks at it.

import { call, words } from "./api.js";
import { make, milliseconds, moment, money, number } from "./html.js";

const MOST_SENSORS = 12;
const BEFORE = 2 * 24 * 3600_000; // of measurements that are shown with a forecast
const SENSORS = "/api/v3_0/sensors";

/** The schedule of a finished job: { rows, spec, missing, withoutPrices }. */
export async function loadSchedule(job, result) {
  const ids = result.sensors.slice(0, MOST_SENSORS);
  const sensors = (await Promise.all(ids.map(sensorWithId))).filter(Boolean);
  const window = { start: new Date(result.start), end: new Date(result.end) };
  const unit = sensors.find(isPower)?.unit;
  const duration = `PT${Math.round((window.end - window.start) / 1000) + 60}S`; // levels are known at the end, too
  const loaded = await Promise.all(
    sensors.map((sensor) => planOf(sensor, job, { duration, unit: isPower(sensor) ? unit : undefined })),
  );
  const panels = loaded.filter((panel) => panel?.rows.length);
  const step = Math.min(3600_000, ...panels.map(({ rows: [first] }) => first.event_end - first.event_start));
  const prices = await pricesOf(result["scheduler-info"], window, step);
  const rows = [...panels.flatMap((panel) => panel.rows), ...prices.rows];
  return { rows, spec: specOfSchedule(panels, prices), missing: result.sensors.length - panels.length, withoutPrices: prices.missing };
}

/** The forecasts of a finished job, and what was measured before: { rows, spec, start, end }. */
export async function loadForecast(sensorUrl, resultsUrl) {
  const { code, body } = await call(resultsUrl);
  if (code !== 200) throw new Error(words(body));
  const urls = body.forecasts?.map((id) => resultsUrl.replace(/[^/]+$/, id));
  const parts = urls ? (await Promise.all(urls.map((url) => call(url)))).filter((one) => one.code === 200) : [{ body }];
  const sensor = (await call(sensorUrl)).body;
  const rows = parts.flatMap((one) => rowsOf(one.body, sensor, "Forecast")).toSorted((a, b) => a.event_start - b.event_start);
  if (!rows.length) throw new Error("The job is done, but made no forecasts.");
  const [start, end] = [rows[0].event_start, rows.at(-1).event_end];
  const { body: measured } = await call(`${sensorUrl}/data`, {
    query: { start: new Date(start - BEFORE).toISOString(), duration: `PT${Math.round((end - start + BEFORE) / 1000)}S`, unit: sensor.unit },
  });
  const before = measured?.values ? rowsOf(measured, sensor, "Known").filter((row) => row.event_start < start) : [];
  return { rows: [...before, ...rows], spec: specOfForecast(sensor.unit), start: new Date(start), end: new Date(end) };
}

async function sensorWithId(id) {
  const { code, body } = await call(`${SENSORS}/${id}`);
  return code === 200 ? body : null;
}

const isPower = ({ event_resolution }) => milliseconds(event_resolution) > 0;

async function planOf(sensor, job, query) {
  const { code, body } = await call(`${SENSORS}/${sensor.id}/schedules/${job}`, { query });
  if (code !== 200) return null;
  return { sensor, unit: body.unit, isPower: isPower(sensor), rows: rowsOf(body, sensor, isPower(sensor) ? "Power" : "State of charge") };
}

/** One row per value that is known, as charts have them. */
function rowsOf({ values, start, duration, unit }, sensor, kind) {
  const first = Number(new Date(start));
  const step = milliseconds(duration) / values.length;
  return values.flatMap((value, position) =>
    value === null ? [] : [row(first + position * step, first + (position + 1) * step, value, unit, sensor, kind)],
  );
}

function row(event_start, event_end, event_value, unit, sensor, kind) {
  const described = { id: sensor.id, name: sensor.name, description: sensor.name };
  return { event_start, event_end, event_value, kind, sensor: described, text: `${number(event_value)} ${unit}`, when: moment(event_start) };
}

/** In steps of that many milliseconds, so that also plans from within an hour have those of the hour. */
async function pricesOf(info, { start, end }, step) {
  const told = info?.prices ?? {};
  const unit = `${info?.currency}/MWh`;
  const same = JSON.stringify(told["production-price"]) === JSON.stringify(told["consumption-price"]);
  const kinds = same ? [["consumption-price", "Price"]] : [["consumption-price", "Price of consumption"], ["production-price", "Price of production"]];
  const found = { rows: [], unit, missing: false };
  for (const [field, kind] of kinds) {
    const price = told[field];
    if (Array.isArray(price)) {
      const prices = price.map((one) => row(Number(new Date(one.start)), Number(new Date(one.end)), one.price, unit, { id: 0, name: kind }, kind));
      found.rows.push(...closed(prices));
    } else if (price?.sensor) {
      const sensor = await sensorWithId(price.sensor);
      const query = { start: start.toISOString(), duration: `PT${Math.round((end - start) / 1000)}S`, unit: sensor?.unit, resolution: `PT${step / 1000}S` };
      const answer = sensor && (await call(`${SENSORS}/${sensor.id}/data`, { query }));
      if (answer?.code !== 200) found.missing = true;
      else {
        found.rows.push(...closed(rowsOf(answer.body, sensor, kind)));
        found.unit = sensor.unit;
      }
    }
  }
  return found;
}

/** With the last value once more at its end, so that steps are drawn until there. */
function closed(rows) {
  const last = rows.at(-1);
  return last ? [...rows, { ...last, event_start: last.event_end }] : rows;
}

const TOOLTIP = [
  { field: "sensor.name", title: "Sensor" },
  { field: "kind", title: "What" },
  { field: "text", title: "Value" },
  { field: "when", title: "From" },
];
const FONTS = { axis: { labelFontSize: 13, titleFontSize: 13 }, legend: { labelFontSize: 13 }, title: { fontSize: 14 } };

function base() {
  return { $schema: "https://vega.github.io/schema/vega-lite/v5.json", data: { name: "plan" }, config: structuredClone(FONTS) };
}

const CLOCK = "timeFormat(datum.value, {'hours': '%H:%M', 'minutes': '%H:%M'})";
const TIME = { field: "event_start", type: "temporal", title: null, axis: { labelExpr: CLOCK, labelOverlap: true, labelSeparation: 6 } };

function colours(kinds) {
  return { field: "kind", type: "nominal", title: null, scale: { domain: kinds }, legend: { orient: "bottom" } };
}

function specOfSchedule(panels, prices) {
  const powers = panels.filter((panel) => panel.isPower);
  const levels = panels.filter((panel) => !panel.isPower);
  const known = [...powers.flatMap((panel) => panel.rows), ...prices.rows, ...levels.flatMap((panel) => panel.rows)];
  const kinds = [...new Set(known.map(({ kind }) => kind))];
  const rows = [...powers, ...levels].map((panel) => ({
    ...(panels.length > 1 ? { title: panel.sensor.name } : {}),
    width: "container",
    height: panel.isPower ? (powers.length > 1 ? 130 : 220) : 110,
    layer: panel.isPower ? [...power(panel, kinds), ...price(prices, kinds)] : level(panel, kinds),
    resolve: { scale: { y: "independent" } },
  }));
  return { ...base(), vconcat: rows, spacing: 12, resolve: { scale: { x: "shared" } } };
}

const only = ({ sensor, rows }) => [{ filter: { and: [{ field: "sensor.id", equal: sensor.id }, { field: "kind", equal: rows[0].kind }] } }];

function power(panel, kinds) {
  const y = { field: "event_value", type: "quantitative", title: `Consumption (${panel.unit})` };
  return [
    {
      transform: only(panel),
      mark: { type: "rect", opacity: 0.85 },
      encoding: { x: TIME, x2: { field: "event_end" }, y, y2: { datum: 0 }, color: colours(kinds), tooltip: TOOLTIP },
    },
  ];
}

function price(prices, kinds) {
  if (!prices.rows.length) return [];
  const y = { field: "event_value", type: "quantitative", title: prices.unit, scale: { zero: false }, axis: { orient: "right", grid: false } };
  const transform = [{ filter: { field: "kind", oneOf: [...new Set(prices.rows.map(({ kind }) => kind))] } }];
  const mark = { type: "line", interpolate: "step-after", strokeWidth: 2 };
  return [{ transform, mark, encoding: { x: TIME, y, color: colours(kinds), tooltip: TOOLTIP } }];
}

function level(panel, kinds) {
  const y = { field: "event_value", type: "quantitative", title: panel.unit };
  const encoding = { x: TIME, y, color: colours(kinds), tooltip: TOOLTIP };
  return [{ transform: only(panel), mark: { type: "line", strokeWidth: 2, point: { opacity: 0, size: 60 } }, encoding }];
}

function specOfForecast(unit) {
  const y = { field: "event_value", type: "quantitative", title: unit };
  const encoding = { x: TIME, y, color: colours(["Known", "Forecast"]), tooltip: TOOLTIP };
  const mark = { type: "line", interpolate: "step-after", strokeWidth: 2, point: { opacity: 0, size: 60 } };
  return { ...base(), width: "container", height: 240, mark, encoding };
}

/** Cost, in words and numbers: [term, text] pairs. */
export function costs({ currency, cost, "cost-without-flexibility": idle } = {}) {
  if (cost === undefined || cost === null) return [];
  const facts = [["Cost", `${money(cost)} ${currency}`]];
  if (idle !== undefined && idle !== null) {
    facts.push(["Without flexibility", `${money(idle)} ${currency}`], ["Saved", `${money(idle - cost)} ${currency}`]);
  }
  return facts;
}

/** What the scheduler assumed, filled in or could not reach: { warnings, notes }, texts. */
export function remarks(info = {}) {
  const warnings = misses(info.misses ?? []);
  if (info.status === "feasible") warnings.push("This is the best plan that was found in time. There may be better ones.");
  const notes = [...(info.notes ?? [])];
  const assumed = Array.isArray(info.assumed) ? info.assumed : [info.assumed ?? {}];
  assumed.forEach((fields, position) => {
    const listed = Object.entries(fields).map(([field, value]) => `${field} ${shown(value)}`);
    const whom = assumed.length > 1 ? ` for device ${position + 1}` : "";
    if (listed.length) notes.push(`Not given, so assumed${whom}: ${listed.join(", ")}.`);
  });
  for (const gap of info["filled-prices"] ?? []) {
    const whose = gap.sensor ? `of sensor ${gap.sensor}` : `(${gap.field})`;
    notes.push(`Prices ${whose} are not known ${span(gap)}; taken to be ${number(gap.price)} ${info.currency}/MWh.`);
  }
  for (const gap of info["assumed-zeros"] ?? []) notes.push(`Power of sensor ${gap.sensor} is not known ${span(gap)}; taken to be 0.`);
  for (const gap of info["unknown-capacities"] ?? []) notes.push(`The power capacity${owner(gap)} is not known ${span(gap)}; taken to be 0.`);
  for (const { datetime, value, reason, ...who } of info["ignored-targets"] ?? []) {
    notes.push(`The target of ${number(value)} MWh at ${moment(datetime)}${owner(who)} is left out, as it is ${reason}.`);
  }
  return { warnings, notes };
}

function misses(found) {
  const limits = Map.groupBy(found, ({ limit }) => limit);
  return [...limits].map(([limit, all]) => {
    const worst = all.reduce((one, other) => (other.size > one.size ? other : one));
    const times = all.length === 1 ? "" : `at ${all.length} moments; furthest off `;
    return `${limit} cannot be met ${times}at ${moment(worst.datetime)}: ${number(worst.reached)} instead of ${number(worst.wanted)} ${worst.unit}.`;
  });
}

const span = ({ start, end }) => `from ${moment(start)} to ${moment(end)}`;
const shown = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

function owner({ sensor, asset }) {
  if (sensor !== undefined) return ` of sensor ${sensor}`;
  return asset === undefined ? "" : ` of asset ${asset}`;
}

/** Facts as a list of terms and texts. */
export function factsList(facts) {
  const list = make("dl", "tiles");
  for (const [term, text] of facts) list.append(make("div", "", make("dt", "", term), make("dd", "", text)));
  return list;
}
