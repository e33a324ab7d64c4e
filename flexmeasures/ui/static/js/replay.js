// Playing what was known when: from the start to the end of the period that a chart shows, in steps of
// an hour, the chart shows what was believed by then. A line marks the moment.
//
// Buttons #replay and #replay-stop (macro `replay`), or keys: p plays and pauses, s stops.

const STEP = 3_600_000; // milliseconds of belief time
const PACE = 100; // milliseconds per step
const TEXTS = { stopped: "Replay", playing: "Pause", paused: "Resume" };
const ICONS = { stopped: "fa-play", playing: "fa-pause", paused: "fa-play" };
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" });

export class Replay {
  #state = "stopped";
  #running = null; // an AbortController, from start to end
  #resume = null;

  constructor(chart) {
    this.chart = chart;
    for (const part of ["replay", "stop", "time", "state"]) {
      this[part] = document.getElementById(part === "replay" ? part : `replay-${part}`);
    }
    this.replay.addEventListener("click", () => this.toggle());
    this.stop?.addEventListener("click", () => this.end("Replay stopped."));
    // Another period: what is played does not fit any more.
    chart.element.addEventListener("chart:loading", () => {
      this.end("", false);
      this.time.textContent = ""; // nor does what was wrong with another period
    });
    document.addEventListener("keydown", (event) => this.#onKey(event));
  }

  toggle() {
    if (this.#state === "stopped") return this.#play();
    if (this.#state === "playing") return this.#set("paused", "Replay paused.");
    this.#set("playing", "Replay goes on.");
    this.#resume?.();
  }

  /** Stop, and show the chart as it was. */
  end(words, redraws = true) {
    if (!this.#running) return;
    this.#running.abort();
    this.#running = null;
    this.#resume?.();
    this.time.textContent = "";
    this.#set("stopped", words);
    this.replay.removeAttribute("aria-busy");
    if (redraws) this.chart.redraw();
  }

  async #play() {
    if (!this.chart.period || !this.chart.view) return;
    const running = (this.#running = new AbortController());
    const { signal } = running;
    this.#set("playing", "Replay starts.");
    this.time.classList.remove("error");
    this.time.textContent = "Loading\u2026";
    try {
      const rows = await this.chart.loadHistory(signal);
      await this.#frames(rows, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
      return;
    }
    if (!signal.aborted) this.end("Replay ended.");
  }

  #fail(error) {
    this.end("");
    this.time.classList.add("error");
    this.time.textContent = error.message.replace(/^.*"max_points":\["(.*?)"\].*$/, "$1");
    this.state.textContent = this.time.textContent;
  }

  async #frames(rows, signal) {
    const known = new Known(rows);
    const { start, end } = this.chart.period;
    for (let time = Number(start); time <= Number(end) && !signal.aborted; time += STEP) {
      const began = performance.now();
      const isNew = known.until(time);
      if (isNew || time === Number(start)) await this.chart.setRows(known.rows(), time);
      else await this.chart.setTime(time);
      if (signal.aborted) return;
      this.time.textContent = MOMENT.format(time);
      await pause(Math.max(0, PACE - (performance.now() - began)));
      while (this.#state === "paused") await new Promise((resolve) => (this.#resume = resolve));
    }
  }

  #set(state, words) {
    this.#state = state;
    for (const element of [this.replay, this.replay.parentElement]) {
      element.classList.remove("stopped", "playing", "paused");
      element.classList.add(state);
    }
    this.replay.querySelector(".fa").className = `fa ${ICONS[state]}`;
    this.replay.querySelector("[data-replay-text]").textContent = TEXTS[state];
    if (this.stop) {
      if (state === "stopped" && document.activeElement === this.stop) this.replay.focus();
      this.stop.hidden = state === "stopped";
    }
    if (this.state && words) this.state.textContent = words;
  }

  #onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], .modal.show")) return;
    if (event.key === "p") this.toggle();
    if (event.key === "s") this.end("Replay stopped.");
  }
}

/** What is known at a moment: of each source about each event, the latest belief. */
class Known {
  #next = 0;
  #latest = new Map();

  constructor(rows) {
    this.all = rows.toSorted((one, other) => one.belief_time - other.belief_time);
  }

  /** Take in what was believed until then. Returns whether there was anything new. */
  until(time) {
    const before = this.#next;
    while (this.#next < this.all.length && this.all[this.#next].belief_time <= time) {
      const row = this.all[this.#next++];
      this.#latest.set(`${row.sensor.id} ${row.event_start} ${row.source.id}`, row);
    }
    return this.#next > before;
  }

  rows() {
    return [...this.#latest.values()].toSorted((one, other) => one.event_start - other.event_start);
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
