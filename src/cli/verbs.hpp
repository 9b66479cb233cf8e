#pragma once
// The verbs of `convoy`. Each adds its options to the command line and runs when chosen.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace convoy::cli {

void add_train(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_predict(CLI::App& app);
void add_report(CLI::App& app);
void add_checkpoint(CLI::App& app);
void add_data(CLI::App& app);
void add_data_inspect(CLI::App& data);    ///< a verb of `data`
void add_data_partition(CLI::App& data);  ///< likewise
void add_data_prepare(CLI::App& data);    ///< likewise
void add_launch(CLI::App& app);
void add_bench(CLI::App& app);
void add_rendezvous(CLI::App& app);
void add_server(CLI::App& app);
void add_init(CLI::App& app);

/// Thrown by a verb that has already said why it ends like this.
struct ExitStatus {
  int value;
};

/// `--set KEY=VALUE`, which may be given several times.
void add_set_option(CLI::App& verb, std::vector<std::string>& set, const std::string& text);

/// Where this program is, whatever it was called by.
std::string own_program();

/// Replicas to use when none are asked for: the cores this process may use.
int default_replicas();

}  // namespace convoy::cli
