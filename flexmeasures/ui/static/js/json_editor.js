// JSON in a form: [data-json-editor] around a textarea. While somebody types, .json-state tells
// whether it is a valid object, or in which line it is not; a button puts it in order. A form with
// invalid JSON is not sent.

import { problemOf } from "./json_problem.js";

const PAUSE = 250; // milliseconds without a key
const LINE = 60; // characters

for (const editor of document.querySelectorAll("[data-json-editor]")) setUp(editor);

function setUp(editor) {
  const text = editor.querySelector("textarea");
  const state = editor.querySelector(".json-state");
  const order = document.createElement("button");
  order.type = "button";
  order.className = "btn btn-sm btn-default json-order";
  order.textContent = "Put in order";
  order.setAttribute("aria-label", `${order.textContent}: ${editor.querySelector("label").textContent}`);
  state.before(order);
  order.addEventListener("click", () => {
    const { value, problem } = read(text.value);
    if (problem) return goTo(text, problem.at);
    text.value = inOrder(value);
    text.dispatchEvent(new Event("input", { bubbles: true }));
    text.focus();
  });
  let timer = 0;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(text, state), PAUSE);
  });
  text.form.addEventListener("submit", (event) => {
    const problem = show(text, state);
    if (!problem || event.defaultPrevented) return;
    event.preventDefault();
    text.closest("details")?.setAttribute("open", "");
    goTo(text, problem.at);
  });
}

function show(text, state) {
  const { problem } = read(text.value);
  text.setAttribute("aria-invalid", String(Boolean(problem)));
  text.classList.toggle("is-invalid", Boolean(problem));
  state.classList.toggle("field-error", Boolean(problem));
  state.textContent = problem ? problem.message : "Valid JSON.";
  return problem;
}

function read(text) {
  if (!text.trim()) return { value: {} };
  const problem = problemOf(text);
  if (problem) return { problem: { ...problem, message: `Not valid JSON. ${problem.message}` } };
  const value = JSON.parse(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject) return { value };
  return { problem: { at: 0, message: 'This should be an object: {"name": value, ...}.' } };
}

// What fits into a line is not spread over several (as the server writes it).
function inOrder(value, indent = "") {
  const line = inLine(value);
  const parts = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (!parts.length || (indent && indent.length + line.length <= LINE)) return line;
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const items = parts.map(([key, item]) => inner + (isList ? "" : `${JSON.stringify(key)}: `) + inOrder(item, inner));
  const [start, end] = isList ? "[]" : "{}";
  return `${start}\n${items.join(",\n")}\n${indent}${end}`;
}

function inLine(value) {
  if (Array.isArray(value)) return `[${value.map(inLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inLine(item)}`).join(", ")}}`;
}

function goTo(text, at) {
  text.focus();
  text.setSelectionRange(at, Math.min(at + 1, text.value.length));
}
