#include "convoy/session/generation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

using StoreJson = nlohmann::json;

MemberChange::Kind kind_of(const std::string& name) {
  using enum MemberChange::Kind;
  for (const MemberChange::Kind kind : {lost, left, joined}) {
    if (name == name_of(kind)) return kind;
  }
  throw Error("unknown change '" + name + "'");
}

}  // namespace

const char* name_of(MemberChange::Kind kind) {
  switch (kind) {
    case MemberChange::Kind::lost:
      return "lost";
    case MemberChange::Kind::left:
      return "left";
    case MemberChange::Kind::joined:
      break;
  }
  return "joined";
}

int Generation::rank_of(int worker) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.worker == worker; });
  return found == members.end() ? -1 : static_cast<int>(found - members.begin());
}

std::string to_text(const Generation& generation) {
  StoreJson json = {{"number", generation.number},
                    {"urgent", generation.urgent},
                    {"members", StoreJson::array()},
                    {"changes", StoreJson::array()}};
  for (const Member& member : generation.members)
    json["members"].push_back({{"worker", member.worker}, {"host", member.host}});
  for (const MemberChange& change : generation.changes) {
    json["changes"].push_back({{"kind", name_of(change.kind)},
                               {"worker", change.worker},
                               {"host", change.host},
                               {"reason", change.reason}});
  }
  return json.dump(-1, ' ', false, StoreJson::error_handler_t::replace);
}

Generation parse_generation(const std::string& text) {
  try {
    const StoreJson json = StoreJson::parse(text);
    Generation generation;
    generation.number = json.at("number");
    generation.urgent = json.at("urgent");
    for (const StoreJson& member : json.at("members"))
      generation.members.push_back({member.at("worker"), member.at("host")});
    for (const StoreJson& change : json.at("changes")) {
      generation.changes.push_back({kind_of(change.at("kind")), change.at("worker"),
                                    change.at("host"), change.at("reason")});
    }
    return generation;
  } catch (const std::exception& error) {
    throw Error(fmt::format("the store holds a broken list of members: {}", error.what()));
  }
}

}  // namespace convoy
