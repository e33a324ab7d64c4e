// A neutral map that needs no server of tiles: land, borders and names of countries, and a grid of
// degrees, drawn from the outlines in vendor/world-atlas (TopoJSON; Natural Earth). Colours come
// from the style sheet (--map-*), so that the map follows light and dark.
//
//   outlineLayer().addTo(map)

const OUTLINES = new URL("../vendor/world-atlas/countries-50m.json", import.meta.url);
const FONT = '500 12px Poppins, system-ui, sans-serif';
const TILE = 256; // pixels; also the width of the world at zoom 0
const NEAREST_POLE = 85.0511; // degrees: where Mercator's map ends
const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]; // degrees
const STEP_WIDTH = 110; // pixels, at least
const NAMES_FROM = 3; // zoom
const NAMES_UNTIL = 7;

let outlines = null; // loaded once per page

/** A layer for Leaflet. */
export function outlineLayer() {
  const layer = new (L.GridLayer.extend({ createTile }))({ minZoom: 1, className: "outlines" });
  const redraw = () => layer.redraw();
  layer.on("add", () => document.addEventListener("themechange", redraw));
  layer.on("remove", () => document.removeEventListener("themechange", redraw));
  layer.getAttribution = () => "Outlines: Natural Earth";
  return layer;
}

function createTile({ x, y, z }, done) {
  const ratio = window.devicePixelRatio || 1;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE * ratio;
  outlines ??= load();
  outlines.then(
    (world) => {
      const context = tile.getContext("2d");
      context.scale(ratio, ratio);
      draw(context, world, new View(x, y, z), colours());
      done(null, tile);
    },
    (error) => done(error, tile),
  );
  return tile;
}

/** What a tile shows: from the world's pixels at zoom 0 to those of the tile. */
class View {
  constructor(x, y, z) {
    const width = 2 ** z; // tiles around the world
    this.zoom = z;
    this.scale = width;
    this.left = TILE * (((x % width) + width) % width);
    this.top = TILE * y;
  }

  point(x, y) {
    return [x * this.scale - this.left, y * this.scale - this.top];
  }

  sees([west, north, east, south], margin = 2) {
    const [left, top] = this.point(west, north);
    const [right, bottom] = this.point(east, south);
    return right > -margin && left < TILE + margin && bottom > -margin && top < TILE + margin;
  }
}

function draw(context, world, view, colour) {
  context.fillStyle = colour.sea;
  context.fillRect(0, 0, TILE, TILE);
  context.beginPath();
  for (const ring of world.rings) trace(context, ring, view);
  context.fillStyle = colour.land;
  context.fill("evenodd");
  drawGrid(context, view, colour);
  context.beginPath();
  for (const arc of world.arcs) trace(context, arc, view, true);
  context.strokeStyle = colour.line;
  context.lineWidth = view.zoom < 4 ? 0.6 : 1;
  context.lineJoin = "round";
  context.stroke();
  if (view.zoom >= NAMES_FROM && view.zoom <= NAMES_UNTIL) drawNames(context, world, view, colour);
}

function trace(context, { points, box }, view, asLine = false) {
  if (!view.sees(box)) return;
  let [atX, atY] = [NaN, NaN];
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = view.point(points[i], points[i + 1]);
    if (i === 0) context.moveTo(x, y);
    else if (Math.abs(x - atX) + Math.abs(y - atY) < 0.4 && i + 2 < points.length) continue;
    else if (asLine && alongTheEdge(points, i)) context.moveTo(x, y);
    else context.lineTo(x, y);
    [atX, atY] = [x, y];
  }
}

// Where the map is cut there is no coast.
function alongTheEdge(points, i) {
  const onEdge = (x) => x < 0.01 || x > TILE - 0.01;
  return onEdge(points[i]) && onEdge(points[i - 2]);
}

function drawGrid(context, view, colour) {
  const perDegree = (TILE * view.scale) / 360;
  const step = STEPS.findLast((degrees) => degrees * perDegree >= STEP_WIDTH);
  if (!step) return;
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const west = view.left / perDegree - 180;
  const [north, south] = [latitude(view.top / view.scale), latitude((view.top + TILE) / view.scale)];
  context.strokeStyle = colour.grid;
  context.lineWidth = 1;
  context.beginPath();
  const meridians = steps(west, west + TILE / perDegree, step);
  const parallels = steps(south, north, step);
  for (const degrees of meridians) line(context, across(degrees, view), true);
  for (const degrees of parallels) line(context, down(degrees, view), false);
  context.stroke();
  if (view.zoom <= NAMES_UNTIL) return;
  context.font = FONT.replace("12px", "10px");
  context.fillStyle = colour.name;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  for (const x of meridians)
    for (const y of parallels)
      context.fillText(place(y, x, digits), across(x, view) + 4, down(y, view) - 4);
}

