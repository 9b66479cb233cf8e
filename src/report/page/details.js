// Sections about single classes and samples; the names they share are in report.js.

// Strength of a cell: its share of the row, small shares lifted so that rare mistakes show.
function cellStyle(share, right) {
  const strength = share > 0 ? 0.08 + 0.92 * (right ? share : Math.sqrt(share)) : 0;
  const rgb = right ? '--good-rgb' : '--bad-rgb';
  return `background: rgba(var(${rgb}), ${(0.85 * strength).toFixed(3)}); ${
      strength > 0.62 ? 'color: #fff' : ''}`;
}

function mistakes(matrix) {
  const pairs = [];
  matrix.forEach((row, truth) => row.forEach((times, guess) => {
    if (truth !== guess && times > 0) pairs.push({truth, guess, times});
  }));
  return pairs.sort((a, b) => b.times - a.times).slice(0, 6);
}

function confusionMatrix() {
  const matrix = asList(evaluation.metrics.confusion_matrix).map(row => asList(row));
  if (matrix.length < 2) return null;
  const readout = element('p', {class: 'readout'});
  const worst = mistakes(matrix);
  const usual = worst.length === 0 ? 'No mistakes.' :
                                     'Most often: ' +
          worst.slice(0, 3)
              .map(
                  ({truth, guess, times}) =>
                      `${className(truth)} taken for ${className(guess)} (${count(times)})`)
              .join(', ');
  readout.textContent = usual;
  const title = 'Confusion matrix';
  if (matrix.length > 40) {
    const rows = table(
        [
          ['truth', pair => className(pair.truth), 'text'],
          ['predicted', pair => className(pair.guess), 'text'],
          ['times', pair => count(pair.times), 'number']
        ],
        worst);
    return card('Most frequent mistakes', evaluation.split, rows);
  }
  const numbered = matrix.length <= 20;
  const body = matrix.map((row, truth) => {
    const total = row.reduce((sum, times) => sum + times, 0);
    const cells = row.map((times, guess) => {
      const share = total > 0 ? times / total : 0;
      const cell = element(
          'td', {style: cellStyle(share, truth === guess)},
          numbered && times > 0 ? count(times) : '');
      cell.addEventListener('mouseenter', () => {
        readout.textContent = `truth ${className(truth)}, predicted ${className(guess)}: ${
            count(times)} of ${count(total)} (${percent(share)})`;
      });
      return cell;
    });
    const side =
        truth === 0 ? element('th', {class: 'side axis', rowspan: matrix.length}, 'truth') : null;
    return element(
        'tr', {}, side,
        element(
            'th', {scope: 'row', title: className(truth)}, element('span', {}, className(truth))),
        cells);
  });
  const names = matrix.map(
      (row, guess) => element(
          'th', {scope: 'col', title: className(guess)}, element('span', {}, className(guess))));
  const size = matrix.length <= 4 ? 'large' : matrix.length <= 20 ? '' : 'small';
  const grid = element(
      'table', {class: `matrix ${size}`},
      element(
          'thead', {},
          element(
              'tr', {}, element('td', {style: 'height: auto', colspan: 2}),
              element('th', {class: 'axis', colspan: matrix.length}, 'predicted')),
          element('tr', {}, element('th'), element('th'), names)),
      element('tbody', {}, body));
  grid.addEventListener('mouseleave', () => {
    readout.textContent = usual;
  });
  const section =
      card(title, evaluation.split, element('div', {style: 'overflow: auto'}, grid), readout);
  return matrix.length > 12 ? wide(section) : section;
}

function perClass() {
  const rows = asList(evaluation.metrics.per_class).filter(isObject);
  if (rows.length === 0) return null;
  const meter = value => element(
      'span', {class: 'meter'},
      element('i', {style: `width: ${percent(Math.max(0, Math.min(1, value)))}`}));
  const score = key => row => (isNumber(row[key]) ? percent(row[key]) : '');
  return card(
      'Each class', evaluation.split,
      element(
          'div', {class: 'scroll'},
          table(
              [
                ['class', row => String(row.class), 'text'],
                ['precision', score('precision'), 'number'],
                ['recall', score('recall'), 'number'],
                ['F1', row => (isNumber(row.f1) ? [percent(row.f1), meter(row.f1)] : ''), 'number'],
                ['samples', row => (isNumber(row.support) ? count(row.support) : ''), 'number'],
              ],
              rows)));
}

