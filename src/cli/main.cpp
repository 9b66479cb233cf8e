#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/export.hpp"
#include "convoy/core/kernels.hpp"
#include "convoy/core/torch_build.hpp"
#include "convoy/core/version.hpp"
#include "convoy/schema/plugins.hpp"
#include "report/registry_list.hpp"
#include "schema/suggest.hpp"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_wrong_input = 2;
constexpr int exit_refused = 78;    // convoy launch does not take it for the job's end
constexpr int exit_lost_peer = 75;  // a consequence: convoy launch looks for the cause
constexpr int exit_interrupted = 130;
constexpr const char* plugins_variable = "CONVOY_PLUGINS";

int complain(const std::string& message, int status) {
  fmt::print(stderr, "convoy: {}\n", message);
  return status;
}

// CLI11's own messages, as one line, and the project's exit status for wrong input.
int complain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  return complain(fmt::format("{} (convoy --help lists what there is)", error.what()),
                  exit_wrong_input);
}

// What stands before the verb and must be known before the rest can be read: verbs, their help and
// jobs have in them what plugins bring.
struct Beginning {
  std::vector<std::string> plugins;
  std::optional<std::string> list;  // of --list; empty: no word
  std::string verb;
};

// `option VALUE` or `option=VALUE`; `at` moves on to its last word. Without a value: empty.
std::optional<std::string> value_of(const std::string& option,
                                    const std::vector<std::string>& words, std::size_t& at) {
  if (words[at].starts_with(option + "=")) return words[at].substr(option.size() + 1);
  if (words[at] != option) return std::nullopt;
  return at + 1 < words.size() && !words[at + 1].starts_with("-") ? words[++at] : "";
}

Beginning beginning_of(const std::vector<std::string>& words) {
  Beginning beginning;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with("-"); ++at) {
    if (const auto list = value_of("--list", words, at)) beginning.list = list;
    const auto files = value_of("--plugins", words, at);
    if (!files) continue;
    if (files->empty()) throw convoy::InputError("--plugins: say which, as in --plugins lion.so");
    for (const std::string& file : convoy::plugin_files(*files)) beginning.plugins.push_back(file);
  }
  if (at < words.size()) beginning.verb = words[at];
  for (; at < words.size() && words[at] != "--"; ++at) {
    if (words[at] == "--plugins" || words[at].starts_with("--plugins="))
      throw convoy::InputError(fmt::format(
          "--plugins comes before the verb: convoy --plugins FILE.so {} ...", beginning.verb));
  }
  return beginning;
}

// Those that CONVOY_PLUGINS names, then those of the command line. The processes that this one
// starts get them all by the variable.
void load_wanted_plugins(const std::vector<std::string>& named) {
  const char* variable = std::getenv(plugins_variable);
  convoy::load_plugins(convoy::plugin_files(variable == nullptr ? "" : variable));
  convoy::load_plugins(named);
  std::vector<std::string> files;
  for (const convoy::Plugin& plugin : convoy::plugins()) files.push_back(plugin.file);
  if (!files.empty())
    ::setenv(plugins_variable, fmt::format("{}", fmt::join(files, ",")).c_str(), 1);
}

// A first word that is no verb, which CLI11 would only call an unexpected argument.
void require_known_verb(const CLI::App& app, const std::string& word) {
  if (word.empty()) return;
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) {
    if (verb->get_name() == word) return;
    if (!verb->get_group().empty()) verbs.push_back(verb->get_name());  // others are not for people
  }
  const std::string meant = convoy::schema::nearest(word, verbs);
  throw convoy::InputError(
      meant.empty() ? fmt::format("'{}' is not a verb; there are: {}", word, fmt::join(verbs, ", "))
                    : fmt::format("'{}' is not a verb; did you mean '{}'?", word, meant));
}

void describe_command(CLI::App& app) {
  app.set_version_flag("--version", [] {
    return fmt::format("convoy {}\n{}", convoy::version, convoy::torch_build());
  });
  app.require_subcommand(1);
  // Both were read by beginning_of; here for the help.
  const auto known = [](const std::string&) {};
  app.add_option_function<std::string>(
         "--plugins", known,
         "load what others wrote for jobs: optimizers, layers, formats, ... (also: the "
         "variable CONVOY_PLUGINS)")
      ->type_name("FILE.so,...");
  app.add_option_function<std::string>(
         "--list", known, "what there is of a sort, such as optimizers; alone: the sorts")
      ->type_name("[SORT]")
      ->expected(0, 1);
  app.failure_message(CLI::FailureMessage::simple);
  convoy::cli::add_train(app);
  convoy::cli::add_evaluate(app);
  convoy::cli::add_predict(app);
  convoy::cli::add_report(app);
  convoy::cli::add_data(app);
  convoy::cli::add_checkpoint(app);
  convoy::cli::add_launch(app);
  convoy::cli::add_bench(app);
  convoy::cli::add_rendezvous(app);
  convoy::cli::add_server(app);
  convoy::cli::add_init(app);
}

}  // namespace

// What `convoy` (cli/start) calls.
extern "C" CONVOY_EXPORT int convoy_main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error like a full disk, not a crash
  CLI::App app("Convoy: data-parallel training and inference in C++ on libtorch", "convoy");
  try {
    convoy::pin_instruction_set();  // before libtorch computes anything
    const Beginning beginning = beginning_of({argv + 1, argv + argc});
    load_wanted_plugins(beginning.plugins);
    if (beginning.list) {
      fmt::print("{}", beginning.list->empty() ? convoy::list_sorts()
                                               : convoy::list_kinds(*beginning.list));
      return 0;
    }
    describe_command(app);
    require_known_verb(app, beginning.verb);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return complain(app, error);
  } catch (const convoy::cli::ExitStatus& ended) {
    return ended.value;
  } catch (const convoy::Interrupted& error) {
    return complain(error.what(), exit_interrupted);
  } catch (const convoy::RefusedError& error) {
    return complain(error.what(), exit_refused);
  } catch (const convoy::InputError& error) {
    return complain(error.what(), exit_wrong_input);
  } catch (const convoy::PeerError& error) {
    return complain(error.what(), exit_lost_peer);
  } catch (const std::bad_alloc&) {
    return complain("out of memory; lower train.batch or --replicas", exit_failure);
  } catch (const std::exception& error) {
    return complain(error.what(), exit_failure);
  }
}
