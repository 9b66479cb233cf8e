#pragma once
// Faults on purpose: a plan of what goes wrong, when, asked by the few places that must survive it.
//
// The plan is the environment variable CONVOY_FAULTS (docs/faults.md has its grammar and every
// key), e.g. "write:enospc,path=checkpoint,after=3; crash:write,at=100". Without it asking costs
// one branch. The same calls meet the same faults each time; a plan may be asked by several
// threads.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace convoy {

/// Where a plan can strike.
enum class FaultPoint { open, write, sync, rename, close, message, weights, update };

/// What goes wrong at one call.
struct Fault {
  enum class Kind {
    error,  ///< the call fails with `error`
    cut,    ///< a write does only a part of its bytes and says so
    crash,  ///< the process is killed (SIGKILL) instead of the call, a write after a part of it
    flip,   ///< one bit of a message or of the weights changes
  };
  Kind kind = Kind::error;
  int error = 0;  ///< an errno
  /// cut, crash: how many bytes of the write are still done (nothing: half of them). flip: which
  /// bit, counted from the first byte's lowest (nothing: the middle one).
  std::optional<std::uint64_t> at;
};

namespace fault_detail {
extern std::atomic<bool> planned;
std::optional<Fault> ask(FaultPoint point, std::string_view path, std::int64_t step, int worker);
}  // namespace fault_detail

/// What the plan says of this call; nothing: it goes well. `path`: of a file; `step`: of training,
/// where the caller knows one; `worker`: who calls, if not the worker that this process is
/// (CONVOY_RANK or CONVOY_WORKER, else 0). The first call throws InputError, naming the wrong part,
/// when CONVOY_FAULTS cannot be understood.
inline std::optional<Fault> fault_at(FaultPoint point, std::string_view path = {},
                                     std::int64_t step = -1, int worker = -1) {
  if (!fault_detail::planned.load(std::memory_order_relaxed)) [[likely]]
    return std::nullopt;
  return fault_detail::ask(point, path, step, worker);
}

/// Reads CONVOY_FAULTS now, so that a mistake in it is told before any work is done. Throws
/// InputError.
void read_fault_plan();

/// The bit of a flip; a place beyond the end counts on from the beginning.
void flip_bit(std::span<std::byte> bytes, const Fault& fault);

/// Ends the process as a crash does: SIGKILL, nothing is cleaned up.
[[noreturn]] void crash();

/// A plan for tests, in force until destruction; then the one before is again.
class ScopedFaults {
 public:
  /// Throws InputError as fault_at does. `worker`: who this process is taken to be.
  explicit ScopedFaults(std::string_view plan, int worker = 0);
  ~ScopedFaults();
  ScopedFaults(const ScopedFaults&) = delete;
  ScopedFaults& operator=(const ScopedFaults&) = delete;
  /// How many faults it has made so far.
  int struck() const;

 private:
  std::shared_ptr<class FaultPlan> plan_;
  std::shared_ptr<class FaultPlan> before_;
};

}  // namespace convoy
