#pragma once
// The only code that touches the elements of weights, gradients and optimizer state: everything
// else names places in flat buffers and says what is to be done there. A device or a precision is
// added here, as one more implementation.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "convoy/compute/update.hpp"
#include "convoy/core/tensor.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Weights, gradients and optimizer state consist of these, whatever a network computes in (as
/// with PyTorch's autocast). Through a pointer to them only a Compute reads or writes.
using Element = float;

/// Operations on flat buffers of one device. A place (`Element*`) is one within a tensor of this
/// Compute, or in the host's memory. Thread-safe for different places; when a call returns, its
/// effect is there for every caller.
class Compute {
 public:
  virtual ~Compute() = default;

  /// As messages name what it takes: "float32 on the CPU".
  virtual std::string description() const = 0;
  /// Whether the tensor's device and type are the ones that buffers have.
  virtual bool fits(const torch::Tensor& tensor) const = 0;

  /// A contiguous buffer of zeros, or one whose elements have not been set.
  virtual torch::Tensor zeros(at::IntArrayRef sizes) const = 0;
  virtual torch::Tensor empty(at::IntArrayRef sizes) const = 0;
  /// What backward left, contiguous and owned by nobody else, as a buffer: itself, or a copy.
  virtual torch::Tensor adopt(torch::Tensor gradient) const = 0;
  /// Memory of the host as a buffer of `count` elements, with the values that are there: it begins
  /// a cache line, and `memory` keeps it. Undefined where this device's buffers are elsewhere.
  virtual torch::Tensor of_host_memory(const std::shared_ptr<std::byte>& memory,
                                       std::int64_t count) const;
  /// The first element of a contiguous buffer.
  virtual Element* data(const torch::Tensor& buffer) const = 0;

  virtual void copy(Element* to, const Element* from, std::int64_t count) const = 0;
  virtual void set_zero(Element* values, std::int64_t count) const = 0;
  /// into[i] += from[i].
  virtual void add(Element* into, const Element* from, std::int64_t count) const = 0;
  /// With a fixed set of partial sums; not finite exactly when an element is not.
  virtual double sum_of_squares(const Element* values, std::int64_t count) const = 0;
  /// One step of the rule; states as UpdateRule::update says.
  virtual void update(const UpdateRule& rule, const Element* weights, const Element* gradient,
                      std::span<Element* const> states, Element* new_weights,
                      std::span<Element* const> new_states, std::int64_t count,
                      const UpdateContext& context) const = 0;
  /// The same in place.
  void update(const UpdateRule& rule, Element* weights, const Element* gradient,
              std::span<Element* const> states, std::int64_t count,
              const UpdateContext& context) const {
    update(rule, weights, gradient, states, weights, states, count, context);
  }

  /// Elements as bytes that a transport of the host may read until they are next changed.
  virtual std::span<const std::byte> outgoing(const Element* values, std::int64_t count) const = 0;
  /// Bytes of the host that a transport may write to, and the end of that: what came becomes the
  /// elements, or (`add`) is added to them. Where `adds_in_place` the transport itself adds.
  virtual std::span<std::byte> incoming(Element* values, std::int64_t count) const = 0;
  virtual void arrived(Element* values, std::int64_t count, bool add) const = 0;
  virtual bool adds_in_place() const = 0;

  /// A tensor of this device, or a view of a buffer, of any type: contiguous in the host's memory.
  /// to_host: the same memory where the host sees it. host_copy: always memory of its own.
  virtual torch::Tensor to_host(const torch::Tensor& tensor) const = 0;
  virtual torch::Tensor host_copy(const torch::Tensor& tensor) const = 0;
  /// The values of `from`, a tensor of any device, into a tensor or view of this one.
  virtual void assign(const torch::Tensor& into, const torch::Tensor& from) const = 0;

  /// While one lives, libtorch's own operations may use the buffers: forward, backward, inference,
  /// code of users.
  class TorchScope {
   public:
    explicit TorchScope(const Compute& compute) : compute_(compute) { compute_.enter_torch(); }
    ~TorchScope() { compute_.leave_torch(); }
    TorchScope(const TorchScope&) = delete;
    TorchScope& operator=(const TorchScope&) = delete;

   private:
    const Compute& compute_;
  };

 protected:
  virtual void enter_torch() const {}
  virtual void leave_torch() const {}
};

/// Float32 in the memory of the host.
const Compute& host_compute();

}  // namespace convoy

#pragma GCC visibility pop
