// Makes two of Plotly's download button, SVG and PNG, in the toolbar of every figure; gives the file a name that says what the figure is,
// and a white ground with dark text whatever the theme: for the moment of the click the figure is laid out as on paper.

const TITLE = {svg: 'Download as SVG', png: 'Download as PNG'};

function label(button, format) {
  button.dataset.format = format;
  button.dataset.title = TITLE[format];
  button.setAttribute('aria-label', TITLE[format]);
  button.setAttribute('role', 'button');
  button.tabIndex = 0;
  const word = document.createElement('span');
  word.textContent = format.toUpperCase();
  word.style.cssText = 'font: 600 11px/1.6 sans-serif; color: inherit;';
  button.replaceChildren(word);
  button.style.color = 'inherit';
}

function offer(plot) {
  const own = [...plot.querySelectorAll('.modebar-btn')].find((button) => /^Download plot/.test(button.dataset.title ?? ''));
  if (!own) return;
  const other = own.cloneNode(true);
  label(own, 'svg');
  label(other, 'png');
  other.dataset.copy = 'yes';  // Plotly does not know it
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

function layoutOnPaper(layout, template) {
  const axes = Object.fromEntries(Object.keys(layout).filter((name) => /^[xy]axis/.test(name)).map((name) => {
    const {tickfont, gridcolor, linecolor, zerolinecolor, ...axis} = layout[name];
    return [name, axis];
  }));
  const {color, ...font} = layout.font ?? {};
  const {paper_bgcolor, plot_bgcolor} = template.layout;
  return {...layout, ...axes, paper_bgcolor, plot_bgcolor, font: {...font, ...template.layout.font}, template};
}

function dataOnPaper(data, colours) {
  return data.map((trace) => Array.isArray(trace.colorscale)
    ? {...trace, colorscale: trace.colorscale.map(([share, colour]) => [share, colours[colour] ?? colour])} : trace);
}

export default function ({data: paper}) {
  if (window.forgetscopeDownloads) return;
  window.forgetscopeDownloads = true;
  for (const event of ['pointerover', 'focusin']) {
    document.addEventListener(event, ({target}) => {
      const plot = target.closest?.('.js-plotly-plot');
      if (plot) offer(plot);
    });
  }
  document.addEventListener('keydown', (event) => {
    const button = event.target.closest?.('.modebar-btn[data-format]');
    if (button && ['Enter', ' '].includes(event.key)) {
      event.preventDefault();
      button.click();
    }
  });
  document.addEventListener('click', ({target}) => {
    const button = target.closest?.('.modebar-btn[data-format]:not([data-copy])');
    const plot = button?.closest('.js-plotly-plot');
    if (!plot) return;
    const {layout, data} = plot, {format} = button.dataset;
    plot._context.toImageButtonOptions = {format, filename: nameOf(plot), scale: format === 'png' ? 3 : 1};
    plot.layout = layoutOnPaper(layout, paper.template);
    plot.data = dataOnPaper(data, paper.colours);
    setTimeout(() => Object.assign(plot, {layout, data}));  // Plotly has taken its copy in its own handler of this click
  }, true);
}
