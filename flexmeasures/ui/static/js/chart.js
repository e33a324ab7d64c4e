// A chart of sensor data in an element of the page.
//
//   const chart = new Chart(element, { specUrl, dataUrl, dataset, name });
//   await chart.show(start, end);             // Dates; later calls abort earlier ones
//   chart.rows                                // what is shown
//   await chart.setRows(rows);                // other rows in the same chart
//   await chart.setRows(rows, time);          // ... of that moment: a replay draws a line there
//   await chart.redraw();                     // as it was loaded
//
// Of long series, means of stretches of time are loaded, no more than there are pixels; a note below
// the chart says so (see chart_points.js).
//
// The element gets `aria-busy` while it loads, and tells what happened by events: chart:shown,
// chart:failed and (before a period is loaded) chart:loading. Needs the scripts of Vega, Vega-Lite,
// vega-interpreter and vega-embed, which block `sensorChartSetup` of base.html loads.

import { csvOf, download } from "./chart_files.js";
import { registerFormats } from "./chart_formats.js";
import { describe, fitted, isDark, lookOfPage, withAnnotationsToPointAt, withColoursOf } from "./chart_look.js";
import { lengthOfMeans, noteOnMeans, withoutSpread } from "./chart_points.js";

const MARGIN = 90; // pixels for axes, until they have been drawn
const RIGHT = 40; // pixels to the right of plots, at most, for the last label of an axis
const [FEWEST, MOST] = [700, 2000]; // points of a series
const MOST_OF_HISTORY = 50_000;
const FRESH = 60_000; // milliseconds, for which rows need not be loaded again
const ANNOTATIONS = ["include_sensor_annotations", "include_asset_annotations", "include_account_annotations"];

export class Chart {
  #request = null;
  #spec = null;
  #drawn = 0; // counts drawings, so that the latest one wins
  #width = 0;
  #fitting = Promise.resolve();
  #known = null; // what was loaded last: { start, end, rows, at }

