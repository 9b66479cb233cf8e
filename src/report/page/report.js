// The page, from the record that run_data.hpp describes. Any part of it may be absent: each
// section returns null then.
const record = JSON.parse(document.getElementById('record').textContent);
const summary = asObject(record.summary);
const classNames = asList(summary.class_names).map(String);

const metricNames = {
  __proto__: null,
  loss: 'loss',
  accuracy: 'accuracy',
  precision: 'precision',
  recall: 'recall',
  f1: 'F1',
  roc_auc: 'ROC AUC',
  mae: 'MAE',
  rmse: 'RMSE',
  r2: 'R\u00b2',
  invalid_outputs: 'invalid outputs',
};
const shares = new Set(['accuracy']);
const formatMetric = name => (shares.has(name) ? percent : significant);
const splitColor = split =>
    ({__proto__: null, train: '--c1', validation: '--c2', test: '--c3'})[split] || '--c4';
const splitOrder = splits => ['train', 'validation', 'test', ...splits].filter(
    (split, i, all) => splits.includes(split) && all.indexOf(split) === i);

// The evaluation the details are about: the final one, of the test split if there is one.
function bestEvaluation() {
  for (const source of [asObject(summary.evaluation), asObject(record.latest)]) {
    for (const split of ['test', 'validation', ...Object.keys(source)]) {
      if (isObject(source[split]) && Object.keys(source[split]).length > 0)
        return {split, metrics: source[split]};
    }
  }
  return {split: '', metrics: {}};
}
const evaluation = bestEvaluation();
const className = index =>
    classNames[index] ?? String(asList(evaluation.metrics.per_class)[index]?.class ?? index);

function status() {
  if (!record.finished) return ['not finished', 'warn'];
  return summary.interrupted ? ['interrupted', 'warn'] : ['finished', 'good'];
}

function header() {
  const name = typeof summary.name === 'string' && summary.name ? summary.name : record.folder;
  const [state, tone] = status();
  const facts = [];
  const started = isNumber(record.started) ? new Date(1000 * record.started) : null;
  if (started && !isNaN(started))
    facts.push(started.toISOString().slice(0, 16).replace('T', ' ') + ' UTC');
  if (summary.task) facts.push(String(summary.task));
  for (const [key, unit] of [
           ['steps', 'step'], ['epochs', 'epoch'], ['lanes', 'lane'], ['workers', 'worker'],
           ['replicas', 'replica']]) {
    const value = Array.isArray(summary[key]) ? summary[key].length : summary[key];
    if (isNumber(value)) facts.push(`${significant(value)} ${unit}${value === 1 ? '' : 's'}`);
  }
  if (isNumber(summary.batch)) facts.push(`batch ${count(summary.batch)}`);
  if (summary.seed !== undefined) facts.push(`seed ${summary.seed}`);
  return element(
      'div', {},
      element(
          'div', {class: 'head'}, element('h1', {}, name),
          element('span', {class: `pill ${tone}`}, state)),
      facts.length ? element('p', {class: 'facts'}, facts.join(' \u00b7 ')) : null,
      summary.weights_sha256 ?
          element(
              'p', {class: 'digest'}, 'weights ',
              element('span', {class: 'mono'}, `sha256 ${summary.weights_sha256}`)) :
          null);
}

function finalTiles() {
  const main = ['accuracy', 'r2', 'roc_auc', 'rmse', 'mae', 'f1', 'loss'];
  const final = isObject(summary.final) ? summary.final : {};
  const values = new Map();
  for (const [key, value] of Object.entries(final)) {
    const [, split, metric] = key.match(/^([^_]+)_(.+)$/) || [];
    if (isNumber(value) && metric in metricNames) values.set(key, {split, metric, value});
  }
  if (values.size === 0) {
    for (const [metric, value] of Object.entries(evaluation.metrics)) {
      if (isNumber(value) && metric in metricNames)
        values.set(metric, {split: evaluation.split, metric, value});
    }
  }
  const rank = ({split, metric}) => 100 *
          (split === 'test'           ? 0 :
               split === 'validation' ? 1 :
                                        2) +
      (main.includes(metric) ? main.indexOf(metric) : 50);
  const ranked = [...values.values()].sort((a, b) => rank(a) - rank(b));
  const shown = [];
  for (const split of splitOrder([...new Set(ranked.map(entry => entry.split))]).reverse()) {
    const own = ranked.filter(entry => entry.split === split);
    const partner =
        own.find(entry => entry.metric === {accuracy: 'loss', r2: 'rmse'}[own[0].metric]);
    shown.push(own[0], partner || own[1]);
  }
  return shown.filter(entry => entry)
      .slice(0, 4)
      .map(({split,
             metric,
             value}) => [`${split} ${metricNames[metric]}`, formatMetric(metric)(value)]);
}

