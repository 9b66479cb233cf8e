#pragma once
// Who takes part from now on: what a coordinator decides from what it sees. No clock, no I/O.
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "convoy/session/generation.hpp"

namespace convoy {

/// What is known of a worker.
struct WorkerView {
  int launcher = 0;
  std::string host;                 ///< its machine's name
  std::string machine;              ///< equal where memory can be shared; empty until it is ready
  std::optional<std::string> lost;  ///< why; final
  bool leaving = false;
  bool ready() const { return !machine.empty(); }
};

/// What a member found wrong with its generation.
struct Suspicion {
  int about = -1;  ///< a worker, -1 when it can't tell
  std::string text;
  bool damaged = false;  ///< a message was damaged: nobody is lost
};

struct JobView {
  Generation latest;  ///< number 0: none yet
  std::map<int, WorkerView> workers;
  int launchers = 1;
  int announced = 0;  ///< workers that those launchers start at first, announced or not yet
  std::map<int, Suspicion> suspicions;  ///< by who has them, of the latest generation
  /// Since the first suspicion: time for the cause to be known for certain.
  std::chrono::milliseconds suspected_for{0};
  std::chrono::milliseconds waited{0};  ///< since the first worker could take part
  int fruitless = 0;                    ///< generations in a row that ended before their first step
  bool settled = true;                  ///< the latest generation's members have one state
};

struct DecisionOptions {
  int least = 1;      ///< fewer members do not train
  int launchers = 1;  ///< that must have come before the first generation
  /// How long those that started first wait for each other.
  std::chrono::milliseconds gather{30'000};
  std::chrono::milliseconds certainty{1'000};  ///< before a suspicion counts
};

/// Members that the others' suspicions are reason enough to declare lost, and why. They are to be
/// declared lost even where too few are left to go on without them: only then are they replaced.
std::map<int, std::string> evicted(const JobView& view, const DecisionOptions& options);

/// The generation that should follow, without the lost and the evicted; nothing while the latest
/// one is right or nothing can be done.
std::optional<Generation> decide(const JobView& view, const DecisionOptions& options);

}  // namespace convoy
