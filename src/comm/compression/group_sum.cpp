#include "comm/compression/group_sum.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "comm/compression/wire.hpp"
#include "compute/casts.hpp"
#include "compute/host_tensor.hpp"
#include "compute/kernels.hpp"
#include "convoy/comm/compressions.hpp"
#include "convoy/lanes/tree.hpp"
#include "core/split_mix.hpp"

namespace convoy {
namespace {

// Adds everybody's vectors, as they were decoded, along the tree over the ranks.
std::span<const float> add_by_rank(std::vector<std::vector<float>>& vectors) {
  std::vector<Range> leaves;
  const auto size = static_cast<std::int64_t>(vectors.size());
  for (std::int64_t rank = 0; rank < size; ++rank) leaves.push_back({rank, rank + 1});
  for (const Addition& addition : additions(size, leaves)) {
    std::vector<float>& into = vectors[static_cast<std::size_t>(addition.into)];
    add_into(into.data(), vectors[static_cast<std::size_t>(addition.from)].data(),
             static_cast<std::int64_t>(into.size()));
  }
  return vectors[0];
}

class WholeSum final : public GroupSum {
  void sum(std::int64_t, std::span<float> values) override { group().all_reduce(values); }
};

/// A message: what it is, whether its sender met values that are not finite, the encoded values.
class Message {
 public:
  static constexpr std::size_t header = 8;

  Message(const Codec& codec, std::size_t count) : bytes(header + codec.encoded_bytes(count)) {}
  std::span<std::byte> body() { return std::span(bytes).subspan(header); }
  void finish(bool finite) {
    store(bytes.data(), mark);
    store(bytes.data() + 4, std::uint32_t{finite ? 0U : 1U});
  }
  bool finite() const {
    if (load<std::uint32_t>(bytes.data()) != mark)
      throw InputError("a message of compressed values does not begin as one");
    return load<std::uint32_t>(bytes.data() + 4) == 0;
  }

  std::vector<std::byte> bytes;

 private:
  static constexpr std::uint32_t mark = 0x31535643;  // "CVS1"
};

// In two phases, as DoubleSqueeze (Tang et al. 2019): pieces go to their owners, who add what they
// decode and send the sums to all; both with error feedback of the sender's own. Where it is no
// more bytes (two workers), everybody sends everything to everybody instead.
class CodecSum final : public GroupSum {
 public:
  CodecSum(const CompressionOptions& options, std::uint64_t seed, std::size_t count)
      : codec_(make_codec(options)),
        count_(count),
        seed_(mixed(seed)),
        feedback_(options.error_feedback),
        own_(count, feedback_),
        piece_(0, feedback_) {}

  void commit() override {
    own_.commit();
    if (two_phases_) piece_.commit();
  }

  std::vector<std::pair<std::string, torch::Tensor>> state() const override {
    if (!feedback_) return {};
    return {{"residual", own_.residual()}, {"residual_of_piece", piece_.residual()}};
  }

 private:
  static constexpr int piece_tag = 5;

  void entered() override {
    keep_residual_of_piece();
    const int size = group().size();
    my_range_ = range_of(group().rank());
    const std::size_t one = codec_->encoded_bytes(count_);
    const std::size_t two = 2 * codec_->encoded_bytes(length(range_of(0)));
    two_phases_ = size > 1 && one > two;
    piece_ = ErrorFeedback(two_phases_ ? length(my_range_) : 0, feedback_);
    decoded_.assign(static_cast<std::size_t>(size),
                    std::vector<float>(two_phases_ ? length(my_range_) : count_));
  }

  // Of the group before: what the sums of this worker's piece lacked is part of its own vector now.
  void keep_residual_of_piece() {
    if (piece_.size() == 0) return;
    add_into(values_of(own_.residual()).data() + my_range_.begin,
             values_of(piece_.residual()).data(), static_cast<std::int64_t>(piece_.size()));
  }

  Range range_of(int rank) const {
    return even_part(static_cast<std::int64_t>(count_), group().size(), rank);
  }
  static std::size_t length(Range range) { return static_cast<std::size_t>(range.size()); }

  std::uint64_t draw(std::int64_t number, int piece) const {
    return mixed(mixed(seed_ + static_cast<std::uint64_t>(number)) +
                 static_cast<std::uint64_t>(piece));
  }

  void sum(std::int64_t number, std::span<float> values) override {
    finite_ =
        largest_magnitude(values.data(), static_cast<std::int64_t>(values.size())) < 0x7f800000U;
    if (!finite_) std::fill(values.begin(), values.end(), 0.0F);  // they are of no use any more
    if (!feedback_) {
      scale(values.data(), codec_->unbiased_gain(values.size()),
            static_cast<std::int64_t>(values.size()));
    }
    if (two_phases_)
      sum_in_two_phases(number, values);
    else
      sum_in_one(number, values);
    if (!finite_) std::fill(values.begin(), values.end(), std::numeric_limits<float>::quiet_NaN());
  }

  Message encode(ErrorFeedback& feedback, std::span<const float> values, std::size_t begin,
                 std::uint64_t number) {
    const auto clock = Clock::now();
    Message message(*codec_, values.size());
    feedback.encode(*codec_, values, begin, number, message.body());
    message.finish(finite_);
    count_coding(clock);
    return message;
  }

