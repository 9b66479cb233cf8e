#include "convoy/data/preprocess_options.hpp"

namespace convoy {

void describe_columns(schema::Visitor& v, std::vector<std::string>& columns) {
  v.key("columns", columns, schema::any(),
        "tables: which columns; empty: every column that the step fits");
}

void describe_per(schema::Visitor& v, std::string& per) {
  v.key("per", per, schema::choice({"feature", "all", "channel"}),
        "what shares a statistic: each feature has its own, one for all, or one per channel (first "
        "dimension)");
}

void describe_error(schema::Visitor& v, double& error) {
  v.key("error", error, schema::between(0, 0.1),
        "values are counted within this part of themselves, which takes memory for few different "
        "ones ([bounded memory](preprocessing.md#in-bounded-memory)); 0: exactly");
}

void describe(schema::Visitor& v, ColumnOptions& o) {
  describe_columns(v, o.columns);
}

void describe(schema::Visitor& v, CountedOptions& o) {
  describe_columns(v, o.columns);
  describe_per(v, o.per);
  describe_error(v, o.error);
}

}  // namespace convoy
