// The pictures of map_hover.js: the small maps, and one image enlarged.

const NEAR = 10, RING = 6.5, CHOSEN = 3.5, MANY = 60, PAD = 10, PICTURE = 96; // pixels, but MANY: rings
const STEPS = 65535; // map_linked.STEPS
const ORDER = [[3, 0.25], [1, 0.45], [2, 0.5], [0, 0.6]]; // sets, and how pale; what was to forget is drawn last, over the rest

function draw(map, of, place, chosen) {
  const width = map.canvas.clientWidth, height = map.canvas.clientHeight, count = of.set.length;
  if (!width || !height) return;
  const theme = getComputedStyle(place.host ?? place);
  map.ink = theme.getPropertyValue("--st-text-color").trim() || "#808890";
  map.paper = theme.getPropertyValue("--st-background-color").trim() || "#ffffff";
  [map.width, map.height] = [width, height];
  [map.x, map.y] = [new Float32Array(count), new Float32Array(count)];
  for (let row = 0; row < count; row += 1) {
    [map.x[row], map.y[row]] = at(map, map.network.places, row);
  }
  sharp(map.canvas, width, height);
  map.points = document.createElement("canvas");
  sharp(map.points, width, height);
  const pen = map.points.getContext("2d");
  for (const [set, pale] of ORDER) {
    pen.fillStyle = pen.strokeStyle = of.sets[set].colour;
    pen.globalAlpha = pale;
    const paint = of.sets[set].look === "full" ? "fillRect" : "strokeRect";
    for (let row = 0; row < count; row += 1) {
      if (of.set[row] === set) pen[paint](map.x[row] - 1, map.y[row] - 1, 2, 2);
    }
  }
  pen.strokeStyle = map.ink;
  [pen.globalAlpha, pen.lineWidth] = chosen.length > MANY ? [0.5, 1] : [1, 1]; // many rings leave the points to be seen
  for (const row of chosen) dot(pen, map.x[row], map.y[row], CHOSEN, "stroke");
}

function at(map, places, row) {
  return [
    PAD + (places[2 * row] / STEPS) * (map.width - 2 * PAD),
    map.height - PAD - (places[2 * row + 1] / STEPS) * (map.height - 2 * PAD),
  ];
}

// The image ringed, and its way from where the original has it.
function mark(map, of, row) {
  if (!map.points) return;
  const pen = map.canvas.getContext("2d");
  pen.clearRect(0, 0, map.width, map.height);
  pen.drawImage(map.points, 0, 0, map.width, map.height);
  if (row === null) return;
  const x = map.x[row], y = map.y[row], [fromX, fromY] = at(map, of.networks[0].places, row);
  const far = Math.hypot(x - fromX, y - fromY);
  for (const [colour, wider] of [[map.paper, 3], [map.ink, 0]]) { // paper below ink: readable over any points
    pen.strokeStyle = pen.fillStyle = colour;
    if (far > RING) {
      pen.lineWidth = 1.5 + wider;
      pen.beginPath();
      pen.moveTo(fromX, fromY);
      pen.lineTo(x - ((x - fromX) * RING) / far, y - ((y - fromY) * RING) / far);
      pen.stroke();
      dot(pen, fromX, fromY, 2.5 + wider / 2, "fill");
    }
    pen.lineWidth = 2 + wider;
    dot(pen, x, y, RING, "stroke");
  }
  pen.fillStyle = of.sets[of.set[row]].colour;
  dot(pen, x, y, 3, "fill");
}

function dot(pen, x, y, radius, paint) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen[paint]();
}

// The row of the nearest point within NEAR, else null.
function nearest(map, x, y) {
  if (!map.points) return null;
  let best = null, least = NEAR * NEAR;
  for (let row = 0; row < map.x.length; row += 1) {
    const away = (map.x[row] - x) ** 2 + (map.y[row] - y) ** 2;
    if (away <= least) [best, least] = [row, away];
  }
  return best;
}

function cut(of, canvas, atlas, row) {
  const { width, height, columns } = of.atlas;
  const dense = sharp(canvas, PICTURE, PICTURE), pen = canvas.getContext("2d");
  const scale = Math.max(1, Math.floor((PICTURE * dense) / Math.max(width, height))) / dense;
  const across = width * scale, down = height * scale;
  const column = row % columns, line = Math.floor(row / columns);
  pen.imageSmoothingEnabled = false;
  pen.clearRect(0, 0, PICTURE, PICTURE);
  pen.drawImage(atlas, column * width, line * height, width, height, (PICTURE - across) / 2, (PICTURE - down) / 2, across, down);
}

// A canvas has as many pixels as the screen, and is drawn to in those of the page. Returns how many of the former make a latter.
function sharp(canvas, width, height) {
  const dense = window.devicePixelRatio || 1, across = Math.round(width * dense), down = Math.round(height * dense);
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  canvas.getContext("2d").setTransform(dense, 0, 0, dense, 0, 0);
  return dense;
}
