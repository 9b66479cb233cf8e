// comm.html: uPlot and a few lines around it.
#include <fmt/format.h>

#include "bench/comm_report.hpp"
#include "bench/comm_table.hpp"
#include "report/page_assets.hpp"

namespace convoy::bench {
namespace {

constexpr std::string_view head = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>All-reduce on one host</title>
<style>
)";

constexpr std::string_view body = R"(
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }
p { color: #5d6878; margin: 0.3rem 0; }
.u-legend { text-align: left; }
</style>
</head>
<body>
<h1>All-reduce on one host</h1>
<main id="page"></main>
)";

constexpr std::string_view script = R"(
'use strict';
const report = JSON.parse(document.getElementById('report').textContent);
const page = document.getElementById('page');
const colors = {
  'thread': '#8e44ad', 'shm': '#2563c9', 'tcp': '#1a8a54', 'mpi': '#b7860b', 'c10d gloo': '#7cc7a0',
  'Open MPI': '#dd6b20', 'memory limit': '#1b2330', 'one pass': '#8b97a8',
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
  const aid = name === 'memory limit' || name === 'one pass';
  return {
    label: name, stroke: colors[name] || '#c8372d', width: name === 'shm' ? 3 : 1.5,
    dash: aid ? [6, 4] : undefined, points: {show: !aid, size: 6},
    value: (chart, seconds) => timeText(seconds),
  };
}

function plot(result) {
  const sizes = result.points.map(point => point.bytes);
  const times = result.contestants.map(name => result.points.map(point => point.seconds[name].median));
  const everyFourth = (chart, axis, low, high) => sizes.filter(size => size >= low && size <= high);
  new uPlot({
    width: Math.min(980, page.clientWidth), height: 520, cursor: {y: false},
    scales: {
      x: {time: false, distr: 3, log: 2, range: [sizes[0] / 1.4, sizes[sizes.length - 1] * 1.4]},
      y: {distr: 3, log: 10},
    },
    axes: [
      {label: 'buffer of each worker', splits: everyFourth, filter: (chart, splits) => splits,
       values: (chart, splits) => splits.map(sizeText)},
      {label: 'time of one all-reduce', size: 80, values: (chart, splits) => splits.map(
        value => value === null ? '' : timeText(value))},
    ],
    series: [{label: 'size', value: (chart, size) => size === null ? '\u2013' : sizeText(size)},
             ...result.contestants.map(series)],
  }, [sizes, ...times], page);
}

add('p', `${report.machine}; ${report.date}; ${report.command}`);
for (const result of report.results) {
  add('h2', `${result.workers} workers`);
  plot(result);
  for (const line of result.explanation) add('p', line);
}
)";

// Without '<' nothing in it can end the element.
std::string json_for_script(const nlohmann::ordered_json& json) {
  std::string text;
  for (const char c : json.dump()) text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

}  // namespace

std::string html_text(const CommReport& report) {
  nlohmann::ordered_json json = to_json(report);
  for (std::size_t k = 0; k < report.results.size(); ++k)
    json["results"][k]["explanation"] = explanation(report.results[k]);
  return fmt::format(
      "{}{}{}<script type=\"application/json\" id=\"report\">{}</script>\n"
      "<script>\n/*\n{}\n*/\n{}\n</script>\n<script>{}</script>\n</body>\n</html>\n",
      head, page::uplot_style, body, json_for_script(json), page::uplot_licence, page::uplot_script,
      script);
}

}  // namespace convoy::bench
