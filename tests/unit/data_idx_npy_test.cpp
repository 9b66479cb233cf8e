#include <fmt/format.h>
#include <gmock/gmock.h>
#include <zlib.h>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/gzip.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_idx_npy_test {

using test::bytes;
using test::bytes_of;
using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
std::vector<T> values(const Array& array) {
  const auto* first = reinterpret_cast<const T*>(array.bytes.data());
  return {first, first + array.bytes.size() / sizeof(T)};
}

Array idx(const std::string& text) {
  return parse_idx(bytes_of(text), "labels");
}
Array npy(const std::string& text) {
  return parse_npy(bytes_of(text), "x.npy");
}

std::string npy_text(const std::string& header, const std::string& data, char version = 1) {
  std::string out = "\x93NUMPY";
  out += version;
  out += '\0';
  out += static_cast<char>(header.size());
  out += version == 1 ? bytes("\0") : bytes("\0\0\0");
  return out + header + data;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(DataIdx, ReadsEveryTypeInNativeOrder) {
  EXPECT_THAT(values<std::uint8_t>(idx(bytes("\0\0\x08\1\0\0\0\2\x05\xff"))), ElementsAre(5, 255));
  EXPECT_THAT(values<std::int8_t>(idx(bytes("\0\0\x09\1\0\0\0\1\xff"))), ElementsAre(-1));
  EXPECT_THAT(values<std::int16_t>(idx(bytes("\0\0\x0b\1\0\0\0\2\1\2\xff\xfe"))),
              ElementsAre(258, -2));
  EXPECT_THAT(values<std::int32_t>(idx(bytes("\0\0\x0c\1\0\0\0\1\0\1\0\0"))), ElementsAre(65536));
  EXPECT_THAT(values<float>(idx(bytes("\0\0\x0d\1\0\0\0\1\x3f\x80\0\0"))), ElementsAre(1.0f));
  EXPECT_THAT(values<double>(idx(bytes("\0\0\x0e\1\0\0\0\1\x40\0\0\0\0\0\0\0"))), ElementsAre(2.0));
}

TEST(DataIdx, BytesStayInTheFilesMapping) {
  const test::Directory directory;
  const auto path = directory.write("images", test::idx_u8({2, 3, 1}, "abcdef"));
  const Array array = read_idx(path);
  EXPECT_THAT(array.shape, ElementsAre(2, 3, 1));
  EXPECT_THAT(values<char>(array), ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  // 16 bytes of header into a page of the mapping, not the start of a buffer of its own.
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.bytes.data()) % 4096, 16u);
}

TEST(DataIdx, RefusesWhatIsNotIdx) {
  EXPECT_EQ(error_of([] { idx(bytes("\0\0\x12\x34\0\0")); }),
            "labels, byte 0: wrong magic 0x1234: not an IDX file");
  EXPECT_THAT(error_of([] { idx("PK\3\4"); }), HasSubstr("wrong magic 0x504b0304"));
  EXPECT_THAT(error_of([] { idx(bytes("\0\0\x08\0")); }), HasSubstr("wrong magic"));
  EXPECT_THAT(error_of([] { idx(bytes("\0\0")); }), HasSubstr("truncated"));
  EXPECT_THAT(error_of([] { idx(""); }), HasSubstr("truncated"));
}

TEST(DataIdx, SizesMustMatchTheHeader) {
  const std::string header = test::idx_u8({60000, 28, 28}, "");
  EXPECT_EQ(error_of([&] { idx(header + std::string(984, 'x')); }),
            "labels: truncated: header says 60000x28x28 (47040016 bytes), file has 1000");
  EXPECT_THAT(error_of([] { idx(test::idx_u8({2}, "abc")); }),
              HasSubstr("too long: header says 2 (10 bytes)"));
  EXPECT_THAT(error_of([] {
                idx(test::idx_u8({1, 2, 3}, "").substr(0, 9));
              }),
              HasSubstr("needs 16 bytes"));
  // 2^96 elements overflow any size; so do they when one dimension is 0.
  const std::vector<std::uint32_t> huge(3, 0xffffffff);
  EXPECT_THAT(error_of([&] { idx(test::idx_u8(huge, "x")); }), HasSubstr("impossible size"));
  EXPECT_THAT(error_of([] {
                idx(test::idx_u8({0, 0xffffffff, 0xffffffff, 0xffffffff}, ""));
              }),
              HasSubstr("impossible size"));
}

