#include "convoy/job/trained_model.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"
#include "convoy/schema/plugins.hpp"

namespace convoy {
namespace {

// What a job says may be known to a plugin alone: then the complaint names it.
template <class Read, class Meta>
Job read_naming_plugins(const Read& read, const Meta& meta_of_model) {
  try {
    return read();
  } catch (const InputError& error) {
    const nlohmann::ordered_json meta = meta_of_model();
    if (!meta.is_object() || !meta.contains("plugins")) throw;
    const std::string hint = missing_plugin(meta["plugins"]);
    if (hint.empty()) throw;
    throw InputError(error.what() + hint);
  }
}

// Empty where nothing is kept of the run yet.
nlohmann::ordered_json meta_of_run(const std::filesystem::path& run) {
  try {
    return find_model(run, "final").meta;
  } catch (const Error&) {
    return nlohmann::ordered_json::object();
  }
}

}  // namespace

Job load_job_of_run(const std::filesystem::path& job, const std::vector<std::string>& overrides,
                    const std::filesystem::path& run) {
  return read_naming_plugins([&] { return load_job(job, overrides); },
                             [&] { return meta_of_run(run); });
}

TrainedModel open_trained_model(const std::filesystem::path& place, const std::string& which,
                                const std::vector<std::string>& overrides) {
  const StoredModel found = find_model(place, which);
  const std::filesystem::path& file = found.file;
  const nlohmann::ordered_json& meta = found.meta;
  if (!meta.contains("job") || !meta.contains("fitted")) {
    throw InputError(
        fmt::format("{}: was trained from C++, not from a job file; load it in your program with "
                    "convoy::load_weights",
                    file.string()));
  }
  Job job = read_naming_plugins(
      [&] { return parse_job(meta["job"].get<std::string>(), file.string(), overrides); },
      [&] { return meta; });
  job.directory = meta.value("directory", std::string("."));
  return {.file = file,
          .fitted = meta["fitted"],
          .load = load_options(job),
          .network = job.model,
          .loss = job.loss,
          .batch = job.evaluate.batch};
}

}  // namespace convoy
