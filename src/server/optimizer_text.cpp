#include "server/optimizer_text.hpp"

namespace convoy::server {

nlohmann::json json_of(const OptimizerOptions& o) {
  return {{"kind", o.kind},
          {"rate", o.rate},
          {"momentum", o.momentum},
          {"nesterov", o.nesterov},
          {"weight_decay", o.weight_decay},
          {"beta1", o.beta1},
          {"beta2", o.beta2},
          {"epsilon", o.epsilon}};
}

OptimizerOptions optimizer_of(const nlohmann::json& o) {
  return {o.at("kind"),         o.at("rate"),  o.at("momentum"), o.at("nesterov"),
          o.at("weight_decay"), o.at("beta1"), o.at("beta2"),    o.at("epsilon")};
}

}  // namespace convoy::server
