#include <fmt/format.h>

#include <memory>

#include "cli/verbs.hpp"
#include "schema/plugin_template.hpp"

namespace convoy::cli {

void add_init(CLI::App& app) {
  const auto folder = std::make_shared<std::filesystem::path>();
  CLI::App* verb = app.add_subcommand("init", "start something of your own: a plugin");
  verb->add_option("--plugin", *folder,
                   "a new folder for a plugin that builds, with a job and a test of it")
      ->required()
      ->type_name("DIR");
  verb->callback([folder] {
    write_plugin_template(*folder);
    const std::string place = folder->string();
    fmt::print(
        "{0}: a plugin with an optimizer, a job and a test\n"
        "cmake -S {0} -B {0}/build && cmake --build {0}/build && ctest --test-dir {0}/build\n",
        place);
  });
}

}  // namespace convoy::cli
