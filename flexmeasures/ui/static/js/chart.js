// A chart of sensor data in an element of the page.
//
//   const chart = new Chart(element, { specUrl, dataUrl, dataset, name });
//   await chart.show(start, end);             // Dates; later calls abort earlier ones
//   chart.rows                                // what is shown
//   await chart.setRows(rows);                // other rows in the same chart
//   await chart.setRows(rows, time);          // ... of that moment: a replay draws a line there
//   await chart.redraw();                     // as it was loaded
//
// The element gets `aria-busy` while it loads, and tells what happened by events: chart:shown,
// chart:failed and (before a period is loaded) chart:loading. Needs the scripts of Vega, Vega-Lite,
// vega-interpreter and vega-embed, which block `sensorChartSetup` of base.html loads.

import { csvOf, download } from "./chart_files.js";
import { registerFormats } from "./chart_formats.js";
import { describe, fitted, isDark, lookOfPage } from "./chart_look.js";

const MARGIN = 90; // pixels for axes, until they have been drawn

export class Chart {
  #request = null;
  #spec = null;
  #drawn = 0; // counts drawings, so that the latest one wins
  #width = 0;

  /** specUrl, dataUrl: of this server, without query; dataset: what the specification calls its rows;
   *  name: of files; parameters: more of the query, by name, of both addresses */
  constructor(element, { specUrl, dataUrl, dataset, name = "chart", parameters = {} }) {
    Object.assign(this, { element, specUrl, dataUrl, dataset, name, parameters });
    this.rows = [];
    this.view = null;
    registerFormats();
    element.classList.add("chart");
    this.canvas = part("div", "chart-canvas");
    this.note = part("p", "chart-note");
    this.note.setAttribute("role", "status");
    this.spinner = part("div", "spinner");
    this.spinner.id = "spinner";
    this.spinner.hidden = true;
    element.replaceChildren(this.#actions(), this.canvas, this.note, this.spinner);
    document.addEventListener("themechange", () => this.#spec && this.#draw());
    new ResizeObserver(() => this.#resize()).observe(element);
  }

  /** Load and draw a period. Returns whether it is drawn (not: failed, or overtaken by a later call). */
  async show(start, end, parameters = {}) {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.period = { start, end };
    this.#busy(true);
    this.#tell("loading", this.period);
    const window = { event_starts_after: start.toISOString(), event_ends_before: end.toISOString() };
    const more = { ...this.parameters, ...parameters };
    try {
      const [spec, rows] = await Promise.all([
        getJson(this.specUrl, { ...window, ...more, dataset_name: this.dataset, width: "container" }, request.signal),
        getJson(this.dataUrl, { ...window, ...more }, request.signal),
      ]);
      this.#spec = spec;
      this.loadedRows = this.rows = rows;
      await this.#draw();
    } catch (error) {
      if (error.name === "AbortError") return false;
      this.#fail(error);
      return false;
    } finally {
      if (this.#request === request) this.#busy(false);
    }
    if (this.#request !== request) return false;
    this.#tell("shown", { ...this.period, rows: this.rows });
    return true;
  }

  /** Show other rows; `time` (a Date or milliseconds) draws a line there, null removes it. */
  async setRows(rows, time = null) {
    this.rows = rows;
    this.note.textContent = rows.length || time !== null ? "" : "There are no data in this period.";
    if (!this.view) return;
    const ruler = time === null ? [] : [{ belief_time: Number(time) }];
    this.view.data(this.dataset, rows.map((row) => ({ ...row })));
    if (this.view.getState({ data: (name) => name === "replay" }).data?.replay !== undefined) {
      this.view.data("replay", ruler);
    }
    await this.view.runAsync();
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
    if (format === "csv") return download(csvOf(this.rows), name, "text/csv;charset=utf-8");
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
    const spec = fitted(this.#spec, width);
    spec.datasets = { ...spec.datasets, [this.dataset]: this.rows };
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
    this.canvas.replaceChildren(view.container());
    describe(this.canvas.querySelector("svg"), this.name, this.rows);
    this.note.textContent = this.rows.length ? "" : "There are no data in this period.";
    await this.#fit();
  }

  async #resize() {
    if (!this.view || Math.abs(this.element.clientWidth - this.#width) < 2) return;
    this.#width = this.element.clientWidth;
    await this.#fit();
  }

  /** Make the whole as wide as the element: plots take what axes leave. */
  async #fit() {
    const drawing = this.#drawn;
    const widths = widthSignals(this.view, this.#spec);
    if (!widths.length) return;
    const svg = this.canvas.querySelector("svg");
    const plot = this.view.signal(widths[0]);
    this.margin = Math.ceil(svg.getBoundingClientRect().width - plot) + 1;
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
    const alert = part("div", "alert alert-danger", `The chart could not be loaded. ${error.message}`);
    alert.setAttribute("role", "alert");
    this.canvas.replaceChildren(alert);
    this.#tell("failed", { error });
  }

  #tell(what, detail) {
    this.element.dispatchEvent(new CustomEvent(`chart:${what}`, { bubbles: true, detail }));
  }
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
function forInterpreter(compiled) {
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
