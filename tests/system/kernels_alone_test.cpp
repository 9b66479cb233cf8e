// That bits depend neither on where tensors lie, nor on threads, nor on what was called first. Each
// in a process of its own, as system tests are: what libtorch and MKL do first cannot be undone.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/core/kernels.hpp"
#include "core/aligned.hpp"
#include "core/kernel_info.hpp"
#include "core/replica_pool.hpp"
#include "unit/rendezvous_support.hpp"
#include "unit/train_support.hpp"

namespace convoy::testing {
namespace kernels_alone_test {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using Json = nlohmann::ordered_json;

constexpr std::size_t line = 64;

/// The same values `offset` bytes behind the beginning of a cache line.
torch::Tensor moved(const torch::Tensor& tensor, std::size_t offset) {
  const torch::Tensor dense = tensor.contiguous();
  const std::size_t bytes = (dense.nbytes() + offset + line - 1) / line * line;
  char* memory = static_cast<char*>(std::aligned_alloc(line, bytes));
  std::memcpy(memory + offset, dense.data_ptr(), dense.nbytes());
  return torch::from_blob(
      memory + offset, dense.sizes(), [memory](void*) { std::free(memory); }, dense.options());
}

torch::Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
  return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
}

/// Calls `work` with the same tensors elsewhere in memory; the results must be the same bits.
void expect_same_anywhere(const std::function<torch::Tensor(std::size_t offset)>& work) {
  const torch::Tensor expected = work(0);
  for (const std::size_t offset : {4, 8, 12, 16, 20, 32, 44})
    EXPECT_TRUE(torch::equal(work(offset), expected)) << offset << " bytes behind a cache line";
}

class AnyAlignment : public ::testing::Test {
 protected:
  void SetUp() override {
    prepare_kernels();
    if (!kernels().any_alignment) GTEST_SKIP() << "MKL was used by another test of this process";
    at::set_num_threads(1);
  }
};

TEST_F(AnyAlignment, OfProductsGivesTheSameBits) {
  const struct {
    std::int64_t m, k, n;
  } shapes[] = {{64, 784, 512}, {33, 17, 29}, {8, 128, 10}, {1, 300, 77}};
  for (const auto& [m, k, n] : shapes) {
    SCOPED_TRACE(::testing::Message() << m << " x " << k << " x " << n);
    const torch::Tensor x = numbers({m, k}, 1), w = numbers({n, k}, 2), b = numbers({n}, 3);
    const torch::Tensor g = numbers({m, n}, 4);
    expect_same_anywhere(
        [&](std::size_t o) { return at::addmm(moved(b, o), moved(x, o), moved(w, o).t()); });
    expect_same_anywhere([&](std::size_t o) { return at::mm(moved(g, o), moved(w, o)); });
    expect_same_anywhere([&](std::size_t o) { return at::mm(moved(g, o).t(), moved(x, o)); });
    expect_same_anywhere([&](std::size_t o) { return at::mv(moved(w, o), moved(x[0], o)); });
    expect_same_anywhere(
        [&](std::size_t o) { return at::dot(moved(w.flatten(), o), moved(w.flatten(), o)); });
  }
}

TEST_F(AnyAlignment, OfSlicesGivesTheSameBits) {
  const torch::Tensor x = numbers({40, 65}, 5), w = numbers({19, 64}, 6);
  const torch::Tensor expected = at::mm(x.narrow(1, 1, 64).clone(), w.t());
  EXPECT_TRUE(torch::equal(at::mm(x.narrow(1, 1, 64), w.t()), expected));
  const torch::Tensor flat = numbers({1 + 40 * 64}, 7);
  const torch::Tensor slice = flat.narrow(0, 1, 40 * 64).view({40, 64});
  EXPECT_TRUE(torch::equal(at::mm(slice, w.t()), at::mm(slice.clone(), w.t())));
}

TEST_F(AnyAlignment, OfConvolutionsAndAttentionGivesTheSameBits) {
  const torch::Tensor x = numbers({8, 3, 17, 17}, 8), w = numbers({16, 3, 5, 5}, 9);
  expect_same_anywhere(
      [&](std::size_t o) { return at::conv2d(moved(x, o), moved(w, o), {}, 2, 2); });
  const torch::Tensor q = numbers({2, 3, 7, 32}, 10);
  expect_same_anywhere([&](std::size_t o) {
    return at::scaled_dot_product_attention(moved(q, o), moved(q, o), moved(q, o));
  });
}

/// Samples that lie somewhere else each time they are read.
class Wandering final : public Dataset {
 public:
  explicit Wandering(std::shared_ptr<const Dataset> inner) : inner_(std::move(inner)) {}
  std::int64_t size() const override { return inner_->size(); }
  const DataSpec& spec() const override { return inner_->spec(); }
  Batch read(std::span<const std::int64_t> samples) const override {
    Batch batch = inner_->read(samples);
    const std::size_t offset = 4 * (1 + reads_++ % 15);
    batch.features = moved(batch.features, offset);
    return batch;
  }

