// The panel that has schedules and forecasts made (templates/panels/operations.html).

import { call, refusals, words } from "./api.js";
import { rememberInAddress, withOffset } from "./calendar.js";
import { Chart } from "./chart.js";
import { make, moment } from "./html.js";
import { watch } from "./jobs.js";
import { costs, factsList, loadForecast, loadSchedule, remarks } from "./plan.js";

class Refused extends Error {
  constructor(field, text) {
    super(text);
    this.field = field;
  }
}

class Operation {
  constructor(form, name) {
    this.form = form;
    this.name = name;
    const pane = form.parentElement;
    this.job = pane.querySelector("[data-job]");
    this.state = this.job.querySelector("[data-job-text]");
    this.again = this.job.querySelector("[data-job-again]");
    this.result = this.job.querySelector("[data-job-result]");
    this.button = form.querySelector("[type=submit]");
    this.runs = 0;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    this.again.addEventListener("click", () => this.#follow());
  }

  async #begin() {
    if (this.button.ariaDisabled) return; // not really disabled: it keeps the focus
    this.#clear();
    this.button.ariaDisabled = "true";
    try {
      const { url, body } = this.message();
      const answer = await call(url, { method: "POST", body });
      if (answer.code >= 400) return this.#refuse(answer);
      this.accepted = answer.body;
      this.follow = this.#follow();
    } catch (error) {
      this.#show(error.field, error.message);
    } finally {
      this.button.ariaDisabled = null;
      this.form.querySelector("[aria-invalid]")?.focus();
    }
  }

  async #follow() {
    const run = ++this.runs;
    this.job.hidden = false;
    this.#tell("Asked for. Waiting for a worker \u2026", true);
    try {
      const { result, problem, again } = await watch(this.accepted["job-url"], (text, busy) => run === this.runs && this.#tell(text, busy));
      if (run !== this.runs) return;
      if (problem) return this.#tell(problem, false, true, again);
      this.#tell("Done. Loading the result \u2026", true);
      await this.finish(result);
    } catch (error) {
      if (run === this.runs) this.#tell(error.message, false, true, true);
    }
  }

  /** What the job made, below the form, and in the chart of the page if it shows that time. */
  async show({ text, rows, spec, start, end, facts = [], warnings = [], notes = [] }) {
    const link = make("a", "btn btn-sm btn-default", "Show in the chart of this page");
    link.href = `?${new URLSearchParams({ start: withOffset(start), end: withOffset(end) })}#sensorchart`;
    const chart = make("div");
    const parts = [factsList(facts)];
    if (warnings.length) parts.push(make("div", "alert alert-warning", texts(warnings)));
    parts.push(chart);
    if (notes.length) parts.push(make("h3", "", "What was assumed"), texts(notes));
    this.result.replaceChildren(...parts);
    const drawn = new Chart(chart, { dataset: "plan", name: `${this.kind} of ${this.name}` });
    await drawn.draw(spec, rows);
    this.#tell(text, false);
    const { chartOfPage } = await import("./chart_page.js"); // now, when the scripts that it needs are there
    const main = await chartOfPage;
    if (!main) return;
    this.result.append(make("p", "actions", link));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      rememberInAddress({ start, end });
      dispatchEvent(new PopStateEvent("popstate")); // as if the address had been chosen: calendar and chart follow
      main.element.scrollIntoView({ block: "center" });
    });
    const seen = main.period;
    if (seen && seen.start < end && start < seen.end) main.show(seen.start, seen.end);
  }

  /** The value of a field; an error at it if it is no good. */
  text(name) {
    return this.form.elements[name]?.value.trim() ?? "";
  }

  moment(name) {
    const element = this.form.elements[name];
    if (element.validity.badInput) throw new Refused(name, "This is no day and time.");
    return element.value ? withOffset(new Date(element.value)) : undefined;
  }

  hours(name) {
    const element = this.form.elements[name];
    if (element.validity.badInput) throw new Refused(name, "This is no number.");
    if (!element.value) return undefined;
    const minutes = Math.round(Number(element.value) * 60);
    if (!(minutes > 0)) throw new Refused(name, "This should be more than 0.");
    return `PT${minutes}M`;
  }

  json(name) {
    const text = this.text(name);
    if (!text) return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Refused(name, `This is not JSON: ${error.message}`);
    }
  }

  needed(name, value, question) {
    if (value === undefined) throw new Refused(name, question);
    return value;
  }

  #tell(text, busy, failed = false, again = false) {
    if (this.state.textContent !== text) this.state.textContent = text; // said aloud once
    this.job.dataset.state = failed ? "failed" : busy ? "busy" : text.startsWith("Done") ? "done" : "waiting";
    this.again.hidden = !again;
  }

  #refuse({ code, body }) {
    if (code === 403) return this.#show(null, `You may not do this. ${words(body)}`);
    for (const { path, text } of refusals(body)) {
      const field = this.fieldOf(path);
      const rest = field === path[0] ? path.slice(1) : path;
      const about = rest.map((key) => (/^\d+$/.test(key) ? `entry ${Number(key) + 1}` : key)).join(", ");
      this.#show(field, about ? `${about}: ${text}` : text);
    }
  }

  #show(field, text) {
    const element = field && this.form.elements[field];
    const group = element && element.closest("[data-field]");
    const place = group?.querySelector(".field-errors") ?? this.form.querySelector("[data-errors]");
    place.append(make("p", "field-error", text));
    if (!group) return;
    element.classList.add("is-invalid");
    element.setAttribute("aria-invalid", "true");
  }

  #clear() {
    this.runs += 1;
    this.job.hidden = true;
    this.result.replaceChildren();
    for (const place of this.form.querySelectorAll(".field-errors")) place.replaceChildren();
    for (const element of this.form.querySelectorAll("[aria-invalid]")) {
      element.classList.remove("is-invalid");
      element.removeAttribute("aria-invalid");
    }
  }
}

