// Codecs, error feedback, PowerSGD, and the sums of groups that use them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>

#include "comm/compression/group_sum.hpp"
#include "comm_support.hpp"
#include "convoy/comm/compression/compression.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/lane.hpp"

namespace convoy {
namespace comm_compression_test {

using Bytes = std::vector<std::byte>;
using Floats = std::vector<float>;

constexpr float infinity = std::numeric_limits<float>::infinity();
const std::vector<std::string> all_codecs = {"fp16", "bf16", "int8", "top_k", "random_k"};

CompressionOptions options_of(const std::string& kind) {
  CompressionOptions options;
  options.kind = kind;
  if (kind.ends_with("_k")) options.own = SparseOptions{.part = 0.1};
  return options;
}

Floats normal(std::size_t count, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0, scale);
  Floats values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

Floats round_trip(const Codec& codec, const Floats& values, std::uint64_t draw = 0) {
  Bytes bytes(codec.encoded_bytes(values.size()));
  codec.encode(values, draw, bytes);
  Floats decoded(values.size(), -1);
  codec.decode(bytes, draw, decoded);
  return decoded;
}

TEST(Compression, Fp16IsWhatLibtorchRoundsTo) {
  const auto codec = make_codec(options_of("fp16"));
  Floats values = normal(5000, 1, 10);
  // Every exponent, ties in both directions, subnormal results, zeros.
  for (int exponent = -40; exponent < 16; ++exponent) {
    for (const double mantissa : {1.0, 1.00048828125, 1.001, 1.00146484375, 1.5, 1.99951171875})
      values.push_back(static_cast<float>(std::ldexp(mantissa, exponent)));
  }
  values.insert(values.end(), {0.0F, -0.0F, 65504.0F, -65504.0F});
  const Floats decoded = round_trip(*codec, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float expected = static_cast<float>(c10::Half(values[i]));
    if (std::isinf(expected)) continue;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded[i]), std::bit_cast<std::uint32_t>(expected))
        << values[i];
  }
}

TEST(Compression, Bf16IsWhatLibtorchRoundsTo) {
  const auto codec = make_codec(options_of("bf16"));
  Floats values = normal(5000, 2, 1e-3F);
  values.insert(values.end(), {0.0F, -0.0F, 1e38F, 1e-44F, 1.00390625F, 1.01171875F});
  const Floats decoded = round_trip(*codec, values);
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(decoded[i], static_cast<float>(c10::BFloat16(values[i]))) << values[i];
}

TEST(Compression, HalvesKeepFiniteValuesFiniteAndTheOthersNot) {
  for (const char* kind : {"fp16", "bf16"}) {
    const Floats decoded =
        round_trip(*make_codec(options_of(kind)),
                   {1e5F, -3.4e38F, infinity, -infinity, std::numeric_limits<float>::quiet_NaN()});
    EXPECT_TRUE(std::isfinite(decoded[0]) && decoded[0] > 6e4F) << kind;
    EXPECT_TRUE(std::isfinite(decoded[1]) && decoded[1] < -6e4F) << kind;
    EXPECT_EQ(decoded[2], infinity);
    EXPECT_EQ(decoded[3], -infinity);
    EXPECT_TRUE(std::isnan(decoded[4]));
  }
}

TEST(Compression, Int8IsWithinHalfAStepOfItsBlock) {
  CompressionOptions options = options_of("int8");
  options.own = Int8Options{.block = 64};
  const auto codec = make_codec(options);
  Floats values = normal(1000, 3);
  for (std::size_t i = 0; i < 64; ++i) values[i] *= 1000;  // one block of another size
  const Floats decoded = round_trip(*codec, values);
  EXPECT_EQ(codec->encoded_bytes(1000), 16 * 4 + 1000);
  for (std::size_t block = 0; block * 64 < values.size(); ++block) {
    float largest = 0;
    const std::size_t end = std::min<std::size_t>(values.size(), block * 64 + 64);
    for (std::size_t i = block * 64; i < end; ++i) largest = std::max(largest, std::abs(values[i]));
    for (std::size_t i = block * 64; i < end; ++i)
      ASSERT_LE(std::abs(values[i] - decoded[i]), largest / 127 * 0.5001F) << i;
  }
  EXPECT_EQ(round_trip(*codec, Floats(100, 0.0F)), Floats(100, 0.0F));
  EXPECT_EQ(round_trip(*codec, Floats(100, 1e-38F)), Floats(100, 0.0F));
  Floats bad(100, 1.0F);
  bad[70] = infinity;
  const Floats spoilt = round_trip(*codec, bad);
  EXPECT_EQ(spoilt[0], 1.0F);
  EXPECT_TRUE(std::isnan(spoilt[64]) && std::isnan(spoilt[99]));
}

