// Watching a job until it ends, in words. Never for ever.
//
//   const { result, problem, again } = await watch("/api/v3_0/jobs/1", (text, busy) => ...);
//
// result: of the job, if it is finished; problem: why there is none; again: looking again may help.

import { call, words } from "./api.js";

const PATIENCE = 10 * 60_000; // milliseconds
const WITHOUT_WORKER = 60_000;
const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 4000;

const REASONS = [
  [/^UnknownPrices/, "No prices are known for this period. Store some first, or choose another period or price."],
  [/^UnknownMarket/, 'No price is given. Name one in the flex-context, such as "consumption-price": {"sensor": 3}.'],
  [/^Infeasible/, "No plan can keep all limits at once."],
  [/^NotEnoughData/, "Too little has been measured to forecast from."],
  [/Timeout/, "It took too long. Try a shorter period."],
  [/^Solver/, "The solver found no plan."],
  [/^Exception: The worker/, "The worker that was at it has died."],
];

export async function watch(url, tell) {
  const began = Date.now();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.4, LONGEST_PAUSE)) {
    const { code, body } = await call(url);
    if (code === 200) return { result: body.result ?? {} };
    if (code === 404) return { problem: "This job is not known any more: its time is over." };
    if (code === 422) return { problem: failure(body) };
    if (code !== 202 && code !== 503) return { problem: words(body) };
    const passed = Date.now() - began;
    const { text, busy, ended, patience = PATIENCE } = state(code, body);
    if (ended) return { problem: text };
    if (passed > patience) return { problem: `${text} It may still be done later.`, again: true };
    tell(text, busy);
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

function state(code, { status, workers, message } = {}) {
  if (code === 503) return { text: "The job queue does not answer just now. Trying again \u2026", busy: true, patience: WITHOUT_WORKER };
  if (status === "STARTED") return { text: "A worker is at it \u2026", busy: true };
  if (status === "QUEUED" && workers === 0) {
    const text = "The job waits, but no worker serves its queue just now. Ask whoever runs this server to start one.";
    return { text, busy: false, patience: WITHOUT_WORKER };
  }
  if (status === "QUEUED") return { text: "Waiting for a free worker \u2026", busy: true };
  if (status === "DEFERRED") return { text: "Waiting for other jobs \u2026", busy: true };
  if (status === "STOPPED" || status === "CANCELED") return { text: "The job was stopped before it was done.", ended: true };
  return { text: message ?? "The state of the job is not known.", busy: true };
}

/** Why it failed: what that means first, then what the server says. */
function failure({ exc_info: told, message }) {
  const meaning = REASONS.find(([pattern]) => pattern.test(told ?? ""))?.[1];
  const detail = (told ?? message ?? "").replace(/^\w+: /, "");
  return [meaning ?? "The job failed.", detail].filter(Boolean).join(" ");
}