class Schedule extends Operation {
  kind = "Schedule";

  message() {
    const body = {
      start: this.needed("start", this.moment("start"), "When should it start?"),
      duration: this.needed("duration", this.hours("duration"), "How many hours should it take?"),
      "flex-model": this.json("flex-model"),
      "flex-context": this.json("flex-context"),
      "force-new-job-creation": this.form.elements.force.checked,
    };
    return { url: this.form.getAttribute("action"), body };
  }

  fieldOf([key]) {
    if (key === undefined) return null;
    if (key in this.form.elements) return key;
    return this.form.dataset.contextKeys.split(" ").includes(key) ? "flex-context" : "flex-model";
  }

  async finish(result) {
    const { rows, spec, missing, withoutPrices } = await loadSchedule(this.accepted.job, result);
    const [start, end] = [new Date(result.start), new Date(result.end)];
    const info = result["scheduler-info"];
    const { warnings, notes } = remarks(info);
    if (missing) warnings.push(`Of ${missing} sensors, the plan cannot be shown here.`);
    if (withoutPrices) warnings.push("You may not read the sensor of the prices, so they are not drawn.");
    const text = `Done. From ${moment(start)} to ${moment(end)}.`;
    if (!spec.vconcat.length) throw new Error("The schedule is made, but you may not read the sensors that have it.");
    await this.show({ text, rows, spec, start, end, facts: costs(info), warnings, notes });
  }
}

class Forecast extends Operation {
  kind = "Forecast";

  message() {
    const body = {
      start: this.moment("start"),
      duration: this.needed("duration", this.hours("duration"), "How many hours should it take?"),
      "max-forecast-horizon": this.hours("max-forecast-horizon"),
      probabilistic: this.form.elements.probabilistic.checked,
    };
    return { url: this.text("sensor"), body };
  }

  fieldOf([key]) {
    if (key === "forecast-frequency") return "max-forecast-horizon";
    return key in this.form.elements ? key : null;
  }

  async finish(result) {
    const sensorUrl = this.accepted["results-url"].replace(/\/forecasts\/.*$/, "");
    const { rows, spec, start, end } = await loadForecast(sensorUrl, this.accepted["results-url"]);
    const made = Object.entries(result.models ?? {}).map(([model, count]) => `${count} by ${model}`).join(", ");
    const facts = [["Forecasts", String(result["num-beliefs"])], ...(made ? [["Models", made]] : [])];
    const warnings = result["failed-cycles"] ? [`${result["failed-cycles"]} parts of the period could not be forecast.`] : [];
    const text = `Done. From ${moment(start)} to ${moment(end)}.`;
    await this.show({ text, rows, spec, start, end, facts, warnings, notes: result.notes ?? [] });
  }
}

function texts(all) {
  return make("ul", "notes", ...all.map((text) => make("li", "", text)));
}

/** The first slot that has not begun yet, as fields for local times want it. */
function nextSlot(minutes) {
  const step = minutes * 60_000;
  return withOffset(new Date(Math.ceil(Date.now() / step) * step)).slice(0, 16);
}

for (const panel of document.querySelectorAll("[data-operations]")) {
  for (const form of panel.querySelectorAll("[data-operation]")) {
    const operation = form.dataset.operation === "schedule" ? Schedule : Forecast;
    new operation(form, panel.dataset.name);
    if (operation === Schedule && !form.elements.start.value) form.elements.start.value = nextSlot(Number(panel.dataset.resolution));
  }
}