TEST(Compression, TopKTakesTheLargestAndOfEqualsTheFirst) {
  const auto codec = make_codec(options_of("top_k"));  // a tenth
  Floats values(40, 0.5F);
  values[7] = -3;
  values[30] = 2;
  Floats expected(40, 0.0F);
  expected[0] = expected[1] = 0.5F;
  expected[7] = -3;
  expected[30] = 2;
  EXPECT_EQ(round_trip(*codec, values), expected);

  const Floats random = normal(10001, 4);
  const Floats decoded = round_trip(*codec, random);
  Floats magnitudes;
  for (const float value : random) magnitudes.push_back(std::abs(value));
  std::sort(magnitudes.begin(), magnitudes.end(), std::greater<>());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < random.size(); ++i) {
    kept += decoded[i] != 0;
    ASSERT_EQ(decoded[i], std::abs(random[i]) >= magnitudes[1000] ? random[i] : 0.0F);
  }
  EXPECT_EQ(kept, 1001u);
}

TEST(Compression, RandomKTakesOtherElementsForEveryDraw) {
  const auto codec = make_codec(options_of("random_k"));
  const Floats values = normal(1000, 5);
  EXPECT_EQ(codec->encoded_bytes(1000), 400u);
  const Floats one = round_trip(*codec, values, 1);
  EXPECT_EQ(one, round_trip(*codec, values, 1));
  EXPECT_NE(one, round_trip(*codec, values, 2));
  std::vector<int> taken(1000);
  for (std::uint64_t draw = 0; draw < 1000; ++draw) {
    const Floats decoded = round_trip(*codec, Floats(1000, 1.0F), draw);
    for (std::size_t i = 0; i < taken.size(); ++i) taken[i] += decoded[i] != 0;
  }
  for (const int count : taken) EXPECT_NEAR(count, 100, 50);
  EXPECT_EQ(codec->unbiased_gain(1000), 10.0F);
}

TEST(Compression, BytesOfOtherSizesAreRefused) {
  for (const std::string& kind : all_codecs) {
    const auto codec = make_codec(options_of(kind));
    Floats values(100);
    for (const std::size_t size : {std::size_t{0}, codec->encoded_bytes(100) - 1,
                                   codec->encoded_bytes(100) + 1, std::size_t{100000}}) {
      const Bytes bytes(size);
      EXPECT_THROW(codec->decode(bytes, 0, values), InputError) << kind << " " << size;
    }
  }
}

TEST(Compression, AnyBytesOfTheRightSizeAreRefusedOrDecoded) {
  std::mt19937 random(6);
  for (const std::string& kind : all_codecs) {
    const auto codec = make_codec(options_of(kind));
    for (int i = 0; i < 300; ++i) {
      const std::size_t count = random() % 200;
      Floats values(count);
      Bytes bytes(codec->encoded_bytes(count));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
      try {
        codec->decode(bytes, random(), values);
      } catch (const InputError&) {
      }
    }
  }
}

TEST(Compression, EmptyAndTinyVectors) {
  for (const std::string& kind : all_codecs) {
    const auto codec = make_codec(options_of(kind));
    EXPECT_EQ(codec->encoded_bytes(0) % 4, 0u);
    for (std::size_t count = 0; count < 3; ++count) {
      const Floats values(count, 0.25F);
      EXPECT_EQ(round_trip(*codec, values).size(), count);
    }
    EXPECT_NEAR(round_trip(*codec, {0.25F})[0], 0.25F, 1e-6F) << kind;
  }
  EXPECT_THROW(make_codec(options_of("power_sgd")), InputError);
}

TEST(Compression, WhatWasSentAndTheResidualAreAllThatCame) {
  for (const std::string& kind : all_codecs) {
    const auto codec = make_codec(options_of(kind));
    constexpr std::size_t count = 777;
    ErrorFeedback feedback(count, true);
    std::vector<double> came(count);
    std::vector<double> sent(count);
    for (int step = 0; step < 50; ++step) {
      const Floats values = normal(count, static_cast<unsigned>(100 + step));
      Bytes bytes(codec->encoded_bytes(count));
      const auto draw = static_cast<std::uint64_t>(step);
      feedback.encode(*codec, values, 0, draw, bytes);
      if (step % 7 == 3) continue;  // this one was not used
      feedback.commit();
      Floats decoded(count);
      codec->decode(bytes, draw, decoded);
      for (std::size_t i = 0; i < count; ++i) {
        came[i] += values[i];
        sent[i] += decoded[i];
      }
    }
    const float* residual = feedback.residual().data_ptr<float>();
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_NEAR(sent[i] + residual[i], came[i], 1e-4) << kind << " " << i;
  }
}