function tiles() {
  const entries = finalTiles();
  const add = (key, label, format) => {
    if (isNumber(summary[key])) entries.push([label, format(summary[key])]);
  };
  add('seconds', 'time', duration);
  add('samples_per_second', 'samples a second', count);
  add('parameters', 'parameters', count);
  add('peak_memory_bytes', 'peak memory', bytes);
  if (summary.skipped_steps > 0) entries.push(['skipped steps', count(summary.skipped_steps)]);
  const leftOut = asObject(summary.data).skipped_samples;
  if (leftOut > 0) entries.push(['samples left out', count(leftOut)]);
  if (entries.length === 0) return null;
  const lines = Math.ceil(entries.length / 7);
  return element(
      'div', {class: 'tiles', style: `--columns: ${Math.ceil(entries.length / lines)}`},
      entries.map(
          ([label, value], i) => element(
              'div', {class: i === 0 ? 'tile main' : 'tile'},
              element('div', {class: 'value'}, value), element('div', {class: 'label'}, label))));
}

function curve(name) {
  const points = asObject(asObject(record.curves)[name]);
  return asList(points.x).length > 1 ? points : null;
}

const stepAxis = {
  labelX: 'step',
  formatX: count,
  tipX: step => {
    const perEpoch = summary.steps / summary.epochs;
    return isNumber(perEpoch) && perEpoch > 0 ?
        `step ${count(step)} (epoch ${(step / perEpoch).toFixed(2)})` :
        `step ${count(step)}`;
  },
};

// A noisy curve drawn faint with its moving average over it.
function withTrend(points, label, colorName, format) {
  const trend = asObject(points.trend);
  if (asList(trend.x).length === 0)
    return [{label, color: colorName, x: points.x, y: points.y, format}];
  return [
    {label: '', color: colorName, x: points.x, y: points.y, faint: true, plain: true},
    {label, color: colorName, x: trend.x, y: trend.y, format}
  ];
}

function evaluated(metric) {
  const splits = asObject(record.evaluated);
  return splitOrder(Object.keys(splits))
      .filter(split => asList(asObject(splits[split][metric]).x).length > 0)
      .map(split => ({
             label: split,
             color: splitColor(split),
             ...splits[split][metric],
             format: formatMetric(metric)
           }));
}

function eventMarks() {
  const colors = {
    __proto__: null,
    resumed: '--c6',
    lost: '--bad',
    joined: '--good',
    moved: '--c4',
    repaired: '--c5',
    skipped: '--warn'
  };
  return asList(record.events)
      .filter(event => colors[event.event])
      .slice(0, 50)
      .map(event => ({x: event.step, color: colors[event.event]}));
}

function lossChart() {
  const train = curve('loss');
  const curves = [...(train ? withTrend(train, 'train', '--c1') : []), ...evaluated('loss')];
  if (curves.length === 0) return null;
  return wide(chartCard(
      'Loss', train && train.trend ? 'bold: its moving average' : '',
      {curves, ...stepAxis, height: 300, log: 'auto', marks: eventMarks()}));
}

function metricCharts() {
  const names = new Set();
  for (const metrics of Object.values(asObject(record.evaluated)))
    Object.keys(metrics).forEach(name => names.add(name));
  const charts = ['accuracy', 'rmse', 'mae', 'r2']
                     .filter(name => names.has(name))
                     .map(name => ({
                            title: metricNames[name],
                            note: '',
                            curves: evaluated(name),
                            formatY: shares.has(name) ? value => percent(value, 1) : significant
                          }));
  // Four rates of one split share a chart: apart they would say little each.
  const rates = ['precision', 'recall', 'f1', 'roc_auc'].filter(name => names.has(name));
  const split = ['validation', 'test'].find(
      name => rates.some(rate => asObject(record.evaluated[name])[rate]));
  if (split) {
    const curves =
        rates.filter(rate => record.evaluated[split][rate]).map((rate, i) => ({
                                                                  label: metricNames[rate],
                                                                  color: `--c${i + 1}`,
                                                                  ...record.evaluated[split][rate]
                                                                }));
    charts.push(
        {title: 'Precision, recall, F1, ROC AUC', note: split, curves, formatY: significant});
  }
  return charts.filter(({curves}) => curves.some(({x}) => x.length > 1))
      .map(
          ({title, note, curves, formatY}) => chartCard(
              title[0].toUpperCase() + title.slice(1), note, {curves, ...stepAxis, formatY}));
}

