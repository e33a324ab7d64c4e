// What annotations say, as a list below the chart (#annotations), and a switch to leave them out
// (#annotations-switch), which is remembered.

import { make, moment } from "./html.js";

const KEY = "flexmeasures.annotations";

/** Before the chart shows anything. */
export function offerAnnotations(chart) {
  const choice = document.getElementById("annotations-switch");
  const section = document.getElementById("annotations");
  if (!choice || !section) return;
  choice.checked = chart.showsAnnotations = recall() !== "off";
  choice.addEventListener("change", () => {
    chart.showsAnnotations = choice.checked;
    remember(choice.checked ? "on" : "off");
    if (chart.period) chart.show(chart.period.start, chart.period.end, {}, { reuse: true });
  });
  chart.element.addEventListener("chart:shown", ({ detail }) => list(section, detail.annotations));
  chart.element.addEventListener("chart:failed", () => list(section, []));
}

function list(section, annotations) {
  section.hidden = !annotations.length;
  const items = annotations
    .toSorted((one, other) => one.start - other.start)
    .map(({ start, end, content, source }) => {
      const text = make("span", "text", content.join(" "));
      text.title = source;
      return make("li", "", make("time", "", `${moment(start)} \u2013 ${moment(end)}`), text);
    });
  section.querySelector("ol").replaceChildren(...items);
}

function recall() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off
  }
}

function remember(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Then it holds for this page.
  }
}
