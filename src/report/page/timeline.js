// What happened to the run: events over its steps or its time, and how lanes were shared out. The
// names they share are in report.js.

const eventColors = {
  __proto__: null,
  lost: '--bad',
  recovered: '--good',
  joined: '--c7',
  moved: '--c4',
  repaired: '--c5',
  resumed: '--c6',
  skipped: '--warn',
  checkpoint_failed: '--bad',
  checkpoint: '--c1',
  tuned: '--c3',
  done: '--good'
};
const eventColor = event => eventColors[event.event] || '--c6';
const eventName = kind => String(kind).replaceAll('_', ' ');

function checkpointText(event) {
  const parts = [];
  if (isNumber(event.seconds)) parts.push(duration(event.seconds));
  if (isNumber(event.bytes)) parts.push(bytes(event.bytes));
  if (isNumber(event.stall_seconds)) parts.push(`training waited ${duration(event.stall_seconds)}`);
  return `${valueText(event.path)}${event.best === true ? ', the best so far' : ''}${
      parts.length ? ` (${parts.join(', ')})` : ''}`;
}

function eventText(event) {
  if (typeof event.line === 'string') return event.line;
  if (event.event === 'checkpoint') return checkpointText(event);
  if (event.event === 'done') return isNumber(event.seconds) ? `in ${duration(event.seconds)}` : '';
  return Object.entries(event)
      .filter(([key]) => !['time', 'step', 'event'].includes(key))
      .map(([key, value]) => `${key} ${isObject(value) ? JSON.stringify(value) : valueText(value)}`)
      .join(', ');
}

const sinceStart = event => isNumber(event.time) && isNumber(record.started) ?
    Math.max(0, event.time - record.started) :
    null;

// Round numbers from 0 to `last`, about `most` of them.
function niceTicks(last, most) {
  const size = 10 ** Math.floor(Math.log10(last / most));
  const distance = [1, 2, 5, 10].map(factor => factor * size).find(d => last / d <= most);
  const ticks = [];
  for (let tick = 0; tick <= last * (1 + 1e-9); tick += distance) ticks.push(tick);
  return ticks;
}

/// The two scales of the time line: what an event's position is, its end, and how to write it.
function timelineScales(events) {
  const lastStep = events.reduce((most, event) => Math.max(most, event.step), summary.steps || 0);
  const scales = [{
    name: 'by step',
    at: event => event.step,
    last: Math.max(1, lastStep),
    format: count,
    unit: 'step '
  }];
  const seconds = events.map(sinceStart);
  const last = Math.max(0, record.last - record.started || 0, ...seconds.filter(isNumber));
  if (last > 0 && seconds.every(isNumber))
    scales.push({name: 'by time', at: sinceStart, last, format: duration, unit: '+'});
  return scales;
}

function timelineTip(box) {
  const tip = element('div', {class: 'tip wrap'});
  box.append(tip);
  return {
    show(event, mark) {
      const clock = sinceStart(event);
      tip.replaceChildren(
          element(
              'div', {class: 'soft'},
              `step ${count(event.step)}${clock === null ? '' : `, +${duration(clock)}`}`),
          element(
              'div', {}, swatch(eventColor(event)),
              typeof event.line === 'string' ? null :
                                               element('b', {}, `${eventName(event.event)} `),
              eventText(event)));
      tip.style.display = 'block';
      const outer = box.getBoundingClientRect();
      const own = mark.getBoundingClientRect();
      const left = own.left - outer.left + own.width / 2 - tip.offsetWidth / 2;
      tip.style.left = Math.max(0, Math.min(left, outer.width - tip.offsetWidth)) + 'px';
      tip.style.top = own.bottom - outer.top + 6 + 'px';
    },
    hide() { tip.style.display = 'none'; }
  };
}

