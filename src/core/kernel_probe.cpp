#include "core/kernel_probe.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <exception>
#include <thread>
#include <tuple>

#include "convoy/core/checksum.hpp"
#include "core/split_mix.hpp"
#include "core/tensor_bytes.hpp"

namespace convoy {
namespace {

using torch::Tensor;

// Numbers between `low` and 1 that no library had a hand in.
Tensor probe_numbers(at::IntArrayRef shape, std::uint64_t seed, double low = -1,
                     at::ScalarType type = at::kFloat) {
  Tensor result = torch::empty(shape, at::kDouble);
  SplitMix64 next(seed);
  double* values = result.data_ptr<double>();
  for (std::int64_t i = 0; i < result.numel(); ++i)
    values[i] = low + (1 - low) * static_cast<double>(next.next() >> 11) * 0x1p-53;
  return result.to(type);
}

class ProbeDigest {
 public:
  void add(const Tensor& tensor) {
    const Tensor dense = tensor.contiguous();
    const std::uint64_t hash = xxh3(bytes_of(dense));
    hashes_.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  }
  std::uint64_t finish() const {
    return xxh3(std::as_bytes(std::span(hashes_.data(), hashes_.size())));
  }

 private:
  std::string hashes_;
};

// All that ATen may take from MKL's vector library, which resolves each function and type at its
// first call and computes with a poor kernel where threads make that call together
// (https://github.com/pytorch/pytorch/issues/188792).
void add_vector_functions(ProbeDigest& digest) {
  using Function = Tensor (*)(const Tensor&);
  constexpr Function functions[] = {
      at::acos, at::asin,  at::atan,  at::cos,   at::erf,  at::erfc,  at::erfinv,  at::exp,
      at::log,  at::log10, at::log2,  at::sin,   at::sqrt, at::tan,   at::tanh,    at::trunc,
      at::cosh, at::sinh,  at::expm1, at::log1p, at::abs,  at::rsqrt, at::sigmoid, at::lgamma};
  for (const auto type : {at::kFloat, at::kDouble}) {
    const Tensor inputs = probe_numbers({261}, 1, 0.01, type);
    for (const Function function : functions) digest.add(function(inputs));
    digest.add(at::pow(inputs, probe_numbers({261}, 2, 0.01, type)));
    digest.add(at::atan2(inputs, probe_numbers({261}, 2, 0.01, type)));
  }
}

// m x k times k x n, in the orders of forward and backward of a linear layer.
void add_products(ProbeDigest& digest, std::int64_t m, std::int64_t k, std::int64_t n,
                  at::ScalarType type) {
  const Tensor x = probe_numbers({m, k}, 3, -1, type);
  const Tensor weight = probe_numbers({n, k}, 4, -1, type);
  const Tensor gradient = probe_numbers({m, n}, 5, -1, type);
  digest.add(at::addmm(probe_numbers({n}, 6, -1, type), x, weight.t()));
  digest.add(at::mm(gradient, weight));
  digest.add(at::mm(gradient.t(), x));
  digest.add(at::mv(weight, x[0]));
  digest.add(at::dot(weight.flatten(), weight.flatten()));
  digest.add(at::bmm(x.view({1, m, k}), weight.t().reshape({1, k, n})));
}

void add_convolution(ProbeDigest& digest, std::int64_t channels, std::int64_t size,
                     std::int64_t out, std::int64_t window) {
  const Tensor x = probe_numbers({4, channels, size, size}, 7);
  const Tensor weight = probe_numbers({out, channels, window, window}, 8);
  const std::vector<std::int64_t> stride{1, 1}, padding{window / 2, window / 2}, none{0, 0};
  const Tensor y =
      at::convolution(x, weight, probe_numbers({out}, 9), stride, padding, stride, false, none, 1);
  digest.add(y);
  const auto [dx, dweight, dbias] =
      at::convolution_backward(probe_numbers(y.sizes(), 10), x, weight, at::IntArrayRef{out},
                               stride, padding, stride, false, none, 1, {true, true, true});
  digest.add(dx);
  digest.add(dweight);
  digest.add(dbias);
}

void add_layers(ProbeDigest& digest) {
  const Tensor x = probe_numbers({17, 37}, 11);
  digest.add(at::softmax(x, 1));
  digest.add(at::log_softmax(x, 1));
  digest.add(at::layer_norm(x, {37}));
  digest.add(at::gelu(x));
  digest.add(at::silu(x));
  digest.add(x.sum());
  digest.add(x.sum(0));
  digest.add(at::var(x));
  digest.add(
      std::get<0>(at::native_batch_norm(probe_numbers({4, 5, 7, 7}, 12), probe_numbers({5}, 13),
                                        probe_numbers({5}, 14), {}, {}, true, 0.1, 1e-5)));
  for (const std::int64_t length : {5, 40}) {
    const auto part = [&](std::uint64_t seed) { return probe_numbers({2, 2, length, 16}, seed); };
    digest.add(at::scaled_dot_product_attention(part(15), part(16), part(17), {}, 0.0, true));
  }
}

void add_recurrent_layers(ProbeDigest& digest) {
  constexpr std::int64_t inputs = 12, units = 16;
  const auto weights = [&](std::int64_t gates) {
    return std::vector<Tensor>{
        probe_numbers({gates * units, inputs}, 18), probe_numbers({gates * units, units}, 19),
        probe_numbers({gates * units}, 20), probe_numbers({gates * units}, 21)};
  };
  const Tensor x = probe_numbers({5, 3, inputs}, 22);
  const Tensor state = probe_numbers({1, 3, units}, 23);
  digest.add(std::get<0>(at::gru(x, state, weights(3), true, 1, 0.0, false, false, false)));
  const std::vector<Tensor> states{state, probe_numbers({1, 3, units}, 24)};
  digest.add(std::get<0>(at::lstm(x, states, weights(4), true, 1, 0.0, false, false, false)));
}

void add_random_numbers(ProbeDigest& digest) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{25});
  for (const auto type : {at::kFloat, at::kDouble}) {
    const Tensor values = torch::empty({67}, type);
    digest.add(values.normal_(0, 1, generator));
    digest.add(values.uniform_(0, 1, generator));
    digest.add(values.bernoulli_(0.3, generator));
    digest.add(values.exponential_(1, generator));
  }
  digest.add(at::randperm(67, generator));
}