function steps(from, to, step) {
  const found = [];
  // A margin, as labels may begin in the tile beside.
  for (let i = Math.floor(from / step) - 1; i * step <= to + step; i++) found.push(i * step);
  return found;
}

const across = (degrees, view) => view.point(((degrees + 180) / 360) * TILE, 0)[0];
const down = (degrees, view) => view.point(0, mercator(degrees))[1];

function line(context, at, upright) {
  const middle = Math.round(at) + 0.5;
  context.moveTo(upright ? middle : 0, upright ? 0 : middle);
  context.lineTo(upright ? middle : TILE, upright ? TILE : middle);
}

function place(latitude, longitude, digits) {
  const north = `${Math.abs(latitude).toFixed(digits)}° ${latitude < 0 ? "S" : "N"}`;
  return `${north} ${Math.abs(longitude).toFixed(digits)}° ${longitude < 0 ? "W" : "E"}`;
}

function drawNames(context, world, view, colour) {
  context.font = FONT;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = colour.name;
  for (const { name, at, box } of world.names) {
    const [x, y] = view.point(...at);
    // A name that begins in the tile beside goes on in this one.
    if (Math.abs(x - TILE / 2) > TILE || Math.abs(y - TILE / 2) > TILE) continue;
    const room = (box[2] - box[0]) * view.scale;
    if (context.measureText(name).width < room) context.fillText(name, x, y);
  }
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--map-${name}`).trim();
  return Object.fromEntries(["sea", "land", "line", "grid", "name"].map((key) => [key, colour(key)]));
}

async function load() {
  const [topology] = await Promise.all([
    fetch(OUTLINES).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status))),
    document.fonts.load(FONT).catch(() => null),
  ]);
  const arcs = topology.arcs.map((arc) => decode(arc, topology.transform));
  const polygons = topology.objects.land.geometries.flatMap(polygonsOf);
  return {
    arcs: arcs.map(boxed),
    rings: polygons.flat().map((ring) => boxed(joined(ring, arcs))),
    names: topology.objects.countries.geometries.map((country) => nameOf(country, arcs)),
  };
}

// TopoJSON keeps whole numbers, each as the difference to the one before.
function decode(arc, { scale, translate }) {
  const points = [];
  let [x, y] = [0, 0];
  for (const [dx, dy] of arc) {
    x += dx;
    y += dy;
    points.push(((x * scale[0] + translate[0] + 180) / 360) * TILE);
    points.push(mercator(y * scale[1] + translate[1]));
  }
  return points;
}

function polygonsOf({ type, arcs }) {
  return type === "MultiPolygon" ? arcs : type === "Polygon" ? [arcs] : [];
}

// A negative number is that arc backwards; each begins where the one before ends.
function joined(ring, arcs) {
  return ring.flatMap((number, i) => {
    const points = number < 0 ? reversed(arcs[~number]) : arcs[number];
    return i ? points.slice(2) : points;
  });
}

function reversed(points) {
  const found = [];
  for (let i = points.length - 2; i >= 0; i -= 2) found.push(points[i], points[i + 1]);
  return found;
}

function boxed(points) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    box[0] = Math.min(box[0], points[i]);
    box[1] = Math.min(box[1], points[i + 1]);
    box[2] = Math.max(box[2], points[i]);
    box[3] = Math.max(box[3], points[i + 1]);
  }
  return { points: Float64Array.from(points), box };
}

// In the middle of the largest part, by area.
function nameOf(country, arcs) {
  const rings = polygonsOf(country).map(([outer]) => joined(outer, arcs));
  const { points, at } = rings
    .map((ring) => ({ points: ring, ...middle(ring) }))
    .reduce((largest, other) => (other.area > largest.area ? other : largest));
  return { name: country.properties.name, at, box: boxed(points).box };
}

function middle(points) {
  let [area, x, y] = [0, 0, 0];
  for (let i = 0; i + 3 < points.length; i += 2) {
    const part = points[i] * points[i + 3] - points[i + 2] * points[i + 1];
    area += part;
    x += (points[i] + points[i + 2]) * part;
    y += (points[i + 1] + points[i + 3]) * part;
  }
  return { area: Math.abs(area), at: area ? [x / area / 3, y / area / 3] : points.slice(0, 2) };
}

function mercator(latitude) {
  const radians = (Math.max(-NEAREST_POLE, Math.min(NEAREST_POLE, latitude)) * Math.PI) / 180;
  return TILE * (0.5 - Math.asinh(Math.tan(radians)) / (2 * Math.PI));
}

function latitude(y) {
  return (Math.atan(Math.sinh((0.5 - y / TILE) * 2 * Math.PI)) * 180) / Math.PI;
}
