// Samples belong to lanes by a value of theirs, for the whole run.
#include "data/partition/kinds/dealt.hpp"

namespace convoy {

void describe(schema::Visitor& v, ByValue& o) {
  v.key("value", o.value, schema::any(),
        "the column, as read from the file, before preprocessing; it may be one of "
        "`data.csv.ignore`. target: what is predicted (arrays have nothing else)");
  v.key("assign", o.assign, schema::choice({"stratified", "hash", "range"}).required(),
        "every lane and every batch has its share of each value (stratified), all samples of a "
        "value are in one lane (hash), or lanes have neighbouring values (range)");
}

namespace {

ValueAssignment value_assignment(const std::string& name) {
  return name == "hash"    ? ValueAssignment::hash
         : name == "range" ? ValueAssignment::range
                           : ValueAssignment::stratified;
}

std::unique_ptr<const SampleSchedule> make_by_value(const SamplesToPartition& given,
                                                    const schema::AnyOptions& own) {
  EpochSchedule::Options options = dealt(given, "");
  options.values = given.values;
  options.assignment = value_assignment(own.as<ByValue>().assign);
  return std::make_unique<EpochSchedule>(options);
}

std::string value_column(const schema::AnyOptions& own) {
  return own.as<ByValue>().value;
}

std::optional<schema::Problem> value_problem(const schema::AnyOptions& own) {
  return column_problem(value_column(own));
}

const schema::Registered value_partitioner(
    partitioners(),
    PartitionerKind{{.name = "value",
                     .doc = "samples belong to lanes by what `value` says, for the whole run",
                     .options = ByValue{},
                     .problem = value_problem},
                    make_by_value,
                    LooksAt::values,
                    value_column});

}  // namespace
}  // namespace convoy
