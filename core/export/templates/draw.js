// Draws every figure where it stands, and offers each as SVG and PNG.
(async () => {
  await unpacked();
  const template = JSON.parse(document.getElementById('on-white').textContent);
  const still = (plot) => ({data: plot.data, layout: {...plot.layout, sliders: []}});  // a picture has nothing to drag
  const size = (plot) => ({width: plot.offsetWidth, height: plot._fullLayout.height});
  const download = (format) => ({
    name: format,
    title: `Download as ${format.toUpperCase()}`,
    icon: Plotly.Icons.camera,
    click: (plot) => Plotly.downloadImage(still(plot), {...size(plot), format, filename: plot.dataset.name, scale: format === 'png' ? 3 : 1}),
  });
  const config = {displaylogo: false, displayModeBar: true, responsive: true, modeBarButtons: [[download('svg'), download('png')]]};
  for (const plot of document.querySelectorAll('.plot')) {
    const figure = JSON.parse(plot.querySelector('script').textContent);
    plot.replaceChildren();
    await Plotly.newPlot(plot, figure.data, {...figure.layout, template}, config);
    for (const button of plot.querySelectorAll('.modebar-btn')) {
      button.addEventListener('keydown', (event) => ['Enter', ' '].includes(event.key) && (event.preventDefault(), button.click()));
      button.setAttribute('role', 'button');
      button.setAttribute('tabindex', '0');
      button.textContent = button.dataset.title.slice(-3);
      button.setAttribute('aria-label', `${button.dataset.title}: ${plot.closest('figure').querySelector('h3').textContent}`);
    }
    plot.dataset.drawn = 'yes';
  }
  if (location.hash === '#svg') {  // asked for by core.export.figure_files
    const drawn = {};
    for (const plot of document.querySelectorAll('.plot')) {
      const address = await Plotly.toImage(still(plot), {...size(plot), format: 'svg'});
      drawn[plot.id.replace('figure-', '')] = decodeURIComponent(address.slice(address.indexOf(',') + 1));
    }
    const told = document.createElement('script');
    told.type = 'application/json';
    told.id = 'drawn';
    told.textContent = JSON.stringify(drawn).replaceAll('<', '\\u003c');
    document.body.append(told);
  }
  document.documentElement.dataset.drawn = 'yes';
})();
