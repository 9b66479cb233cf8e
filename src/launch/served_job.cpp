#include "launch/served_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "server/server_group.hpp"

namespace convoy {
namespace {

using StoreJson = nlohmann::json;

const std::string size_key = "servers/job";

}  // namespace

ServedJob::ServedJob(const Endpoint& rendezvous, const Secret& secret,
                     std::chrono::milliseconds timeout)
    : client_(rendezvous.host, rendezvous.port, secret, timeout, std::chrono::seconds(10)) {}

void ServedJob::publish_size(const Size& size) {
  size_ = size;
  client_.set(size_key, StoreJson{{"workers", size.workers},
                                  {"servers", size.servers},
                                  {"hosts", size.hosts},
                                  {"least", size.least}}
                            .dump());
}

ServedJob::Size ServedJob::wait_for_size(std::chrono::milliseconds patience) {
  const auto text = client_.get_within(size_key, patience);
  if (!text)
    throw TimeoutError(-1, fmt::format("no job with parameter servers began at {} within {} s",
                                       client_.address(), patience.count() / 1000));
  const StoreJson json = StoreJson::parse(*text);
  size_ = {json.at("workers"), json.at("servers"), json.at("hosts"), json.at("least")};
  return size_;
}

int ServedJob::next(const char* what, int first, int count) {
  const std::string key = fmt::format("servers/more {}", what);
  return first + static_cast<int>(client_.add(key, count)) - count;
}

int ServedJob::new_workers(int count) {
  return next("workers", size_.workers, count);
}

int ServedJob::new_server() {
  return next("servers", size_.servers, 1);
}

int ServedJob::new_host() {
  return next("hosts", size_.hosts, 1);
}

bool ServedJob::has_coordinator() {
  try {
    return client_.check({servers_coordinator});
  } catch (const Error&) {
    return false;
  }
}

bool ServedJob::is_finished() {
  try {
    return client_.get_if_present(servers_over) == served_to_the_end;
  } catch (const Error&) {
    return false;
  }
}

bool ServedJob::has_workers() {
  try {
    const auto all = client_.list(servers_processes);
    return std::any_of(all.begin(), all.end(), [&](const auto& entry) {
      return entry.first.starts_with(servers_here) &&
             !all.contains(servers_gone + entry.first.substr(servers_here.size()));
    });
  } catch (const Error&) {
    return false;
  }
}

std::vector<pid_t> ServedJob::silent(const std::vector<pid_t>& pids) {
  std::vector<pid_t> found;
  try {
    std::set<std::string> values;
    for (const auto& [key, value] : client_.list(servers_gone)) values.insert(value);
    const std::string host = host_identity();
    std::copy_if(pids.begin(), pids.end(), std::back_inserter(found),
                 [&](pid_t pid) { return values.contains(silent_process(host, pid)); });
  } catch (const Error&) {
  }
  return found;
}

}  // namespace convoy
