// The lever's view. All strengths are here once they are made, so that a move needs no answer of the server: the words,
// the numbers and the dots of the next strength are drawn at once, and the server is told where the hand came to rest.

const REST = 200;  // milliseconds without a key after which the hand rests
const HEIGHT = 104, EDGE = 10, TICKS = 5;  // pixels of a group's people, beside them; numbers at the axis
const SHAPES = {fell: 'M-5 0L4-5V5Z', rose: 'M5 0L-4-5V5Z', same: 'M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0'};
const DIAMOND = 'M0-7L7 0L0 7L-7 0Z';
const views = new WeakMap();

export default function ({data, parentElement, setTriggerValue}) {
  let view = views.get(parentElement);
  if (view === undefined) views.set(parentElement, view = new View(parentElement));
  view.tell = setTriggerValue;
  view.take(data);
  return () => view.end();
}

const make = (name, look = {}, ...inside) => {
  const drawn = ['svg', 'path', 'g', 'text', 'line'].includes(name);
  const node = drawn ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(look)) node.setAttribute(key, value);
  node.append(...inside);
  return node;
};

class View {
  constructor(parent) {
    this.turn = 0;  // how often the server was told of a move: an answer to an earlier one moves nothing
    this.hand = make('input', {type: 'range', min: 0, step: 1});
    this.name = make('span');
    this.strength = make('output');
    this.headline = make('div', {'aria-live': 'polite'});
    this.numbers = make('div', {class: 'numbers'});
    this.legend = make('div', {class: 'legend', 'aria-hidden': 'true'});
    this.picture = make('div', {class: 'picture', role: 'img', 'data-marks': ''});
    this.told = make('div', {class: 'told', hidden: ''});
    this.root = make('div', {class: 'lever'},
      make('label', {}, make('span', {class: 'name'}, this.name, this.strength), this.hand),
      this.headline, this.numbers, this.legend, this.picture, this.told);
    parent.append(this.root);
    this.hand.addEventListener('input', () => this.move(+this.hand.value));
    for (const kind of ['pointerup', 'blur']) this.hand.addEventListener(kind, () => this.rest());
    this.picture.addEventListener('pointermove', event => this.near(event));
    this.picture.addEventListener('pointerleave', () => { this.told.hidden = true; });
    this.picture.addEventListener('click', event => {
      const one = event.target.closest('[data-mark]');
      if (one) this.tell('looked', +one.dataset.mark);
    });
    this.width = 0;
    // Told its width after a layout, it forces none, also where it is drawn for the first time.
    this.seen = new ResizeObserver(([{contentRect: {width}}]) => {
      if (this.bands && width !== this.width) this.lay(width);
    });
    this.seen.observe(this.root);
  }

  end() {
    clearTimeout(this.waits);
    this.seen.disconnect();
    views.delete(this.root.parentElement);
  }

  take({view, at, looked, turn}) {
    const other = view !== this.given;
    if (other) {
      this.given = view;
      Object.assign(this, {view: JSON.parse(view)});
      this.build();
    }
    this.looked = looked;
    if (turn >= this.turn && this.waits === undefined) {
      this.turn = turn;
      this.at = at;
    }
    if (!other) this.show(); else if (this.width > 0) this.lay(this.width);
  }

  move(at) {
    this.at = at;
    this.show();
    clearTimeout(this.waits);
    this.waits = setTimeout(() => this.rest(), this.view.headlines[at] === null ? 0 : REST);
  }

  rest() {
    if (this.waits === undefined) return;
    clearTimeout(this.waits);
    this.waits = undefined;
    this.turn += 1;
    this.tell('moved', {at: this.at, turn: this.turn});
  }

  build() {
    const {label, strengths, numbers, legend, bands} = this.view;
    this.name.textContent = label;
    this.hand.max = strengths.length - 1;
    this.numbers.replaceChildren(...numbers.map(one => make('div', {},
      make('span', {}, one.label), make('strong'), make('span', {class: 'delta'}), make('small'))));
    this.legend.replaceChildren(...Object.entries(legend).map(([kind, words]) => make('span', {},
      make('svg', {width: 16, height: 16, viewBox: '-8 -8 16 16'},
        make('path', {d: SHAPES[kind] ?? DIAMOND, class: kind})), words)));
    this.axis = make('svg', {height: 40});
    this.bands = bands.map(band => ({
      ...band,
      line: make('p'),
      svg: make('svg', {height: HEIGHT}),
      ways: band.numbers.map(() => make('path', {d: 'M0 0H1'})),
      dots: band.numbers.map(number => make('path', {'data-mark': number})),
      diamonds: ['before', 'after'].map(kind => make('path', {d: DIAMOND, class: kind, style: `color: ${band.color}`})),
      ring: make('path', {d: 'M-9 0a9 9 0 1 0 18 0a9 9 0 1 0-18 0', class: 'ring', hidden: ''}),
    }));
    for (const {svg, ways, dots, diamonds, ring} of this.bands) svg.append(...ways, ...dots, ...diamonds, ring);
    this.picture.replaceChildren(...this.bands.flatMap(band => [band.line, band.svg]), ...bands.length ? [this.axis] : []);
  }

