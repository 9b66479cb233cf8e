#pragma once
// A second Compute: a device on this CPU whose memory nobody else may touch.
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <stdexcept>

#include "convoy/compute/compute.hpp"

namespace convoy::testing {

/// Its memory is mapped twice. Tensors have addresses at which nobody may look, but while libtorch
/// computes (TorchScope); its own operations use the other ones, and transports get copies. Code
/// that goes around it crashes.
class ApartCompute final : public Compute {
 public:
  ApartCompute() {
    const int file = ::memfd_create("apart", 0);
    if (file < 0 || ::ftruncate(file, size) != 0) throw std::runtime_error("no memory");
    addresses_ = map(PROT_NONE, MAP_SHARED, file);
    memory_ = map(PROT_READ | PROT_WRITE, MAP_SHARED, file);
    staged_ = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    ::close(file);
  }
  ~ApartCompute() override {
    for (std::byte* memory : {addresses_, memory_, staged_}) ::munmap(memory, size);
  }

  bool has(const void* place) const { return place >= addresses_ && place < addresses_ + size; }
  /// How often each operation was asked for.
  struct Counts {
    std::atomic<int> copy{0}, add{0}, sum_of_squares{0}, update{0}, sent{0}, arrived{0}, adopted{0};
  };
  const Counts& counts() const { return counts_; }

  std::string description() const override { return "float32 on a device of a test"; }
  bool fits(const torch::Tensor& tensor) const override { return host_compute().fits(tensor); }
  torch::Tensor zeros(at::IntArrayRef sizes) const override {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = sizeof(Element);
    for (const std::int64_t extent : sizes) bytes *= static_cast<std::size_t>(extent);
    std::byte* const begin = addresses_ + used_;  // zeros: memory is used once
    used_ += (bytes + 63) / 64 * 64 + 64;
    if (used_ > size) throw std::runtime_error("the device of the test is full");
    return torch::from_blob(begin, sizes, torch::kFloat);
  }
  torch::Tensor empty(at::IntArrayRef sizes) const override { return zeros(sizes); }
  torch::Tensor adopt(torch::Tensor gradient) const override {
    ++counts_.adopted;
    const torch::Tensor own = zeros(gradient.sizes());
    assign(own, gradient);
    return own;
  }
  Element* data(const torch::Tensor& buffer) const override { return host_compute().data(buffer); }

  void copy(Element* to, const Element* from, std::int64_t count) const override {
    ++counts_.copy;
    host_compute().copy(seen(to), seen(from), count);
  }
  void set_zero(Element* values, std::int64_t count) const override {
    host_compute().set_zero(seen(values), count);
  }
  void add(Element* into, const Element* from, std::int64_t count) const override {
    ++counts_.add;
    host_compute().add(seen(into), seen(from), count);
  }
  double sum_of_squares(const Element* values, std::int64_t count) const override {
    ++counts_.sum_of_squares;
    return host_compute().sum_of_squares(seen(values), count);
  }
  using Compute::update;
  void update(const UpdateRule& rule, const Element* weights, const Element* gradient,
              std::span<Element* const> states, Element* new_weights,
              std::span<Element* const> new_states, std::int64_t count,
              const UpdateContext& context) const override {
    ++counts_.update;
    std::vector<Element*> from;
    std::vector<Element*> to;
    for (Element* state : states) from.push_back(seen(state));
    for (Element* state : new_states) to.push_back(seen(state));
    rule.update(seen(weights), seen(gradient), from, seen(new_weights), to, count, context);
  }

  std::span<const std::byte> outgoing(const Element* values, std::int64_t count) const override {
    ++counts_.sent;
    if (!has(values)) return host_compute().outgoing(values, count);
    host_compute().copy(staged(values), seen(values), count);
    return host_compute().outgoing(staged(values), count);
  }
  std::span<std::byte> incoming(Element* values, std::int64_t count) const override {
    return host_compute().incoming(has(values) ? staged(values) : values, count);
  }
  void arrived(Element* values, std::int64_t count, bool add) const override {
    ++counts_.arrived;
    if (add && !has(values)) throw std::runtime_error("sums are not where they belong");
    if (!has(values)) return;
    if (add)
      host_compute().add(seen(values), staged(values), count);
    else
      host_compute().copy(seen(values), staged(values), count);
  }
  bool adds_in_place() const override { return false; }

  torch::Tensor to_host(const torch::Tensor& tensor) const override {
    return in_memory(tensor) ? host_copy(tensor) : tensor.detach().contiguous();
  }
  torch::Tensor host_copy(const torch::Tensor& tensor) const override {
    return host_compute().host_copy(seen(tensor));
  }
  void assign(const torch::Tensor& into, const torch::Tensor& from) const override {
    host_compute().assign(seen(into), seen(from));
  }

 private:
  static constexpr std::size_t size = std::size_t{1} << 29;

  static std::byte* map(int protection, int flags, int file) {
    void* const memory = ::mmap(nullptr, size, protection, flags, file, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no addresses");
    return static_cast<std::byte*>(memory);
  }
  bool in_memory(const torch::Tensor& tensor) const { return has(tensor.const_data_ptr()); }
  std::ptrdiff_t offset(const void* place) const {
    return static_cast<const std::byte*>(place) - addresses_;
  }
  Element* seen(const Element* place) const {
    return has(place) ? reinterpret_cast<Element*>(memory_ + offset(place))
                      : const_cast<Element*>(place);
  }
  torch::Tensor seen(const torch::Tensor& tensor) const {
    if (!in_memory(tensor)) return tensor.detach();
    return torch::from_blob(memory_ + offset(tensor.const_data_ptr()), tensor.sizes(),
                            tensor.strides(), tensor.scalar_type());
  }
  Element* staged(const Element* place) const {
    return reinterpret_cast<Element*>(staged_ + offset(place));
  }
  void enter_torch() const override { protect(+1); }
  void leave_torch() const override { protect(-1); }
  void protect(int change) const {
    const std::lock_guard lock(mutex_);
    const bool before = scopes_ > 0;
    scopes_ += change;
    if (before != (scopes_ > 0))
      ::mprotect(addresses_, size, scopes_ > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
  }

  std::byte* addresses_;
  std::byte* memory_;
  std::byte* staged_;
  mutable std::mutex mutex_;
  mutable std::size_t used_ = 0;
  mutable int scopes_ = 0;
  mutable Counts counts_;
};

}  // namespace convoy::testing