// Three workers' vectors, summed as the group would.
TEST(Compression, PowerSgdKeepsWhatItLeavesOutAndMatricesOfItsRank) {
  CompressionOptions options = options_of("power_sgd");
  options.own = PowerSgdOptions{.rank = 2};
  const std::vector<PowerSgd::Matrix> matrices = {{5, 20, 30}, {605, 3, 4}, {620, 40, 10}};
  constexpr std::size_t count = 1050;
  std::vector<PowerSgd> workers(3, PowerSgd(count, matrices, options, 9));
  for (PowerSgd& worker : workers) worker = PowerSgd(count, matrices, options, 9);
  const auto summed = [](std::vector<std::span<float>> parts) {
    for (std::size_t i = 0; i < parts[0].size(); ++i) {
      const float sum = parts[0][i] + parts[1][i] + parts[2][i];
      for (auto& part : parts) part[i] = sum;
    }
  };
  std::vector<double> came(count);
  std::vector<double> sent(count);
  std::vector<double> left(count);
  for (int step = 0; step < 20; ++step) {
    std::vector<std::span<float>> factors;
    for (std::size_t w = 0; w < 3; ++w) {
      const Floats values =
          normal(count, static_cast<unsigned>(10 * step) + static_cast<unsigned>(w));
      for (std::size_t i = 0; i < count; ++i) came[i] += values[i];
      factors.push_back(workers[w].project(values));
    }
    EXPECT_LT(factors[0].size(), count / 2);
    summed(factors);
    factors.clear();
    for (PowerSgd& worker : workers) factors.push_back(worker.project_back());
    summed(factors);
    std::vector<Floats> results(3, Floats(count));
    for (std::size_t w = 0; w < 3; ++w) {
      workers[w].restore(results[w]);
      workers[w].commit();
      EXPECT_EQ(results[w], results[0]);
    }
    for (std::size_t i = 0; i < count; ++i) sent[i] += results[0][i];
  }
  for (const PowerSgd& worker : workers) {
    for (std::size_t i = 0; i < count; ++i) left[i] += worker.state()[0].data_ptr<float>()[i];
  }
  for (std::size_t i = 0; i < count; ++i) ASSERT_NEAR(sent[i] + left[i], came[i], 2e-3) << i;
}

TEST(Compression, PowerSgdIsExactForMatricesOfItsRank) {
  CompressionOptions options = options_of("power_sgd");
  options.own = PowerSgdOptions{.rank = 3};
  const Floats a = normal(20 * 2, 1);
  const Floats b = normal(2 * 30, 2);
  Floats values(600);
  for (std::size_t i = 0; i < 600; ++i) {
    for (std::size_t k = 0; k < 2; ++k) values[i] += a[i / 30 * 2 + k] * b[k * 30 + i % 30];
  }
  PowerSgd worker(600, {{0, 20, 30}}, options, 1);
  Floats result(600);
  for (int step = 0; step < 3; ++step) {  // a column that has nothing to do must not spoil it
    worker.project(values);
    worker.project_back();
    worker.restore(result);
    worker.commit();
    for (std::size_t i = 0; i < 600; ++i) ASSERT_NEAR(result[i], values[i], 1e-4) << step;
  }
}

struct Outcome {
  std::vector<Floats> sums;  // of the last vector, by worker
  std::vector<double> sent, came, left;
  std::vector<std::uint64_t> bytes;
};

Outcome sum_in_group(const CompressionOptions& options, int workers, int vectors,
                     std::size_t count) {
  Outcome run{std::vector<Floats>(static_cast<std::size_t>(workers)), std::vector<double>(count),
              std::vector<double>(count), std::vector<double>(count),
              std::vector<std::uint64_t>(static_cast<std::size_t>(workers))};
  std::mutex mutex;
  testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
    const auto rank = static_cast<std::size_t>(group->rank());
    const auto sum = make_group_sum(options, 3, count, {{10, 40, 25}});
    sum->enter(*group);
    for (int v = 0; v < vectors; ++v) {
      Floats values = normal(count, static_cast<unsigned>(v * 100) + static_cast<unsigned>(rank));
      {
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < count; ++i) run.came[i] += values[i];
      }
      sum->add_up(v, values);
      sum->commit();
      run.sums[rank] = values;
      if (rank != 0) continue;
      for (std::size_t i = 0; i < count; ++i) run.sent[i] += values[i];
    }
    run.bytes[rank] = sum->bytes_sent();
    const std::lock_guard lock(mutex);
    for (const auto& [name, tensor] : sum->state()) {
      if (name != "residual" && name != "residual_of_piece" && name != "power_sgd0") continue;
      const Range piece = name == "residual_of_piece"
                              ? even_part(static_cast<std::int64_t>(count), workers, group->rank())
                              : Range{0, static_cast<std::int64_t>(count)};
      for (std::int64_t i = 0; i < tensor.numel(); ++i)
        run.left[static_cast<std::size_t>(piece.begin + i)] += tensor.data_ptr<float>()[i];
    }
  });
  return run;
}

