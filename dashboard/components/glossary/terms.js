// Terms of the glossary in the text of a page: dotted, and a click opens the entry. {terms: [{key, names, name, sentence, source}]}.
//
// The marks are CSS highlights, which leave the page's elements as Streamlit made them. The first place of each term is marked, every
// time that the text changes; never inside buttons, links, fields, pictures or code. A button in the sidebar lists the same terms, for
// whoever uses the keyboard. Where a browser has no CSS highlights, the list alone remains.

const MARK = "glossary", PAUSE = 400; // milliseconds of rest before the text is read again
const FAR = 80; // pixels that a term may be scrolled away from where its entry was opened
const PASSIVE = "button, a, input, textarea, select, svg, canvas, code, pre, iframe, [role=button], [role=tab], [role=option], [contenteditable]";
const CAPITALS = /^[A-ZΑ-Ω0-9-]{2,}$/u; // SSD, AUC: never the letters of another word

const ends = new WeakMap(); // place on the page -> what undoes what stands there: another theme calls once more

export default function ({ data, parentElement }) {
  ends.get(parentElement)?.();
  const ended = new AbortController(), listen = { signal: ended.signal };
  const entries = new Map();
  data.terms.forEach((term) => term.names.forEach((name) => entries.set(name.toLowerCase(), term)));
  const names = data.terms.flatMap((term) => term.names).sort((a, b) => b.length - a.length);
  const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${escaped.join("|")})(?![\\p{L}\\p{N}_])`, "giu");
  const acronyms = new Set(names.filter((name) => CAPITALS.test(name)));
  const upper = new Set([...acronyms].map((name) => name.toLowerCase()));
  let places = [], waiting = 0, pointing = 0;
  let back = null; // what had the focus before the card
  let place = null, opened = 0; // what the card belongs to, and its top when the card was opened

  const box = document.createElement("details"), summary = document.createElement("summary"), list = document.createElement("ul");
  box.className = "forgetscope-terms";
  box.append(summary, list);
  parentElement.append(box); // beside the styles, which Streamlit puts there

  const card = document.createElement("div");
  card.className = "forgetscope-term";
  card.setAttribute("role", "dialog");
  card.hidden = true;
  document.body.append(card);

  function read() {
    const main = document.querySelector("[data-testid=stMain]");
    if (!main) return;
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT, (node) =>
      node.data.trim().length < 2 || node.parentElement.closest(PASSIVE) || node.parentElement.closest("label")?.querySelector("input")
        ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const seen = new Map();
    while (walker.nextNode()) {
      for (const match of walker.currentNode.data.matchAll(pattern)) {
        const word = match[0], small = word.toLowerCase();
        if (upper.has(small) && !acronyms.has(word)) continue;
        const term = entries.get(small);
        if (seen.has(term.key) || !walker.currentNode.parentElement.getClientRects().length) continue;
        const range = new Range();
        range.setStart(walker.currentNode, match.index);
        range.setEnd(walker.currentNode, match.index + word.length);
        seen.set(term.key, { range, term });
      }
    }
    places = [...seen.values()];
    if (window.CSS?.highlights) CSS.highlights.set(MARK, new Highlight(...places.map((place) => place.range)));
    const shown = places.map((place) => place.term).sort((a, b) => a.name.localeCompare(b.name));
    summary.textContent = `Terms on this page (${shown.length})`;
    list.replaceChildren(...shown.map(item));
    box.hidden = !shown.length;
  }

  function item(term) {
    const line = document.createElement("li"), button = document.createElement("button");
    button.textContent = term.name;
    button.addEventListener("click", () => open(term, button, button));
    line.append(button);
    return line;
  }

  function under(event) {
    const caret = document.caretPositionFromPoint?.(event.clientX, event.clientY);
    const [node, offset] = caret ? [caret.offsetNode, caret.offset] : [null, 0];
    if (node?.nodeType !== Node.TEXT_NODE) return null; // in a field the offset counts letters, and there are no children
    return places.find(({ range }) => range.isPointInRange(node, offset) &&
      [...range.getClientRects()].some((area) => event.clientX >= area.left && event.clientX <= area.right &&
        event.clientY >= area.top && event.clientY <= area.bottom));
  }

  function open(term, owner, from) {
    const at = owner.getBoundingClientRect();
    [place, opened] = [owner, at.top];
    const title = document.createElement("strong"), text = document.createElement("p"), link = document.createElement("a");
    title.textContent = term.name;
    text.textContent = term.sentence;
    link.textContent = "Open in the glossary";
    link.href = new URL(`guide?chapter=glossary&term=${encodeURIComponent(term.key)}`, location.href).href;
    link.target = "_blank";
    card.setAttribute("aria-label", `Glossary: ${term.name}`);
    const parts = [title, text];
    if (term.source) {
      const source = document.createElement("small");
      source.textContent = term.source;
      parts.push(source);
    }
    card.replaceChildren(...parts, link);
    const page = getComputedStyle(document.querySelector("[data-testid=stApp]"));
    [card.style.color, card.style.background] = [page.color, page.backgroundColor];
    card.hidden = false;
    const wide = Math.min(340, innerWidth - 16);
    card.style.width = `${wide}px`;
    card.style.left = `${Math.max(8, Math.min(at.left, innerWidth - wide - 8))}px`;
    const below = at.bottom + 6 + card.offsetHeight < innerHeight;
    card.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - 6 - card.offsetHeight)}px`;
    back = from;
    if (from) link.focus();
  }

  function close() {
    card.hidden = true;
    back?.focus();
    back = null;
  }

  document.addEventListener("click", (event) => {
    if (card.contains(event.target) || parentElement.contains(event.composedPath()[0])) return;
    const found = under(event);
    if (found) open(found.term, found.range, null);
    else if (!card.hidden) close();
  }, listen);
  document.addEventListener("keydown", (event) => event.key === "Escape" && !card.hidden && close(), listen);
  document.addEventListener("scroll", () => {
    if (!card.hidden && Math.abs(place.getBoundingClientRect().top - opened) > FAR) close();
  }, { ...listen, capture: true, passive: true });
  document.addEventListener("pointermove", (event) => {
    cancelAnimationFrame(pointing);
    pointing = requestAnimationFrame(() => document.documentElement.classList.toggle("forgetscope-on-term", !!under(event)));
  }, { ...listen, passive: true });

  const watched = new MutationObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(read, PAUSE);
  });
  watched.observe(document.querySelector("[data-testid=stApp]"), { childList: true, subtree: true, characterData: true });
  read();

  const end = () => {
    ended.abort();
    watched.disconnect();
    clearTimeout(waiting);
    cancelAnimationFrame(pointing);
    card.remove();
    box.remove();
    document.documentElement.classList.remove("forgetscope-on-term");
    window.CSS?.highlights?.delete(MARK);
    ends.delete(parentElement);
  };
  ends.set(parentElement, end);
  return end;
}
