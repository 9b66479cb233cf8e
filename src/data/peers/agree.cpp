#include "data/peers/agree.hpp"

#include <fmt/format.h>

#include <exception>

#include "core/machine.hpp"
#include "data/peers/message.hpp"

namespace convoy {
namespace {

/// One worker's answer: the bytes it made, or why it could not.
struct WorkerAnswer {
  bool failed = false;
  std::string host;
  std::string content;
};

WorkerAnswer read_answer(const std::string& bytes, std::size_t worker) {
  MessageReader reader(bytes, worker);
  WorkerAnswer answer;
  answer.failed = reader.count(0) != 0;
  answer.host = reader.text();
  answer.content = reader.text();
  reader.expect_end();
  return answer;
}

[[noreturn]] void fail(const std::vector<WorkerAnswer>& answers) {
  std::string message;
  std::string others;
  for (std::size_t rank = 0; rank < answers.size(); ++rank) {
    if (!answers[rank].failed) continue;
    const std::string name = worker_name(rank, answers[rank].host);
    if (message.empty())
      message = fmt::format("{}: {}", name, answers[rank].content);
    else
      others += (others.empty() ? "" : ", ") + name;
  }
  throw InputError(others.empty() ? message : fmt::format("{} (failed too: {})", message, others));
}

}  // namespace

std::string worker_name(std::size_t rank, const std::string& host) {
  return host.empty() ? fmt::format("worker {}", rank) : fmt::format("worker {} ({})", rank, host);
}

std::vector<std::string> gather(Peers* peers, const std::function<std::string()>& make) {
  if (!peers) return {make()};
  std::exception_ptr problem;
  std::string content;
  try {
    content = make();
  } catch (const std::exception& error) {
    problem = std::current_exception();
    content = error.what();
  }
  MessageWriter writer;
  writer.count(problem ? 1 : 0);
  writer.text(problem ? host_name() : "");
  writer.text(content);
  const std::vector<std::string> messages = peers->all_gather(writer.take());
  if (problem) std::rethrow_exception(problem);

  std::vector<WorkerAnswer> answers;
  bool failed = false;
  for (std::size_t rank = 0; rank < messages.size(); ++rank) {
    answers.push_back(read_answer(messages[rank], rank));
    failed = failed || answers.back().failed;
  }
  if (failed) fail(answers);
  std::vector<std::string> contents;
  for (WorkerAnswer& answer : answers) contents.push_back(std::move(answer.content));
  return contents;
}

void agree(Peers* peers, const std::function<void()>& action) {
  gather(peers, [&] {
    action();
    return std::string();
  });
}

}  // namespace convoy
