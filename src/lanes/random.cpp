#include "convoy/lanes/random.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <mutex>
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

// Registrations live as long as the process, like libtorch's own.
void register_kernels() {
  auto& dispatcher = c10::Dispatcher::singleton();
  static c10::RegistrationHandleRAII fallback = dispatcher.registerFallback(
      mode_key, c10::KernelFunction::makeFallthrough(), "convoy: lane random numbers");
  static std::vector<c10::RegistrationHandleRAII> kernels;
  for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
    const auto op = dispatcher.findSchema(name);
    if (!op) continue;
    const auto& arguments = op->schema().arguments();
    if (std::none_of(arguments.begin(), arguments.end(), is_generator)) continue;
    kernels.push_back(dispatcher.registerImpl(
        name, mode_key, c10::KernelFunction::makeFromBoxedFunction<&fill_in_generator>(),
        c10::nullopt, nullptr, "convoy: lane random numbers"));
  }
}

at::Generator make_generator(std::uint64_t seed) {
  static std::once_flag once;
  std::call_once(once, register_kernels);
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