function trainingCharts() {
  const specs = [
    ['rate', 'Learning rate', '--c4', {fromZero: true}],
    ['gradient_norm', 'Gradient norm', '--c5', {log: 'auto', fromZero: true}],
    ['samples_per_second', 'Throughput', '--c3', {fromZero: true, formatY: count}],
  ];
  return specs.map(([name, title, colorName, extra]) => {
    const points = curve(name);
    if (!points) return null;
    const label = name === 'samples_per_second' ? 'samples a second' : title.toLowerCase();
    const curves = name === 'rate' ? [{label, color: colorName, x: points.x, y: points.y}] :
                                     withTrend(points, label, colorName, extra.formatY);
    return chartCard(title, '', {curves, ...stepAxis, ...extra});
  });
}

function stepTime() {
  const meanings = {
    load: 'wait for samples',
    forward: 'model and loss',
    backward: 'gradients',
    reduce: 'adding the lanes\' gradients',
    communicate: 'with other workers, not hidden by backward',
    update: 'optimizer',
    wait: 'wait for other replicas'
  };
  const own = asObject(summary.seconds_per_step);
  const seconds = Object.keys(own).length ? own : asObject(record.seconds);
  const parts = Object.keys(meanings).filter(name => seconds[name] > 0);
  const total = parts.reduce((sum, name) => sum + seconds[name], 0);
  if (!(total > 0)) return null;
  const colorOf = name => `--c${Object.keys(meanings).indexOf(name) + 1}`;
  const bar = element(
      'div', {class: 'stack'},
      parts.map(
          name => element('div', {
            style: `flex: ${seconds[name] / total} 0 0; background: var(${colorOf(name)})`,
            title: `${name}: ${duration(seconds[name])} (${percent(seconds[name] / total, 1)})`
          })));
  const rows = table(
      [
        ['part', name => [swatch(colorOf(name)), name], 'name'],
        ['what', name => element('span', {class: 'soft'}, meanings[name])],
        ['time', name => duration(seconds[name]), 'number'],
        ['share', name => percent(seconds[name] / total, 1), 'number'],
      ],
      parts);
  return card(
      'Where each step\u2019s time went', `${duration(total)} a step, mean over replicas`, bar,
      rows);
}

function workerTable() {
  const workers = (Array.isArray(summary.workers) ? summary.workers : []).map(asObject);
  if (!workers.length) return null;
  const communication = asObject(summary.communication);
  const size = key => worker => isNumber(worker[key]) ? bytes(worker[key]) : '';
  const bucket = communication.bucket_bytes > 0 ?
      `buckets of ${bytes(communication.bucket_bytes)} leave during backward` :
      'gradients leave when backward has ended';
  return card(
      'Workers', `over ${valueText(communication.transport)}; ${bucket}`,
      table(
          [
            ['worker', worker => valueText(worker.worker)],
            ['host', worker => valueText(worker.host)],
            ['lanes', worker => valueText(worker.lanes), 'number'],
            ['peak memory', size('peak_memory_bytes'), 'number'],
            ['optimizer state', size('optimizer_state_bytes'), 'number'],
            ['sent a step', size('bytes_sent_per_step'), 'number'],
          ],
          workers));
}

function jobText() {
  if (typeof record.job !== 'string' || !record.job) return null;
  return wide(element(
      'section', {class: 'card'},
      element(
          'details', {}, element('summary', {}, 'The job'),
          element('pre', {class: 'mono'}, record.job))));
}

function environment() {
  const entries = Object.entries(asObject(summary.environment))
                      .filter(([, value]) => value !== null && value !== '');
  if (summary.convoy) entries.unshift(['convoy', summary.convoy]);
  if (entries.length === 0) return null;
  return card(
      'Environment', '',
      table(
          [
            ['what', ([key]) => key.replaceAll('_', ' ')],
            [
              'value', ([, value]) => (isObject(value) ? JSON.stringify(value) : valueText(value)),
              'text'
            ]
          ],
          entries));
}

// A part of the record that makes no sense costs its own section, not the page.
function attempt(section) {
  try {
    return section();
  } catch (error) {
    console.error(error);
    return null;
  }
}

// A card that would leave half a row empty takes the whole row.
function fillRows(cards) {
  let half = null;
  for (const node of [...cards, null]) {
    const whole = node === null || node.classList.contains('wide');
    if (whole && half) wide(half);
    half = whole || half ? null : node;
  }
  return cards;
}

const sections = [
  lossChart, metricCharts, confusionMatrix, rocCurve, perClass, samplePredictions, trainingCharts,
  balanceCharts, stepTime, workerTable, environment, eventList, jobText
];
const cards = sections.map(attempt).flat().filter(node => node);
document.getElementById('page').append(
    ...[header, tiles].map(attempt).filter(node => node),
    element('div', {class: 'cards'}, fillRows(cards)),
    element('footer', {}, 'Written by Convoy from this run\u2019s metrics.jsonl and summary.json'));
