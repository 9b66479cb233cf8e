#pragma once
// The transports there are, by the name that `strategy.transport` gives them. One file adds one, in
// Convoy or outside: a Transport (convoy/comm/transport.hpp), and a variable of namespace scope:
//
//   std::unique_ptr<Transport> connect_verbs(const TransportMeeting& meeting) { ... }
//   const schema::Registered verbs(
//       transports(), TransportKind{{.name = "verbs", .doc = "InfiniBand"}, connect_verbs,
//                                   /*between_hosts=*/true});
//
// Not thread-safe: register before threads start.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/comm/group.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/comm/transport.hpp"
#include "convoy/lanes/lane.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The workers that are to be connected, as one of them sees it. Only good while they connect.
struct TransportMeeting {
  int rank = 0;  ///< of this worker in its group
  int size = 1;  ///< of the group
  Range local;   ///< the ranks that are on this host
  /// Whom to connect to, by rank, this worker left out; empty: all. Of a transport that does not go
  /// between hosts: the ranks of this host, which messages number from 0, in order.
  std::vector<bool> peers = {};
  /// Another transport reaches the other hosts, and may be waited for meanwhile: sends have to go
  /// on by themselves.
  bool routed = false;
  bool encrypt = false;
  bool spin = true;  ///< to look for a while before sleeping: there is a core for each rank here
  const GroupOptions& options;
  Store& store;

  /// Gives the workers `ranks` a text and returns theirs, in order. All of them call it with the
  /// same key, each key once. Throws TimeoutError naming who does not come.
  std::function<std::vector<std::string>(const std::string& key, const std::string& mine,
                                         Range ranks)>
      share;
  /// Called now and then where one waits long: throws when the group is not wanted any more.
  std::function<void()> still_wanted;
};

struct TransportKind : schema::Registration {
  /// This worker's end. All of the group's call it. Throws InputError, PeerError, TimeoutError.
  std::function<std::unique_ptr<Transport>(const TransportMeeting&)> connect;
  bool between_hosts = false;  ///< else between the workers of one host alone
  bool encrypts = false;       ///< between hosts, where that is asked for
  bool needs_mpirun = false;   ///< workers must have been started by it
  /// Of those that fit `auto` takes the one of the greatest; 0: none but who names it gets it.
  int priority = 0;
  /// Whether it is there, in this build and on this machine; null: always.
  std::function<bool()> available = nullptr;

  std::string_view missing() const { return connect ? "" : "connect"; }
};

schema::Registry<TransportKind>& transports();

}  // namespace convoy

#pragma GCC visibility pop
