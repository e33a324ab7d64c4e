// The page of an asset: where it is, and errors of its form.

import { openMap, showPlaces } from "./map.js";

const page = document.querySelector("[data-page]").dataset.page;
// After a form was sent: to load the page again is to look at the asset, not to send it again.
history.replaceState(history.state, "", page + location.search + location.hash);

const where = document.querySelector("[data-place]");
if (where) {
  const { name, icon } = where.dataset;
  const [latitude, longitude] = [where.dataset.latitude, where.dataset.longitude].map(Number);
  // Without tiles, only outlines of countries tell where that is.
  const map = openMap(where, { center: [latitude, longitude], zoom: where.dataset.mapboxToken ? 12 : 7 });
  showPlaces(map, [{ title: name, icon, places: [{ name, latitude, longitude }] }]);
}

document.getElementById("problems")?.focus();
