// Declared in convoy/train/observer.hpp.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>
#include <span>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/train/observer.hpp"
#include "core/system_calls.hpp"

namespace convoy {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* action, int error) {
  const char* advice =
      error == ENOSPC || error == EDQUOT ? "; free some space, then go on with --resume" : "";
  throw IoError(
      fmt::format("{}: cannot {}: {}{}", file.string(), action, std::strerror(error), advice));
}

using Keep = std::function<bool(std::int64_t step, const std::string& kind)>;

// Whether a line is an event that stays; what a crash left half-written is not an event.
bool stays(std::string_view line, const Keep& keep) {
  const auto event = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!event.is_object()) return false;
  const auto step = event.find("step");
  const auto kind = event.find("event");
  if (step == event.end() || !step->is_number_integer()) return false;
  return keep(step->get<std::int64_t>(),
              kind != event.end() && kind->is_string() ? kind->get<std::string>() : "");
}

std::string lines_to_keep(std::string_view text, const Keep& keep) {
  std::string kept;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end + 1);
    if (stays(line, keep)) kept += line;
    text.remove_prefix(end + 1);
  }
  return kept;
}

void drop_other_lines(const std::filesystem::path& file, const Keep& keep) {
  if (!std::filesystem::exists(file)) return;
  const std::string text = read_text_file(file);
  const std::string kept = lines_to_keep(text, keep);
  if (kept != text) write_file_atomically(file, kept);
}

// What happened to the group in a step. Nobody tells it again when the step is done once more.
bool is_of_the_group(const std::string& kind) {
  constexpr const char* kinds[] = {"lost", "joined", "moved", "repaired", "recovered", "resumed"};
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
}

class JsonLinesLog final : public Observer {
 public:
  JsonLinesLog(std::filesystem::path file, bool fresh) : file_(std::move(file)) {
    descriptor_ = system_call::open(
        file_, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0644);
    if (descriptor_ < 0) fail(file_, "open for writing", errno);
  }
  ~JsonLinesLog() override { system_call::close(descriptor_, file_); }
  JsonLinesLog(const JsonLinesLog&) = delete;
  JsonLinesLog& operator=(const JsonLinesLog&) = delete;

  void on_event(const nlohmann::ordered_json& event) override {
    if (event.value("event", "") == "start") return;
    append(event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
  }

 private:
  void append(std::string_view line) {
    while (!line.empty()) {
      const ssize_t written = system_call::write(
          descriptor_, std::as_bytes(std::span(line.data(), line.size())), file_);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(file_, "write", errno);
      line.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace

std::optional<LoggedProgress> logged_progress(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  LoggedProgress logged;
  std::optional<double> first;
  std::istringstream lines(read_text_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto event = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!event.is_object()) continue;
    logged.step = std::max(logged.step, event.value("step", std::int64_t{0}));
    logged.skipped += event.value("event", "") == "skipped";
    const double time = event.value("time", 0.0);
    if (!first) first = time;
    logged.seconds = time - *first;
    logged.time = time;
  }
  return logged;
}

std::set<std::pair<std::string, int>> logged_changes(const std::filesystem::path& file,
                                                     double time) {
  std::set<std::pair<std::string, int>> logged;
  if (!std::filesystem::exists(file)) return logged;
  std::istringstream lines(read_text_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto event = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!event.is_object() || event.value("time", 0.0) <= time) continue;
    const std::string kind = event.value("event", "");
    if (kind == "joined" || kind == "lost") logged.emplace(kind, event.value("worker", -1));
  }
  return logged;
}

std::unique_ptr<Observer> json_lines_log(const std::filesystem::path& file,
                                         std::int64_t resume_step) {
  if (resume_step > 0)
    drop_other_lines(file, [=](std::int64_t step, const auto&) { return step <= resume_step; });
  return std::make_unique<JsonLinesLog>(file, resume_step == 0);
}

std::unique_ptr<Observer> continue_json_lines_log(const std::filesystem::path& file,
                                                  std::int64_t step) {
  drop_other_lines(file, [=](std::int64_t at, const std::string& kind) {
    return at < step || (at == step && is_of_the_group(kind));
  });
  return std::make_unique<JsonLinesLog>(file, /*fresh=*/false);
}

}  // namespace convoy
