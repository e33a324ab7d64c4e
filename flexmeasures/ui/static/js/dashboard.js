// The dashboard: its map, and what was last measured on the asset that somebody looks at.

import { openMap, showPlaces } from "./map.js";

const element = document.getElementById("mapid");
const { center, zoom, fit, layers: written, stateUrl } = element.dataset;
const { icons, accounts, layers } = JSON.parse(written);
delete element.dataset.layers; // the text is long

const map = openMap(element, { center: center.split(",").map(Number), zoom: Number(zoom) });
if (fit) {
  const all = layers.flatMap(({ rows }) => rows.map(([, , latitude, longitude]) => [latitude, longitude]));
  map.fitBounds(all, { padding: [40, 40], maxZoom: Number(zoom) });
}
const showOnly = showPlaces(
  map,
  layers.map(({ title, rows }) => ({ title, places: rows.map(place) })),
  { more: stateOf },
);

// Types in the summary: who chooses one sees only that on the map, until it is chosen again.
const types = document.querySelectorAll("[data-only]");
for (const type of types)
  type.addEventListener("click", () => {
    const chosen = type.getAttribute("aria-pressed") !== "true";
    for (const other of types) other.setAttribute("aria-pressed", chosen && other === type);
    showOnly(chosen ? JSON.parse(type.dataset.only) : null);
  });

function place([id, name, latitude, longitude, type, account]) {
  const owner = accounts[account]; // only for those who see several
  return {
    id,
    name,
    latitude,
    longitude,
    icon: icons[type],
    label: owner === undefined ? name : `${name} (${owner})`,
    lines: owner === undefined ? [] : [`Account: ${owner}`],
    url: `/assets/${id}/`,
  };
}

/** Already escaped by the server. */
async function stateOf({ id }) {
  const answer = await fetch(stateUrl.replace(/0$/, id));
  const found = document.createElement("div");
  // Who was logged out meanwhile is led to another page.
  if (answer.ok && !answer.redirected) found.innerHTML = await answer.text();
  return found;
}
