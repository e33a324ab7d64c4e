// Maps, by Leaflet. A template needs {{ ui.map_styles() }} in block page_styles, {{ ui.map_scripts() }}
// in block scripts (after super()), and an element:
//
//   {{ ui.map("mapid", label="Location", data_location_picker="", data_latitude="#latitude",
//             data_longitude="#longitude", data_zoom=10, data_center="52.366,4.904") }}
//
// lets people choose the place of a form: a click, dragging the pin or (when it has focus) arrow keys
// fill these two fields; what is typed there moves the pin. data-center is where the map is while
// the fields are empty. Nothing else is to be done; events input and change tell of a choice.
//
//   const map = openMap(element, { center: [52.366, 4.904], zoom: 6 });
//   showPlaces(map, [{ title: "Solar", icon: "icon-solar", places: [place, ...] }], { more });
//
// shows places by layers that people can switch off: place = { name, label?, icon?, latitude,
// longitude, lines: ["Account: ..."], url }; more(place), if given, tells of one when its pop-up opens: a
// promise of an element. Returns a function that shows layers with these titles only, or all (null).
// Without a token of Mapbox (data-mapbox-token), there are no tiles: see base_map.js.

import { outlineLayer } from "./base_map.js";

const MAPBOX = "https://api.mapbox.com/styles/v1/mapbox/{style}/tiles/512/{z}/{x}/{y}@2x?access_token={token}";
const STYLES = { light: "streets-v11", dark: "dark-v10" };
const ATTRIBUTION =
  '© <a href="https://www.mapbox.com/about/maps/">Mapbox</a> ' +
  '© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap</a> ' +
  '<a href="https://www.mapbox.com/map-feedback/">Improve this map</a>';
const SOMEWHERE = [52.366, 4.904];
const CLOSE = 16; // the zoom from which on four decimals (11 m) are too few
const PIN = [34, 42]; // pixels: width, and height with the tip

/** A map in an element of class "map"; returns Leaflet's object. */
export function openMap(element, { center = SOMEWHERE, zoom = 6 } = {}) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(element, {
    center,
    zoom,
    minZoom: 2,
    maxZoom: 18,
    worldCopyJump: true,
    zoomAnimation: !still,
    fadeAnimation: !still,
    markerZoomAnimation: !still,
    scrollWheelZoom: false, // else, who scrolls the page gets stuck in the map
  });
  map.on("focus", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
  map.attributionControl.setPrefix(false);
  L.control.scale({ imperial: false }).addTo(map);
  addGround(map, element.dataset.mapboxToken);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") map.closePopup();
  });
  new ResizeObserver(() => {
    const wasHidden = map.getSize().x === 0; // its centre is in the corner then
    map.invalidateSize({ pan: wasHidden, animate: false });
  }).observe(element);
  return map;
}

function addGround(map, token) {
  if (!token) {
    outlineLayer().addTo(map);
    return;
  }
  const style = () => STYLES[document.documentElement.dataset.bsTheme] ?? STYLES.light;
  const tiles = L.tileLayer(MAPBOX, {
    style: style(),
    token,
    tileSize: 512,
    zoomOffset: -1,
    attribution: ATTRIBUTION,
    referrerPolicy: "origin", // tokens may be limited to a site
  });
  document.addEventListener("themechange", () => {
    tiles.options.style = style();
    tiles.redraw();
  });
  let works = false;
  tiles.once("tileload", () => (works = true));
  tiles.on("tileerror", () => {
    if (works || !map.hasLayer(tiles)) return;
    tiles.remove(); // the token does not work, or there is no network
    logo.remove();
    outlineLayer().addTo(map);
  });
  const logo = L.control({ position: "bottomleft" });
  logo.onAdd = () => {
    const link = L.DomUtil.create("a", "mapbox-logo");
    link.href = "https://www.mapbox.com/";
    link.textContent = "mapbox";
    return link;
  };
  logo.addTo(map);
  tiles.addTo(map);
}

/** Layers of places, in clusters where they are many; a control switches layers off and on. */
export function showPlaces(map, layers, { more } = {}) {
  const clusters = L.markerClusterGroup.layerSupport({
    chunkedLoading: true,
    showCoverageOnHover: false,
    maxClusterRadius: 50,
    iconCreateFunction: clusterIcon,
  });
  clusters.addTo(map);
  const groups = layers.map(({ title, icon, places }) => {
    const group = L.layerGroup(places.map((place) => marker(map, place, place.icon ?? icon, more)));
    clusters.checkIn(group);
    group.addTo(map);
    return [label(title), group];
  });
  if (layers.flatMap(({ places }) => places).length > 1) {
    addOverview(map, clusters);
    const control = L.control.layers().addTo(map);
    for (const [title, group] of groups) control.addOverlay(group, title);
  }
  clusters.on("clusterkeypress", ({ layer, originalEvent }) => {
    if (originalEvent.key === "Enter") layer.zoomToBounds({ padding: [30, 30] });
  });
  return (titles) => {
    map.closePopup();
    layers.forEach(({ title }, i) => {
      const [, group] = groups[i];
      if (!titles || titles.includes(title)) group.addTo(map);
      else group.removeFrom(map);
    });
  };
}

// A button below those for zooming: everything that is shown, at once.
function addOverview(map, clusters) {
  const button = document.createElement("a");
  button.href = "#";
  button.title = "Show all";
  button.setAttribute("role", "button");
  button.setAttribute("aria-label", "Show all");
  button.innerHTML = '<i class="fa fa-arrows-alt" aria-hidden="true"></i>';
  L.DomEvent.disableClickPropagation(button);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const bounds = clusters.getBounds();
    if (bounds.isValid()) map.fitBounds(bounds, { padding: [40, 40], maxZoom: 12 });
  });
  map.zoomControl.getContainer().append(button);
}

