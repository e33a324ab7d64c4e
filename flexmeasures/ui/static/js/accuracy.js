// The panel that tells how accurate forecasts were (templates/panels/accuracy.html).

import { call, refusals } from "./api.js";
import { addDays, withOffset } from "./calendar.js";
import { make, moment, spoken } from "./html.js";

const HEADS = ["Horizon", "MAE", "RMSE", "WAPE", "1 \u2212 WAPE", "Events"];
const REFERENCES = {
  persistence: "To compare: what was measured last",
  yesterday: "To compare: the same time of the day before",
};
const SHORT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

for (const panel of document.querySelectorAll("[data-accuracy]")) {
  const form = panel.querySelector("form");
  let runs = 0;
  const compare = async () => {
    const run = ++runs;
    panel.setAttribute("aria-busy", "true");
    try {
      const { code, body } = await call(panel.dataset.url, { query: period(form.elements) });
      if (run !== runs) return;
      if (code === 200) show(panel, body);
      else tell(panel, refusals(body).map(({ text }) => text).join(" "));
    } catch (error) {
      if (run === runs) tell(panel, error.message);
    } finally {
      if (run === runs) panel.removeAttribute("aria-busy");
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    compare();
  });
  // Not before somebody can see it.
  const watching = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    watching.disconnect();
    compare();
  });
  watching.observe(panel);
}

/** Whole days of this device; a day that is missing is left to the server. */
function period({ start, end }) {
  const [first, last] = [start.value, end.value].map((day) => (day ? new Date(`${day}T00:00`) : null));
  return { start: first ? withOffset(first) : undefined, end: last ? withOffset(addDays(last, 1)) : undefined };
}

function tell(panel, text) {
  panel.querySelector("[data-text]").textContent = text;
  panel.querySelector("[data-table]").hidden = true;
  panel.querySelector("[data-notes]").replaceChildren();
}

function show(panel, found) {
  const span = `from ${moment(found.start)} to ${moment(found.end)}`;
  if (!found.events) return tell(panel, `There is nothing to compare with: nothing was measured ${span}.`);
  if (!found.scores.some(({ events }) => events)) {
    const why = found.scores.length ? "no forecast of these was made long enough before" : "nobody has forecast these";
    tell(panel, `There is nothing to compare: ${found.events} events were measured ${span}, but ${why}.`);
  } else {
    tell(panel, `${found.events} measured events, ${span}. Errors in ${found.unit || "the sensor's values"}.`);
  }
  const place = panel.querySelector("[data-table]");
  place.hidden = false;
  place.replaceChildren(table(found));
  panel.querySelector("[data-notes]").replaceChildren(...notes(found).map((text) => make("li", "", text)));
}

/** A part for each source, with a row per horizon. */
function table({ scores, references, unit }) {
  const titles = HEADS.map((text) => (["MAE", "RMSE"].includes(text) && unit ? `${text} (${unit})` : text));
  const head = make("tr", "", ...titles.map((text, column) => heading("col", text, column ? "number" : "")));
  const parts = Map.groupBy([...scores, ...references], ({ source, reference }) => source?.id ?? reference);
  const bodies = [...parts.values()].map((rows) => {
    const [{ source, reference }] = rows;
    const title = heading("rowgroup", source?.description ?? REFERENCES[reference] ?? reference);
    title.colSpan = HEADS.length;
    return make("tbody", reference ? "reference" : "", make("tr", "", title), ...rows.map(line));
  });
  return make("table", "table accuracy", make("thead", "", head), ...bodies);
}

function line({ horizon, mae, rmse, wape, accuracy, events, reason }) {
  const figures = [figure(mae), figure(rmse), percent(wape), percent(accuracy), String(events)];
  const row = make("tr", "", heading("row", spoken(horizon)), ...figures.map((text) => make("td", "number", text)));
  if (reason) row.title = reason;
  return row;
}

function heading(scope, text, className = "") {
  const made = make("th", className, text);
  made.scope = scope;
  return made;
}

function notes({ scores, references, notes: assumed }) {
  const reasons = new Set([...scores, ...references].map(({ reason }) => reason).filter(Boolean));
  return [...assumed, ...reasons];
}

const figure = (value) => (value === null ? "\u2013" : SHORT.format(value).replace("-", "\u2212"));
const percent = (value) => (value === null ? "\u2013" : `${SHORT.format(100 * value).replace("-", "\u2212")} %`);
