#include "convoy/lanes/random.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/split_mix.hpp"

namespace convoy {
namespace {

// The key is reserved for modes such as this one: nothing in libtorch includes it or registers
// kernels for it.
constexpr auto mode_key = c10::DispatchKey::TESTING_ONLY_GenericMode;

thread_local const at::Generator* current_generator = nullptr;

bool is_generator(const c10::Argument& argument) {
  const c10::TypePtr type = argument.type();
  if (type->kind() == c10::TypeKind::GeneratorType) return true;
  const auto optional = type->cast<c10::OptionalType>();
  return optional && optional->getElementType()->kind() == c10::TypeKind::GeneratorType;
}

void fill_in_generator(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                       torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!is_generator(arguments[i])) continue;
    c10::IValue& value = torch::jit::peek(*stack, i, arguments.size());
    if (value.isNone() && current_generator != nullptr) value = c10::IValue(*current_generator);
  }
  const c10::impl::ExcludeDispatchKeyGuard no_mode(mode_key);
  op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, mode_key), stack);
}

// Libraries bring operators whenever they are loaded, which may be after the first lane has run.
class DrawingOperators {
 public:
  DrawingOperators() {
    auto& dispatcher = c10::Dispatcher::singleton();
    registrations_.push_back(dispatcher.registerFallback(
        mode_key, c10::KernelFunction::makeFallthrough(), "convoy: lane random numbers"));
    // It tells of all that there are, too.
    registrations_.push_back(dispatcher.addRegistrationListener(std::make_unique<Listener>(*this)));
  }

  /// Registers the kernel for those that have come since the last call.
  void take_new() {
    if (!any_new_.load(std::memory_order_acquire)) return;
    const std::lock_guard<std::mutex> lock(registering_);
    std::vector<c10::OperatorName> names;
    {
      const std::lock_guard<std::mutex> short_lock(telling_);
      names.swap(new_);
    }
    for (const c10::OperatorName& name : names) {
      if (!known_.insert(name).second) continue;  // its library was unloaded and is back
      registrations_.push_back(c10::Dispatcher::singleton().registerImpl(
          name, mode_key, c10::KernelFunction::makeFromBoxedFunction<&fill_in_generator>(),
          std::nullopt, nullptr, "convoy: lane random numbers"));
    }
    const std::lock_guard<std::mutex> short_lock(telling_);
    any_new_.store(!new_.empty(), std::memory_order_release);
  }

 private:
  // Called while the dispatcher is locked: nothing can be registered here.
  class Listener final : public c10::OpRegistrationListener {
   public:
    explicit Listener(DrawingOperators& owner) : owner_(owner) {}
    void onOperatorRegistered(const c10::OperatorHandle& op) override {
      const auto& arguments = op.schema().arguments();
      if (std::none_of(arguments.begin(), arguments.end(), is_generator)) return;
      const std::lock_guard<std::mutex> lock(owner_.telling_);
      owner_.new_.push_back(op.operator_name());
      owner_.any_new_.store(true, std::memory_order_release);
    }
    void onOperatorDeregistered(const c10::OperatorHandle&) override {}

   private:
    DrawingOperators& owner_;
  };

  std::atomic<bool> any_new_{false};
  std::mutex telling_;
  std::vector<c10::OperatorName> new_;
  std::mutex registering_;
  std::unordered_set<c10::OperatorName> known_;
  std::vector<c10::RegistrationHandleRAII> registrations_;
};

at::Generator make_generator(std::uint64_t seed) {
  static DrawingOperators operators;  // as long as the process, like libtorch's own registrations
  operators.take_new();
  return at::make_generator<at::CPUGeneratorImpl>(seed);
}

}  // namespace

std::uint64_t derive_seed(std::uint64_t seed, RandomPurpose purpose, std::uint64_t a,
                          std::uint64_t b) {
  std::uint64_t state = mixed(seed);
  state = mixed(state ^ static_cast<std::uint64_t>(purpose));
  state = mixed(state ^ a);
  return mixed(state ^ b);
}

LaneRandom::LaneRandom(std::uint64_t seed)
    : generator_(make_generator(seed)), previous_(current_generator), include_(mode_key) {
  current_generator = &generator_;
}

LaneRandom::~LaneRandom() {
  current_generator = previous_;
}

void LaneRandom::reseed(std::uint64_t seed) {
  // A new seed must also forget the second half of a cached Box-Muller pair, which set_current_seed
  // does.
  const std::lock_guard<std::mutex> lock(generator_.mutex());
  generator_.set_current_seed(seed);
}

}  // namespace convoy