/// A row for each kind of event, a mark for each event.
function drawTimeline(box, events, scale) {
  box.replaceChildren();
  const position = value => `${(100 * Math.min(1, Math.max(0, value / scale.last))).toFixed(3)}%`;
  const ticks = niceTicks(scale.last, matchMedia('(max-width: 820px)').matches ? 3 : 8);
  const kinds =
      [...new Set([...Object.keys(eventColors), ...events.map(event => event.event)])].filter(
          kind => events.some(event => event.event === kind));
  const tip = timelineTip(box);
  for (const kind of kinds) {
    const track = element(
        'div', {class: 'track'},
        ticks.map(tick => element('i', {class: 'tick', style: `left: ${position(tick)}`})));
    for (const event of events.filter(one => one.event === kind)) {
      const text = `step ${count(event.step)}: ${eventText(event)}`;
      const mark = element('button', {
        type: 'button',
        class: kind === 'checkpoint' ? 'mark small' : 'mark',
        'aria-label': `${eventName(kind)}, ${text}`,
        style: `left: ${position(scale.at(event))}; background: var(${eventColor(event)})`
      });
      for (const name of ['mouseenter', 'focus'])
        mark.addEventListener(name, () => tip.show(event, mark));
      for (const name of ['mouseleave', 'blur']) mark.addEventListener(name, tip.hide);
      track.append(mark);
    }
    box.append(element('div', {class: 'kind'}, eventName(kind)), track);
  }
  box.append(
      element('div'),
      element(
          'div', {class: 'track axis'},
          ticks.map(
              (tick, i) => element(
                  'span', {class: i === 0 ? 'first' : '', style: `left: ${position(tick)}`},
                  i === 0 ? scale.unit + '0' : scale.format(tick)))));
}

function eventList() {
  const events = asList(record.events).filter(event => isObject(event) && isNumber(event.step));
  if (events.length === 0) return null;
  const clock = event => (sinceStart(event) === null ? '' : '+' + duration(sinceStart(event)));
  const rows = table(
      [
        ['step', event => count(event.step), 'number'],
        ['time', clock, 'number'],
        ['event', event => [swatch(eventColor(event)), eventName(event.event)], 'name'],
        ['', event => element('span', {class: 'soft'}, eventText(event)), 'text'],
      ],
      events);
  const left = record.events_left_out > 0 ?
      `the last ${events.length}; ${
          count(record.events_left_out)} earlier ones are in metrics.jsonl` :
      '';
  const box = element('div', {class: 'timeline'});
  const section = wide(card(
      'Events', left, box, element('div', {class: 'scroll', style: 'max-height: 300px'}, rows)));
  const scales = timelineScales(events);
  let shown = 0;
  drawTimeline(box, events, scales[shown]);
  if (scales.length > 1) {
    const button = element('button', {type: 'button'}, scales[1].name);
    button.addEventListener('click', () => {
      button.textContent = scales[shown].name;
      shown = 1 - shown;
      drawTimeline(box, events, scales[shown]);
    });
    section.querySelector('header').append(button);
  }
  return section;
}

/// How evenly the replicas worked, and the lanes that each had: bands on top of each other.
function balanceCharts() {
  const balance = asObject(record.balance);
  const x = asList(balance.x);
  const lanes = asList(balance.lanes).map(asList);
  if (x.length < 2 || lanes.length !== x.length) return null;
  const imbalance =
      chartCard('Imbalance', 'the slowest replica\u2019s time over the mean; 1 is even', {
        curves: [{label: 'imbalance', color: '--c4', x, y: asList(balance.imbalance)}],
        ...stepAxis,
        marks: eventMarks()
      });
  const replicas = lanes.reduce((most, row) => Math.max(most, row.length), 0);
  if (replicas < 2) return [imbalance];
  const seconds = asList(balance.lane_seconds).map(asList);
  const named = 12;
  const curves = Array.from({length: replicas}, (_, replica) => {
    const own = row => (isNumber(row[replica]) ? row[replica] : 0);
    return {
      label: replica < named ? `replica ${replica}` : '',
      color: `--c${1 + replica % 7}`,
      x,
      y: lanes.map(row => row.slice(replica).reduce((sum, value) => sum + value, 0)),
      shown: lanes.map(row => (replica < row.length ? own(row) : null)),
      formatAt: (value, i) => {
        const time = asList(seconds[i])[replica];
        if (!isNumber(value)) return '\u2013';
        return isNumber(time) ? `${count(value)} at ${duration(time)}` : count(value);
      },
      band: true
    };
  });
  const shares = chartCard('Lanes of each replica', 'and how long one lane takes', {
    curves,
    ...stepAxis,
    formatY: count,
    rangeY: [0, Math.max(...curves[0].y)],
    marks: eventMarks()
  });
  return [imbalance, shares];
}
