#pragma once
// Who takes part in an elastic job: a numbered list of its members, each number written once.
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// A worker that takes part. Its number is its own for the whole job and never given again.
struct Member {
  int worker = 0;
  std::string host;  ///< its machine's name, for messages
  bool operator==(const Member&) const = default;
};

/// What a generation changed.
struct MemberChange {
  enum class Kind { lost, left, joined };
  Kind kind = Kind::lost;
  int worker = 0;
  std::string host;
  std::string reason;  ///< of a loss
  bool operator==(const MemberChange&) const = default;
};

/// A generation of members. A record in the job's store under a key that is set once: at most one
/// list of members has a given number, and everybody goes on to the next number only. Ranks are
/// places in the list: workers of a host are neighbours.
struct Generation {
  std::int64_t number = 0;  ///< from 1
  std::vector<Member> members;
  std::vector<MemberChange> changes;
  /// The generation before cannot go on: what is under way in it is aborted at once. Otherwise it
  /// ends at the next step.
  bool urgent = true;

  /// -1 when it is no member.
  int rank_of(int worker) const;
  bool operator==(const Generation&) const = default;
};

std::string to_text(const Generation& generation);
/// Throws Error when the text is none.
Generation parse_generation(const std::string& text);
const char* name_of(MemberChange::Kind kind);

}  // namespace convoy

#pragma GCC visibility pop
