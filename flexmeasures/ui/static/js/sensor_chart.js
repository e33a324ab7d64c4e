// The chart of a sensor alone (templates/views/sensor_chart.html), in one of Vega's themes.

import { registerFormats } from "./chart_formats.js";
import { describe } from "./chart_look.js";
import { lengthOfMeans, noteOnMeans, withoutSpread } from "./chart_points.js";
import { forInterpreter } from "./chart.js";

registerFormats();
const { theme } = document.body.dataset;
const place = document.getElementById("vis");
const spec = JSON.parse(document.getElementById("spec").textContent);
const [rows] = Object.values(spec.datasets);

await vegaEmbed(place, lengthOfMeans(rows) ? spec : withoutSpread(spec), {
  mode: "vega-lite",
  renderer: "svg",
  actions: false,
  defaultStyle: false,
  theme: theme === "light" ? undefined : theme,
  tooltip: { disableDefaultStyle: true, theme },
  config: { customFormatTypes: true, aria: false, font: "Poppins, system-ui, sans-serif" },
  ast: true,
  expr: vega.expressionInterpreter,
  logLevel: vega.Error,
  patch: forInterpreter,
});
describe(place.querySelector("svg"), place.dataset.name, rows);
const note = document.getElementById("averages");
note.textContent = noteOnMeans(rows);
note.hidden = !note.textContent;
