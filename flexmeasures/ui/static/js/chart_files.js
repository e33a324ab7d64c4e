// Charts and their rows as files.

/** Rows as CSV (RFC 4180), times in ISO 8601 and UTC. */
export function csvOf(rows) {
  const columns = {
    event_start: (row) => time(row.event_start),
    belief_time: (row) => time(row.belief_time),
    belief_horizon: (row) => (row.belief_horizon === undefined ? "" : `PT${row.belief_horizon / 1000}S`),
    sensor_id: (row) => row.sensor?.id,
    sensor: (row) => row.sensor?.description ?? row.sensor?.name,
    source: (row) => row.source?.description ?? row.source?.name,
    source_type: (row) => row.source?.type,
    event_value: (row) => row.event_value,
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

function cell(value) {
  if (typeof value === "number") return String(value);
  let text = String(value ?? "");
  // Spreadsheets would run names that begin like formulas.
  if (/^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
