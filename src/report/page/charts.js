'use strict';
// Building blocks of the page: elements, numbers, charts. Text from data only ever becomes text
// nodes.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(key, value);
  }
  for (const child of children.flat()) {
    if (child !== undefined && child !== null) node.append(child);
  }
  return node;
}

const isNumber = value => typeof value === 'number' && Number.isFinite(value);
const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);
const asList = value => (Array.isArray(value) ? value : []);
const asObject = value => (isObject(value) ? value : {});

const count = value => Math.round(value).toLocaleString('en-US');
const percent = (value, digits = 2) => (100 * value).toFixed(digits) + '%';

function significant(value) {
  if (!isNumber(value)) return '\u2013';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(2);
  if (size >= 1000) return count(value);
  return String(Number(value.toPrecision(4)));
}

function duration(seconds) {
  if (seconds < 1e-3) return (1e6 * seconds).toFixed(seconds < 1e-5 ? 1 : 0) + ' \u00b5s';
  if (seconds < 1) return (1e3 * seconds).toFixed(seconds < 1e-2 ? 2 : 1) + ' ms';
  if (seconds < 60) return seconds.toFixed(1) + ' s';
  const total = Math.round(seconds);
  const two = part => String(part).padStart(2, '0');
  const minutes = Math.floor(total / 60);
  if (total < 3600) return `${minutes}:${two(total % 60)} min`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(total % 60)} h`;
}

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function card(title, note, ...content) {
  const head = element('header', {}, element('h2', {}, title));
  if (note) head.append(element('span', {class: 'note'}, note));
  return element('section', {class: 'card'}, head, content);
}

function wide(section) {
  section.classList.add('wide');
  return section;
}

/// Columns: [title, cell of a row (text or node), "number" or "text"].
function table(columns, rows) {
  const head = columns.map(([title, , kind]) => element('th', {class: kind, scope: 'col'}, title));
  const body = rows.map(
      row => element(
          'tr', {}, columns.map(([, cell, kind]) => element('td', {class: kind}, cell(row)))));
  return element(
      'table', {class: 'list'}, element('thead', {}, element('tr', {}, head)),
      element('tbody', {}, body));
}

function swatch(name) {
  return element('span', {class: 'swatch', style: `background: var(${name})`});
}

// The value of a series at, or nearest before or after, a position of the common x.
function nearest(values, index) {
  for (let distance = 0; distance < values.length; ++distance) {
    const before = values[index - distance];
    const after = values[index + distance];
    if (isNumber(before)) return before;
    if (isNumber(after)) return after;
  }
  return null;
}

// `formatAt` may say more of a point than its value.
function formatted(curve, value, index) {
  return curve.formatAt ? curve.formatAt(value, index) : (curve.format || significant)(value);
}

// A colour between two of the page's, `part` of the way to the second.
function blend(from, to, part) {
  const channels = name => color(name).match(/[0-9a-f]{2}/gi).map(hex => parseInt(hex, 16));
  const [a, b] = [channels(from), channels(to)];
  return `rgb(${a.map((value, i) => Math.round(value + part * (b[i] - value))).join(', ')})`;
}

function tooltip(chart, curves, xText) {
  const tip = element('div', {class: 'tip'});
  chart.over.append(tip);
  chart.over.addEventListener('mouseleave', () => {
    tip.style.display = 'none';
  });
  return () => {
    const {idx, left, top} = chart.cursor;
    if (idx === null || idx === undefined || left < 0) {
      tip.style.display = 'none';
      return;
    }
    const value = (curve, i) => (curve.shown ? curve.shown[idx] : nearest(chart.data[i + 1], idx));
    const lines = curves.map((curve, i) => ({curve, value: value(curve, i)}))
                      .filter(({curve, value}) => curve.label && value !== null)
                      .map(
                          ({curve, value}) => element(
                              'div', {}, swatch(curve.color), `${curve.label} `,
                              element('b', {}, formatted(curve, value, idx))));
    tip.replaceChildren(element('div', {class: 'soft'}, xText(chart.data[0][idx])), ...lines);
    tip.style.display = 'block';
    const onLeft = left > chart.over.clientWidth / 2;
    tip.style.left = (onLeft ? left - tip.offsetWidth - 12 : left + 12) + 'px';
    tip.style.top =
        Math.min(top + 12, Math.max(0, chart.over.clientHeight - tip.offsetHeight)) + 'px';
  };
}

function axis(overrides) {
  return {
    stroke: color('--soft'),
    font: '12px system-ui, sans-serif',
    grid: {stroke: color('--grid'), width: 1},
    ticks: {stroke: color('--line'), width: 1, size: 4},
    ...overrides,
  };
}

function drawMarks(chart, marks) {
  const {ctx, bbox} = chart;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const mark of marks) {
    const x = Math.round(chart.valToPos(mark.x, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = color(mark.color);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

// The range of a linear scale: a flat curve runs through the middle.
function rangeOf(low, high, fromZero) {
  if (low === high) {
    const space = Math.abs(low) * 0.05 || 1;
    return fromZero && low > 0 ? [0, 1.25 * high] : [low - space, high + space];
  }
  return uPlot.rangeNum(
      low, high, fromZero ? {min: {soft: 0, mode: 1, pad: 0}, max: {pad: 0.1}} : 0.1, true);
}

function scaleOfY(options, log) {
  if (log) return {distr: 3, range: (chart, low, high) => uPlot.rangeLog(low, high, 10, false)};
  return {range: (chart, low, high) => options.rangeY || rangeOf(low, high, options.fromZero)};
}

function makeChart(box, options, log) {
  const {curves} = options;
  const tables = curves.map(({x, y}) => [x, log ? y.map(value => (value > 0 ? value : null)) : y]);
  const data = tables.length === 1 ? tables[0] : uPlot.join(tables);
  let moveTip = () => {};
  const series = curves.map(
      curve => ({
        label: curve.label,
        stroke: curve.band ? color('--card') : color(curve.color) + (curve.faint ? '55' : ''),
        fill: curve.band ? blend(curve.color, '--card', 0.3) : undefined,
        paths: curve.band ? uPlot.paths.stepped({align: 1}) : undefined,
        width: curve.faint || curve.band ? 1 : 2,
        spanGaps: true,
        points: {
          show: curve.x.length <= 30 && !curve.plain && !curve.band,
          size: 6,
          fill: color(curve.color)
        },
      }));
  const height = Math.min(options.height || 250, 0.8 * box.clientWidth);
  const formatX = options.formatX || significant;
  const formatY = options.formatY || significant;
  const chart =
      new uPlot(
          {
            width: box.clientWidth,
            height,
            legend: {show: false},
            cursor: {y: false, points: {show: false}, drag: {x: true, y: false}},
            scales: {
              x: {time: false, range: options.rangeX && (() => options.rangeX)},
              y: scaleOfY(options, log)
            },
            axes: [
              axis({
                values: (u, ticks) => ticks.map(tick => (tick === null ? '' : formatX(tick))),
                label: options.labelX,
                labelSize: 20,
                labelFont: '12px system-ui, sans-serif',
                size: 30,
                space: 70
              }),
              axis({
                values: (u, ticks) => ticks.map(tick => (tick === null ? '' : formatY(tick))),
                size: 56
              }),
            ],
            series: [{}, ...series],
            hooks: {setCursor: [() => moveTip()], draw: [u => drawMarks(u, options.marks || [])]},
          },
          data, box);
  moveTip = tooltip(chart, curves, options.tipX || (x => `${options.labelX} ${formatX(x)}`));
  return chart;
}

/// A line chart that follows its box's width and the colour scheme. options: curves [{label, color,
/// x, y, format, faint, plain, band (filled down to 0, in steps), shown (for the tip, instead of
/// y), formatAt}], labelX, formatX, formatY, tipX, rangeX, rangeY, fromZero, marks
/// [{x, color}], log ("auto" adds a switch). Returns the nodes to put into a card: [legend, box,
/// switch].
function lineChart(options) {
  const box = element('div', {class: 'chart'});
  const values = options.curves.flatMap(curve => curve.y).filter(value => value > 0);
  const spread = values.reduce((high, value) => Math.max(high, value), 0) /
      values.reduce((low, value) => Math.min(low, value), Infinity);
  let log = options.log === 'auto' && spread > 30;
  let chart = null;
  const draw = () => {
    if (box.clientWidth === 0) return;
    if (chart) chart.destroy();
    chart = makeChart(box, options, log);
  };
  let width = 0;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    requestAnimationFrame(draw);
  }).observe(box);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  const legend =
      element('div', {class: 'legend'}, options.curves.filter(curve => curve.label).map(curve => {
        const last = (curve.shown || curve.y)[curve.y.length - 1];
        return element(
            'span', {}, swatch(curve.color), `${curve.label} `,
            curve.plain ? null : element('b', {}, formatted(curve, last, curve.y.length - 1)));
      }));
  if (options.log !== 'auto' || values.length === 0) return [legend, box, null];
  const name = () => (log ? 'linear scale' : 'log scale');
  const button = element('button', {type: 'button'}, name());
  button.addEventListener('click', () => {
    log = !log;
    button.textContent = name();
    draw();
  });
  return [legend, box, button];
}

/// A card holding one line chart.
function chartCard(title, note, options) {
  const [legend, box, button] = lineChart(options);
  const section = card(title, note, legend, box);
  if (button) section.querySelector('header').append(button);
  return section;
}
