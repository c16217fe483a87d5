// The words of map_hover.js and what they stand in; what comes from data is only ever set as text.

function named(of, row) {
  const label = of.classes[of.label[row]], truth = of.classes[of.truth[row]];
  return of.label[row] === of.truth[row] ? `Class ${label}` : `Labelled ${label} (wrongly, by the request), truly ${truth}`;
}

function origin(of, row) {
  const set = of.sets[of.set[row]];
  return `${set.title}, ${set.part} index ${of.index[row]}`;
}

function sentence(of, row) {
  const answers = of.networks.map((network) => `${network.title}: ${of.classes[network.answers[row]]}, ${network.sure[row]} %`);
  return `${named(of, row)}, ${origin(of, row)}. ${answers.join("; ")}.`;
}

function tell(of, parts, row, title) {
  parts.title.textContent = title;
  parts.name.textContent = parts.name.title = named(of, row); // two lines of it are seen
  parts.origin.textContent = origin(of, row);
  parts.maps.forEach(({ network, answer, number, bar }) => {
    answer.textContent = answer.title = of.classes[network.answers[row]];
    number.textContent = `${network.sure[row]} %`;
    bar.style.width = `${network.sure[row]}%`;
  });
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children); // words become text, never markup
  return made;
}

function build(of, place) {
  const picture = element("canvas", { class: "picture", role: "img", "aria-label": "The image, enlarged" });
  const [title, name, where] = ["title", "name", "origin"].map((kind) => element("p", { class: kind }));
  const shown = element("div", { class: "shown" }, ...(of.atlas ? [picture] : []), element("div", { class: "words" }, title, name, where));
  const hint = element("p", { class: "hint" },
    "Point at an image, on the map or on a small one below: what it is, what each network answers, and where it has it, is shown at once.");
  const maps = of.networks.map(mapOf);
  const chosen = element("span", { hidden: "" });
  const slider = element("input", { type: "range", min: 0, max: Math.max(0, of.steps.length - 1), value: 0, step: 1 });
  const step = element("label", {}, "Step through the forget set (arrow keys; Enter opens)", slider);
  step.hidden = !of.steps.length;
  const spoken = element("p", { class: "spoken", role: "status" });
  const root = element("section", { class: "companion", "aria-label": "One image under all networks" },
    element("div", { class: "top" }, shown, hint),
    element("div", { class: "maps" }, ...maps.map((map) => map.figure), element("div", { class: "beside" }, keyOf(of, chosen), step)), spoken);
  place.append(root);
  return { root, picture, title, name, origin: where, shown, hint, maps, chosen, slider, spoken };
}

// A small map, and below it the network's answer to the image that is shown.
function mapOf(network) {
  const canvas = element("canvas", { role: "img", "aria-label": `Small map: every image where this network has it, ${network.title}` });
  const [answer, number, bar] = ["answer", "number", "bar"].map((kind) => element("span", { class: kind }));
  bar.style.background = network.colour;
  const said = element("p", { class: "said" }, bar, answer, number);
  const figure = element("figure", {}, element("figcaption", {}, network.title), canvas, said);
  return { network, canvas, points: null, figure, answer, number, bar };
}

function keyOf(of, chosen) {
  const kinds = [["to forget", 0], ["kept", 1], ["unseen", 3]].filter(([, set]) => of.set.includes(set));
  const marks = kinds.map(([word, set]) => {
    const square = element("span", { class: `square ${of.sets[set].look}` });
    square.style.color = of.sets[set].colour;
    return element("span", {}, square, word);
  });
  const ringed = element("span", {}, "ringed: this image, with its way from where the original has it");
  return element("p", { class: "key" }, ...marks, ringed, chosen);
}

function numbers(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

function unpacked(data) {
  const networks = data.networks.map((network) => ({
    ...network, places: numbers(network.places, Uint16Array), answers: numbers(network.answers, Uint16Array),
    sure: numbers(network.sure, Uint8Array),
  }));
  return {
    ...data, networks, set: numbers(data.set, Uint8Array), index: numbers(data.index, Uint32Array),
    label: numbers(data.label, Uint16Array), truth: numbers(data.truth, Uint16Array), steps: numbers(data.steps, Uint16Array),
  };
}
