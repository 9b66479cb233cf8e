// Objects of a store that checks signatures. It computes them as AWS' documentation says, from the
// request as it came: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "convoy/core/file.hpp"
#include "data/sources/aws_settings.hpp"
#include "data/sources/aws_signature.hpp"
#include "data/sources/download.hpp"
#include "data_support.hpp"
#include "http_site.hpp"

namespace convoy {
namespace data_sources_s3_test {

using test::error_of;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::string hex_of(const std::string& bytes) {
  std::string hex;
  for (const unsigned char c : bytes) hex += fmt::format("{:02x}", c);
  return hex;
}

std::string sha256_bytes(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<char*>(digest), size};
}

std::string mac_of(const std::string& key, const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return {reinterpret_cast<char*>(digest), size};
}

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before);
  if (begin == text.npos) return "";
  const std::size_t from = begin + before.size();
  return text.substr(from, after.empty() ? text.npos : text.find(after, from) - from);
}

/// Whether the request is signed with this key for this region.
bool is_signed_by(const httplib::Request& request, const std::string& secret,
                  const std::string& region) {
  const std::string authorization = request.get_header_value("Authorization");
  const std::string names = between(authorization, "SignedHeaders=", ",");
  const std::string date = request.get_header_value("x-amz-date");
  for (const char* needed : {"host", "x-amz-content-sha256", "x-amz-date"}) {
    if (names.find(needed) == names.npos) return false;
  }
  std::string canonical = "GET\n" + request.target + "\n\n";
  std::string name;
  for (const char c : names + ";") {
    if (c != ';') {
      name += c;
      continue;
    }
    canonical += name + ":" + request.get_header_value(name) + "\n";
    name.clear();
  }
  canonical += "\n" + names + "\n" + request.get_header_value("x-amz-content-sha256");
  const std::string scope = date.substr(0, 8) + "/" + region + "/s3/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex_of(sha256_bytes(canonical));
  std::string key = mac_of("AWS4" + secret, date.substr(0, 8));
  for (const std::string part : {region, std::string("s3"), std::string("aws4_request")})
    key = mac_of(key, part);
  return between(authorization, "Signature=", "") == hex_of(mac_of(key, to_sign)) &&
         authorization.find("/" + scope + ",") != authorization.npos;
}

void deny(httplib::Response& response, int status, const std::string& code) {
  response.status = status;
  response.set_content("<?xml version=\"1.0\"?><Error><Code>" + code + "</Code></Error>",
                       "application/xml");
}

/// Environment variables of AWS' tools, none of which is set otherwise.
class DataSourcesS3 : public ::testing::Test {
 protected:
  static constexpr const char* names[] = {"AWS_ACCESS_KEY_ID",
                                          "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN",
                                          "AWS_PROFILE",
                                          "AWS_REGION",
                                          "AWS_DEFAULT_REGION",
                                          "AWS_ENDPOINT_URL",
                                          "AWS_ENDPOINT_URL_S3",
                                          "AWS_SHARED_CREDENTIALS_FILE"};

