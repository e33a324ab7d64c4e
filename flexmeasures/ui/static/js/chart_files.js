// Charts and their rows as files.

/** Rows as CSV (RFC 4180), times in ISO 8601 and UTC. Means have columns that say so. */
export function csvOf(rows) {
  const ofMeans = {
    mean_of: (row) => (row.least === undefined ? "" : duration(row.event_resolution)),
    least: (row) => row.least,
    most: (row) => row.most,
    number_of_events: (row) => row.number,
  };
  const columns = {
    event_start: (row) => time(row.event_start),
    belief_time: (row) => time(row.belief_time),
    belief_horizon: (row) => duration(row.belief_horizon),
    sensor_id: (row) => row.sensor?.id,
    sensor: (row) => name(row.sensor),
    source: (row) => name(row.source),
    source_type: (row) => row.source?.type,
    event_value: (row) => row.event_value,
    ...(rows.some((row) => row.least !== undefined) ? ofMeans : {}),
  };
  const lines = rows.map((row) => Object.values(columns).map((get) => cell(get(row))).join(","));
  return [Object.keys(columns).join(","), ...lines, ""].join("\r\n");
}

/** Let the browser keep a text or a Blob. */
export function download(content, name, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function time(milliseconds) {
  return milliseconds === undefined || milliseconds === null ? "" : new Date(milliseconds).toISOString();
}

function duration(milliseconds) {
  if (milliseconds === undefined || milliseconds === null) return "";
  return `${milliseconds < 0 ? "-" : ""}PT${Math.abs(milliseconds) / 1000}S`;
}

function name(object) {
  const text = object?.description ?? object?.name ?? "";
  // Spreadsheets would run names that begin like formulas.
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
