// Declared in convoy/compute/compute.hpp.
#include <algorithm>

#include "compute/kernels.hpp"
#include "convoy/compute/compute.hpp"

namespace convoy {
namespace {

class HostCompute final : public Compute {
 public:
  std::string description() const override { return "float32 on the CPU"; }
  bool fits(const torch::Tensor& tensor) const override {
    return tensor.scalar_type() == torch::kFloat && tensor.device().is_cpu();
  }

  torch::Tensor zeros(at::IntArrayRef sizes) const override {
    return torch::zeros(sizes, torch::kFloat);
  }
  torch::Tensor empty(at::IntArrayRef sizes) const override {
    return torch::empty(sizes, torch::kFloat);
  }
  torch::Tensor adopt(torch::Tensor gradient) const override { return gradient; }
  torch::Tensor of_host_memory(const std::shared_ptr<std::byte>& memory,
                               std::int64_t count) const override {
    return torch::from_blob(
        memory.get(), {count}, [memory](void*) {}, torch::kFloat);
  }
  Element* data(const torch::Tensor& buffer) const override { return buffer.data_ptr<Element>(); }

  void copy(Element* to, const Element* from, std::int64_t count) const override {
    copy_values(to, from, count);
  }
  void set_zero(Element* values, std::int64_t count) const override {
    std::fill_n(values, count, Element{0});
  }
  void add(Element* into, const Element* from, std::int64_t count) const override {
    add_into(into, from, count);
  }
  double sum_of_squares(const Element* values, std::int64_t count) const override {
    return convoy::sum_of_squares(values, count);
  }
  using Compute::update;
  void update(const UpdateRule& rule, const Element* weights, const Element* gradient,
              std::span<Element* const> states, Element* new_weights,
              std::span<Element* const> new_states, std::int64_t count,
              const UpdateContext& context) const override {
    rule.update(weights, gradient, states, new_weights, new_states, count, context);
  }

  std::span<const std::byte> outgoing(const Element* values, std::int64_t count) const override {
    return std::as_bytes(std::span(values, static_cast<std::size_t>(count)));
  }
  std::span<std::byte> incoming(Element* values, std::int64_t count) const override {
    return std::as_writable_bytes(std::span(values, static_cast<std::size_t>(count)));
  }
  void arrived(Element*, std::int64_t, bool) const override {}
  bool adds_in_place() const override { return true; }

  torch::Tensor to_host(const torch::Tensor& tensor) const override {
    return tensor.detach().contiguous();
  }
  torch::Tensor host_copy(const torch::Tensor& tensor) const override {
    return tensor.detach().clone(torch::MemoryFormat::Contiguous);
  }
  void assign(const torch::Tensor& into, const torch::Tensor& from) const override {
    const torch::NoGradGuard no_grad;
    torch::Tensor(into).copy_(from);
  }
};

}  // namespace

torch::Tensor Compute::of_host_memory(const std::shared_ptr<std::byte>& /*memory*/,
                                      std::int64_t /*count*/) const {
  return {};
}

const Compute& host_compute() {
  static const HostCompute compute;
  return compute;
}

}  // namespace convoy
