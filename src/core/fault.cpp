#include "core/fault.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr const char* faults_variable = "CONVOY_FAULTS";

struct Kind {
  std::string_view name;  // KIND:WHAT
  FaultPoint point;
  Fault::Kind kind;
  int error = 0;
};

constexpr Kind kinds[] = {
    {"open:enospc", FaultPoint::open, Fault::Kind::error, ENOSPC},
    {"open:eio", FaultPoint::open, Fault::Kind::error, EIO},
    {"write:enospc", FaultPoint::write, Fault::Kind::error, ENOSPC},
    {"write:eio", FaultPoint::write, Fault::Kind::error, EIO},
    {"write:short", FaultPoint::write, Fault::Kind::cut},
    {"sync:enospc", FaultPoint::sync, Fault::Kind::error, ENOSPC},
    {"sync:eio", FaultPoint::sync, Fault::Kind::error, EIO},
    {"rename:enospc", FaultPoint::rename, Fault::Kind::error, ENOSPC},
    {"rename:eio", FaultPoint::rename, Fault::Kind::error, EIO},
    {"close:enospc", FaultPoint::close, Fault::Kind::error, ENOSPC},
    {"close:eio", FaultPoint::close, Fault::Kind::error, EIO},
    {"crash:open", FaultPoint::open, Fault::Kind::crash},
    {"crash:write", FaultPoint::write, Fault::Kind::crash},
    {"crash:sync", FaultPoint::sync, Fault::Kind::crash},
    {"crash:rename", FaultPoint::rename, Fault::Kind::crash},
    {"crash:close", FaultPoint::close, Fault::Kind::crash},
    {"crash:update", FaultPoint::update, Fault::Kind::crash},
    {"message:flip", FaultPoint::message, Fault::Kind::flip},
    {"weights:flip", FaultPoint::weights, Fault::Kind::flip},
};

bool is_of_files(FaultPoint point) {
  return point != FaultPoint::message && point != FaultPoint::weights &&
         point != FaultPoint::update;
}

// One fault of a plan, and how often it has been met.
struct Rule {
  Kind kind;
  std::optional<std::uint64_t> at;
  std::string path;
  std::int64_t worker = -1;
  std::int64_t step = -1;
  std::int64_t after = 0;
  std::int64_t times = 1;
  std::int64_t passed = 0;
  std::int64_t struck = 0;

  bool matches(FaultPoint point, std::string_view of_path, std::int64_t of_step,
               int of_worker) const {
    return point == kind.point && (path.empty() || of_path.find(path) != std::string_view::npos) &&
           (step < 0 || of_step == step) && (worker < 0 || of_worker == worker);
  }
};

[[noreturn]] void complain(std::string_view part, const std::string& problem) {
  throw InputError(fmt::format("{}: '{}': {}", faults_variable, part, problem));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\n";
  const std::size_t begin = std::min(text.find_first_not_of(blank), text.size());
  return text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::int64_t parse_whole_number(std::string_view condition, std::string_view value,
                                std::int64_t least) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least)
    complain(condition, fmt::format("needs a whole number of at least {}", least));
  return number;
}

const Kind& find_kind(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kinds), std::end(kinds),
                                         [&](const Kind& k) { return k.name == name; });
  if (found != std::end(kinds)) return *found;
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) names.push_back(kind.name);
  complain(name, fmt::format("is no fault; there are: {}", fmt::join(names, ", ")));
}

void set_condition(Rule& rule, std::string_view condition) {
  const std::size_t equals = condition.find('=');
  if (equals == std::string_view::npos) complain(condition, "is not of the form key=value");
  const std::string_view key = condition.substr(0, equals);
  const std::string_view value = condition.substr(equals + 1);
  const FaultPoint point = rule.kind.point;
  const auto only_for = [&](bool possible, const char* what) {
    if (!possible) complain(condition, fmt::format("{} has no {}", rule.kind.name, what));
  };
  if (key == "after") {
    rule.after = parse_whole_number(condition, value, 0);
  } else if (key == "times") {
    rule.times = parse_whole_number(condition, value, 1);
  } else if (key == "worker") {
    rule.worker = parse_whole_number(condition, value, 0);
  } else if (key == "path") {
    only_for(is_of_files(point), "path");
    if (value.empty()) complain(condition, "needs a part of a path");
    rule.path = value;
  } else if (key == "step") {
    only_for(point == FaultPoint::weights || point == FaultPoint::update, "step");
    rule.step = parse_whole_number(condition, value, 0);
  } else if (key == "at") {
    only_for(rule.kind.kind == Fault::Kind::cut || rule.kind.kind == Fault::Kind::flip ||
                 (rule.kind.kind == Fault::Kind::crash && point == FaultPoint::write),
             "place in the bytes");
    rule.at = static_cast<std::uint64_t>(
        parse_whole_number(condition, value, rule.kind.kind == Fault::Kind::cut ? 1 : 0));
  } else {
    complain(condition, "unknown key; there are: path, worker, step, after, times, at");
  }
}

