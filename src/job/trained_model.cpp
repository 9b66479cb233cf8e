#include "convoy/job/trained_model.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"

namespace convoy {

TrainedModel open_trained_model(const std::filesystem::path& place, const std::string& which,
                                const std::vector<std::string>& overrides) {
  const auto [file, meta] = find_model(place, which);
  if (!meta.contains("job") || !meta.contains("fitted")) {
    throw InputError(
        fmt::format("{}: was trained from C++, not from a job file; load it in your program with "
                    "convoy::load_weights",
                    file.string()));
  }
  Job job = parse_job(meta["job"].get<std::string>(), file.string(), overrides);
  job.directory = meta.value("directory", std::string("."));
  return {.file = file,
          .fitted = meta["fitted"],
          .load = load_options(job),
          .network = job.model,
          .loss = job.loss,
          .batch = job.evaluate.batch};
}

}  // namespace convoy