  /** specUrl, dataUrl: of this server, without query; dataset: what the specification calls its rows;
   *  annotationsUrl: of annotations to lay over the chart, if any; name: of files; parameters: more of
   *  the query, by name, of the first two addresses */
  constructor(element, { specUrl, dataUrl, annotationsUrl, dataset, name = "chart", parameters = {} }) {
    Object.assign(this, { element, specUrl, dataUrl, annotationsUrl, dataset, name, parameters });
    this.rows = [];
    this.annotations = [];
    this.showsAnnotations = true;
    this.view = null;
    registerFormats();
    element.classList.add("chart");
    this.canvas = part("div", "chart-canvas");
    this.note = part("p", "chart-note");
    this.note.setAttribute("role", "status");
    this.spinner = part("div", "spinner");
    this.spinner.id = "spinner";
    this.spinner.hidden = true;
    this.means = part("p", "chart-means hint");
    this.means.hidden = true;
    element.replaceChildren(this.#actions(), this.canvas, this.means, this.note, this.spinner);
    document.addEventListener("themechange", () => this.#spec && this.#draw());
    new ResizeObserver(() => this.#resize()).observe(element);
  }

  /** Load and draw a period. Returns whether it is drawn (not: failed, or overtaken by a later call).
   *  parameters: more of the query; reuse: are rows fine that were loaded a moment ago? */
  async show(start, end, parameters = {}, { reuse = false } = {}) {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    const { signal } = request;
    this.period = { start, end };
    this.#busy(true);
    this.#tell("loading", this.period);
    const asked = { ...windowOf(this.period), ...this.parameters, max_points: this.#maxPoints(), ...parameters };
    const known = reuse ? this.#knownRows(asked) : null;
    const annotated = this.annotationsUrl && this.showsAnnotations;
    const levels = Object.fromEntries(ANNOTATIONS.map((level) => [level, true]));
    const look = { dataset_name: this.dataset, width: "container", ...(annotated ? levels : {}) };
    try {
      const [spec, rows, annotations] = await Promise.all([
        getJson(this.specUrl, { ...asked, ...look }, signal),
        known ?? getJson(this.dataUrl, asked, signal),
        annotated ? getJson(this.annotationsUrl, { ...windowOf(this.period), ...levels }, signal) : [],
      ]);
      this.#spec = spec;
      this.annotations = annotations;
      this.loadedRows = this.rows = rows;
      if (!known) this.#known = { ...this.period, asked, rows, at: Date.now() };
      await this.#draw();
    } catch (error) {
      if (error.name === "AbortError") return false;
      this.#fail(error);
      return false;
    } finally {
      if (this.#request === request) this.#busy(false);
    }
    if (this.#request !== request) return false;
    this.#tell("shown", { ...this.period, rows: this.rows, annotations: this.annotations });
    return true;
  }

  /** All that was believed about the period, when: to play it again. An Error, if that is too much. */
  async loadHistory(signal) {
    const asked = { ...windowOf(this.period), ...this.parameters, most_recent_beliefs_only: false };
    return getJson(this.dataUrl, { ...asked, max_points: MOST_OF_HISTORY }, signal);
  }

  /** Of the rows that were loaded last, those of a period within theirs. */
  #knownRows({ event_starts_after, event_ends_before, ...others }) {
    if (!this.#known || Date.now() - this.#known.at > FRESH) return null;
    const { start, end, asked, rows } = this.#known;
    if (this.period.start < start || this.period.end > end || lengthOfMeans(rows)) return null;
    if (Object.keys(others).some((key) => others[key] !== asked[key])) return null;
    return rows.filter(({ event_start, event_resolution }) => {
      const last = event_start + event_resolution;
      return event_start < this.period.end && (last > this.period.start || event_start >= this.period.start);
    });
  }

  #maxPoints() {
    return Math.min(MOST, Math.max(FEWEST, Math.ceil(this.element.clientWidth / 100) * 100));
  }

  /** Show other rows; `time` (a Date or milliseconds) draws a line there, null removes it. */
  async setRows(rows, time = null) {
    this.rows = rows;
    this.note.textContent = rows.length || time !== null ? "" : "There are no data in this period.";
    if (!this.view) return;
    this.view.data(this.dataset, rows.map((row) => ({ ...row })));
    this.#rule(time);
    await this.view.runAsync();
  }

  /** Move the line of `setRows`. */
  async setTime(time) {
    if (!this.view) return;
    this.#rule(time);
    await this.view.runAsync();
  }

  #rule(time) {
    const rule = time === null ? [] : [{ belief_time: Number(time) }];
    if (this.hasRule) this.view.data("replay", rule);
  }

  /** What was loaded last, drawn anew. */
  async redraw() {
    this.rows = this.loadedRows ?? [];
    await this.#draw();
  }

  /** A specification that was not loaded by `show`, with its rows. */
  async draw(spec, rows) {
    this.#spec = spec;
    this.loadedRows = this.rows = rows;
    await this.#draw();
  }

  async save(format) {
    const name = `${this.name}.${format}`;
    if (format === "csv") {
      const means = lengthOfMeans(this.rows) ? "-means" : "";
      return download(csvOf(this.rows), `${this.name}${means}.csv`, "text/csv;charset=utf-8");
    }
    if (!this.view) return;
    if (format === "svg") return download(await this.view.toSVG(), name, "image/svg+xml");
    const canvas = await this.view.toCanvas(2);
    canvas.toBlob((blob) => download(blob, name));
  }

  async #draw() {
    const drawing = ++this.#drawn;
    await document.fonts.ready;
    this.#width = this.element.clientWidth;
    const width = Math.max(200, this.#width - (this.margin ?? MARGIN));
    const isOfMeans = lengthOfMeans(this.rows) > 0;
    const annotations = `${this.dataset}_annotations`;
    const plain = withAnnotationsToPointAt(isOfMeans ? this.#spec : withoutSpread(this.#spec), annotations);
    const spec = fitted(withColoursOf(plain, this.rows), width);
    spec.datasets = {
      ...spec.datasets,
      [this.dataset]: this.rows,
      [annotations]: this.annotations.map((row) => ({ ...row, text: row.content.join(" ") })),
    };
    const { view } = await vegaEmbed(part("div", ""), spec, {
      mode: "vega-lite",
      renderer: "svg",
      actions: false,
      defaultStyle: false,
      ast: true,
      expr: vega.expressionInterpreter,
      config: lookOfPage(this.#width),
      tooltip: { disableDefaultStyle: true, theme: isDark() ? "dark" : "light" },
      logLevel: vega.Error, // it warns of sensors without data
      patch: forInterpreter,
    });
    if (drawing !== this.#drawn) return view.finalize();
    this.view?.finalize();
    this.view = view;
    this.hasRule = view.getState({ data: (name) => name === "replay", signals: () => false }).data?.replay !== undefined;
    this.canvas.replaceChildren(view.container());
    describe(this.canvas.querySelector("svg"), this.name, this.rows);
    this.note.textContent = this.rows.length ? "" : "There are no data in this period.";
    this.means.hidden = !isOfMeans;
    this.means.textContent = noteOnMeans(this.rows);
    await this.#fit();
  }

  async #resize() {
    if (!this.view || Math.abs(this.element.clientWidth - this.#width) < 2) return;
    this.#width = this.element.clientWidth;
    await this.#fit();
  }

  /** Make the whole as wide as the element: plots take what axes leave. */
  #fit() {
    // One after the other, as each measures what the one before has drawn.
    this.#fitting = this.#fitting.catch(() => null).then(() => this.#fitOnce());
    return this.#fitting;
  }

  async #fitOnce() {
    if (!this.view) return;
    const drawing = this.#drawn;
    const widths = widthSignals(this.view, this.#spec);
    if (!widths.length) return;
    const svg = this.canvas.querySelector("svg");
    const plot = this.view.signal(widths[0]);
    const whole = svg.getBoundingClientRect();
    const left = (svg.querySelector(".role-scope path.background")?.getBoundingClientRect().left ?? Infinity) - whole.left;
    // A legend that is wider than the plot does not make the plot narrower.
    this.margin = Math.ceil(Math.min(whole.width - plot, left + RIGHT)) + 1;
    const wanted = Math.max(160, this.#width - this.margin);
    if (Math.abs(wanted - plot) < 2) return;
    for (const name of widths) this.view.signal(name, wanted);
    await this.view.resize().runAsync();
    if (drawing === this.#drawn && svg.getBoundingClientRect().width > this.#width + 2) {
      for (const name of widths) this.view.signal(name, Math.max(160, wanted - 12));
      await this.view.resize().runAsync();
    }
  }

  #actions() {
    const actions = part("div", "chart-actions dropdown");
    const toggle = part("button", "btn btn-sm btn-default dropdown-toggle", "Save");
    toggle.type = "button";
    toggle.dataset.bsToggle = "dropdown";
    toggle.setAttribute("aria-expanded", "false");
    const list = part("ul", "dropdown-menu dropdown-menu-end");
    for (const [format, text] of [["png", "as PNG"], ["svg", "as SVG"], ["csv", "data as CSV"]]) {
      const item = part("li", "");
      const button = part("button", "dropdown-item", text);
      button.type = "button";
      button.dataset.save = format;
      button.addEventListener("click", () => this.save(format));
      item.append(button);
      list.append(item);
    }
    actions.append(toggle, list);
    return actions;
  }

  #busy(busy) {
    this.spinner.hidden = !busy;
    if (busy) this.element.setAttribute("aria-busy", "true");
    else this.element.removeAttribute("aria-busy");
  }

  #fail(error) {
    this.view?.finalize();
    this.view = null;
    this.rows = [];
    this.note.textContent = "";
    this.means.hidden = true;
    const alert = part("div", "alert alert-danger", `The chart could not be loaded. ${error.message}`);
    alert.setAttribute("role", "alert");
    this.canvas.replaceChildren(alert);
    this.#tell("failed", { error });
  }

  #tell(what, detail) {
    this.element.dispatchEvent(new CustomEvent(`chart:${what}`, { bubbles: true, detail }));
  }
}

function windowOf({ start, end }) {
  return { event_starts_after: start.toISOString(), event_ends_before: end.toISOString() };
}

/** What a server of ours answers; an Error with its words if it refuses. */
export async function getJson(url, query, signal) {
  const response = await fetch(`${url}?${new URLSearchParams(query)}`, {
    signal,
    headers: { Accept: "application/json" },
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    const message = body?.message;
    throw new Error(typeof message === "string" ? message : JSON.stringify(message ?? response.statusText));
  }
  return body;
}

/** The interpreter of expressions takes the one argument of datetime(...) for a year. */
export function forInterpreter(compiled) {
  return JSON.parse(JSON.stringify(compiled).replaceAll(/\bdatetime\((-?\d+)\)/g, "toDate($1)"));
}

function widthSignals(view, spec) {
  const fills = spec.vconcat ? spec.vconcat.some((row) => row.width === "container") : spec.width === "container";
  if (!fills) return [];
  // Rows of the same width share a signal with the whole; others have their own.
  const { signals } = view.getState({ signals: () => true, data: () => false });
  const own = Object.keys(signals).filter((name) => /^(childWidth|concat_\d+_width)$/.test(name));
  return own.length ? own : ["width"];
}

function part(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
