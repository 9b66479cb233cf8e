#include "convoy/model/options.hpp"

#include "convoy/model/initialisation.hpp"
#include "convoy/model/model_kind.hpp"

namespace convoy::schema {

void describe(Visitor& v, ModelOptions& o) {
  chosen(v, models(), o.kind, o.own, "the architecture");
  v.key("init", o.init, choice(initialisations().names()),
        "how parameters start; default: libtorch's own way for each layer");
}

}  // namespace convoy::schema
