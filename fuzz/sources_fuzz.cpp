// Addresses, credentials files and what is looked at of a query.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/sources/address_text.hpp"
#include "data/sources/aws_settings.hpp"
#include "data/sources/sql_text.hpp"

namespace {

template <typename Use>
void attempt(Use use) {
  try {
    use();
  } catch (const convoy::InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  attempt([&] { convoy::check_database_address(text); });
  // A name in the cache leaves its folder in no way.
  const auto check_name = [](const std::string& name) {
    if (name.empty() || name[0] == '.' || name.find('/') != name.npos) std::abort();
  };
  attempt([&] { check_name(convoy::parse_web_address("https://" + text).file_name); });
  attempt([&] { check_name(convoy::parse_s3_address("s3://" + text).file_name); });
  convoy::without_secrets(text);
  convoy::without_checksum(text);
  convoy::has_order_by(text);
  convoy::first_word(text);
  attempt([&] { convoy::parse_aws_credentials(text, "credentials", "default"); });
  return 0;
}