function marker(map, place, icon, more) {
  const pin = L.marker([place.latitude, place.longitude], { icon: pinIcon(icon), riseOnHover: true });
  const named = place.label ?? place.name;
  pin.on("add", () => pin.getElement()?.setAttribute("aria-label", named));
  pin.bindTooltip(label(named), { direction: "top", offset: [0, -PIN[1]] });
  let told = null; // made anew each time that it opens, as states change
  pin.bindPopup(() => (told ??= popup(map, pin, place, more)), { offset: [0, 6 - PIN[1]], autoPan: false });
  pin.on("popupopen", ({ popup: opened }) => {
    pin.closeTooltip();
    makeRoom(map, pin, opened);
    if (document.activeElement === pin.getElement()) opened.getElement().querySelector("a.view")?.focus();
  });
  pin.on("popupclose", ({ popup: closed }) => {
    told = null;
    if (closed.getElement()?.contains(document.activeElement)) pin.getElement()?.focus();
  });
  return pin;
}

// The place comes to lie somewhat below the middle of the map; further, if its pop-up is high.
function makeRoom(map, pin, opened) {
  const { y: height } = map.getSize();
  const needed = opened.getElement().offsetHeight + PIN[1] + 10;
  const shift = Math.max(height / 6, Math.min(needed - height / 2, height / 2 - 10));
  map.panTo(map.unproject(map.project(pin.getLatLng()).subtract([0, shift])));
}

function resize(map, pin) {
  const focused = document.activeElement; // lost when Leaflet puts the content in anew
  const opened = pin.getPopup();
  opened.update();
  if (opened.getElement().contains(focused)) focused.focus({ preventScroll: true });
  makeRoom(map, pin, opened);
}

function popup(map, pin, place, more) {
  const element = document.createElement("div");
  element.append(paragraph(place.name, "name"), ...(place.lines ?? []).map((text) => paragraph(text)));
  if (more) {
    const waiting = paragraph("…");
    element.append(waiting);
    more(place)
      .catch(() => "")
      .then((found) => {
        waiting.replaceWith(found);
        if (element.isConnected) resize(map, pin);
      });
  }
  if (place.url) {
    const link = document.createElement("a");
    link.href = place.url;
    link.className = "view btn btn-sm btn-primary";
    link.textContent = "View";
    element.append(link);
  }
  return element;
}

function paragraph(text, className = "") {
  const element = document.createElement("p");
  element.textContent = text;
  element.className = className;
  return element;
}

// Leaflet takes texts as HTML.
function label(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML;
}

function pinIcon(icon, className = "map-pin") {
  const drop = document.createElement("span");
  const glyph = document.createElement("i");
  glyph.className = icon;
  glyph.setAttribute("aria-hidden", "true");
  drop.append(glyph);
  return L.divIcon({ className, html: drop.outerHTML, iconSize: PIN, iconAnchor: [PIN[0] / 2, PIN[1]] });
}

function clusterIcon(cluster) {
  const number = cluster.getChildCount();
  const size = 32 + 6 * Math.min(4, Math.floor(Math.log10(number)));
  const html = `<span>${number}<b class="visually-hidden"> places</b></span>`;
  return L.divIcon({ className: "map-cluster", html, iconSize: [size, size] });
}

/** The place of a form, chosen on a map: see the top. */
export function pickLocation(element) {
  const { latitude, longitude, zoom = 10, center } = element.dataset;
  const fields = [latitude, longitude].map((selector) => document.querySelector(selector));
  // Outlines of countries say nothing about a town.
  const near = element.dataset.mapboxToken ? Number(zoom) : Math.min(Number(zoom), 7);
  const map = openMap(element, { center: center?.split(",").map(Number), zoom: near });
  const pin = L.marker(map.getCenter(), {
    icon: pinIcon("icon-empty-marker", "map-pin chosen"),
    draggable: true,
    autoPan: true,
  });
  pin.on("add", () => {
    pin.getElement().setAttribute("aria-label", "Chosen location; arrow keys move it");
    pin.getElement().addEventListener("keydown", step);
  });
  pin.on("drag", () => choose(pin.getLatLng()));
  map.on("click", ({ latlng }) => choose(latlng));
  for (const field of fields) field.addEventListener("input", follow);
  follow();
  return map;

  function choose(place) {
    const digits = map.getZoom() < CLOSE ? 4 : 6;
    const { lat, lng } = place.wrap();
    pin.setLatLng(place).addTo(map);
    for (const [field, degrees] of [[fields[0], lat], [fields[1], lng]]) {
      field.value = degrees.toFixed(digits);
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  function follow() {
    const [lat, lng] = fields.map(({ value }) => (value.trim() ? Number(value) : NaN));
    if (!(Math.abs(lat) <= 90 && Math.abs(lng) <= 180)) {
      pin.remove();
      return;
    }
    pin.setLatLng([lat, lng]).addTo(map);
    map.setView([lat, lng]);
  }

  function step(event) {
    const moves = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const pixels = event.shiftKey ? 1 : 8;
    const point = map.project(pin.getLatLng()).add(L.point(move).multiplyBy(pixels));
    choose(map.unproject(point));
    map.panInside(pin.getLatLng(), { padding: [40, 60] });
  }
}

for (const element of document.querySelectorAll("[data-location-picker]")) pickLocation(element);
