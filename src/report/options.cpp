#include "convoy/report/options.hpp"

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

void describe(Visitor& v, ReportOptions& o) {
  v.key("every", o.every, at_least(1), "steps between `step` lines in metrics.jsonl");
  v.key("html", o.html, any(), "whether report.html is written");
  v.key("samples", o.samples, between(0, 1000), "sample predictions shown in the report");
}

}  // namespace convoy::schema
