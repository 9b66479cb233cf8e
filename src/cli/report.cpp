#include <fmt/format.h>

#include "cli/verbs.hpp"
#include "convoy/report/html.hpp"

namespace convoy::cli {

void add_report(CLI::App& app) {
  const auto run = std::make_shared<std::filesystem::path>();
  CLI::App* verb =
      app.add_subcommand("report", "write report.html of a run again, also while it trains");
  verb->add_option("run", *run, "the run's folder")->required()->type_name("RUN");
  verb->callback([run] {
    write_html_report(*run);
    fmt::print("{}\n", (*run / "report.html").string());
  });
}

}  // namespace convoy::cli
