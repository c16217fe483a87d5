// Bars by class. {rows: [{key, label, guess, marks: [[mark, share]], points}], looks: {mark: [glyph, colour, title]}, done: whether the truth
// is shown}. A bar that is let go sends all guesses. Words are set as text, never as markup.

const faces = new WeakMap(); // place on the page -> what stands there: the bars outlive a run of the script, and keep the focus
const PAUSE = 400; // milliseconds without a further key, before a guess is sent
const KEYS = { ArrowUp: 0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 };

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const percent = (share) => `${Math.round(100 * share)}`;

function columnOf(row, face) {
  const fill = element("div", { class: "fill" }), value = element("div", { class: "value" }), marks = element("div", { class: "marks" });
  const track = element("div", { class: "track", role: "slider", tabindex: "0", "aria-orientation": "vertical", "aria-valuemin": "0",
                                 "aria-valuemax": "100" }, fill, marks);
  const label = element("div", { class: "label" }), points = element("div", { class: "points" });
  const column = { root: element("div", { class: "column" }, value, track, label, points), fill, value, marks, track, label, points, row };
  const reach = (event) => {
    const box = track.getBoundingClientRect();
    move(face, column, 1 - (event.clientY - box.top) / box.height);
  };
  track.addEventListener("pointerdown", (event) => {
    if (face.done) return;
    track.setPointerCapture(event.pointerId);
    face.held = column;
    reach(event);
  });
  track.addEventListener("pointermove", (event) => face.held === column && reach(event));
  for (const end of ["pointerup", "pointercancel"]) {
    track.addEventListener(end, () => {
      if (face.held !== column) return;
      face.held = null;
      send(face);
    });
  }
  track.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || face.done) return;
    event.preventDefault();
    event.stopPropagation(); // arrow keys turn the scenes of the story
    move(face, column, column.row.guess + KEYS[event.key]);
    clearTimeout(face.waiting);
    face.waiting = setTimeout(() => send(face), PAUSE);
  });
  track.addEventListener("blur", () => face.waiting && send(face));
  return column;
}

function move(face, column, share) {
  column.row.guess = Math.round(100 * Math.min(1, Math.max(0, share))) / 100;
  show(face, column);
}

function send(face) {
  clearTimeout(face.waiting);
  face.waiting = 0;
  face.tell(Object.fromEntries(face.columns.map(({ row }) => [row.key, row.guess])));
}

function show(face, column) {
  const { row, fill, value, marks, track, label, points } = column;
  fill.style.height = `${100 * row.guess}%`;
  fill.style.borderColor = face.looks.guess[1];
  fill.style.setProperty("--guess", face.looks.guess[1]);
  value.textContent = percent(row.guess);
  label.textContent = row.label;
  label.title = row.name;
  points.textContent = row.points === null ? "" : `${row.points} p.`;
  marks.replaceChildren(...row.marks.map(([mark, share]) => {
    const glyph = element("span", { class: mark, "aria-hidden": "true" }, face.looks[mark][0]);
    glyph.style.bottom = `${100 * share}%`;
    glyph.style.color = face.looks[mark][1];
    return glyph;
  }));
  const known = row.marks.map(([mark, share]) => `${face.looks[mark][2]} ${percent(share)} %`).join(", ");
  track.setAttribute("aria-label", `Accuracy, ${row.name}; ${known}`);
  track.setAttribute("aria-valuenow", percent(row.guess));
  track.setAttribute("aria-valuetext", `${percent(row.guess)} %${row.points === null ? "" : `, ${row.points} points`}`);
  track.setAttribute("aria-disabled", String(face.done));
}

export default function ({ data, parentElement, setStateValue }) {
  let face = faces.get(parentElement);
  const same = face && face.columns.map(({ row }) => row.key).join() === data.rows.map((row) => row.key).join();
  if (!same) {
    face?.root.remove();
    face = { held: null, waiting: 0, columns: [], root: element("div", { class: "bars" }) };
    Object.assign(face, { looks: data.looks, done: data.done });
    face.columns = data.rows.map((row) => columnOf(row, face));
    face.root.append(...face.columns.map((column) => column.root));
    parentElement.append(face.root);
    faces.set(parentElement, face);
  }
  Object.assign(face, { looks: data.looks, done: data.done, tell: (guess) => setStateValue("guess", guess) });
  face.columns.forEach((column, at) => {
    if (face.held || face.waiting) data.rows[at].guess = column.row.guess; // what is under way is newer
    column.row = data.rows[at];
    show(face, column);
  });
  return () => {
    clearTimeout(face.waiting);
    face.root.remove();
    faces.delete(parentElement);
  };
}
