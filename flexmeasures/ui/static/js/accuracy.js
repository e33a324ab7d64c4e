// The panel that tells how accurate forecasts were (templates/panels/accuracy.html).

import { call, refusals } from "./api.js";
import { addDays, withOffset } from "./calendar.js";
import { make, moment, number, spoken } from "./html.js";

const HEADS = ["Forecasts of", "Horizon", "MAE", "RMSE", "WAPE", "1 \u2212 WAPE", "Events"];
const REFERENCES = { persistence: "Simple: as measured last", yesterday: "Simple: as the day before" };

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

function table({ scores, references, unit }) {
  const head = make("tr", "", ...HEADS.map((text, column) => cell("th", ["MAE", "RMSE"].includes(text) && unit ? `${text} (${unit})` : text, column)));
  const rows = [...scores, ...references].map((score) => {
    const name = score.source?.description ?? REFERENCES[score.reference] ?? score.reference;
    const { mae, rmse, wape, accuracy, events } = score;
    const figures = [spoken(score.horizon), figure(mae), figure(rmse), percent(wape), percent(accuracy), String(events)];
    const line = make("tr", score.reference ? "reference" : "", cell("th", name, 0), ...figures.map((text, column) => cell("td", text, column + 1)));
    if (score.reason) line.title = score.reason;
    return line;
  });
  return make("table", "table table-hover accuracy", make("thead", "", head), make("tbody", "", ...rows));
}

function cell(name, text, column) {
  const made = make(name, column > 1 ? "number" : "", text);
  if (name === "th") made.scope = column === 0 && text !== HEADS[0] ? "row" : "col";
  return made;
}

function notes({ scores, references, notes: assumed }) {
  const reasons = new Set([...scores, ...references].map(({ reason }) => reason).filter(Boolean));
  return [...assumed, ...reasons];
}

const figure = (value) => (value === null ? "\u2013" : number(value));
const percent = (value) => (value === null ? "\u2013" : `${number(100 * value)} %`);
