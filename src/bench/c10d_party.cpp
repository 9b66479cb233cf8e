#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "bench/party.hpp"

namespace convoy::bench {
namespace {

class C10dGlooParty final : public Party {
 public:
  C10dGlooParty(const std::string& file, std::shared_ptr<Communicator> line)
      : line_(std::move(line)) {
    const auto options = c10d::ProcessGroupGloo::Options::create(line_->timeout());
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::FileStore>(file, line_->size()), line_->rank(), line_->size(),
        options);
  }
  void line_up() override { line_->barrier(); }
  void all_reduce(std::span<float> values) override {
    std::vector<torch::Tensor> tensors = {
        torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, torch::kFloat)};
    group_->allreduce(tensors)->wait();
  }

 private:
  std::shared_ptr<Communicator> line_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

std::unique_ptr<Party> c10d_gloo_party(const std::string& file,
                                       std::shared_ptr<Communicator> line) {
  return std::make_unique<C10dGlooParty>(file, std::move(line));
}

}  // namespace convoy::bench