TEST(GroupSum, NothingIsLostWhateverTheCompressor) {
  for (const char* kind : {"none", "fp16", "bf16", "int8", "top_k", "random_k", "power_sgd"}) {
    for (const int workers : {2, 3, 4}) {
      SCOPED_TRACE(::testing::Message() << kind << ", " << workers << " workers");
      const Outcome run = sum_in_group(options_of(kind), workers, 10, 1200);
      for (int w = 1; w < workers; ++w)
        EXPECT_EQ(run.sums[static_cast<std::size_t>(w)], run.sums[0]);
      for (std::size_t i = 0; i < run.came.size(); ++i)
        ASSERT_NEAR(run.sent[i] + run.left[i], run.came[i], 2e-3) << i;
      EXPECT_EQ(run.sums, sum_in_group(options_of(kind), workers, 10, 1200).sums);
    }
  }
}

TEST(GroupSum, SendsWhatTheEncodedPiecesAre) {
  for (const int workers : {2, 4}) {
    const Outcome run = sum_in_group(options_of("bf16"), workers, 1, 1200);
    const auto others = static_cast<std::uint64_t>(workers - 1);
    const std::uint64_t pieces =
        workers == 2 ? 1200 : 2 * 1200 / static_cast<std::uint64_t>(workers);
    const std::uint64_t headers = workers == 2 ? 1 : 2;
    for (const std::uint64_t bytes : run.bytes)
      EXPECT_EQ(bytes, others * (2 * pieces + 8 * headers));
  }
}

TEST(GroupSum, EverybodyHearsOfValuesThatAreNotFinite) {
  for (const char* kind : {"none", "fp16", "int8", "top_k", "random_k", "power_sgd"}) {
    for (const int workers : {2, 3}) {
      testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
        const auto sum = make_group_sum(options_of(kind), 3, 1000, {{0, 40, 25}});
        sum->enter(*group);
        const auto finite = [](const Floats& values) {
          return std::all_of(values.begin(), values.end(),
                             [](float v) { return std::isfinite(v); });
        };
        Floats values = normal(1000, 1);
        if (group->rank() == 1) values[500] = infinity;
        sum->add_up(0, values);
        EXPECT_FALSE(finite(values)) << kind;
        values = normal(1000, 2);  // without a commit it is forgotten
        sum->add_up(1, values);
        EXPECT_TRUE(finite(values)) << kind;
      });
    }
  }
}

TEST(GroupSum, SurvivorsKeepWhatTheyOwe) {
  const CompressionOptions options = options_of("top_k");
  constexpr std::size_t count = 900;
  std::vector<std::unique_ptr<GroupSum>> sums;
  for (int w = 0; w < 3; ++w) sums.push_back(make_group_sum(options, 3, count, {}));
  std::vector<double> owed(count);
  std::mutex mutex;
  testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
    GroupSum& sum = *sums[static_cast<std::size_t>(group->rank())];
    sum.enter(*group);
    Floats values = normal(count, static_cast<unsigned>(group->rank()));
    const Floats own = values;
    sum.add_up(0, values);
    sum.commit();
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < count; ++i)
      owed[i] += own[i] - (group->rank() == 0 ? values[i] : 0.0F);
  });
  std::vector<double> kept(count);
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    sums[static_cast<std::size_t>(group->rank())]->enter(*group);
  });
  sums[2]->enter(*make_thread_group(1, std::chrono::seconds(1))[0]);
  for (const auto& sum : sums) {
    const torch::Tensor residual = sum->state()[0].second;
    for (std::size_t i = 0; i < count; ++i) kept[i] += residual.data_ptr<float>()[i];
  }
  for (std::size_t i = 0; i < count; ++i) ASSERT_NEAR(kept[i], owed[i], 1e-4);
}

}  // namespace comm_compression_test
}  // namespace convoy
