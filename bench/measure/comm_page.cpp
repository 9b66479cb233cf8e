// comm.html: uPlot and a few lines around it.
#include <fmt/format.h>

#include "bench/measure/comm_report.hpp"
#include "bench/measure/comm_table.hpp"
#include "report/page_assets.hpp"

namespace convoy::bench {
namespace {

constexpr std::string_view head = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>All-reduce by size</title>
<style>
)";

constexpr std::string_view body = R"(
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }
p { color: #5d6878; margin: 0.3rem 0; }
.u-legend { text-align: left; }
table.ratios { border-collapse: collapse; margin: 1rem 0; }
table.ratios td, table.ratios th { padding: 0.1rem 0.8rem; text-align: right; font-weight: normal; }
table.ratios th { border-bottom: 1px solid #8b97a8; }
table.ratios .missed { color: #c8372d; font-weight: bold; }
</style>
</head>
<body>
<h1>All-reduce by size</h1>
<main id="page"></main>
)";

constexpr std::string_view script = R"(
'use strict';
const report = JSON.parse(document.getElementById('report').textContent);
const page = document.getElementById('page');
const colors = {
  'thread': '#8e44ad', 'shm': '#2563c9', 'tcp': '#c8372d', 'tcp encrypted': '#e48a8a', 'mpi': '#b7860b',
  'gloo': '#1a8a54', 'Open MPI': '#dd6b20', 'Open MPI TCP': '#f0b27a', 'bare sockets': '#0e9aa7',
  'memory limit': '#1b2330', 'one pass': '#8b97a8',
};
const add = (tag, text) => page.appendChild(Object.assign(document.createElement(tag), {textContent: text}));

function sizeText(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.length; ++unit) bytes /= 1024;
  return Number(bytes.toPrecision(4)) + ' ' + units[unit];
}
function timeText(seconds) {
  if (seconds === null || seconds === undefined) return '\u2013';
  if (seconds < 1e-3) return Number((1e6 * seconds).toPrecision(3)) + ' \u00b5s';
  return seconds < 1 ? Number((1e3 * seconds).toPrecision(3)) + ' ms' : seconds.toPrecision(3) + ' s';
}

function series(name) {
  const aid = name === 'memory limit' || name === 'one pass' || name === 'bare sockets';
  return {
    label: name, stroke: colors[name] || '#5d6878', width: name === 'shm' || name === 'tcp' ? 3 : 1.5,
    dash: aid ? [6, 4] : undefined, points: {show: !aid, size: 6},
    value: (chart, seconds) => timeText(seconds),
  };
}

function plot(result) {
  const sizes = result.points.map(point => point.bytes);
  const times = result.contestants.map(name => result.points.map(point => point.seconds[name].median));
  const everySecond = (chart, axis, low, high) =>
    sizes.filter((size, k) => k % 2 === 0 && size >= low && size <= high);
  new uPlot({
    width: Math.min(980, page.clientWidth), height: 520, cursor: {y: false},
    scales: {
      x: {time: false, distr: 3, log: 2, range: [sizes[0] / 1.4, sizes[sizes.length - 1] * 1.4]},
      y: {distr: 3, log: 10},
    },
    axes: [
      {label: 'buffer of each worker', splits: everySecond, filter: (chart, splits) => splits,
       values: (chart, splits) => splits.map(sizeText)},
      {label: 'time of one all-reduce', size: 80, values: (chart, splits) => splits.map(
        value => value === null ? '' : timeText(value))},
    ],
    series: [{label: 'size', value: (chart, size) => size === null ? '\u2013' : sizeText(size)},
             ...result.contestants.map(series)],
  }, [sizes, ...times], page);
}

function ratioTable(rows) {
  const table = add('table', '');
  table.className = 'ratios';
  rows.forEach((row, k) => {
    const line = table.insertRow();
    for (const text of row) {
      const cell = line.appendChild(document.createElement(k === 0 ? 'th' : 'td'));
      cell.textContent = text;
      if (k > 0 && text.endsWith('!')) cell.className = 'missed';
    }
  });
}

for (const note of report.notes) add('p', note);
for (const result of report.results) {
  add('h2', result.title);
  add('p', `${result.machine}; ${result.date}; ${result.command}`);
  plot(result);
  if (result.ratios.length > 0) ratioTable(result.ratios);
  for (const line of result.explanation) add('p', line);
}
)";

// Without '<' nothing in it can end the element.
std::string json_for_script(const nlohmann::ordered_json& json) {
  std::string text;
  for (const char c : json.dump()) text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

void add_texts(nlohmann::ordered_json& json, const CommResult& result) {
  json["title"] = title(result);
  json["ratios"] = ratio_table(result);
  json["explanation"] = explanation(result);
}

}  // namespace

std::string html_text(const CommReport& report) {
  nlohmann::ordered_json json = to_json(report);
  for (std::size_t k = 0; k < report.results.size(); ++k)
    add_texts(json["results"][k], report.results[k]);
  return fmt::format(
      "{}{}{}<script type=\"application/json\" id=\"report\">{}</script>\n"
      "<script>\n/*\n{}\n*/\n{}\n</script>\n<script>{}</script>\n</body>\n</html>\n",
      head, page::uplot_style, body, json_for_script(json), page::uplot_licence, page::uplot_script,
      script);
}

}  // namespace convoy::bench