  DataSourcesS3()
      : site_([this](const auto& request, auto& response) { answer(request, response); }) {
    for (const char* name : names) ::unsetenv(name);
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
    ::setenv("HOME", directory_.path().c_str(), 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
    ::setenv("AWS_ENDPOINT_URL_S3", ("http://" + site_.host() + "/").c_str(), 1);
    ::setenv("AWS_REGION", "eu-north-1", 1);
  }
  ~DataSourcesS3() override {
    for (const char* name : names) ::unsetenv(name);
    ::unsetenv("CONVOY_CACHE");
    ::unsetenv("no_proxy");
    if (home_.empty())
      ::unsetenv("HOME");
    else
      ::setenv("HOME", home_.c_str(), 1);
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    if (request.target.starts_with("/elsewhere/")) {
      response.set_header("x-amz-bucket-region", "us-west-2");
      return deny(response, 301, "PermanentRedirect");
    }
    if (!request.target.starts_with("/open/")) {
      if (!request.has_header("Authorization")) return deny(response, 403, "AccessDenied");
      if (request.get_header_value("x-amz-security-token") != token_)
        return deny(response, 403, "InvalidToken");
      if (!is_signed_by(request, "very/secret+key", "eu-north-1"))
        return deny(response, 403, "SignatureDoesNotMatch");
    }
    if (request.target.ends_with("/none")) return deny(response, 404, "NoSuchKey");
    response.set_header("ETag", "\"1\"");
    if (request.get_header_value("If-None-Match") == "\"1\"") {
      response.status = 304;
      return;
    }
    response.set_content("object " + request.target, "text/plain");
  }

  static void use_key(const char* secret = "very/secret+key") {
    ::setenv("AWS_ACCESS_KEY_ID", "AKIATEST", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
  }
  static std::string content(const std::string& address) {
    return read_text_file(download(s3_download(address)));
  }

  std::string home_ = std::getenv("HOME") ? std::getenv("HOME") : "";
  std::string token_;
  test::Directory directory_;
  test::Site site_;
};

TEST_F(DataSourcesS3, RequestsAreSigned) {
  use_key();
  EXPECT_EQ(content("s3://bucket/folder/x.csv"), "object /bucket/folder/x.csv");
  EXPECT_EQ(content("s3://bucket/folder/x.csv"), "object /bucket/folder/x.csv");  // 304
  EXPECT_EQ(site_.requests().size(), 2u);
  EXPECT_EQ(content("s3://my.bucket/a b/../+ü=&?#.csv"),
            "object /my.bucket/a%20b/../%2B%C3%BC%3D%26%3F%23.csv");
  token_ = "a/session+token==";
  ::setenv("AWS_SESSION_TOKEN", token_.c_str(), 1);
  EXPECT_EQ(content("s3://bucket/y"), "object /bucket/y");
}

TEST_F(DataSourcesS3, ErrorsNameTheStoresCodeAndNoSecret) {
  use_key("wrong-secret");
  EXPECT_THAT(error_of([] { content("s3://bucket/x"); }),
              AllOf(HasSubstr("s3://bucket/x: the server answers 403 Forbidden "
                              "(SignatureDoesNotMatch); it was asked for with the credentials"),
                    Not(HasSubstr("wrong-secret"))));
  use_key();
  EXPECT_EQ(error_of([] { content("s3://bucket/none"); }),
            "s3://bucket/none: the server answers 404 Not Found (NoSuchKey)");
  EXPECT_THAT(error_of([] { content("s3://elsewhere/x"); }),
              HasSubstr("the bucket is in us-west-2: set AWS_REGION to that"));
  for (const char* address : {"s3://bucket", "s3://bucket/", "s3:///key", "s3://a:b@c/key"})
    EXPECT_THAT(error_of([&] { content(address); }), HasSubstr("s3://BUCKET/KEY")) << address;
}

TEST_F(DataSourcesS3, WithoutCredentialsNothingIsSigned) {
  EXPECT_EQ(content("s3://open/x"), "object /open/x");
  EXPECT_FALSE(site_.requests()[0].has_header("Authorization"));
  EXPECT_THAT(error_of([] { content("s3://bucket/x"); }),
              HasSubstr("403 Forbidden (AccessDenied); there are no credentials, set "
                        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
  ::setenv("AWS_ACCESS_KEY_ID", "AKIATEST", 1);
  EXPECT_EQ(error_of([] { content("s3://bucket/x"); }),
            "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; both are needed");
}

TEST_F(DataSourcesS3, CredentialsComeFromTheFileToo) {
  const auto file = directory_.write("credentials",
                                     "# mine\n[default]\naws_access_key_id = A\n"
                                     "aws_secret_access_key = no\n\n[ other ]\r\n"
                                     "aws_access_key_id=AKIATEST\r\nregion = x\r\n"
                                     "aws_secret_access_key = very/secret+key\r\n[broken]\n"
                                     "aws_access_key_id = A\n");
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", file.c_str(), 1);
  EXPECT_THAT(error_of([] { content("s3://bucket/x"); }), HasSubstr("SignatureDoesNotMatch"));
  ::setenv("AWS_PROFILE", "other", 1);
  EXPECT_EQ(content("s3://bucket/x"), "object /bucket/x");
  ::setenv("AWS_PROFILE", "third", 1);
  EXPECT_THAT(error_of([] { content("s3://bucket/x"); }), EndsWith("has no profile [third]"));
  ::setenv("AWS_PROFILE", "broken", 1);
  EXPECT_THAT(error_of([] { content("s3://bucket/x"); }),
              EndsWith("the profile [broken] has no aws_secret_access_key"));
  std::filesystem::create_directory(directory_.path() / ".aws");
  std::filesystem::copy(file, directory_.path() / ".aws/credentials");
  ::unsetenv("AWS_SHARED_CREDENTIALS_FILE");
  ::setenv("AWS_PROFILE", "other", 1);
  EXPECT_EQ(content("s3://bucket/y"), "object /bucket/y");
}

TEST_F(DataSourcesS3, EndpointsFollowTheEnvironment) {
  EXPECT_EQ(aws_settings().endpoint, "http://" + site_.host());
  ::unsetenv("AWS_ENDPOINT_URL_S3");
  EXPECT_EQ(s3_download("s3://b/k").url, "https://s3.eu-north-1.amazonaws.com/b/k");
  ::setenv("AWS_ENDPOINT_URL", "https://store.example:9000/base/", 1);
  EXPECT_EQ(s3_download("s3://b/k").url, "https://store.example:9000/base/b/k");
  ::setenv("AWS_ENDPOINT_URL", "store.example", 1);
  EXPECT_THAT(error_of([] { aws_settings(); }), HasSubstr("write https://HOST[:PORT]"));
}

// "Example: GET Object" of the page above.
TEST(AwsSignature, AgreesWithTheExampleOfS3) {
  const AwsCredentials credentials{"AKIAIOSFODNN7EXAMPLE",
                                   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
  const AwsRequest request{"/test.txt",
                           {{"host", "examplebucket.s3.amazonaws.com"},
                            {"x-amz-date", "20130524T000000Z"},
                            {"range", "bytes=0-9"},
                            {"x-amz-content-sha256", empty_payload_hash}},
                           empty_payload_hash,
                           "us-east-1",
                           "s3"};
  EXPECT_EQ(aws_authorization(request, credentials, "20130524T000000Z"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

// get-vanilla, get-unreserved, get-utf8 and get-space-normalized of AWS' signature test suite.
TEST(AwsSignature, AgreesWithTheTestSuite) {
  const AwsCredentials credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  const auto signature = [&](const std::string& path) {
    const AwsRequest request{
        aws_encode_path(path),
        {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
        empty_payload_hash,
        "us-east-1",
        "service"};
    return between(aws_authorization(request, credentials, "20150830T123600Z"), "Signature=", "");
  };
  EXPECT_EQ(signature("/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(signature("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
  EXPECT_EQ(signature("/ሴ"), "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  EXPECT_EQ(signature("/example space/"),
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
  EXPECT_EQ(aws_date(1369353600), "20130524T000000Z");
}

}  // namespace data_sources_s3_test
}  // namespace convoy
