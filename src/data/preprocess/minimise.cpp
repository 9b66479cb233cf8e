#include "data/preprocess/minimise.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace convoy {
namespace {

struct Probe {
  double x = 0;
  double f = 0;
};

/// Three points, the middle one the lowest.
struct Bracket {
  Probe a, b, c;
};

Bracket find_bracket(const std::function<double(double)>& f, double first, double second) {
  constexpr double golden = 1.618034;
  constexpr double tiny = 1e-21;
  constexpr double farthest = 110;
  constexpr int most_steps = 1000;
  const auto probe = [&](double x) { return Probe{x, f(x)}; };
  Bracket p{probe(first), probe(second), {}};
  if (p.a.f < p.b.f) std::swap(p.a, p.b);
  p.c = probe(p.b.x + golden * (p.b.x - p.a.x));
  for (int step = 0; p.c.f < p.b.f && step < most_steps; ++step) {
    const double left = (p.b.x - p.a.x) * (p.b.f - p.c.f);
    const double right = (p.b.x - p.c.x) * (p.b.f - p.a.f);
    const double difference = right - left;
    const double divisor = 2 * (std::abs(difference) < tiny ? tiny : difference);
    const double w = p.b.x - ((p.b.x - p.c.x) * right - (p.b.x - p.a.x) * left) / divisor;
    const double limit = p.b.x + farthest * (p.c.x - p.b.x);
    const auto beyond = [&] { return probe(p.c.x + golden * (p.c.x - p.b.x)); };
    Probe next;
    if ((w - p.c.x) * (p.b.x - w) > 0) {  // the parabola's lowest point lies between b and c
      next = probe(w);
      if (next.f < p.c.f) return {p.b, next, p.c};
      if (next.f > p.b.f) return {p.a, p.b, next};
      next = beyond();
    } else if ((w - limit) * (limit - p.c.x) >= 0) {
      next = probe(limit);
    } else if ((w - limit) * (p.c.x - w) > 0) {
      next = probe(w);
      if (next.f < p.c.f) {
        p.b = std::exchange(p.c, next);
        next = beyond();
      }
    } else {
      next = beyond();
    }
    p = {p.b, p.c, next};
  }
  return p;
}

/// Brent's method between the ends of a bracket.
class Brent {
 public:
  Brent(const std::function<double(double)>& f, const Bracket& bracket)
      : f_(f),
        low_(std::min(bracket.a.x, bracket.c.x)),
        high_(std::max(bracket.a.x, bracket.c.x)),
        best_(bracket.b),
        second_(bracket.b),
        third_(bracket.b) {}

  double run() {
    constexpr int most_steps = 500;
    for (int step = 0; step < most_steps; ++step) {
      const double tolerance = 1.48e-8 * std::abs(best_.x) + 1e-11;
      const double middle = 0.5 * (low_ + high_);
      if (std::abs(best_.x - middle) < 2 * tolerance - 0.5 * (high_ - low_)) break;
      choose_step(tolerance, middle);
      const double least = step_ >= 0 ? tolerance : -tolerance;
      const double x = best_.x + (std::abs(step_) < tolerance ? least : step_);
      take({x, f_(x)});
    }
    return best_.x;
  }

 private:
  void golden_step(double middle) {
    before_ = (best_.x >= middle ? low_ : high_) - best_.x;
    step_ = 0.3819660 * before_;
  }

  /// A parabola through the three best points, where it leads to a step within the bracket that is
  /// less than half the one before last; else a golden section.
  void choose_step(double tolerance, double middle) {
    if (std::abs(before_) <= tolerance) return golden_step(middle);
    const double with_third = (best_.x - second_.x) * (best_.f - third_.f);
    double divisor = (best_.x - third_.x) * (best_.f - second_.f);
    double p = (best_.x - third_.x) * divisor - (best_.x - second_.x) * with_third;
    divisor = 2 * (divisor - with_third);
    if (divisor > 0) p = -p;
    divisor = std::abs(divisor);
    const double last_but_one = std::exchange(before_, step_);
    const bool fits = p > divisor * (low_ - best_.x) && p < divisor * (high_ - best_.x) &&
                      std::abs(p) < std::abs(0.5 * divisor * last_but_one);
    if (!fits) return golden_step(middle);
    step_ = p / divisor;
    const double x = best_.x + step_;
    if (x - low_ < 2 * tolerance || high_ - x < 2 * tolerance)
      step_ = middle >= best_.x ? tolerance : -tolerance;
  }

  void take(const Probe& probe) {
    if (probe.f > best_.f) {
      (probe.x < best_.x ? low_ : high_) = probe.x;
      if (probe.f <= second_.f || second_.x == best_.x) {
        third_ = std::exchange(second_, probe);
      } else if (probe.f <= third_.f || third_.x == best_.x || third_.x == second_.x) {
        third_ = probe;
      }
      return;
    }
    (probe.x >= best_.x ? low_ : high_) = best_.x;
    third_ = std::exchange(second_, std::exchange(best_, probe));
  }

  const std::function<double(double)>& f_;
  double low_;
  double high_;
  Probe best_, second_, third_;
  double step_ = 0;
  double before_ = 0;  // the step before
};

}  // namespace

double minimise(const std::function<double(double)>& f, double first, double second) {
  return Brent(f, find_bracket(f, first, second)).run();
}

}  // namespace convoy