function rocCurve() {
  const points =
      asList(evaluation.metrics.roc_curve)
          .filter(point => Array.isArray(point) && isNumber(point[0]) && isNumber(point[1]));
  if (points.length < 2) return null;
  const area = evaluation.metrics.roc_auc;
  // uPlot joins curves by x, which must ascend: vertical parts get a step too small to see.
  let last = -1;
  const x = points.map(([fpr]) => (last = fpr > last ? fpr : last + 1e-9));
  return chartCard(
      'ROC curve', evaluation.split + (isNumber(area) ? `, area ${area.toFixed(4)}` : ''), {
        curves: [
          {
            label: 'true positive rate',
            color: '--c1',
            x,
            y: points.map(point => point[1]),
            plain: true
          },
          {label: '', color: '--c6', x: [0, 1], y: [0, 1], faint: true, plain: true}
        ],
        labelX: 'false positive rate',
        formatX: significant,
        rangeX: [0, 1],
        rangeY: [0, 1.02],
        height: 300
      });
}

function drawImage(base64, {width, height, channels}) {
  const pixels = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const canvas = element('canvas', {width, height});
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; ++i) {
    for (let c = 0; c < 3; ++c) image.data[4 * i + c] = pixels[channels === 3 ? 3 * i + c : i];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const valueText = value =>
    (value === null || value === undefined ? '\u2013' :
         Array.isArray(value)              ? value.map(valueText).join(', ') :
         isNumber(value)                   ? significant(value) :
                                             String(value));

function imageSamples(samples, image) {
  return element('div', {class: 'samples'}, samples.map(sample => {
    const wrong = sample.correct === false;
    const caption = [element('b', {class: wrong ? 'bad' : ''}, valueText(sample.prediction))];
    if (isNumber(sample.confidence))
      caption.push(element('span', {class: 'soft'}, ` ${percent(sample.confidence, 0)}`));
    if (sample.correct !== true && sample.target !== undefined)
      caption.push(element('div', {class: 'soft'}, `truth ${valueText(sample.target)}`));
    return element(
        'figure', {class: wrong ? 'sample wrong' : 'sample', title: `sample ${sample.sample}`},
        drawImage(sample.image, image), element('figcaption', {}, caption));
  }));
}

function sampleTable(samples, names) {
  const columns = [['sample', sample => valueText(sample.sample), 'number']];
  const any = key => samples.some(sample => sample[key] !== undefined);
  if (any('target')) columns.push(['truth', sample => valueText(sample.target), 'text']);
  columns.push([
    'prediction',
    sample =>
        element('b', {class: sample.correct === false ? 'bad' : ''}, valueText(sample.prediction)),
    'text'
  ]);
  if (any('confidence'))
    columns.push([
      'confidence', sample => (isNumber(sample.confidence) ? percent(sample.confidence, 1) : ''),
      'number'
    ]);
  names.forEach(
      (name, i) =>
          columns.push([String(name), sample => valueText(asList(sample.features)[i]), 'number']));
  return element('div', {class: 'scroll'}, table(columns, samples));
}

function samplePredictions() {
  const own = asObject(record.samples);
  const samples = asList(own.samples).filter(isObject);
  if (samples.length === 0) return null;
  const judged = samples.filter(sample => sample.correct !== undefined);
  const wrong = judged.filter(sample => !sample.correct).length;
  const names = asList(own.features);
  const notes = [`${samples.length} samples`];
  if (judged.length) notes.push(wrong === 0 ? 'all right' : `${wrong} wrong`);
  if (own.features_total > names.length)
    notes.push(`${names.length} of ${own.features_total} features shown`);
  const body = isObject(own.image) ? imageSamples(samples, own.image) : sampleTable(samples, names);
  return wide(card('Sample predictions', notes.join(', '), body));
}
