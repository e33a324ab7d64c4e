// Making elements. Texts stay texts, whatever they contain.

/** make("p", "hint", "text", child, ...) */
export function make(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const MONEY = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

export const number = (value) => NUMBER.format(value).replace("-", "\u2212");
export const money = (value) => MONEY.format(value).replace("-", "\u2212");
export const moment = (value) => MOMENT.format(new Date(value));

/** Milliseconds of an ISO 8601 duration without years and months. */
export function milliseconds(duration) {
  const parts = /^P(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/.exec(duration);
  const [weeks, days, hours, minutes, seconds] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

/** A duration as people say it. */
export function spoken(duration) {
  const minutes = milliseconds(duration) / 60_000;
  if (minutes && minutes % 1440 === 0) return `${minutes / 1440} ${minutes === 1440 ? "day" : "days"}`;
  if (minutes >= 120 || minutes === 60) return `${number(minutes / 60)} ${minutes === 60 ? "hour" : "hours"}`;
  return `${number(minutes)} ${minutes === 1 ? "minute" : "minutes"}`;
}
