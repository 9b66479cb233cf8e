#include <gmock/gmock.h>
#include <zstd.h>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/zstd.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_zstd_test {

using test::bytes_of;
using test::error_of;
using ::testing::HasSubstr;

std::string zstd_packed(const std::string& text, int level = 3) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), level));
  return out;
}

std::string unpacked(const std::string& packed, std::size_t limit = largest_unpacked) {
  const auto bytes = unpack_zstd(bytes_of(packed), "f.zst", limit);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string unpack_error(const std::string& packed, std::size_t limit = largest_unpacked) {
  return error_of([&] { unpacked(packed, limit); });
}

TEST(DataZstd, JoinsFramesAndSkipsSkippableOnes) {
  const std::string skippable("\x50\x2a\x4d\x18\3\0\0\0abc", 11);
  EXPECT_EQ(unpacked(zstd_packed("one,") + skippable + zstd_packed("two")), "one,two");
  EXPECT_EQ(unpacked(zstd_packed("")), "");
  EXPECT_TRUE(is_zstd(bytes_of(zstd_packed(""))));
  EXPECT_FALSE(is_zstd(bytes_of("\x28\xb5\x2f")));
}

TEST(DataZstd, StopsAtTheLimit) {
  const std::string bomb = zstd_packed(std::string(1'000'000, '0'));
  EXPECT_LT(bomb.size(), 1000u);
  EXPECT_EQ(unpack_error(bomb, 100'000),
            "f.zst: unpacks to more than 100000 bytes; unpack it first");
  EXPECT_EQ(unpack_error(bomb, 999'999),
            "f.zst: unpacks to more than 999999 bytes; unpack it first");
  EXPECT_EQ(unpacked(bomb, 1'000'000).size(), 1'000'000u);
  std::string several;
  for (int i = 0; i < 10; ++i) several += bomb;
  EXPECT_THAT(unpack_error(several, 9'999'999), HasSubstr("unpacks to more than 9999999"));
  EXPECT_EQ(unpacked(several, 10'000'000).size(), 10'000'000u);
}

TEST(DataZstd, RefusesWhatIsDamaged) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * 7919 % 10'007) + ",";
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  EXPECT_EQ(unpacked(packed), text);
  for (const std::size_t size : {packed.size() - 1, packed.size() / 2, std::size_t{5}})
    EXPECT_THAT(unpack_error(packed.substr(0, size)), HasSubstr("the zstd data ends too early"));
  std::string damaged = packed;
  damaged[packed.size() - 2] ^= 1;
  EXPECT_THAT(unpack_error(damaged), HasSubstr("damaged zstd data: "));
  EXPECT_THAT(unpack_error(packed + "tail"), HasSubstr("what follows the zstd data is not zstd"));
}

TEST(DataZstd, FilesAreRecognisedByContent) {
  const test::Directory directory;
  const auto labels = directory.write("labels", zstd_packed(test::idx_u8({3}, "xyz")));
  EXPECT_EQ(read_idx(labels).rows(), 3);
  const auto table = directory.write("table.csv.zst", zstd_packed("a,b\n1,2\n3,4\n"));
  EXPECT_EQ(read_csv(table, {}).rows, 2);
}

}  // namespace data_zstd_test
}  // namespace convoy
