// Declared in convoy/model/layer.hpp, model_kind.hpp and initialisation.hpp.
#include "convoy/model/initialisation.hpp"
#include "convoy/model/layer.hpp"
#include "convoy/model/model_kind.hpp"

namespace convoy {

schema::Registry<LayerKind>& layers() {
  static schema::Registry<LayerKind> all("layer", "layers", "model.layers");
  return all;
}

schema::Registry<ModelKind>& models() {
  static schema::Registry<ModelKind> all("model", "models", "model.kind");
  return all;
}

schema::Registry<InitialisationKind>& initialisations() {
  static schema::Registry<InitialisationKind> all("initialisation", "initialisations",
                                                  "model.init");
  return all;
}

}  // namespace convoy
