// How charts write values: functions that specifications call by name.

const UNITS = [
  ["years", 365.2425 * 24 * 3600 * 1000],
  ["days", 24 * 3600 * 1000],
  ["hours", 3600 * 1000],
  ["minutes", 60 * 1000],
  ["seconds", 1000],
  ["milliseconds", 1],
];

/** A number and its unit. parameters: [number format of D3, unit] */
export function quantityWithUnitFormat(value, [format, unit]) {
  return `${number(format)(value)} ${unit}`;
}

/** A duration in its largest unit of which there are more than `breakpoint`.
 *  parameters: [number format of D3, breakpoint] */
export function timedeltaFormat(milliseconds, [format, breakpoint]) {
  if (milliseconds === null || milliseconds === undefined) return "\u2013";
  const size = Math.abs(milliseconds);
  const [name, length] = UNITS.find(([, unit]) => size > breakpoint * unit) ?? UNITS.at(-1);
  return `${number(format)(milliseconds / length)} ${name}`;
}

/** Make them known to Vega. */
export function registerFormats() {
  vega.expressionFunction("quantityWithUnitFormat", quantityWithUnitFormat);
  vega.expressionFunction("timedeltaFormat", timedeltaFormat);
}

function number(format) {
  return vega.defaultLocale().format(format);
}
