#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/report/observer.hpp"

namespace convoy {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* action, int error) {
  const char* advice =
      error == ENOSPC || error == EDQUOT ? "; free some space, then go on with --resume" : "";
  throw IoError(
      fmt::format("{}: cannot {}: {}{}", file.string(), action, std::strerror(error), advice));
}

// Whether a line is an event of a step up to `step`; what a crash left half-written is not an
// event.
bool is_event_until(std::string_view line, std::int64_t step) {
  const auto event = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!event.is_object()) return false;
  const auto at = event.find("step");
  return at != event.end() && at->is_number_integer() && at->get<std::int64_t>() <= step;
}

std::string lines_until(std::string_view text, std::int64_t step) {
  std::string kept;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end + 1);
    if (is_event_until(line, step)) kept += line;
    text.remove_prefix(end + 1);
  }
  return kept;
}

void drop_later_lines(const std::filesystem::path& file, std::int64_t step) {
  if (!std::filesystem::exists(file)) return;
  const std::string text = read_text_file(file);
  const std::string kept = lines_until(text, step);
  if (kept != text) write_file_atomically(file, kept);
}

class JsonLinesLog final : public Observer {
 public:
  JsonLinesLog(std::filesystem::path file, bool fresh) : file_(std::move(file)) {
    descriptor_ = ::open(file_.c_str(),
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0644);
    if (descriptor_ < 0) fail(file_, "open for writing", errno);
  }
  ~JsonLinesLog() override { ::close(descriptor_); }
  JsonLinesLog(const JsonLinesLog&) = delete;
  JsonLinesLog& operator=(const JsonLinesLog&) = delete;

  void on_event(const nlohmann::ordered_json& event) override {
    if (event.value("event", "") == "start") return;
    append(event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
  }

 private:
  void append(std::string_view line) {
    while (!line.empty()) {
      const ssize_t written = ::write(descriptor_, line.data(), line.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(file_, "write", errno);
      line.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace

std::unique_ptr<Observer> json_lines_log(const std::filesystem::path& file,
                                         std::int64_t resume_step) {
  if (resume_step > 0) drop_later_lines(file, resume_step);
  return std::make_unique<JsonLinesLog>(file, resume_step == 0);
}

}  // namespace convoy
