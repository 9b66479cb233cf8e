#pragma once
// What an elastic job keeps in its store. Workers and launchers meet nowhere else.
#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace convoy::keys {

// generation/<n>: a Generation, set once, by whoever is coordinator.
inline const std::string generations = "generation/";
inline std::string generation(std::int64_t number) {
  return fmt::format("{}{}", generations, number);
}

// worker/<id>/...: of each worker that was ever started.
inline const std::string workers = "worker/";
inline std::string started(int worker) {  // by its launcher: {launcher, host, pid}
  return fmt::format("{}{}/started", workers, worker);
}
inline std::string ready(int worker) {  // by itself: {host, machine}: it can take part
  return fmt::format("{}{}/ready", workers, worker);
}
inline std::string lost(int worker) {  // why; final
  return fmt::format("{}{}/lost", workers, worker);
}
inline std::string leaving(int worker) {  // it asked to
  return fmt::format("{}{}/leaving", workers, worker);
}
// suspect/<generation>/<id>: what the worker found wrong with the generation: {about, text,
// damaged}
inline std::string suspicions(std::int64_t generation) {
  return fmt::format("suspect/{}/", generation);
}
inline std::string suspicion(std::int64_t generation, int worker) {
  return fmt::format("{}{}", suspicions(generation), worker);
}

// given_up/<generation>/<id>: the worker left that one before its end
inline std::string all_aborted(std::int64_t generation) {
  return fmt::format("given_up/{}/", generation);
}
inline std::string aborted(std::int64_t generation, int worker) {
  return fmt::format("{}{}", all_aborted(generation), worker);
}

// ~alive/...: heartbeats. Whoever watches looks whether the value changes.
inline const std::string alive = "~alive/";
inline std::string worker_alive(int worker) {
  return fmt::format("{}worker/{}", alive, worker);
}
inline std::string launcher_alive(int launcher) {
  return fmt::format("{}launcher/{}", alive, launcher);
}

inline const std::string launchers = "launcher/";  // launcher/<id>: {host, min, max}
inline std::string launcher(int id) {
  return fmt::format("{}{}", launchers, id);
}
inline const std::string coordinator = "coordinator";      // the launcher that decides
inline const std::string next_worker = "next_worker";      // numbers given so far
inline const std::string next_launcher = "next_launcher";  // the same
inline const std::string logged = "told";                  // the run's log has so many generations
inline const std::string done = "done";                    // the work is done
inline const std::string verdict = "verdict";              // how the job ended: status, text
inline std::string agreed(const std::string& what) {
  return "agreed/" + what;
}

}  // namespace convoy::keys