Rule parse_rule(std::string_view text) {
  const auto parts = split(text, ',');
  Rule rule{find_kind(parts.front()), {}, {}};
  for (std::size_t i = 1; i < parts.size(); ++i) set_condition(rule, parts[i]);
  return rule;
}

std::vector<Rule> parse_rules(std::string_view text) {
  std::vector<Rule> rules;
  for (const std::string_view part : split(text, ';')) {
    if (!part.empty()) rules.push_back(parse_rule(part));  // a ';' at the end is no mistake
  }
  return rules;
}

int worker_of_process() {
  for (const char* name : {"CONVOY_RANK", "CONVOY_WORKER"}) {
    if (const char* text = std::getenv(name)) return std::atoi(text);
  }
  return 0;
}

const char* plan_in_environment() {
  const char* text = std::getenv(faults_variable);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

}  // namespace

class FaultPlan {
 public:
  FaultPlan(std::string_view text, int worker) : rules_(parse_rules(text)), worker_(worker) {}

  // Every fault counts each call that it matches; of those that are due the first one strikes.
  std::optional<Fault> ask(FaultPoint point, std::string_view path, std::int64_t step, int worker) {
    const std::lock_guard lock(mutex_);
    std::optional<Fault> result;
    for (Rule& rule : rules_) {
      if (!rule.matches(point, path, step, worker >= 0 ? worker : worker_)) continue;
      if (rule.passed < rule.after) {
        ++rule.passed;
      } else if (rule.struck < rule.times && !result) {
        ++rule.struck;
        ++struck_;
        result = Fault{rule.kind.kind, rule.kind.error, rule.at};
      }
    }
    return result;
  }

  int struck() const {
    const std::lock_guard lock(mutex_);
    return struck_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Rule> rules_;
  int worker_;
  int struck_ = 0;
};

namespace {

std::mutex current_mutex;
std::shared_ptr<FaultPlan> current;  // null: CONVOY_FAULTS has not been read yet, or is not set

// The plan in force; null if there is none.
std::shared_ptr<FaultPlan> current_plan() {
  const std::lock_guard lock(current_mutex);
  const char* text = plan_in_environment();
  if (!current && text != nullptr) current = std::make_shared<FaultPlan>(text, worker_of_process());
  return current;
}

// Puts `plan` in force and returns the one before.
std::shared_ptr<FaultPlan> exchange_plan(std::shared_ptr<FaultPlan> plan) {
  const std::lock_guard lock(current_mutex);
  fault_detail::planned = plan != nullptr || plan_in_environment() != nullptr;
  return std::exchange(current, std::move(plan));
}

}  // namespace

namespace fault_detail {

std::atomic<bool> planned = plan_in_environment() != nullptr;

std::optional<Fault> ask(FaultPoint point, std::string_view path, std::int64_t step, int worker) {
  const auto plan = current_plan();
  return plan ? plan->ask(point, path, step, worker) : std::nullopt;
}

}  // namespace fault_detail

void read_fault_plan() {
  current_plan();
}

void crash() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

void flip_bit(std::span<std::byte> bytes, const Fault& fault) {
  if (bytes.empty()) return;
  const std::uint64_t bits = 8 * static_cast<std::uint64_t>(bytes.size());
  const std::uint64_t bit = fault.at.value_or(bits / 2) % bits;
  bytes[bit / 8] ^= std::byte{1} << (bit % 8);
}

ScopedFaults::ScopedFaults(std::string_view plan, int worker)
    : plan_(std::make_shared<FaultPlan>(plan, worker)), before_(exchange_plan(plan_)) {}

ScopedFaults::~ScopedFaults() {
  exchange_plan(std::move(before_));
}

int ScopedFaults::struck() const {
  return plan_->struck();
}

}  // namespace convoy
