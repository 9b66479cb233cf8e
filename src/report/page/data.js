// The page about data, from the records that convoy/data/inspect/inspect.hpp describes.
const records = JSON.parse(document.getElementById('record').textContent);
const splitColor = split =>
    ({__proto__: null, train: '--c1', validation: '--c2', test: '--c3'})[split] || '--c4';

function svg(tag, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Bars of a histogram; each says its range and count when the pointer is on it.
function bars(histogram, width, height) {
  if (!histogram) return '';
  const counts = asList(histogram.counts);
  const most = Math.max(...counts, 1);
  const step = (histogram.to - histogram.from) / counts.length;
  const columns = counts.map((value, i) => {
    const size = value > 0 ? Math.max(1, height * value / most) : 0;
    const from = histogram.from + i * step;
    const range = step === 0 ? significant(from) :
                               `${significant(from)} to ${significant(from + step)}`;
    const title = svg('title', {}, `${range}: ${count(value)}`);
    return svg(
        'g', {}, title,
        svg('rect', {x: i, y: 0, width: 1, height, style: 'fill: transparent'}),
        svg('rect', {x: i + 0.06, y: height - size, width: 0.88, height: size}));
  });
  return svg(
      'svg', {
        class: 'bars',
        width,
        height,
        viewBox: `0 0 ${counts.length} ${height}`,
        preserveAspectRatio: 'none'
      },
      ...columns);
}

const share = (value, part) =>
    [count(value), element('span', {class: 'part'}, percent(part, 1))];
const missing = column => (column.missing > 0 ? share(column.missing, column.missing_part) : '0');
const value = x => (isNumber(x) ? significant(x) : String(x));

function numberTable(columns, first) {
  const number = key => [key.replaceAll('_', ' '), column => significant(column[key]), 'number'];
  const quartiles = ['min', 'lower_quartile', 'median', 'upper_quartile', 'max', 'mean', 'std'];
  return table(
      [
        ...first,
        ['missing', missing, 'number'],
        ['distinct', column => count(column.distinct), 'number'],
        ...quartiles.map(number),
        ['histogram', column => bars(column.histogram, 150, 30)],
      ],
      columns);
}

function commonest(column) {
  const list = asList(column.commonest).map(entry => `${value(entry.value)} ${count(entry.count)}`);
  const more = column.distinct - list.length;
  return list.join(', ') + (more > 0 ? `, ${count(more)} more` : '');
}

function textTable(columns) {
  return table(
      [
        ['column', column => column.name, 'name'],
        ['missing', missing, 'number'],
        ['distinct', column => count(column.distinct), 'number'],
        ['commonest values', commonest, 'text'],
      ],
      columns);
}

const scroll = content => element('div', {class: 'scroll'}, content);

function columnCards(file, note) {
  const cards = [];
  const numbers = asList(file.columns).filter(column => column.kind === 'number');
  const texts = asList(file.columns).filter(column => column.kind === 'text');
  const name = [['column', column => column.name, 'name']];
  if (numbers.length) cards.push(card('Numbers', note, scroll(numberTable(numbers, name))));
  if (texts.length) cards.push(card('Texts', note, scroll(textTable(texts))));
  return cards.map(wide);
}

function arrayCard(file, note) {
  const array = file.array;
  const facts = [
    ['shape', array.shape.join(' \u00d7 ')],
    ['type', array.type],
    ['range', `${significant(array.min)} to ${significant(array.max)}`],
    ['mean', significant(array.mean)],
    ['standard deviation', significant(array.std)],
    ['zeros', share(array.zeros, array.zeros / Math.max(1, array.elements))],
    ['not finite', count(array.not_finite)],
  ];
  const histogram = asObject(array.histogram);
  const range = element(
      'div', {class: 'range'}, element('span', {}, significant(histogram.from)),
      element('span', {}, significant(histogram.to)));
  return card(
      'Elements', note,
      table([['', ([label]) => label], ['', ([, content]) => content]], facts),
      element('p', {}), bars(array.histogram, '100%', 90), range);
}

// Classes down, splits across.
function labelCard(splits) {
  const most = Math.max(...splits.flatMap(split => split.classes.map(row => row.part)));
  const meter = (row, split) => element(
      'span', {class: 'meter'},
      element('i', {
        style: `width: ${100 * row.part / (most || 1)}%; background: var(${splitColor(split)})`
      }));
  const columns = splits.map(
      split => [`${split.split} (${count(split.samples)})`, i => {
        const row = split.classes[i];
        return [...share(row.count, row.part), meter(row, split.split)];
      }, 'number']);
  const names = splits[0].classes.map(row => row.class);
  return card(
      'Labels', 'samples of each class, by split',
      scroll(table([['class', i => names[i], 'name'], ...columns], [...names.keys()])));
}

function targetCard(splits) {
  const rows = splits.flatMap(
      split => split.target.map(column => ({...column, split: split.split, size: split.samples})));
  const first = [
    ['split', row => row.split, 'name'],
    ['samples', row => count(row.size), 'number'],
    ['target', row => row.name, 'name'],
  ];
  return wide(card('Target', 'what is to be predicted, by split', scroll(numberTable(rows, first))));
}

function splitCards(splits) {
  if (!splits.length) return [];
  return [splits[0].classes ? labelCard(splits) : targetCard(splits)];
}

function noteCard(notes) {
  const content = notes.length ?
      element('ul', {class: 'notes'}, notes.map(note => element('li', {}, note))) :
      element('p', {class: 'soft'}, 'Nothing strange was found.');
  return wide(card('Things to look at', '', content));
}

function tiles(record) {
  const samples = record.files.reduce((sum, file) => sum + file.samples, 0);
  const first = record.files[0];
  const entries = [['samples', count(samples)]];
  if (first.array && first.array.shape.length > 1)
    entries.push(['a sample', first.array.shape.slice(1).join(' \u00d7 ')]);
  if (first.columns) entries.push(['columns', count(first.columns.length)]);
  for (const split of record.splits.length > 1 ? record.splits : [])
    entries.push([split.split, count(split.samples)]);
  const classes = asList(asObject(record.splits[0]).classes).length;
  if (classes) entries.push(['classes', count(classes)]);
  entries.push(['things to look at', count(record.notes.length)]);
  return element(
      'div', {class: 'tiles', style: `--columns: ${Math.min(entries.length, 7)}`},
      entries.map(
          ([label, text], i) => element(
              'div', {class: i === 0 ? 'tile main' : 'tile'},
              element('div', {class: 'value'}, text), element('div', {class: 'label'}, label))));
}

function show(record) {
  const facts =
      record.files.map(file => `${file.part ? file.part + ': ' : ''}${file.file}`).join(' \u00b7 ');
  const task = record.task ? `${record.task} of ${record.target.join(', ')}` : null;
  const cards = [noteCard(record.notes), ...splitCards(record.splits)];
  for (const file of record.files) {
    const note = [file.part, `${count(file.samples)} samples`].filter(text => text).join(', ');
    cards.push(...(file.array ? [arrayCard(file, note)] : columnCards(file, note)));
  }
  const odd = cards.filter(node => !node.classList.contains('wide'));
  if (odd.length % 2) wide(odd[0]);
  return element(
      'div', {class: 'record'},
      element(
          'div', {class: 'head'}, element('h1', {}, record.name),
          task ? element('span', {class: 'pill'}, task) : null),
      element('p', {class: 'facts digest'}, facts), tiles(record),
      element('div', {class: 'cards'}, cards));
}

document.getElementById('page').append(
    ...records.map(show), element('footer', {}, 'Written by convoy data inspect'));
