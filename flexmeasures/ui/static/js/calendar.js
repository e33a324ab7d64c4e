// Choosing a period: usual ones at a click, two fields to type into, and a calendar (the web component
// of Cally, which speaks to keyboards and screen readers).
//
//   const period = new Period(element, { start, end, from, until });
//   element.addEventListener("period:change", ({ detail: { start, end } }) => ...)
//
// `start` and `end` are Dates at local midnight, the end exclusive. Fields and calendar name the last
// day that belongs to the period. Years that can be chosen are those from `from` until `until`.

import "../vendor/cally/cally.js";

const PRESETS = {
  Today: () => [today(), today()],
  "Last 7 days": () => [addDays(today(), -6), today()],
  "This month": () => {
    const now = today();
    return [new Date(now.getFullYear(), now.getMonth(), 1), new Date(now.getFullYear(), now.getMonth() + 1, 0)];
  },
};

export class Period {
  constructor(element, { start, end, from = start, until = end }) {
    this.element = element;
    element.classList.add("period");
    const first = new Date(Math.min(from, start));
    const last = new Date(Math.max(until, end, today()));
    this.first = `${year(first)}-01-01`;
    this.last = `${year(last)}-12-31`;
    element.replaceChildren(this.#presets(), this.#fields(), this.#calendar());
    this.set(start, end);
  }

  /** Show a period; does not tell others. */
  set(start, end) {
    this.start = midnight(start);
    // An end within a day: that day still belongs to the period.
    this.lastDay = midnight(new Date(end - 1));
    if (this.lastDay < this.start) this.lastDay = this.start;
    this.end = addDays(this.lastDay, 1);
    const [from, until] = [isoDay(this.start), isoDay(this.lastDay)];
    this.from.value = from;
    this.until.value = until;
    this.calendar.value = `${from}/${until}`;
    this.calendar.focusedDate = until;
  }

  #choose(start, lastDay) {
    if (!(start <= lastDay)) [start, lastDay] = [lastDay, start];
    this.set(start, addDays(lastDay, 1));
    this.element.dispatchEvent(
      new CustomEvent("period:change", { bubbles: true, detail: { start: this.start, end: this.end } }),
    );
  }

  #presets() {
    const row = part("div", "presets");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Usual periods");
    for (const [name, range] of Object.entries(PRESETS)) {
      const button = part("button", "btn btn-sm btn-default", name);
      button.type = "button";
      button.addEventListener("click", () => this.#choose(...range()));
      row.append(button);
    }
    return row;
  }

  #fields() {
    const row = part("div", "ends");
    for (const [name, text] of [["from", "First day"], ["until", "Last day"]]) {
      const label = part("label", "", text);
      const input = part("input", "form-control form-control-sm");
      input.type = "date";
      input.min = this.first;
      input.max = this.last;
      input.addEventListener("change", () => {
        const [start, lastDay] = [dayOf(this.from.value), dayOf(this.until.value)];
        if (start && lastDay && this.from.validity.valid && this.until.validity.valid) {
          this.#choose(start, lastDay);
        }
      });
      label.append(input);
      row.append(label);
      this[name] = input;
    }
    return row;
  }

  #calendar() {
    const calendar = document.createElement("calendar-range");
    this.calendar = calendar;
    calendar.setAttribute("aria-label", "Period");
    calendar.setAttribute("min", this.first);
    calendar.setAttribute("max", this.last);
    calendar.setAttribute("first-day-of-week", "1");
    calendar.setAttribute("show-week-numbers", "");
    const selects = part("div", "selects");
    selects.slot = "heading";
    selects.append(
      document.createElement("calendar-select-month"),
      document.createElement("calendar-select-year"),
    );
    calendar.append(
      arrow("previous", "chevron-left", "Previous month"),
      arrow("next", "chevron-right", "Next month"),
      selects,
      document.createElement("calendar-month"),
    );
    calendar.addEventListener("change", () => {
      const [from, until] = calendar.value.split("/").map(dayOf);
      if (from && until) this.#choose(from, until);
    });
    return calendar;
  }
}

function arrow(slot, icon, meaning) {
  const made = part("span", "");
  made.slot = slot;
  made.append(part("i", `fa fa-${icon}`), part("span", "visually-hidden", meaning));
  made.firstChild.setAttribute("aria-hidden", "true");
  return made;
}

/** Local midnight of that many days later, also when clocks change. */
export function addDays(date, days) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

export function today() {
  return midnight(new Date());
}

export function midnight(date) {
  return addDays(new Date(date), 0);
}

/** The period that the address asks for (parameters start and end), or null. */
export function periodOfAddress() {
  const query = new URLSearchParams(location.search);
  const start = momentOf(query.get("start"));
  const end = momentOf(query.get("end"));
  return start && end && start < end ? { start, end } : null;
}

/** Let the address ask for this period, so that it can be kept and sent to others. */
export function rememberInAddress({ start, end }, replace = false) {
  const query = new URLSearchParams(location.search);
  query.set("start", withOffset(start));
  query.set("end", withOffset(end));
  const url = `?${query}`;
  if (url === location.search) return;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
}

/** As 2026-01-31T00:00:00+01:00: what the clock on the wall shows, and what that means. */
export function withOffset(date) {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(Number(date) + minutes * 60_000).toISOString().slice(0, 19);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${local}${minutes < 0 ? "-" : "+"}${two(hours)}:${two(rest)}`;
}

function momentOf(text) {
  const date = text ? new Date(text) : null;
  return date && !Number.isNaN(Number(date)) ? date : null;
}

function isoDay(date) {
  return `${year(date)}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function dayOf(text) {
  const [y, month, day] = (text ?? "").split("-").map(Number);
  return y && month && day ? new Date(y, month - 1, day) : null;
}

function year(date) {
  return String(date.getFullYear()).padStart(4, "0");
}

function two(number) {
  return String(number).padStart(2, "0");
}

function part(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