std::uint64_t probe() {
  const torch::NoGradGuard no_grad;
  ProbeDigest digest;
  add_vector_functions(digest);
  for (const auto type : {at::kFloat, at::kDouble}) {
    add_products(digest, 33, 129, 65, type);
    add_products(digest, 1, 300, 10, type);
  }
  add_products(digest, 64, 512, 256, at::kFloat);
  add_convolution(digest, 1, 28, 16, 3);
  add_convolution(digest, 16, 14, 32, 3);
  add_convolution(digest, 8, 7, 8, 1);
  add_layers(digest);
  add_recurrent_layers(digest);
  add_random_numbers(digest);
  digest.add(at::mul(at::mul(probe_numbers({32}, 26), 1e-30),
                     1e-12));  // whether what is too small counts as zero
  return digest.finish();
}

}  // namespace

std::uint64_t probe_kernels() {
  const int callers = at::get_num_threads();
  std::uint64_t result = 0;
  std::exception_ptr failed;
  // Of the caller's thread nothing counts: autocasting, inference mode, a lane's generator.
  std::thread([&] {
    try {
      at::set_num_threads(1);
      result = probe();
    } catch (...) {
      failed = std::current_exception();
    }
  }).join();
  at::set_num_threads(callers);  // it is what new threads begin with, too
  if (failed) std::rethrow_exception(failed);
  return result;
}

std::string kernel_settings() {
  const at::Context& context = at::globalContext();
  const auto precision = [&](at::Float32Op op) {
    return at::precision2str(context.float32Precision(at::Float32Backend::MKLDNN, op));
  };
  return fmt::format("oneDNN {}, deterministic {} {}, attention {} {} {}, float32 {} {} {}",
                     context.userEnabledMkldnn(), context.deterministicAlgorithms(),
                     context.deterministicMkldnn(), context.userEnabledFlashSDP(),
                     context.userEnabledMemEfficientSDP(), context.userEnabledMathSDP(),
                     precision(at::Float32Op::MATMUL), precision(at::Float32Op::CONV),
                     precision(at::Float32Op::RNN));
}

}  // namespace convoy