  void decode(Message& message, std::uint64_t number, std::span<float> values) {
    const auto clock = Clock::now();
    finite_ = message.finite() && finite_;
    codec_->decode(message.body(), number, values);
    count_coding(clock);
  }

  std::vector<Message> room_for_all(const std::vector<std::size_t>& counts) const {
    std::vector<Message> messages;
    for (const std::size_t count : counts) messages.emplace_back(*codec_, count);
    return messages;
  }

  void gather(const Message& mine, std::vector<Message>& all) {
    ReceivePieces parts;
    for (Message& message : all) parts.emplace_back(message.bytes);
    group().all_gather(mine.bytes, parts);
  }

  void sum_in_one(std::int64_t number, std::span<float> values) {
    const auto size = static_cast<std::size_t>(group().size());
    const Message mine = encode(own_, values, 0, draw(number, 0));
    std::vector<Message> all = room_for_all(std::vector<std::size_t>(size, count_));
    gather(mine, all);
    for (std::size_t rank = 0; rank < size; ++rank)
      decode(all[rank], draw(number, 0), decoded_[rank]);
    const auto clock = Clock::now();
    const std::span<const float> result = add_by_rank(decoded_);
    std::copy(result.begin(), result.end(), values.begin());
    count_coding(clock);
  }

  void sum_in_two_phases(std::int64_t number, std::span<float> values) {
    const std::span<const float> piece = sum_of_my_piece(number, values);
    const int me = group().rank();
    const Message mine = encode(piece_, piece, 0, draw(number, me));
    std::vector<std::size_t> counts;
    for (int rank = 0; rank < group().size(); ++rank) counts.push_back(length(range_of(rank)));
    std::vector<Message> all = room_for_all(counts);
    gather(mine, all);
    for (int rank = 0; rank < group().size(); ++rank) {
      const Range range = range_of(rank);
      decode(all[static_cast<std::size_t>(rank)], draw(number, rank),
             values.subspan(static_cast<std::size_t>(range.begin), length(range)));
    }
  }

  std::span<const float> sum_of_my_piece(std::int64_t number, std::span<const float> values) {
    const int size = group().size();
    const int me = group().rank();
    const auto workers = static_cast<std::size_t>(size);
    std::vector<Message> in = room_for_all(std::vector<std::size_t>(workers, length(my_range_)));
    std::vector<Work> received(workers);
    for (int rank = 0; rank < size; ++rank) {
      if (rank == me) continue;
      const auto r = static_cast<std::size_t>(rank);
      received[r] = group().irecv(rank, piece_tag, {std::span(in[r].bytes)});
    }
    std::vector<Message> out;
    out.reserve(workers);
    std::vector<Work> sent;
    for (int step = 1; step <= size; ++step) {  // this worker's own piece last
      const int rank = (me + step) % size;
      const Range range = range_of(rank);
      const auto begin = static_cast<std::size_t>(range.begin);
      out.push_back(encode(own_, values.subspan(begin, length(range)), begin, draw(number, rank)));
      if (rank == me)
        in[static_cast<std::size_t>(me)].bytes = out.back().bytes;
      else
        sent.push_back(
            group().isend(rank, piece_tag, {std::span<const std::byte>(out.back().bytes)}));
    }
    for (std::size_t rank = 0; rank < workers; ++rank) {
      received[rank].wait();
      decode(in[rank], draw(number, me), decoded_[rank]);
    }
    for (Work& work : sent) work.wait();
    return add_by_rank(decoded_);
  }

  std::unique_ptr<Codec> codec_;
  std::size_t count_;
  std::uint64_t seed_;
  bool feedback_;
  ErrorFeedback own_;
  ErrorFeedback piece_;
  Range my_range_;
  bool two_phases_ = false;
  std::vector<std::vector<float>> decoded_;  // what came, by worker
  bool finite_ = true;                       // everybody's values, as far as this worker has heard
};

}  // namespace

void GroupSum::enter(Communicator& group) {
  group_ = &group;
  entered();
}

void GroupSum::add_up(std::int64_t number, std::span<float> values) {
  const std::uint64_t before = group_->bytes_sent();
  sum(number, values);
  bytes_sent_ += group_->bytes_sent() - before;
  const auto size = static_cast<std::uint64_t>(group_->size());
  whole_bytes_ += 2 * (size - 1) * values.size_bytes() / size;
}

void GroupSum::count_coding(Clock::time_point since) {
  coding_seconds_ += std::chrono::duration<double>(Clock::now() - since).count();
}

std::unique_ptr<GroupSum> make_group_sum(const CompressionOptions& options, std::uint64_t seed,
                                         std::size_t count,
                                         const std::vector<PowerSgd::Matrix>& matrices) {
  const CompressionKind& kind = compressions().get(options.kind);
  if (kind.sum) return kind.sum({options, seed, count, matrices});
  if (!kind.codec) return std::make_unique<WholeSum>();
  return std::make_unique<CodecSum>(options, seed, count);
}

}  // namespace convoy
