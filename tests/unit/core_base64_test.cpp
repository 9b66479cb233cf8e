#include <gtest/gtest.h>

#include <string>

#include "core/base64.hpp"

namespace convoy {
namespace core_base64_test {

TEST(Base64, MatchesTheStandard) {
  EXPECT_EQ(encode_base64(""), "");
  EXPECT_EQ(encode_base64("f"), "Zg==");
  EXPECT_EQ(encode_base64("fo"), "Zm8=");
  EXPECT_EQ(encode_base64("foo"), "Zm9v");
  EXPECT_EQ(encode_base64("\xff\xfe\x00\x80"), "//4=");
  EXPECT_EQ(encode_base64(std::string("\xff\xfe\x00\x80", 4)), "//4AgA==");
}

TEST(Base64, ThereAndBack) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd"})
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  EXPECT_EQ(decode_base64("AP8="), std::string("\0\xff", 2));
  for (const char* wrong : {"A", "AB", "ABC", "?AAA"})
    EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
}

}  // namespace core_base64_test
}  // namespace convoy
