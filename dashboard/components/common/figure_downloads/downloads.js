// Gives Plotly's download button of every figure a second one beside it (SVG and PNG), a file name that says what the figure is, and a
// white ground with dark text whatever the theme: for the moment of the click the figure is laid out as on paper.

const TITLE = {svg: 'Download as SVG', png: 'Download as PNG'};

function buttonsOf(plot) {
  return [...plot.querySelectorAll('.modebar-btn')].filter((button) => /Download plot/.test(button.dataset.title ?? ''));
}

function offer(plot) {
  const [own] = buttonsOf(plot);
  if (!own || own.dataset.format) return;
  own.dataset.format = 'svg';
  own.setAttribute('aria-label', TITLE.svg);
  const other = own.cloneNode(true);
  other.dataset.format = 'png';
  other.dataset.title = TITLE.png;
  other.setAttribute('aria-label', TITLE.png);
  other.addEventListener('click', () => {
    own.dataset.format = 'png';
    own.click();
    own.dataset.format = 'svg';
  });
  own.after(other);
}

function nameOf(plot) {
  const key = plot.closest('[class*="st-key-"]')?.className.match(/st-key-([\w-]+)/)?.[1] ?? 'figure';
  const page = location.pathname.split('/').filter(Boolean).pop() ?? 'unlearn';
  const asked = new URLSearchParams(location.search);
  return ['forgetscope', page, key, asked.get('run') ?? asked.get('study')].filter(Boolean).join('-').replace(/[^\w.-]+/g, '-');
}

function onPaper(layout, paper) {
  const axes = Object.fromEntries(Object.keys(layout).filter((name) => /^[xy]axis/.test(name)).map((name) => {
    const {tickfont, gridcolor, linecolor, zerolinecolor, ...axis} = layout[name];
    return [name, axis];
  }));
  const {color, ...font} = layout.font ?? {};
  const {paper_bgcolor, plot_bgcolor} = paper.layout;
  return {...layout, ...axes, paper_bgcolor, plot_bgcolor, font: {...font, ...paper.layout.font}, template: paper};
}

export default function ({data}) {
  if (window.forgetscopeDownloads) return;
  window.forgetscopeDownloads = true;
  for (const event of ['pointerover', 'focusin']) {
    document.addEventListener(event, ({target}) => {
      const plot = target.closest?.('.js-plotly-plot');
      if (plot) offer(plot);
    });
  }
  document.addEventListener('click', ({target}) => {
    const button = target.closest?.('.modebar-btn');
    const plot = button?.closest('.js-plotly-plot');
    if (!plot || button !== buttonsOf(plot)[0]) return;
    offer(plot);
    const {layout} = plot;
    const format = button.dataset.format;
    plot._context.toImageButtonOptions = {format, filename: nameOf(plot), scale: format === 'png' ? 3 : 1};
    plot.layout = onPaper(layout, data);
    setTimeout(() => { plot.layout = layout; });  // Plotly has taken its copy in its own handler of this click
  }, true);
}
