// "Pin to a deck": lists the figures, tables, pictures and sentences that the page shows, and sends the chosen one to Python.
// {decks: [{id, title}], current, said}: said is what came of the last pin. Sends `pin`: {deck, title, kind, ...}.
//
// The page is read when the list is opened, and again when it changes while the list is open: a page that nobody pins costs nothing.

const PAUSE = 500, LINE = 110, LONGEST = 1500, SIDE = 1600; // milliseconds of rest; letters below a figure, of a text; pixels of a picture

const ASIDE = "[data-testid=stIconMaterial], [translate=no], .fs-title span, .fs-pill, summary u"; // names of icons, and what stands beside a heading
function words(element) {
  let text = element?.innerText ?? "";
  for (const one of element?.querySelectorAll(ASIDE) ?? []) text = text.replace(one.innerText, "");
  return text.replace(/[ \t]+/g, " ").replace(/\s*\n\s*/g, "\n").trim();
}
const line = (text) => text.replace(/\s+/g, " ").trim();
const seen = (element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility !== "hidden";
const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

function plain(value) { // what JSON can say of a figure, without the template and what Plotly keeps for itself
  return JSON.parse(JSON.stringify(value, (name, part) =>
    name.startsWith("_") || name === "template" ? undefined : ArrayBuffer.isView(part) ? Array.from(part) : part));
}

function headingAbove(element, main) {
  const all = [...main.querySelectorAll("h1, h2, h3, h4")].filter((one) => one.compareDocumentPosition(element) & 4 && seen(one));
  return line(words(all.at(-1)));
}

function altOf(plot) {
  const held = plot.closest("[data-testid=stPlotlyChart]");
  const labelled = [plot, ...(held ? [held, ...held.querySelectorAll("[aria-label]")] : [])].find((one) =>
    one.getAttribute("aria-label") && !one.closest(".modebar, .forgetscope-downloads, [data-testid=stElementToolbar]"));
  return line(labelled?.getAttribute("aria-label") ?? "");
}

function picture(image) {
  const [width, height] = [image.naturalWidth, image.naturalHeight], share = Math.min(1, SIDE / Math.max(width, height, 1));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const caption = image.closest("figure, [data-testid=stImageContainer], [data-testid=stImage]")?.querySelector("figcaption, [data-testid=stImageCaption]");
  return [cut(words(caption) || image.alt || "", 300), canvas.toDataURL("image/png")];
}

function figures(main) {
  return [...main.querySelectorAll(".js-plotly-plot")].filter((plot) => seen(plot) && plot.data?.length).map((plot) => {
    const alt = altOf(plot), title = headingAbove(plot, main) || alt;
    return {name: alt || title, element: plot, send: () => ({kind: "figure", title, figure: plain({data: plot.data, layout: plot.layout}), [alt.length > LINE ? "notes" : "text"]: alt})};
  });
}

// Of a table that scrolls, which draws itself, the rows and columns in sight; of any, no more than is read from the last row of a room.
const ROWS = 10, COLUMNS = 8, CELL = 60, DIGITS = 7;
// A table that draws itself has its numbers unrounded, and nothing where a value is missing.
const shown = (text) => text === "" ? "–" : text.length > DIGITS && Number.isFinite(Number(text)) ? `${Number(Number(text).toPrecision(3))}` : text;
function tables(main) {
  return [...main.querySelectorAll("[data-testid=stTable], [data-testid=stDataFrame]")].filter(seen).flatMap((holder) => {
    const rows = [...holder.querySelectorAll("[role=row], tr")].map((row) =>
      [...row.querySelectorAll("th, td, [role=columnheader], [role=gridcell]")].map((cell) => shown(line(cell.textContent))));
    const full = rows.filter((row) => row.length), wide = Math.max(0, ...full.map((row) => row.length));
    const even = full.filter((row) => row.length === wide);
    if (even.length < 2) return [];
    const labelled = [holder, ...holder.querySelectorAll("[aria-label]")].filter((one) => !one.closest("[data-testid=stElementToolbar]"))
      .map((one) => one.getAttribute("aria-label")).find(Boolean);
    const title = headingAbove(holder, main) || labelled || "Table", more = even.length > ROWS || wide > COLUMNS;
    return [{name: cut(`${title}${labelled && labelled !== title ? `: ${labelled}` : ""}`, 120), element: holder,
      send: () => ({kind: "table", title, table: even.slice(0, ROWS).map((row) => row.slice(0, COLUMNS).map((cell) => cut(cell, CELL))),
        notes: more ? `The first ${Math.min(ROWS, even.length) - 1} rows and ${Math.min(COLUMNS, wide)} columns of what the page shows.` : ""})}];
  });
}

function pictures(main) {
  const blocks = [...main.querySelectorAll("[data-testid=stHorizontalBlock], [data-testid=stHtml]")], rows = new Map();
  for (const image of main.querySelectorAll("img")) {
    const box = image.getBoundingClientRect();
    if (!seen(image) || Math.min(box.width, box.height) < 40 || image.closest(".run-row, .js-plotly-plot")) continue;
    const row = `${blocks.indexOf(image.closest("[data-testid=stHorizontalBlock]") ?? image.closest("[data-testid=stHtml]"))} ${Math.round(box.top / 8)}`;
    rows.set(row, [...(rows.get(row) ?? []), image]); // what stands side by side is one slide
  }
  return [...rows.values()].map((images) => {
    const title = headingAbove(images[0], main);
    const names = images.map((image) => line(image.alt)).filter(Boolean).join("; ");
    return {name: cut(`${title}${names ? `: ${names}` : ""}`, 120), element: images[0],
      send: () => ({kind: "image", title, pictures: images.slice(0, 8).map(picture)})};
  });
}

function sentences(main) {
  const marks = "h2, h3, h4, p, li, .fs-text, .fs-note summary, .fs-quiet, [data-testid=stAlert], [data-testid=stMetric]";
  const outer = "button, a, label, pre, code, figure, table, .run-row, [data-testid=stAlert], [data-testid=stMetric], [data-testid=stSlider], " +
    "[data-testid=stWidgetLabel], [data-testid=stTooltipContent], [data-testid=stElementToolbar]";
  const parts = [...main.querySelectorAll(marks)].filter((one) => seen(one) && words(one) && !one.parentElement.closest(`${outer}, summary, p, li`));
  const found = [];
  let under = null; // the heading whose paragraphs come
  for (const part of parts) {
    if (/^H\d$/.test(part.tagName)) {
      under = {title: line(words(part)), texts: [], element: part};
      found.push(under);
    } else if (part.dataset.testid === "stMetric") {
      const [label, value] = ["stMetricLabel", "stMetricValue"].map((id) => line(words(part.querySelector(`[data-testid=${id}]`))));
      found.push({title: `${label}: ${value}`, texts: [], element: part});
    } else if (under && under.texts.join(" ").length + words(part).length < 600 && part.dataset.testid !== "stAlert") {
      under.texts.push(words(part));
    } else if (words(part).length > 15) {
      found.push({title: headingAbove(part, main) || "", texts: [words(part)], element: part, own: true});
      under = null;
    }
  }
  return found.map(({title, texts, element, own}) => ({
    name: cut(line(own ? texts[0] : [title, texts[0]].filter(Boolean).join(": ")), 110), element,
    send: () => ({kind: "text", title, text: cut(texts.join("\n"), LONGEST)}),
  }));
}

export default function ({ data, parentElement, setTriggerValue }) {
  const app = document.querySelector("[data-testid=stApp]");
  let box = parentElement.querySelector(".forgetscope-pins");
  const fresh = !box;
  if (fresh) {
    box = document.createElement("details");
    box.className = "forgetscope-pins";
    box.innerHTML = `<summary>Pin to a deck</summary><label>Deck <select></select></label>
      <label class="naming">Title of the new deck <input maxlength="200"></label>
      <p class="said" role="status"></p><div class="list"></div>`;
    parentElement.append(box);
  }
  const [chosen, title, naming, said, list] = ["select", "input", ".naming", ".said", ".list"].map((name) => box.querySelector(name));
  const option = (value, text) => Object.assign(document.createElement("option"), {value, textContent: text});
  chosen.replaceChildren(...data.decks.map((deck) => option(deck.id, deck.title)), option("", "New deck"));
  if (data.said) delete box.dataset.picked; // what was pinned last decides, until another deck is picked
  chosen.value = box.dataset.picked ?? data.current;
  title.placeholder = data.fresh;
  const named = () => naming.hidden = chosen.value !== "";
  chosen.onchange = () => {
    box.dataset.picked = chosen.value;
    named();
  };
  named();
  said.textContent = data.said ? `${data.said} ` : "";
  if (data.said && data.current) {
    const link = Object.assign(document.createElement("a"), {textContent: "Show it on the stage", target: "_blank"});
    link.href = new URL(`stage/${data.current}#${data.count}`, document.baseURI).href;
    said.append(link);
  }

  function read() {
    const main = document.querySelector("[data-testid=stMain]");
    if (!main || !box.open) return;
    const focused = list.contains(document.activeElement) ? [...list.querySelectorAll("button")].indexOf(document.activeElement) : -1;
    const groups = [["Figures", figures(main)], ["Tables", tables(main)], ["Pictures", pictures(main)], ["Sentences", sentences(main)]].filter(([, items]) => items.length);
    list.replaceChildren(...groups.flatMap(([group, items]) => {
      const head = Object.assign(document.createElement("h4"), {textContent: group}), lines = document.createElement("ul");
      lines.append(...items.map(item));
      return [head, lines];
    }));
    if (focused >= 0) list.querySelectorAll("button")[focused]?.focus({preventScroll: true});
    if (!groups.length) list.textContent = "This page shows nothing yet that could be pinned.";
  }

  function item({name, element, send}) {
    const entry = document.createElement("li"), button = document.createElement("button");
    button.textContent = name || "Without a name";
    button.setAttribute("aria-label", `Pin: ${name || "without a name"}`);
    const mark = (on) => element.classList.toggle("forgetscope-pinned", on);
    for (const [event, on] of [["pointerenter", true], ["pointerleave", false], ["focus", true], ["blur", false]]) {
      button.addEventListener(event, () => mark(on));
    }
    button.addEventListener("click", () => {
      try {
        mark(false);
        const source = `${location.pathname}${location.search}`.slice(0, 1000);
        setTriggerValue("pin", {...send(), deck: chosen.value, new_title: title.value, source});
        said.textContent = "Pinning …";
      } catch {
        said.textContent = "The browser lets nothing be read of this picture.";
      }
    });
    entry.append(button);
    return entry;
  }

  let waiting = 0;
  const watched = new MutationObserver((changes) => {
    if (!box.open || changes.every((change) => parentElement.contains(change.target))) return;
    clearTimeout(waiting);
    waiting = setTimeout(read, PAUSE);
  });
  watched.observe(app, {childList: true, subtree: true, characterData: true});
  box.ontoggle = read;
  read();
  return () => {
    watched.disconnect();
    clearTimeout(waiting);
  };
}
