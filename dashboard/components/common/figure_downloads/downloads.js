// Offers every figure of a page as SVG and PNG: two buttons above its right upper corner, seen under the pointer and with the keyboard.
// {template, colours, script}: how a figure looks on paper, what a colour of the dark theme is there, and where Plotly's script is.
//
// The buttons are made once a page rests, or for a figure that is pointed at before; nothing of the page is measured until one is used.
// Streamlit keeps its Plotly to itself, so the first click loads the script from this server. It draws a copy of the figure, laid out as
// on paper, into a file whose name says what the figure is. The figure that is shown stays as it is.

const FORMATS = {svg: 1, png: 3}; // pixels of the file for each of the page
const HOLDER = '[data-testid=stPlotlyChart]', PLOT = '.js-plotly-plot', BAR = 'forgetscope-downloads';
const SOLID = `${PLOT}, img, canvas, button, input, textarea, summary, a, [role=radio], [role=tab], [role=slider]`;
const REST = 300, LONGEST = 100; // milliseconds after a change; letters of a button's name
const rested = window.requestIdleCallback ?? ((act) => setTimeout(act));

let plotly = null;
function loaded(address) {
  plotly ??= new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = new URL(address, document.baseURI).href;
    script.onload = () => done(window.Plotly);
    script.onerror = () => {
      script.remove();
      plotly = null; // the next click asks again
      failed(new Error('no answer'));
    };
    document.head.append(script);
  });
  return plotly;
}

function nameOf(plot) {
  const key = plot.closest('[class*="st-key-"]')?.className.match(/st-key-([\w-]+)/)?.[1] ?? 'figure';
  const page = location.pathname.split('/').filter(Boolean).pop() ?? 'unlearn';
  const asked = new URLSearchParams(location.search);
  return ['forgetscope', page, key, asked.get('run') ?? asked.get('study')].filter(Boolean).join('-').replace(/[^\w.-]+/g, '-');
}

function copied(value, colours) { // with the colours of a light ground, and without what Plotly keeps for itself
  if (typeof value === 'string') return colours.get(value) ?? value;
  if (Array.isArray(value)) return value.map((one) => copied(one, colours));
  if (ArrayBuffer.isView(value)) return value.slice();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !name.startsWith('_')).map(([name, part]) => [name, copied(part, colours)]));
}

function layoutOnPaper(layout, template) {
  const axes = Object.fromEntries(Object.keys(layout).filter((name) => /^[xy]axis/.test(name)).map((name) => {
    const {tickfont, gridcolor, linecolor, zerolinecolor, ...axis} = layout[name];
    return [name, axis];
  }));
  const {color, ...font} = layout.font ?? {};
  const {paper_bgcolor, plot_bgcolor} = template.layout;
  return {...layout, ...axes, paper_bgcolor, plot_bgcolor, font: {...font, ...template.layout.font}, template};
}

function onPaper(plot, {template, colours}) {
  const light = new Map(Object.entries(colours)), {template: _, ...layout} = plot.layout;
  return {data: copied(plot.data, light), layout: layoutOnPaper(copied(layout, light), copied(template, light))};
}

async function download(holder, bar, format, paper) {
  const plot = holder.querySelector(PLOT), said = bar.querySelector('output');
  if (!plot?._fullLayout || bar.ariaBusy === 'true') return;
  bar.ariaBusy = 'true';
  said.textContent = '';
  try {
    const figure = onPaper(plot, paper), {width, height} = plot._fullLayout, filename = nameOf(plot);
    await (await loaded(paper.script)).downloadImage(figure, {format, width, height, filename, scale: FORMATS[format]});
  } catch (wrong) {
    console.error(wrong);
    said.textContent = 'No file could be made: is the server still there?';
  }
  bar.ariaBusy = 'false';
}

function made(holder, paper) {
  const bar = document.createElement('div');
  bar.className = BAR;
  bar.setAttribute('role', 'group');
  bar.setAttribute('aria-label', 'Download');
  for (const format of Object.keys(FORMATS)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = format.toUpperCase();
    button.title = `Download as ${button.textContent}`;
    button.addEventListener('click', () => download(holder, bar, format, paper));
    bar.append(button);
  }
  bar.append(document.createElement('output')); // says what went wrong
  const container = holder.closest('[data-testid=stElementContainer]');
  // Here and not in a rule with :has(), for which a browser looks through the page again at whatever changes on it.
  if (container) Object.assign(container.style, {minWidth: 0, overflow: 'visible'});
  holder.append(bar);
  return bar;
}

function offer(holder, paper) {
  if (!holder.querySelector(PLOT)) return;
  const bar = holder.querySelector(`:scope > .${BAR}`) ?? made(holder, paper);
  for (const button of bar.querySelectorAll('button')) {
    const name = [button.title, holder.ariaLabel].filter(Boolean).join(': ').slice(0, LONGEST);
    if (button.ariaLabel !== name) button.ariaLabel = name;
  }
}

function free(left, top, width, height, holder) { // whether no words, picture or control outside of the figure stand there
  const found = new Set([0, 0.25, 0.5, 0.75, 1].flatMap((x) => [0.1, 0.5, 0.9].flatMap((y) =>
    document.elementsFromPoint(left + x * width, top + y * height))));
  const range = document.createRange();
  return [...found].filter((one) => !holder.contains(one)).every((one) => !one.closest(SOLID) && [...one.childNodes].every((node) => {
    if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) return true;
    range.selectNodeContents(node);
    return [...range.getClientRects()].every((box) =>
      box.right <= left || box.left >= left + width || box.bottom <= top || box.top >= top + height);
  }));
}

function place(holder) { // above the figure, or below it where only there is room
  const bar = holder.querySelector(`:scope > .${BAR}`);
  if (!bar) return;
  const {width, height} = bar.getBoundingClientRect(), {right, top, bottom} = holder.getBoundingClientRect(), left = right - width;
  const below = bottom + height <= innerHeight && !free(left, top - height, width, height, holder) && free(left, bottom, width, height, holder);
  bar.classList.toggle('below', below);
}

export default function ({data: paper}) {
  if (window.forgetscopeDownloads) return;
  window.forgetscopeDownloads = true;
  let at = null, waiting = 0;
  for (const event of ['pointerover', 'focusin']) {
    document.addEventListener(event, ({target}) => {
      const holder = target.closest?.(HOLDER) ?? null;
      if (holder && holder !== at) {
        offer(holder, paper);
        place(holder);
      }
      at = holder;
    });
  }
  const all = () => {
    waiting = 0;
    document.querySelectorAll(HOLDER).forEach((holder) => offer(holder, paper));
  };
  const soon = () => waiting ||= setTimeout(() => rested(all), REST);
  new MutationObserver(soon).observe(document.body, {childList: true, subtree: true});
  soon();
}
