// Requests to the API of this server, and what it says when it refuses.
//
//   const { code, body } = await call("/api/v3_0/jobs/1");
//   if (code === 422) for (const { path, text } of refusals(body)) ...
//
// An Error, with words to show, if there is no answer or nobody is logged in any more.

export async function call(url, { method = "GET", body, query = {}, signal } = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined));
  const address = asked.size ? `${url}?${asked}` : url;
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. Is there a connection?", { cause: error });
  }
  if (response.status === 401) throw new Error("You are not logged in any more. Reload this page to log in.");
  return { code: response.status, body: await response.json().catch(() => null) };
}

/** What is wrong with a request: texts, each with the path of keys to what it is about. */
export function refusals(body) {
  const found = body?.message ?? body?.errors ?? "The server refuses, and does not say why.";
  return listed(found).map(({ path, text }) => ({ path: IN.has(path[0]) ? path.slice(1) : path, text }));
}

/** The same as one text. */
export function words(body) {
  return refusals(body).map(({ path, text }) => [...path, text].join(": ")).join(" ");
}

const IN = new Set(["json", "query", "path"]);

function listed(found, path = []) {
  if (typeof found === "string") return [{ path, text: found }];
  if (Array.isArray(found)) return found.flatMap((item) => listed(item, path));
  return Object.entries(found ?? {}).flatMap(([key, value]) => listed(value, key === "_schema" ? path : [...path, key]));
}
