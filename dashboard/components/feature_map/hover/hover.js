// The image under the pointer, at once under every network: what is shown when. map_hover.py puts the other parts after this.
//
// Two instances stand on the page: one has the map's data (map_linked.py) and a face; the other, {open: row, chosen: rows}, only
// says whose card is open and what is chosen to be forgotten, so that a click does not send the data again. Streamlit calls the
// function below once more with other data or another theme, and what it returned last when the instance leaves the page.

const PLOT = ".st-key-map_figure .js-plotly-plot";
const PAUSE = 250; // milliseconds without a further step, before it is spoken of

// Small maps wait until the browser has drawn what is asked for first, the large one. Not every browser knows idle times.
const later = window.requestIdleCallback
  ? { ask: (does, how) => window.requestIdleCallback(does, how), cancel: (id) => window.cancelIdleCallback(id) }
  : { ask: (does) => setTimeout(does, 50), cancel: (id) => clearTimeout(id) };

let open = null, chosen = [];
const faces = new Map(); // place on the page -> face

export default function ({ data, parentElement, setTriggerValue }) {
  if ("open" in data) {
    [open, chosen] = [data.open, data.chosen];
    faces.forEach((face) => face.rest());
    return () => {
      [open, chosen] = [null, []];
      faces.forEach((face) => face.rest());
    };
  }
  faces.get(parentElement)?.end();
  faces.set(parentElement, faceOf(unpacked(data), parentElement, (row) => setTriggerValue("opened", row)));
  return () => {
    faces.get(parentElement)?.end();
    faces.delete(parentElement);
  };
}

function faceOf(of, place, ask) {
  const parts = build(of, place);
  const ended = new AbortController(), listen = { signal: ended.signal };
  const atlas = of.atlas ? new Image() : null;
  let hovered = null, stepped = null, speaking = 0, drawing = 0, ringed = "";

  function show() {
    const [row, title] = [
      [hovered, "Under the pointer"],
      [stepped, `Forget image ${Number(parts.slider.value) + 1} of ${of.steps.length}`],
      [open, "The open image"],
    ].find(([found]) => found !== null && found < of.set.length) ?? [null, ""];
    parts.shown.hidden = row === null;
    parts.hint.hidden = row !== null;
    parts.root.classList.toggle("empty", row === null);
    if (row !== null) tell(of, parts, row, title);
    if (row !== null && atlas?.complete && atlas.naturalWidth) cut(of, parts.picture, atlas, row);
    parts.maps.forEach((map) => mark(map, of, row));
  }

  function paint() {
    const rows = chosen.filter((row) => row < of.set.length);
    ringed = String(chosen);
    parts.chosen.hidden = !rows.length;
    parts.chosen.textContent = `small rings: the ${rows.length} chosen to be forgotten`;
    parts.maps.forEach((map) => draw(map, of, place, rows));
    show();
  }

  function soon() {
    later.cancel(drawing);
    drawing = later.ask(paint, { timeout: 500 });
  }

  function rest() {
    hovered = null;
    show();
    if (String(chosen) !== ringed) soon();
  }

  function hover(row) {
    if (row === hovered) return;
    hovered = row;
    show();
  }

  function step() {
    const at = Number(parts.slider.value), row = of.steps[at];
    [hovered, stepped] = [null, row];
    parts.slider.setAttribute("aria-valuetext", `${at + 1} of ${of.steps.length}`);
    show();
    clearTimeout(speaking);
    speaking = setTimeout(() => { parts.spoken.textContent = sentence(of, row); }, PAUSE);
  }

  for (const map of parts.maps) {
    const over = (event) => hover(nearest(map, event.offsetX, event.offsetY));
    map.canvas.addEventListener("pointermove", over, listen);
    map.canvas.addEventListener("pointerdown", over, listen);
    // A finger is lifted as soon as it has pointed; what it showed stays.
    map.canvas.addEventListener("pointerleave", (event) => event.pointerType === "touch" || hover(null), listen);
    map.canvas.addEventListener("click", () => hovered === null || ask(hovered), listen);
  }
  parts.slider.addEventListener("input", step, listen);
  parts.slider.addEventListener("focus", step, listen);
  parts.slider.addEventListener("keydown", (event) => event.key !== "Enter" || ask(of.steps[Number(parts.slider.value)]), listen);
  parts.slider.addEventListener("blur", () => { stepped = null; show(); }, listen);
  const leavePlot = follow(hover, listen);
  const sized = new ResizeObserver(soon);
  parts.maps.forEach((map) => sized.observe(map.canvas));
  if (atlas) {
    atlas.addEventListener("load", show, listen);
    atlas.src = of.atlas.url;
  }
  show();

  function end() {
    ended.abort();
    clearTimeout(speaking);
    sized.disconnect();
    later.cancel(drawing);
    leavePlot();
    parts.root.remove();
  }
  return { rest, end };
}

// The large map. Plotly may make it anew at any time, and forgets its listeners then: they are renewed as the pointer comes.
function follow(hover, listen) {
  let plot = null;
  const over = (event) => {
    const given = event.points[0]?.customdata;
    const row = Array.isArray(given) ? given[0] : given;
    if (Number.isInteger(row)) hover(row);
  };
  const out = () => hover(null);
  const leave = () => {
    plot?.removeListener?.("plotly_hover", over);
    plot?.removeListener?.("plotly_unhover", out);
  };
  document.addEventListener("pointerover", (event) => {
    const found = event.target.closest?.(PLOT);
    leave();
    if (!found && plot) hover(null);
    plot = found?.on ? found : null;
    plot?.on("plotly_hover", over);
    plot?.on("plotly_unhover", out);
  }, listen);
  return leave;
}
