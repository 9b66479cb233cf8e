#pragma once
// Who takes part in a measurement of `convoy bench comm`, in this worker.
#include <sched.h>

#include <filesystem>
#include <map>

#include "bench/measure/comm_options.hpp"
#include "bench/measure/peer_group.hpp"
#include "convoy/comm/group.hpp"

namespace convoy::bench {

class CommField {
 public:
  /// Collective. `folder` is one that all workers share; `hosts` names the Hosts they are to enter,
  /// each that of its rank, and is empty for one host. Who cannot take part is left out, with a
  /// note.
  CommField(const WorkerPlace& place, const CommOptions& options,
            const std::filesystem::path& folder, const std::string& hosts);
  /// Whatever lies between the workers, this goes through memory that they share.
  Communicator& control() { return *control_; }
  /// That this worker may use. It is bound to one of them if there are enough.
  const cpu_set_t& cores() const { return cores_; }
  std::vector<Contestant>& contestants() { return contestants_; }
  const std::map<std::string, std::string>& versions() const { return versions_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  std::shared_ptr<Communicator> join(const std::string& transport, const std::string& name,
                                     bool encrypt = false);
  void add(const std::string& name, std::unique_ptr<Party> party);
  void add_within_host();
  void add_tcp(bool encrypt);
  void add_gloo();
  void add_mpi(const std::string& group, const std::vector<std::string>& arguments);
  void add_copies();
  PeerSetup peer_setup(const std::filesystem::path& folder);

  const WorkerPlace& place_;
  const CommOptions& options_;
  std::string hosts_;
  cpu_set_t cores_{};
  std::unique_ptr<Store> store_;
  std::shared_ptr<Communicator> control_;
  PeerSetup peers_;
  std::vector<PeerGroup> groups_;
  std::vector<Contestant> contestants_;  // end before the groups that they use
  std::map<std::string, std::string> versions_;
  std::vector<std::string> notes_;
};

}  // namespace convoy::bench