  x(value) {
    const {low, high} = this.view;
    return EDGE + (value - low) / ((high - low) || 1) * (this.width - 2 * EDGE);
  }

  lay(width) {
    this.width = width;
    for (const svg of [...this.bands.map(band => band.svg), this.axis]) svg.setAttribute('width', this.width);
    this.ticks();
    for (const band of this.bands) {
      band.froms = band.before.map(value => this.x(value));
      band.ys = band.heights.map(height => 34 + height * (HEIGHT - 42));
    }
    this.root.classList.add('still');  // nothing glides to where it first stands
    this.show();
    requestAnimationFrame(() => requestAnimationFrame(() => this.root.classList.remove('still')));
  }

  ticks() {
    const {low, high, axis} = this.view;
    const rough = (high - low || 1) / TICKS, ten = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(one => one * ten).find(one => one >= rough);
    const drawn = [make('line', {x1: 0, x2: this.width, y1: .5, y2: .5})];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) {
      const text = make('text', {x: this.x(i * step), y: 16}, String(+(i * step).toPrecision(6)));
      drawn.push(make('line', {x1: this.x(i * step), x2: this.x(i * step), y1: 0, y2: 4}), text);
    }
    drawn.push(make('text', {x: this.width / 2, y: 34}, axis));
    this.axis.replaceChildren(...drawn);
  }

  show() {
    const {strengths, headlines, numbers, alt} = this.view, at = this.at;
    this.hand.value = at;
    this.hand.setAttribute('aria-valuetext', strengths[at]);
    this.strength.textContent = strengths[at];
    this.root.dataset.at = strengths[at];
    const made = headlines[at] !== null;
    this.root.setAttribute('aria-busy', !made);
    if (!made) return;  // the server makes it, and says so
    const said = make('h2', {}, headlines[at]);
    if (this.headline.textContent !== headlines[at]) this.headline.replaceChildren(said);
    [...this.numbers.children].forEach((box, i) => {
      const [value, delta, tone, interval] = numbers[i].by[at];
      const [, strong, change, small] = box.children;
      strong.textContent = value;
      change.textContent = delta;
      change.className = `delta ${tone}`;
      small.textContent = interval;
    });
    this.picture.setAttribute('aria-label', alt[at]);
    for (const band of this.bands) this.draw(band, at);
  }

  draw(band, at) {
    const {froms, ys, before, after, numbers, dots, ways, diamonds, ring} = band;
    band.line.replaceChildren(make('strong', {}, band.name), ` ${band.said[at]}`);
    after[at].forEach((value, i) => {
      const kind = value < before[i] ? 'fell' : value > before[i] ? 'rose' : 'same';
      const x = this.x(value);
      dots[i].style.transform = `translate(${x}px, ${ys[i]}px)`;
      ways[i].style.transform = `translate(${froms[i]}px, ${ys[i]}px) scaleX(${x - froms[i]})`;
      if (dots[i].getAttribute('class') !== kind) {
        dots[i].setAttribute('d', SHAPES[kind]);
        for (const node of [dots[i], ways[i]]) node.setAttribute('class', kind);
      }
    });
    band.means[at].forEach((value, i) => { diamonds[i].style.transform = `translate(${this.x(value)}px, 16px)`; });
    const i = numbers.indexOf(this.looked);
    ring.toggleAttribute('hidden', i < 0);
    if (i >= 0) ring.style.transform = `translate(${this.x(after[at][i])}px, ${ys[i]}px)`;
  }

  near(event) {
    const one = event.target.closest('[data-mark]');
    this.told.hidden = one === null;
    if (one === null) return;
    const number = +one.dataset.mark, band = this.bands.find(band => band.numbers.includes(number));
    const {before, after, numbers} = band, i = numbers.indexOf(number), box = this.root.getBoundingClientRect();
    this.told.textContent = `${this.view.person} ${number}: ${before[i].toFixed(3)} → ${after[this.at][i].toFixed(3)}`;
    this.told.style.left = `${Math.min(event.clientX - box.left + 12, Math.max(0, this.width - this.told.offsetWidth))}px`;
    this.told.style.top = `${event.clientY - box.top + 14}px`;
  }
}
