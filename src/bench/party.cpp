#include "bench/party.hpp"

#include <cstring>

namespace convoy::bench {
namespace {

class CommunicatorParty final : public Party {
 public:
  CommunicatorParty(std::shared_ptr<Communicator> communicator, std::shared_ptr<Communicator> line)
      : communicator_(std::move(communicator)), line_(std::move(line)) {}
  void line_up() override { line_->barrier(); }
  void all_reduce(std::span<float> values) override { communicator_->all_reduce(values); }

 private:
  std::shared_ptr<Communicator> communicator_;
  std::shared_ptr<Communicator> line_;
};

class CopyParty final : public Party {
 public:
  CopyParty(int passes, std::size_t max_floats, std::shared_ptr<Communicator> line)
      : passes_(passes), other_(max_floats), line_(std::move(line)) {}
  void line_up() override { line_->barrier(); }
  void all_reduce(std::span<float> values) override {
    for (int pass = 0; pass < passes_; ++pass) {
      float* const into = pass % 2 == 0 ? other_.data() : values.data();
      const float* const from = pass % 2 == 0 ? values.data() : other_.data();
      std::memcpy(into, from, values.size_bytes());
      asm volatile("" : : "r"(into) : "memory");  // somebody might read it
    }
  }

 private:
  int passes_;
  std::vector<float> other_;
  std::shared_ptr<Communicator> line_;
};

}  // namespace

std::unique_ptr<Party> communicator_party(std::shared_ptr<Communicator> communicator,
                                          std::shared_ptr<Communicator> line) {
  return std::make_unique<CommunicatorParty>(std::move(communicator), std::move(line));
}

std::unique_ptr<Party> copy_party(int passes, std::size_t max_floats,
                                  std::shared_ptr<Communicator> line) {
  return std::make_unique<CopyParty>(passes, max_floats, std::move(line));
}

}  // namespace convoy::bench
