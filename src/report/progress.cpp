#include "convoy/report/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>

#include "report/progress_format.hpp"
#include "report/terminal.hpp"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kRedraw = 100ms;
constexpr auto kPlainLine = 5s;
constexpr int kUsualWidth = 80;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Asked anew each time: the window may have been resized.
int terminal_width(std::FILE* stream) {
  winsize size{};
  if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return size.ws_col;
}

double number(const nlohmann::ordered_json& object, const char* key, double otherwise = 0) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

bool is_best(const nlohmann::ordered_json& event) {
  const auto best = event.find("best");
  return best != event.end() && best->is_boolean() && best->get<bool>();
}

/// Lets something happen at most once a period; the first time at once.
class Throttle {
 public:
  explicit Throttle(Clock::duration period) : period_(period) {}
  bool passes() {
    const auto now = Clock::now();
    if (last_ && now - *last_ < period_) return false;
    last_ = now;
    return true;
  }

 private:
  Clock::duration period_;
  std::optional<Clock::time_point> last_;
};

class Progress final : public Observer {
 public:
  explicit Progress(std::FILE* stream) : stream_(stream), live_(is_terminal(stream)) {
    style_.colour = live_ && environment("NO_COLOR").empty();
    style_.utf8 = locale_is_utf8();
  }

  // The last state stays to be read, and what is printed next begins on its own line.
  ~Progress() override {
    if (!drawn_) return;
    draw();
    std::fputs("\n", stream_);
    std::fflush(stream_);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void on_event(const nlohmann::ordered_json& event) override {
    const std::string kind = event.value("event", "");
    if (kind == "start" && event.contains("run") && event["run"].is_object()) begin(event["run"]);
    if (!kind.starts_with("checkpoint")) {  // told when it has been written, some steps later
      state_.step = static_cast<std::int64_t>(number(event, "step"));
      state_.epoch = number(event, "epoch", state_.epoch);
    }
    if (kind == "step") return on_step(event);
    if (kind == "checkpoint" && !is_best(event) && !checkpoint_line_.passes()) return;
    print(format_event_line(event, style_), kind == "done");
  }

 private:
  void begin(const nlohmann::ordered_json& run) {
    state_.steps = static_cast<std::int64_t>(number(run, "steps"));
    state_.epochs = number(run, "epochs");
    batch_ = number(run, "batch");
  }

  void on_step(const nlohmann::ordered_json& event) {
    state_.has_loss = event.contains("loss") && event["loss"].is_number();
    state_.loss = number(event, "loss");
    estimate_time(number(event, "samples_per_second"));
    if (live_) {
      if (redraw_.passes()) draw();
    } else if (plain_line_.passes()) {
      print(format_plain_line(state_), false);
    }
  }

  // A moving average of the time a sample takes, so that the time left does not jump about.
  void estimate_time(double samples_per_second) {
    if (!(samples_per_second > 0)) return;
    constexpr double weight = 0.2;
    const double seconds = 1 / samples_per_second;
    seconds_a_sample_ =
        seconds_a_sample_ == 0 ? seconds : (1 - weight) * seconds_a_sample_ + weight * seconds;
    state_.samples_per_second = 1 / seconds_a_sample_;
    state_.seconds_left =
        static_cast<double>(state_.steps - state_.step) * batch_ * seconds_a_sample_;
  }

  // Without automatic wrapping a window made narrower meanwhile cannot turn the line into several.
  void draw() {
    style_.width = terminal_width(stream_) - 1;
    std::fputs(("\r\x1b[?7l" + format_live_line(state_, style_) + "\x1b[K\x1b[?7h").c_str(),
               stream_);
    std::fflush(stream_);
    drawn_ = true;
  }

  void print(const std::string& line, bool last) {
    if (line.empty()) return;
    std::fputs(((drawn_ ? "\r\x1b[K" : "") + line + "\n").c_str(), stream_);
    if (drawn_ && !last) {
      draw();
    } else {
      std::fflush(stream_);
      drawn_ = false;
    }
  }

  std::FILE* stream_;
  bool live_;
  bool drawn_ = false;
  ProgressStyle style_;
  ProgressState state_;
  double batch_ = 0;
  double seconds_a_sample_ = 0;
  Throttle redraw_{kRedraw};
  Throttle plain_line_{kPlainLine};
  Throttle checkpoint_line_{kPlainLine};
};

}  // namespace

std::unique_ptr<Observer> progress(std::FILE* stream) {
  return std::make_unique<Progress>(stream);
}

}  // namespace convoy
