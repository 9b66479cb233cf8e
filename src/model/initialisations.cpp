// How weights of two or more dimensions start: as libtorch's modules do it, or from one
// distribution, whose width comes from the numbers of inputs and outputs.
#include <cmath>

#include "convoy/core/tensor.hpp"
#include "convoy/model/initialisation.hpp"

namespace convoy {
namespace {

using Deviation = double (*)(const Fans&);

// Glorot & Bengio 2010.
double xavier_deviation(const Fans& fans) {
  return std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
}
// He et al. 2015, for relu.
double kaiming_deviation(const Fans& fans) {
  return std::sqrt(2.0) / std::sqrt(static_cast<double>(fans.in));
}
double small_deviation(const Fans&) {
  return 0.01;
}

InitialisationKind uniform_kind(std::string name, std::string doc, Deviation deviation) {
  return {{.name = std::move(name), .doc = std::move(doc)},
          [deviation](torch::Tensor& weight, const Fans& fans) {
            const double bound = std::sqrt(3.0) * deviation(fans);
            weight.uniform_(-bound, bound);
          }};
}

InitialisationKind normal_kind(std::string name, std::string doc, Deviation deviation) {
  return {
      {.name = std::move(name), .doc = std::move(doc)},
      [deviation](torch::Tensor& weight, const Fans& fans) { weight.normal_(0, deviation(fans)); }};
}

const schema::Registered default_init(
    initialisations(),
    InitialisationKind{{.name = "default", .doc = "libtorch's own way for each layer"}});
const schema::Registered xavier_uniform_init(
    initialisations(),
    uniform_kind("xavier_uniform", "even, variance 2 / (inputs + outputs) (Glorot & Bengio 2010)",
                 xavier_deviation));
const schema::Registered xavier_normal_init(
    initialisations(),
    normal_kind("xavier_normal", "normal, variance 2 / (inputs + outputs) (Glorot & Bengio 2010)",
                xavier_deviation));
const schema::Registered kaiming_uniform_init(
    initialisations(), uniform_kind("kaiming_uniform", "even, variance 2 / inputs (He et al. 2015)",
                                    kaiming_deviation));
const schema::Registered kaiming_normal_init(
    initialisations(), normal_kind("kaiming_normal", "normal, variance 2 / inputs (He et al. 2015)",
                                   kaiming_deviation));
const schema::Registered normal_init(initialisations(),
                                     normal_kind("normal", "normal, deviation 0.01",
                                                 small_deviation));
const schema::Registered zeros_init(initialisations(),
                                    InitialisationKind{{.name = "zeros", .doc = "all zeros"},
                                                       [](torch::Tensor& weight, const Fans&) {
                                                         weight.zero_();
                                                       }});

}  // namespace
}  // namespace convoy