 private:
  std::shared_ptr<const Dataset> inner_;
  mutable std::atomic<std::size_t> reads_{0};
};

void expect_training_that_does_not_care() {
  for (const ModelOptions& model : {mlp_options(), cnn_with_batch_norm()}) {
    const ModelFactory factory = build_model(model, image_spec());
    const std::string expected = train(small_job(), factory).weights_sha256;
    for (const int replicas : {1, 3}) {
      const TrainingData data{std::make_shared<Wandering>(images()), nullptr, images(40, 5)};
      EXPECT_EQ(train(small_job(), factory, {.replicas = replicas}, data).weights_sha256, expected);
    }
  }
}

TEST_F(AnyAlignment, OfBatchesGivesTheSameWeights) {
  expect_training_that_does_not_care();
}

TEST(Kernels, BatchesAreCopiedWhereMklRanFirst) {
  const torch::Tensor square = torch::ones({8, 8});
  at::mm(square, square);
  ::testing::internal::CaptureStderr();
  const bool any_alignment = kernels().any_alignment;
  const std::string printed = ::testing::internal::GetCapturedStderr();
  if (any_alignment) GTEST_SKIP() << "no MKL, or prepared by another test of this process";
  EXPECT_THAT(printed, MatchesRegex("convoy: MKL was used, .* aligned memory [^\n]*\n"));
  const torch::Tensor off = moved(square, 4);
  const torch::Tensor copy = aligned(off);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copy.data_ptr()) % line, 0u);
  EXPECT_TRUE(torch::equal(copy, square));
  EXPECT_EQ(aligned(copy).data_ptr(), copy.data_ptr()) << "copied without need";
  expect_training_that_does_not_care();
}

TEST(Kernels, SayWhatTheyComputeWith) {
  const int threads = at::get_num_threads();
  const Kernels own = kernels();
  EXPECT_EQ(at::get_num_threads(), threads);
  EXPECT_THAT(own.digest, MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(kernels().digest, own.digest);
  EXPECT_FALSE(own.isa.empty());
  EXPECT_EQ(own.isa.find_first_of(" ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos) << own.isa;
  at::globalContext().setUserEnabledMkldnn(false);
  EXPECT_NE(kernels().digest, own.digest) << "without oneDNN convolutions have other bits";
  at::globalContext().setUserEnabledMkldnn(true);
  EXPECT_EQ(kernels().digest, own.digest);
}

TEST(Kernels, AnInstructionSetThatCannotBeIsOneLine) {
  {
    const Variable isa("CONVOY_ISA", "sse9");
    EXPECT_EQ(message_of<InputError>([] { pin_instruction_set(); }),
              "CONVOY_ISA: 'sse9' is no instruction set that can be pinned; write avx2, avx512 or "
              "default");
  }
  const Variable isa("CONVOY_ISA", "default");
  pin_instruction_set();
  EXPECT_EQ(std::getenv("ATEN_CPU_CAPABILITY"), nullptr);
}

TEST(Kernels, OfUnlikeWorkersAreToldByName) {
  Json first = {{"worker", 0},     {"host", "a"},          {"cpu", "Xeon"},
                {"isa", "avx512"}, {"libtorch", "2.13.0"}, {"kernels", "0123456789abcdef"},
                {"pinned", false}, {"settings", "usual"}};
  Json other = first;
  other["worker"] = 3;
  other["host"] = "b";
  other["cpu"] = "EPYC";
  EXPECT_EQ(kernel_difference(other.dump(), first.dump()), "") << "unlike CPUs may give equal bits";
  other["kernels"] = "0000000000000000";
  EXPECT_EQ(kernel_difference(other.dump(), first.dump()),
            "worker 3 (b) computes other bits than worker 0 (a): EPYC, avx512, libtorch 2.13.0 and "
            "Xeon, avx512, libtorch 2.13.0; set CONVOY_ISA=avx2 on all");
  first["isa"] = other["isa"] = "avx2";
  first["pinned"] = other["pinned"] = true;
  EXPECT_THAT(kernel_difference(other.dump(), first.dump()), HasSubstr("take CPUs of one kind"));
  other["settings"] = "others";
  EXPECT_THAT(kernel_difference(other.dump(), first.dump()),
              HasSubstr("settings of libtorch differ: others and usual"));
  other["libtorch"] = "2.11.0";
  EXPECT_THAT(kernel_difference(other.dump(), first.dump()), HasSubstr("the same libtorch"));
}

TEST(Kernels, AResumeWithOthersWarns) {
  EXPECT_EQ(kernel_difference_to(Json()), "");
  EXPECT_EQ(kernel_difference_to(kernels_json(kernels())), "");
  const TemporaryFolder folder;
  Job job = small_job();
  job.train.checkpoint.every = 3;
  const ModelFactory factory = build_model(mlp_options(), image_spec());
  const std::string expected = train(job, factory, {.out = folder.path()}).weights_sha256;
  const auto resumed_with = [&](const std::function<void(Json&)>& change) {
    CheckpointStore store(folder.path() / "checkpoints", 1);
    auto newest = store.load_newest();
    EXPECT_EQ(newest->state.meta["kernels"], kernels_json(kernels()));
    change(newest->state.meta["kernels"]);
    store.save(newest->state);
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(train(job, factory, {.out = folder.path(), .resume = true}).weights_sha256, expected);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(resumed_with([](Json&) {}), "");
  EXPECT_THAT(resumed_with([](Json& kept) {
                kept["cpu"] = "Another";
                kept["kernels"] = "0000000000000000";
              }),
              AllOf(HasSubstr(".checkpoint: was written with Another, "),
                    HasSubstr("the result may differ from here on\n")));
}

TEST(Kernels, OfReplicasRoundAsTheCallersDo) {
  ReplicaPool pool(3);
  const torch::Tensor small = torch::full({64}, 1e-30F);
  for (const bool flush : {true, false, true, false}) {
    if (!at::globalContext().setFlushDenormal(flush)) GTEST_SKIP() << "this CPU cannot";
    std::vector<torch::Tensor> products(3);
    pool.run([&](int replica) { products[static_cast<std::size_t>(replica)] = small * 1e-12F; });
    for (const torch::Tensor& product : products)
      EXPECT_EQ(product.count_nonzero().item<std::int64_t>(), flush ? 0 : 64);
  }
}

}  // namespace kernels_alone_test
}  // namespace convoy::testing
