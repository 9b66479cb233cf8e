// Declared in session/make_session.hpp.
// As many workers from the beginning to the end.
#include <fmt/format.h>

#include "core/kernel_info.hpp"
#include "session/make_session.hpp"

namespace convoy {
namespace {

class FixedSession final : public Session {
 public:
  explicit FixedSession(SessionOptions options) : Session(std::move(options)) {
    if (options_.group && options_.group->size() > 1) group_ = options_.group.get();
  }

  // All have come, and all see who differs from worker 0.
  void compare_kernels(bool alike) override {
    if (group_ == nullptr) return;
    const std::vector<std::string> infos = group_->all_gather(kernel_info(rank()));
    for (const std::string& info : infos) {
      const std::string difference = kernel_difference(info, infos[0]);
      if (difference.empty()) continue;
      if (alike) throw InputError(difference);
      if (rank() == 0) fmt::print(stderr, "convoy: {}\n", difference);
    }
  }

  bool enter() override { return true; }
  void leave() override {}
  Communicator* group() const override { return group_; }

 private:
  Communicator* group_ = nullptr;
};

}  // namespace

std::unique_ptr<Session> make_fixed_session(SessionOptions options) {
  return std::make_unique<FixedSession>(std::move(options));
}

void compare_with_first(const std::string& first, const std::string& own, bool alike) {
  const std::string difference = kernel_difference(own, first);
  if (difference.empty()) return;
  if (alike) throw RefusedError(difference);
  fmt::print(stderr, "convoy: {}\n", difference);
}

std::unique_ptr<Session> make_session(SessionOptions options, bool served) {
  if (served) return make_served_session(std::move(options));
  if (options.membership != nullptr) return make_elastic_session(std::move(options));
  return make_fixed_session(std::move(options));
}

}  // namespace convoy
