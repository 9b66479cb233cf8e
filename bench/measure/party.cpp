#include "bench/measure/party.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "convoy/core/error.hpp"

namespace convoy::bench {
namespace {

using PartyClock = std::chrono::steady_clock;

// Whole numbers, so that sums are exact in any order.
float summand(int rank, std::size_t i) {
  return static_cast<float>(rank + 1) + static_cast<float>(i % 97);
}

float expected_sum(int ranks, std::size_t i) {
  return static_cast<float>(ranks * (ranks + 1) / 2) +
         static_cast<float>(ranks) * static_cast<float>(i % 97);
}

Seat seat_of(const Communicator& communicator) {
  return {communicator.rank(), communicator.size()};
}

class CommunicatorParty final : public OwnParty {
 public:
  CommunicatorParty(std::shared_ptr<Communicator> communicator, std::shared_ptr<Communicator> line)
      : OwnParty(seat_of(*communicator)),
        communicator_(std::move(communicator)),
        line_(std::move(line)) {}

 private:
  void line_up() override { line_->barrier(); }
  void all_reduce(std::span<float> values) override { communicator_->all_reduce(values); }

  std::shared_ptr<Communicator> communicator_;
  std::shared_ptr<Communicator> line_;
};

class CopyParty final : public OwnParty {
 public:
  CopyParty(int passes, std::size_t max_floats, std::shared_ptr<Communicator> line)
      : OwnParty(seat_of(*line)), passes_(passes), other_(max_floats), line_(std::move(line)) {}

 private:
  void line_up() override { line_->barrier(); }
  void all_reduce(std::span<float> values) override {
    for (int pass = 0; pass < passes_; ++pass) {
      float* const into = pass % 2 == 0 ? other_.data() : values.data();
      const float* const from = pass % 2 == 0 ? values.data() : other_.data();
      std::memcpy(into, from, values.size_bytes());
      asm volatile("" : : "r"(into) : "memory");  // somebody might read it
    }
  }
  bool sums() const override { return false; }

  int passes_;
  std::vector<float> other_;
  std::shared_ptr<Communicator> line_;
};

}  // namespace

std::string OwnParty::prepare(std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = summand(seat_.rank, i);
  all_reduce(values);
  for (std::size_t i = 0; sums() && i < values.size(); ++i) {
    if (values[i] != expected_sum(seat_.size, i))
      throw Error(fmt::format("element {} of {} is {}, not the sum {}", i, values.size(), values[i],
                              expected_sum(seat_.size, i)));
  }
  line_up();  // nobody's zeros are to get into somebody's sum
  std::fill(values.begin(), values.end(), 0.0F);
  return "";
}

double OwnParty::time(std::span<float> values, int operations) {
  if (operations > 1) all_reduce(values);  // wakes up what slept meanwhile
  line_up();
  const auto begin = PartyClock::now();
  for (int i = 0; i < operations; ++i) all_reduce(values);
  return std::chrono::duration<double>(PartyClock::now() - begin).count() / operations;
}

std::unique_ptr<Party> communicator_party(std::shared_ptr<Communicator> communicator,
                                          std::shared_ptr<Communicator> line) {
  return std::make_unique<CommunicatorParty>(std::move(communicator), std::move(line));
}

std::unique_ptr<Party> copy_party(int passes, std::size_t max_floats,
                                  std::shared_ptr<Communicator> line) {
  return std::make_unique<CopyParty>(passes, max_floats, std::move(line));
}

}  // namespace convoy::bench
