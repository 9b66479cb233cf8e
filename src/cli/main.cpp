#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <cstdio>

#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/kernels.hpp"
#include "convoy/core/torch_build.hpp"
#include "convoy/core/version.hpp"
#include "schema/suggest.hpp"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_wrong_input = 2;
constexpr int exit_refused = 78;    // convoy launch does not take it for the job's end
constexpr int exit_lost_peer = 75;  // a consequence: convoy launch looks for the cause
constexpr int exit_interrupted = 130;

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

// A first word that is no verb, which CLI11 would only call an unexpected argument.
void require_known_verb(const CLI::App& app, const std::string& word) {
  if (word.starts_with("-")) return;
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

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error like a full disk, not a crash
  CLI::App app("Convoy: data-parallel training and inference in C++ on libtorch", "convoy");
  app.set_version_flag("--version", [] {
    return fmt::format("convoy {}\n{}", convoy::version, convoy::torch_build());
  });
  app.require_subcommand(1);
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
  try {
    convoy::pin_instruction_set();  // before libtorch computes anything
    if (argc > 1) require_known_verb(app, argv[1]);
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
