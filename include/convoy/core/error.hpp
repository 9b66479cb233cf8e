#pragma once
// The errors Convoy throws. Each carries one line a person can act on: where, what, what to do
// instead.
#include <stdexcept>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// Base of everything Convoy throws on purpose. `what()` is one line.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user's input is wrong: job file, command line, data, model, checkpoint. The program exits
/// with 2.
class InputError : public Error {
 public:
  using Error::Error;
};

/// A file of data is unreadable or malformed. `where` is "file", "file:line" or "file, byte N".
class DataError : public InputError {
 public:
  DataError(const std::string& where, const std::string& problem)
      : InputError(where + ": " + problem) {}
};

/// The system refused: disk full, read-only directory, no such device. The program exits with 1.
class IoError : public Error {
 public:
  using Error::Error;
};

/// A loss or a gradient is NaN or infinite and the job says to stop (`train.on_nonfinite: stop`).
/// Exit 1.
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

/// Training was asked to stop (Ctrl-C, SIGTERM); a checkpoint holds the state. Exit 130, as shells
/// expect.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// A worker of the job was lost or misbehaves. `rank()` is its rank, -1 when it isn't known. Exit
/// 75 (sysexits' EX_TEMPFAIL), by which `convoy launch` tells a consequence from a cause.
class PeerError : public Error {
 public:
  PeerError(int rank, const std::string& text) : Error(text), rank_(rank) {}
  int rank() const { return rank_; }

 private:
  int rank_;
};

/// A worker, or the job's rendezvous, did not answer in time.
class TimeoutError : public PeerError {
 public:
  using PeerError::PeerError;
};

/// A message of a worker came with other bytes than were sent.
class DamagedMessageError : public PeerError {
 public:
  DamagedMessageError(int rank, std::size_t bytes)
      : PeerError(rank, "a message of worker " + std::to_string(rank) + " (" +
                            std::to_string(bytes) + " bytes) came damaged: its checksum is wrong") {
  }
};

/// The other end of a connection doesn't know the job's secret. Exit 1.
class AuthenticationError : public Error {
 public:
  using Error::Error;
};

}  // namespace convoy

#pragma GCC visibility pop
