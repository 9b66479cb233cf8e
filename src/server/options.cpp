#include "convoy/server/options.hpp"

namespace convoy {

void describe(schema::Visitor& v, ParameterServerOptions& o) {
  v.key("consistency", o.consistency, schema::choice({"bsp", "ssp", "async"}),
        "bsp: all workers take each step together; ssp: none is more than `staleness` steps ahead; "
        "async: each at its own pace");
  v.key("staleness", o.staleness, schema::between(0, schema::many),
        "ssp: steps that a worker may be ahead of the slowest");
  v.key("servers", o.servers, schema::between(1, 256), "servers that share the weights");
  v.key("backups", o.backups, schema::between(0, 1),
        "1: each range of the weights has a second server, which takes over when the first is "
        "lost");
  v.key("compensation", o.compensation, schema::choice({"none", "dc_asgd", "staleness"}),
        "ssp and async: of the delay of a gradient: dc_asgd corrects it by the weights' change "
        "meanwhile (Zheng et al. 2017); staleness divides the rate by the delay");
  v.key("compensation_strength", o.compensation_strength, schema::above(0), "dc_asgd: lambda");
  v.key("prefetch", o.prefetch, schema::any(),
        "async: a worker pulls the weights for its next task while it computes; they lack the "
        "update of the task in between");
}

}  // namespace convoy
