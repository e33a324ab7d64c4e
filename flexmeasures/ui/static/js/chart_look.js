// Colours, letters and sizes of charts: those of the page around them.

const NARROW = 640; // pixels; below, letters are smaller
const LETTERS = { wide: 14, narrow: 12 };
// Told apart by people who see few colours, on light and on dark ground.
const CATEGORIES = {
  light: ["#1d5a7e", "#d97706", "#2f7d4f", "#a3366f", "#6b4fa0", "#0e8a91", "#8a5a2b", "#55656f"],
  dark: ["#6fb7e6", "#f1a122", "#6fd08c", "#e889bb", "#b39be6", "#4fd0d6", "#d3a26e", "#b4c1c8"],
};

export function isDark() {
  return document.documentElement.dataset.bsTheme === "dark";
}

/** Configuration of Vega-Lite for an element of that many pixels. */
export function lookOfPage(width) {
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(name).trim();
  const ink = colour("--ink");
  const muted = colour("--ink-muted");
  const line = colour("--line");
  const labels = { labelColor: muted, titleColor: ink };
  return {
    background: "transparent",
    aria: false, // the chart is one picture, with a summary: see `describe`
    customFormatTypes: true,
    font: "Poppins, system-ui, sans-serif",
    axis: { ...labels, gridColor: line, domainColor: line, tickColor: line },
    legend: {
      ...labels,
      labelLimit: Math.max(120, width - 60),
      // On phones, one legend below the other.
      ...(width < NARROW ? { layout: { bottom: { direction: "vertical" } } } : {}),
    },
    title: { color: ink, anchor: "start", limit: width },
    view: { stroke: line },
    rule: { color: colour("--secondary-color") },
    text: { color: ink },
    range: { category: CATEGORIES[isDark() ? "dark" : "light"] },
  };
}

/** The specification with letters that fit, and as wide as `width` where it should fill its element. */
export function fitted(spec, width) {
  const letters = width < NARROW ? LETTERS.narrow : LETTERS.wide;
  const config = structuredClone(spec.config ?? {});
  for (const part of ["axis", "legend", "title"]) {
    for (const [key, value] of Object.entries(config[part] ?? {})) {
      if (/fontSize/i.test(key)) config[part][key] = Math.min(value, letters);
    }
  }
  if (config.legend) delete config.legend.labelLimit;
  delete config.autosize; // plots get their width from us
  const rows = spec.vconcat?.map((row) => (row.width === "container" ? { ...row, width } : row));
  return {
    ...spec,
    config,
    ...(rows ? { vconcat: rows } : {}),
    ...(spec.width === "container" ? { width } : {}),
  };
}

/** The specification with colours that stay the same when rows come and go, as in a replay. */
export function withColoursOf(spec, rows) {
  const domains = {
    "source.name": namesOf(rows, "source", "name"),
    "sensor.description": namesOf(rows, "sensor", "description"),
  };
  const visit = (part) => {
    if (Array.isArray(part)) return part.map(visit);
    if (part === null || typeof part !== "object") return part;
    const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, visit(value)]));
    const domain = domains[part.color?.field];
    if (domain?.length) copy.color.scale = { domain, ...copy.color.scale };
    return copy;
  };
  return visit(spec);
}

/** The specification with annotations that tell what they say where the pointer is. (Texts below the
 *  chart would make it narrower; pages have a list of them.) */
export function withAnnotationsToPointAt(spec, dataset) {
  if (!spec.layer) return spec;
  const layer = spec.layer
    .filter((part) => part.data?.name !== dataset || part.mark.type !== "text")
    .map((part) => {
      if (part.data?.name !== dataset) return part;
      return { ...part, encoding: { ...part.encoding, tooltip: { field: "text", title: "Annotation" } } };
    });
  return { ...spec, layer };
}

function namesOf(rows, of, name) {
  return [...new Set(rows.map((row) => row[of]?.[name]).filter((text) => text !== undefined))].toSorted();
}

/** Say in words what the picture shows. */
export function describe(svg, name, rows) {
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Chart of ${name}: ${summary(rows)}`);
  for (const part of svg.children) part.setAttribute("aria-hidden", "true");
}

function summary(rows) {
  const values = rows.map((row) => row.event_value).filter((value) => value !== null);
  if (!values.length) return "no data in this period.";
  const sensors = new Set(rows.map((row) => row.sensor?.description));
  const [least, most] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  const written = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
  return (
    `${values.length} values of ${[...sensors].join(", ")}, ` +
    `from ${written.format(least)} to ${written.format(most)}.`
  );
}
