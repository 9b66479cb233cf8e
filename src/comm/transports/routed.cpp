#include "comm/transports/routed.hpp"

#include <fmt/format.h>

namespace convoy {
namespace {

class RoutedTransport final : public Transport {
 public:
  RoutedTransport(std::unique_ptr<Transport> local, int first_local, int locals,
                  std::unique_ptr<Transport> remote)
      : local_(std::move(local)),
        first_local_(first_local),
        locals_(locals),
        remote_(std::move(remote)),
        name_(fmt::format("shm+{}", remote_->name())) {}

  std::string_view name() const override { return name_; }

  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override {
    count_sent(total_size(pieces));
    return is_local(peer) ? local_->send(peer - first_local_, tag, std::move(pieces))
                          : remote_->send(peer, tag, std::move(pieces));
  }
  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                    Receive mode) override {
    return is_local(peer) ? local_->receive(peer - first_local_, tag, std::move(pieces), mode)
                          : remote_->receive(peer, tag, std::move(pieces), mode);
  }
  void abort() override {
    if (local_) local_->abort();
    remote_->abort();
  }

 private:
  bool is_local(int peer) const { return peer >= first_local_ && peer < first_local_ + locals_; }

  std::unique_ptr<Transport> local_;
  int first_local_;
  int locals_;
  std::unique_ptr<Transport> remote_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Transport> routed_transport(std::unique_ptr<Transport> local, int first_local,
                                            int locals, std::unique_ptr<Transport> remote) {
  return std::make_unique<RoutedTransport>(std::move(local), first_local, locals,
                                           std::move(remote));
}

}  // namespace convoy
