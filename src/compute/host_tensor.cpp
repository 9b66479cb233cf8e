#include "compute/host_tensor.hpp"

namespace convoy {
namespace {

torch::Tensor on_host(const torch::Tensor& tensor, torch::ScalarType type) {
  return tensor.detach().to(torch::kCPU, type).contiguous();
}

template <class T>
std::vector<T> elements_of(const torch::Tensor& host) {
  const T* const begin = host.data_ptr<T>();
  return std::vector<T>(begin, begin + host.numel());
}

}  // namespace

torch::Tensor host_tensor(at::IntArrayRef sizes) {
  return torch::empty(sizes, torch::kFloat);
}

torch::Tensor host_zeros(at::IntArrayRef sizes) {
  return torch::zeros(sizes, torch::kFloat);
}

torch::Tensor host_view(std::span<const float> values, at::IntArrayRef sizes) {
  return torch::from_blob(const_cast<float*>(values.data()), sizes, torch::kFloat);
}

bool is_host_tensor(const torch::Tensor& tensor) {
  return tensor.scalar_type() == torch::kFloat && tensor.device().is_cpu();
}

torch::Tensor to_host_tensor(const torch::Tensor& tensor) {
  return on_host(tensor, torch::kFloat);
}

std::span<float> values_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

const std::vector<std::pair<std::string, torch::ScalarType>>& element_types() {
  static const std::vector<std::pair<std::string, torch::ScalarType>> types = {
      {"float32", torch::kFloat}, {"float64", torch::kDouble}, {"int64", torch::kLong},
      {"int32", torch::kInt},     {"uint8", torch::kByte},     {"bool", torch::kBool}};
  return types;
}

std::vector<std::int64_t> integers_of(const torch::Tensor& tensor) {
  return elements_of<std::int64_t>(on_host(tensor, torch::kLong));
}

std::vector<double> doubles_of(const torch::Tensor& tensor) {
  return elements_of<double>(on_host(tensor, torch::kDouble));
}

}  // namespace convoy
