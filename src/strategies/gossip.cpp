// Gossip (Boyd et al. 2006; D-PSGD, Lian et al. 2017). Whom one meets is declared in
// convoy/strategies/model_exchange.hpp.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "compute/kernels.hpp"
#include "core/split_mix.hpp"
#include "strategies/averaging.hpp"

namespace convoy {

void describe(schema::Visitor& v, GossipOptions& o) {
  v.key("average_every", o.average_every, schema::at_least(1),
        "steps that each worker takes alone between exchanges");
  v.key("neighbours", o.neighbours, schema::choice({"ring", "random"}),
        "with whom a worker averages: the next ones in turn, or one by chance");
}

namespace {

// Pairs average, by messages between the two alone. What somebody requests spreads with the
// messages, so it happens to all with the exchange by which all have heard of it.
class Gossip final : public WithGroup {
 public:
  Gossip(const StrategyOptions& strategy, std::uint64_t seed, const InitialModel& model)
      : WithGroup(model), neighbours_(strategy.own.as<GossipOptions>().neighbours), seed_(seed) {}

  void enter(Communicator* group, std::int64_t lanes) override {
    WithGroup::enter(group, lanes);
    last_ = {never, never};
  }

  Request exchange(std::int64_t number, std::span<float> values, Request request) override {
    if (group_ == nullptr) return request;
    const int me = group_->rank();
    if (request != Request::none && last_of(request) == never)
      last_of(request) = gossip_spread(neighbours_, seed_, number, me, group_->size());
    const int peer = gossip_partner(neighbours_, seed_, number, me, group_->size());
    if (peer >= 0) average_with(peer, values);
    if (number >= last_of(Request::stop)) return Request::stop;
    return number >= last_of(Request::change_members) ? Request::change_members : Request::none;
  }

  void combine(std::span<const float> values, std::span<float> model) override {
    std::copy(values.begin(), values.end(), model.begin());
    add_up(model);
    if (group_ == nullptr) return;
    scale(model.data(), 1.0F / static_cast<float>(workers()),
          static_cast<std::int64_t>(model.size()));
  }

  State common() const override { return {}; }

  // Pairs meet, and what one missed the others have not either.
  bool may_be_missed() const override { return true; }

 private:
  static constexpr int gossip_tag = 4;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  std::int64_t& last_of(Request request) {
    return last_[request == Request::change_members ? 0 : 1];
  }

  void average_with(int peer, std::span<float> values) {
    std::vector<float> theirs(values.size());
    std::array<std::int64_t, 2> their_last{never, never};
    Work in = group_->irecv(
        peer, gossip_tag,
        {std::as_writable_bytes(std::span(their_last)), std::as_writable_bytes(std::span(theirs))});
    group_->isend(peer, gossip_tag, {std::as_bytes(std::span(last_)), std::as_bytes(values)})
        .wait();
    in.wait();
    for (std::size_t i = 0; i < last_.size(); ++i) last_[i] = std::min(last_[i], their_last[i]);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = (values[i] + theirs[i]) * 0.5F;
  }

  std::string neighbours_;
  std::uint64_t seed_;
  // The exchange with which members change, and that with which all end, as far as this worker has
  // heard.
  std::array<std::int64_t, 2> last_{never, never};
};

int ring_partner(std::int64_t number, int rank, int size) {
  const int shift = static_cast<int>(number % 2);
  const int place = rank - shift;
  if (place < 0) return size % 2 == 0 ? size - 1 : -1;
  const int partner = place % 2 == 0 ? rank + 1 : rank - 1;
  if (partner < size) return partner;
  return shift == 1 && size % 2 == 0 ? 0 : -1;
}

int random_partner(std::uint64_t seed, std::int64_t number, int rank, int size) {
  std::vector<int> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  const std::uint64_t draw = mixed(mixed(seed) + static_cast<std::uint64_t>(number));
  for (std::size_t i = order.size(); i > 1; --i) {  // Fisher-Yates
    const std::size_t other = mixed(draw + i) % i;
    std::swap(order[i - 1], order[other]);
  }
  const auto place = std::find(order.begin(), order.end(), rank) - order.begin();
  const std::ptrdiff_t partner = place % 2 == 0 ? place + 1 : place - 1;
  return partner < static_cast<std::ptrdiff_t>(order.size())
             ? order[static_cast<std::size_t>(partner)]
             : -1;
}

}  // namespace

int gossip_partner(const std::string& neighbours, std::uint64_t seed, std::int64_t number, int rank,
                   int size) {
  return neighbours == "random" ? random_partner(seed, number, rank, size)
                                : ring_partner(number, rank, size);
}

std::int64_t gossip_spread(const std::string& neighbours, std::uint64_t seed, std::int64_t number,
                           int rank, int size) {
  std::vector<bool> knows(static_cast<std::size_t>(size), false);
  knows[static_cast<std::size_t>(rank)] = true;
  for (std::int64_t round = number;; ++round) {
    std::vector<bool> then = knows;
    for (int r = 0; r < size; ++r) {
      const int peer = gossip_partner(neighbours, seed, round, r, size);
      if (peer >= 0 && knows[static_cast<std::size_t>(peer)])
        then[static_cast<std::size_t>(r)] = true;
    }
    knows = std::move(then);
    if (std::all_of(knows.begin(), knows.end(), [](bool known) { return known; })) return round;
  }
}

namespace {

StrategyKind gossip_kind() {
  StrategyKind kind = averaging_kind<Gossip, GossipOptions>(
      {.name = "gossip",
       .doc = "workers have weights of their own; now and then pairs average theirs"});
  kind.conflict = nothing_to_compress;
  kind.rows = {{"`gossip`",
                "workers have weights of their own; at an exchange pairs come to have the same",
                since_exchange, same_bits, "M / H, to one neighbour", nullptr}};
  return kind;
}

const schema::Registered gossip(strategies(), gossip_kind());

}  // namespace
}  // namespace convoy
