// Rows of charts that are means of stretches of time: they say how long it is (event_resolution, in
// milliseconds), and between which values they lie (least, most).

import { spoken } from "./html.js";

const DAY = 86_400_000; // milliseconds
const OF_MEANS = new Set(["event_resolution", "least", "most"]);

const isMean = (row) => row.least !== undefined;

/** How long the longest stretches are; 0 if no row is a mean. */
export function lengthOfMeans(rows) {
  return rows.reduce((length, row) => (isMean(row) ? Math.max(length, row.event_resolution) : length), 0);
}

/** What people should know about these rows; empty if none is a mean. */
export function noteOnMeans(rows) {
  const means = rows.filter(isMean);
  if (!means.length) return "";
  const lengths = [...new Set(means.map((row) => row.event_resolution))].toSorted((a, b) => a - b);
  const texts = lengths.map(words);
  const sensors = new Set(means.map((row) => row.sensor.description));
  const all = new Set(rows.map((row) => row.sensor.description));
  const whose = sensors.size < all.size ? ` (of ${[...sensors].join(", ")})` : "";
  return (
    `Means per ${texts.join(" or ")}${whose}, shaded from the lowest to the highest value. ` +
    "Choose a shorter period to see single values."
  );
}

/** As in "per hour". Not "per day", as days can have 23 hours. */
function words(length) {
  return length === DAY ? "24 hours" : spoken(`PT${length / 1000}S`).replace(/^1 /, "");
}

/** A specification without what only means need. */
export function withoutSpread(spec) {
  if (Array.isArray(spec)) {
    return spec.filter((part) => !isOfMeans(part)).map(withoutSpread);
  }
  if (spec === null || typeof spec !== "object") return spec;
  return Object.fromEntries(Object.entries(spec).map(([key, value]) => [key, withoutSpread(value)]));
}

function isOfMeans(part) {
  return part?.name?.startsWith?.("spread") || (OF_MEANS.has(part?.field) && "title" in part);
}
