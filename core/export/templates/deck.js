// The stage: one slide at a time, by keyboard, click, swipe or link (#3); figures are drawn for the look, dark or light, and redrawn
// when it changes. Windows with the same deck follow each other, so that one with ?notes is the speaker's.
(() => {
  const root = document.documentElement, slides = [...document.querySelectorAll('.slide')], dots = [...document.querySelectorAll('#dots a')];
  const [overview, back, next] = ['overview', 'back', 'next'].map((id) => document.getElementById(id));
  const looks = JSON.parse(document.getElementById('looks').textContent);
  const asked = new URLSearchParams(location.search);
  const plots = slides.flatMap((slide) => [...slide.querySelectorAll('.plot')]).map((place) =>
    ({place, figure: JSON.parse(place.querySelector('script').textContent)}));
  let now = 0, printing = false, ready = false, following = false;
  const others = location.protocol === 'file:' ? null : new BroadcastChannel(`stage:${location.pathname}`);

  const wanted = () => Math.min(slides.length - 1, Math.max(0, (parseInt(location.hash.slice(1), 10) || 1) - 1));
  const look = () => printing ? 'light' : root.dataset.look;

  function recoloured(part, colours) {
    if (typeof part === 'string') return colours[part.toLowerCase()] ?? part;
    if (Array.isArray(part)) return part.map((one) => typeof one === 'number' ? one : recoloured(one, colours));
    if (part && typeof part === 'object') return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, recoloured(one, colours)]));
    return part;
  }

  async function draw({place, figure}) {
    place.querySelector('script')?.remove();
    const {template, colours} = looks[look()];
    const {data, layout} = recoloured(figure, colours);
    const size = {width: place.clientWidth, height: place.clientHeight};
    await Plotly.react(place, data, {...layout, ...size, template}, {displayModeBar: false, showTips: false});
    place.dataset.drawn = look();
  }

  async function drawAll() {
    if (!ready) return;
    const first = plots.filter(({place}) => slides[now].contains(place));
    for (const plot of [...first, ...plots.filter((one) => !first.includes(one))]) await draw(plot);
    root.dataset.drawn = 'yes';
  }

  function show(place, focus = true) {
    now = place;
    slides.forEach((slide, index) => slide.classList.toggle('now', index === now));
    dots.forEach((dot, index) => index === now ? dot.setAttribute('aria-current', 'true') : dot.removeAttribute('aria-current'));
    document.getElementById('number').textContent = `${now + 1} / ${slides.length}`;
    [back.disabled, next.disabled] = [now === 0, now === slides.length - 1];
    if (overview.open) overview.close();
    if (focus) slides[now].querySelector('h2').focus({preventScroll: true});
    if (!following) others?.postMessage(now);
  }

  const go = (place) => {
    const there = Math.min(slides.length - 1, Math.max(0, place));
    history.replaceState(null, '', `#${there + 1}`);
    show(there);
  };

  function fit() {
    root.style.setProperty('--scale', Math.max(0.5, Math.min(innerWidth / 1280, innerHeight / 560)));
  }

  function toggle(what) {
    if (what === 'dark') root.dataset.look = root.dataset.look === 'dark' ? 'light' : 'dark';
    if (what === 'notes') root.toggleAttribute('data-notes');
    drawAll();
  }

  function fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen?.().catch(() => {});
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const pressed = event.target.closest('button, a') && event.key === ' ';
    const act = {
      ArrowRight: () => go(now + 1), ArrowDown: () => go(now + 1), PageDown: () => go(now + 1), ' ': () => go(now + (event.shiftKey ? -1 : 1)),
      ArrowLeft: () => go(now - 1), ArrowUp: () => go(now - 1), PageUp: () => go(now - 1), Home: () => go(0), End: () => go(slides.length - 1),
      f: fullScreen, n: () => toggle('notes'), d: () => toggle('dark'),
      Escape: () => document.fullscreenElement ? document.exitFullscreen() : overview.open ? overview.close() : overview.showModal(),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || pressed) return;
    event.preventDefault();
    act();
  });
  back.addEventListener('click', () => go(now - 1));
  next.addEventListener('click', () => go(now + 1));
  document.getElementById('all').addEventListener('click', () => overview.showModal());
  document.getElementById('full').addEventListener('click', fullScreen);
  document.getElementById('note').addEventListener('click', () => toggle('notes'));
  document.getElementById('dark').addEventListener('click', () => toggle('dark'));
  overview.addEventListener('click', (event) => event.target.closest('a') && overview.close());
  let touched = null;
  document.addEventListener('touchstart', ({touches}) => touched = touches.length === 1 ? touches[0] : null, {passive: true});
  document.addEventListener('touchend', ({changedTouches: [end]}) => {
    const [x, y] = touched ? [end.clientX - touched.clientX, end.clientY - touched.clientY] : [0, 0];
    if (Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y)) go(now + (x < 0 ? 1 : -1));
  }, {passive: true});
  window.addEventListener('hashchange', () => show(wanted()));
  others?.addEventListener('message', ({data}) => {
    following = true;
    if (Number.isInteger(data) && slides[data] && data !== now) go(data);
    following = false;
  });
  let resting = 0;
  window.addEventListener('resize', () => {
    fit();
    clearTimeout(resting);
    resting = setTimeout(drawAll, 120);
  });
  window.addEventListener('beforeprint', () => {
    printing = true;
    [root.dataset.before, root.dataset.look] = [root.dataset.look, 'light'];
    for (const {place} of plots) if (ready) Plotly.relayout(place, {width: 1152, height: Math.max(300, place.clientHeight)});
    drawAll();
  });
  window.addEventListener('afterprint', () => {
    printing = false;
    root.dataset.look = root.dataset.before;
    drawAll();
  });

  root.dataset.look = asked.get('look') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  if (!looks[root.dataset.look]) root.dataset.look = 'light';
  if (asked.has('notes')) root.toggleAttribute('data-notes', true);
  fit();
  show(wanted(), false);
  unpacked().then(() => {
    ready = true;
    return drawAll();
  });
})();
