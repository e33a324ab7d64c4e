// The panel that uploads files with data of a sensor (templates/panels/upload.html).

import { refusals } from "./api.js";
import { make, moment } from "./html.js";

const FILES = "uploaded-files";
const LONGEST = 31 * 24 * 3600_000; // milliseconds that the chart shows at once afterwards
const TYPES = {
  csv: "text/csv",
  xls: "application/vnd.ms-excel",
  xlsm: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};

class Upload {
  constructor(form) {
    this.form = form;
    this.files = [];
    this.input = form.querySelector("[type=file]");
    this.button = form.querySelector("[type=submit]");
    this.cancel = form.querySelector("[data-cancel]");
    this.progress = form.querySelector("progress");
    this.result = form.querySelector("[data-result]");
    this.list = form.querySelector("[data-files]");
    this.input.addEventListener("change", () => {
      this.#add(this.input.files);
      this.input.value = ""; // so that the same file can be chosen again
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.button.disabled) this.#send();
    });
    this.cancel.addEventListener("click", () => this.request?.abort());
    this.#acceptDrops(form.querySelector(".drop"));
  }

  #acceptDrops(zone) {
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    for (const type of ["dragenter", "dragover"]) {
      this.form.addEventListener(type, (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        zone.classList.add("over");
      });
    }
    this.form.addEventListener("dragleave", (event) => {
      if (!this.form.contains(event.relatedTarget)) zone.classList.remove("over");
    });
    this.form.addEventListener("drop", (event) => {
      zone.classList.remove("over");
      if (!holdsFiles(event)) return;
      event.preventDefault();
      this.#add(event.dataTransfer.files);
    });
  }

  #add(files) {
    this.#clear();
    this.files.push(...files);
    this.#showFiles();
  }

  #showFiles() {
    this.list.replaceChildren(
      ...this.files.map((file, index) => {
        const remove = make("button", "btn btn-sm btn-default", "Remove");
        remove.type = "button";
        remove.setAttribute("aria-label", `Remove ${file.name}`);
        remove.addEventListener("click", () => {
          this.#clear();
          this.files.splice(index, 1);
          this.#showFiles();
          this.input.focus();
        });
        const line = make("div", "", make("span", "name", file.name), make("span", "size", sizeOf(file.size)), remove);
        return make("li", "", line, make("div"));
      }),
    );
  }

  #send() {
    this.#clear();
    if (!this.#checked()) return;
    const body = new FormData();
    for (const file of this.files) body.append(FILES, typed(file), file.name);
    for (const [key, value] of new FormData(this.form)) if (typeof value === "string" && value.trim()) body.append(key, value.trim());
    // Unlike `fetch`, it tells how much has been sent.
    const request = (this.request = new XMLHttpRequest());
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (loaded < total) this.progress.value = loaded / total;
      else this.progress.removeAttribute("value"); // the server reads and stores
    });
    request.addEventListener("load", () => this.#finish(request.status, request.response));
    request.addEventListener("error", () => this.#show([], "The server cannot be reached. Is there a connection?"));
    request.addEventListener("abort", () => (this.result.textContent = "Cancelled."));
    request.addEventListener("loadend", () => this.#busy(false));
    this.#busy(true);
    request.send(body);
  }

  /** What the server would refuse anyway. */
  #checked() {
    if (!this.files.length) {
      this.#show([FILES], "Choose a file first.");
      this.input.focus();
      return false;
    }
    const most = Number(this.form.dataset.mostBytes || Infinity);
    const size = this.files.reduce((sum, file) => sum + file.size, 0);
    if (size > most) {
      this.#show([FILES], `These are ${sizeOf(size)}. At most ${sizeOf(most)} can be sent at once: use several uploads.`);
      return false;
    }
    const known = this.form.dataset.extensions.split(",");
    this.files.forEach((file, index) => {
      if (!known.includes(extensionOf(file))) this.#show([FILES, index], `Neither CSV nor Excel, by its name (${known.join(", ")}).`);
    });
    return !this.form.querySelector(".field-error");
  }

  async #finish(code, body) {
    if (code === 401) return this.#show([], "You are not logged in any more. Reload this page to log in.");
    if (code >= 400 || !body) {
      const errors = refusals(body).map(({ path, text }) => ({ path: path[0] === "multipart" ? path.slice(1) : path, text }));
      for (const { path, text } of errors) this.#show(path, text);
      this.form.querySelector(".field-error")?.scrollIntoView({ block: "nearest" });
      return;
    }
    const { "num-values": number, start, end, status } = body;
    this.files = [];
    this.#showFiles();
    if (!number) return (this.result.textContent = "There was nothing new: all of this is stored already.");
    const rest = status === "PROCESSED" ? "" : " The rest is stored already.";
    this.result.textContent = `Stored ${number} ${number === 1 ? "value" : "values"}, from ${moment(start)} to ${moment(end)}.${rest}`;
    showInChart(new Date(start), new Date(end));
  }

  /** An error at the field, or file, to which it belongs. */
  #show([field, index, ...more], text) {
    const place = field === FILES && this.list.children[index]?.lastElementChild;
    const known = this.form.querySelector(`[data-errors="${CSS.escape(field ?? "")}"]`);
    const words = known ? text : [field, index, ...more, text].filter((part) => part !== undefined).join(": ");
    (place || known || this.form.querySelector('[data-errors=""]')).append(make("p", "field-error", words));
    this.form.elements[field]?.setAttribute?.("aria-invalid", "true");
  }

  #clear() {
    this.result.textContent = "";
    for (const error of this.form.querySelectorAll(".field-error")) error.remove();
    for (const field of this.form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  }

  #busy(busy) {
    this.button.disabled = busy;
    this.cancel.hidden = this.progress.hidden = !busy;
    this.progress.value = 0;
    if (busy) this.result.textContent = "Uploading \u2026";
    else if (this.result.textContent.startsWith("Uploading")) this.result.textContent = "";
  }
}

/** As it is, if the chart shows some of that time; else calendar and chart move there. */
async function showInChart(start, end) {
  // Now, as the page may load what charts need after this script.
  const [{ chartOfPage }, { rememberInAddress }] = await Promise.all([import("./chart_page.js"), import("./calendar.js")]);
  const chart = await chartOfPage;
  if (!chart) return;
  const seen = chart.period;
  if (seen && seen.start < end && start < seen.end) return void chart.show(seen.start, seen.end);
  const last = end > start ? end : new Date(start.getTime() + 3600_000);
  const first = new Date(Math.max(start, last - LONGEST));
  rememberInAddress({ start: first, end: last });
  dispatchEvent(new PopStateEvent("popstate")); // as if the address had been chosen: the calendar follows
  chart.show(first, last); // with what is stored now, instead of rows that were loaded before
}

/** Browsers know the type of a file by what is installed, which may be anything. */
function typed(file) {
  return new File([file], file.name, { type: TYPES[extensionOf(file).slice(1)] ?? file.type });
}

const extensionOf = ({ name }) => (/\.[^.]*$/.exec(name)?.[0] ?? "").toLowerCase();

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const [size, unit] = bytes < 2 ** 20 ? [bytes / 1024, "KiB"] : [bytes / 2 ** 20, "MiB"];
  return `${Number(size.toPrecision(3))} ${unit}`;
}

for (const form of document.querySelectorAll("[data-upload]")) new Upload(form);