TEST(DataIdx, UnpacksGzipByContent) {
  const test::Directory directory;
  const std::string packed = gzip(test::idx_u8({3}, "xyz"));
  EXPECT_THAT(values<char>(read_idx(directory.write("labels", packed))),
              ElementsAre('x', 'y', 'z'));
  const auto cut = directory.write("cut", packed.substr(0, packed.size() - 3));
  EXPECT_THAT(error_of([&] { read_idx(cut); }), HasSubstr("the gzip data ends too early"));
  std::string damaged = packed;
  damaged[packed.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(error_of([&] { read_idx(directory.write("damaged", damaged)); }),
              HasSubstr("damaged gzip data"));
  EXPECT_THAT(error_of([&] { read_idx(directory.write("tail", packed + "tail")); }),
              HasSubstr("not gzip"));
}

TEST(DataGzip, JoinsMembersAndStopsAtTheLimit) {
  const std::string two = gzip("one,") + gzip("two");
  const auto unpacked = unpack_gzip(bytes_of(two), "f");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(unpacked.data()), unpacked.size()),
            "one,two");
  const std::string bomb = gzip(std::string(1'000'000, '0'));
  EXPECT_LT(bomb.size(), 2000u);
  EXPECT_THAT(error_of([&] { unpack_gzip(bytes_of(bomb), "f", 100'000); }),
              HasSubstr("unpacks to more than 100000 bytes"));
  EXPECT_EQ(unpack_gzip(bytes_of(bomb), "f", 1'000'000).size(), 1'000'000u);
}

TEST(DataNpy, ReadsEveryTypeAndBothByteOrders) {
  const auto read = [](const std::string& descr, const std::string& data, int n) {
    return npy(npy_text(
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", descr, n),
        data));
  };
  EXPECT_THAT(values<std::uint8_t>(read("|b1", bytes("\0\1"), 2)), ElementsAre(0, 1));
  EXPECT_THAT(values<std::uint8_t>(read("|u1", bytes("\xff"), 1)), ElementsAre(255));
  EXPECT_THAT(values<std::int8_t>(read("|i1", bytes("\xff"), 1)), ElementsAre(-1));
  EXPECT_THAT(values<std::int16_t>(read("<i2", bytes("\1\2"), 1)), ElementsAre(513));
  EXPECT_THAT(values<std::int32_t>(read(">i4", bytes("\0\0\1\0"), 1)), ElementsAre(256));
  EXPECT_THAT(values<std::int64_t>(read("<i8", bytes("\7\0\0\0\0\0\0\0"), 1)), ElementsAre(7));
  EXPECT_THAT(values<float>(read(">f4", bytes("\x3f\x80\0\0"), 1)), ElementsAre(1.0f));
  EXPECT_THAT(values<double>(read("<f8", bytes("\0\0\0\0\0\0\0\x40"), 1)), ElementsAre(2.0));
}

TEST(DataNpy, PutsFortranOrderIntoCOrder) {
  // numpy.asfortranarray([[0, 1, 2], [3, 4, 5]]) as int16.
  const std::string header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }";
  const Array array = npy(npy_text(header, bytes("\0\0\3\0\1\0\4\0\2\0\5\0")));
  EXPECT_THAT(values<std::int16_t>(array), ElementsAre(0, 1, 2, 3, 4, 5));
  // numpy.asfortranarray(arange(8).reshape(2, 2, 2)): the first index runs fastest.
  const std::string cube = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }";
  EXPECT_THAT(values<std::uint8_t>(npy(npy_text(cube, bytes("\0\4\2\6\1\5\3\7")))),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(DataNpy, ReadsVersions2And3AndAScalar) {
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (), }";
  for (const char version : {2, 3}) {
    const Array array = npy(npy_text(header, "a", version));
    EXPECT_TRUE(array.shape.empty());
    EXPECT_THAT(values<char>(array), ElementsAre('a'));
  }
}

TEST(DataNpy, RefusesWhatItCannotRead) {
  const auto error = [](const std::string& header, const std::string& data = "", char version = 1) {
    return error_of([&] { npy(npy_text(header, data, version)); });
  };
  const std::string plain = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  EXPECT_THAT(error_of([] { npy("not numpy at all"); }),
              HasSubstr("x.npy, byte 0: does not start with"));
  EXPECT_THAT(error(plain, "ab"),
              HasSubstr("truncated: header says 3 (3 bytes of data), file has 2"));
  EXPECT_THAT(error(plain, "abcd"), HasSubstr("too long"));
  EXPECT_THAT(error(plain, "abc", 9), HasSubstr("version 9 is not known"));
  EXPECT_THAT(error("{'descr': '<c16', 'fortran_order': False, 'shape': (3,), }"),
              HasSubstr("elements of type '<c16' are not supported"));
  EXPECT_THAT(error("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3,), }"),
              HasSubstr("structured arrays"));
  EXPECT_THAT(error("{'descr': '|u1', 'shape': (3,), }"),
              HasSubstr("lacks descr, fortran_order or shape"));
  EXPECT_THAT(error("{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }"),
              HasSubstr("dimension"));
  EXPECT_THAT(error("{'descr': '<f8', 'fortran_order': True, 'shape': (4294967296, 4294967296), }"),
              HasSubstr("impossible shape"));
  EXPECT_THAT(error("{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,), }"),
              HasSubstr("impossible shape"));
  EXPECT_THAT(error("{'descr': '|u1"), HasSubstr("quoted string"));
  EXPECT_THAT(error_of([&] { npy(npy_text(plain, "abc").substr(0, 40)); }),
              HasSubstr("truncated: a header of"));
}

TEST(DataNpy, WritesWhatItReads) {
  Array array;
  array.type = ElementType::i32;
  array.shape = {3, 2};
  const std::vector<std::int32_t> content = {1, -2, 3, -4, 5, 2147483647};
  array.bytes = std::as_bytes(std::span(content));
  const std::string text = format_npy(array);
  EXPECT_EQ((text.size() - array.bytes.size()) % 64, 0u);
  const Array back = npy(text);
  EXPECT_EQ(back.shape, array.shape);
  EXPECT_EQ(values<std::int32_t>(back), content);
}

}  // namespace data_idx_npy_test
}  // namespace convoy
