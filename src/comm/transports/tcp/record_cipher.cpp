#include "comm/transports/tcp/record_cipher.hpp"

#include <array>
#include <limits>

#include "convoy/core/error.hpp"

namespace convoy::tcp {
namespace {

void require_openssl(int status) {
  if (status != 1) throw Error("OpenSSL cannot compute AES-256-GCM");
}

unsigned char* as_chars(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}
const unsigned char* as_chars(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

}  // namespace

RecordCipher::RecordCipher(Way way, std::string_view key)
    : context_(EVP_CIPHER_CTX_new()), way_(way) {
  if (key.size() != key_size) throw Error("a key has 32 bytes");
  require_openssl(EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr,
                                    reinterpret_cast<const unsigned char*>(key.data()), nullptr,
                                    way == Way::seal ? 1 : 0));
}

void RecordCipher::begin() {
  std::array<unsigned char, 12> nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<unsigned char>(number_ >> (8 * i));
  ++number_;
  require_openssl(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), -1));
}

void RecordCipher::seal(std::span<const std::span<const std::byte>> from, std::byte* to,
                        std::byte* tag) {
  begin();
  int size = 0;
  for (const auto& piece : from) {
    if (piece.empty()) continue;
    require_openssl(EVP_CipherUpdate(context_.get(), as_chars(to), &size, as_chars(piece.data()),
                                     static_cast<int>(piece.size())));
    to += piece.size();
  }
  std::array<unsigned char, 16> rest;
  require_openssl(EVP_CipherFinal_ex(context_.get(), rest.data(), &size));
  require_openssl(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_GET_TAG,
                                      static_cast<int>(tag_size), as_chars(tag)));
}

bool RecordCipher::open(std::span<const std::span<std::byte>> pieces, const std::byte* tag) {
  begin();
  int size = 0;
  for (const auto& piece : pieces) {
    if (piece.empty()) continue;
    require_openssl(EVP_CipherUpdate(context_.get(), as_chars(piece.data()), &size,
                                     as_chars(piece.data()), static_cast<int>(piece.size())));
  }
  std::array<unsigned char, tag_size> expected;
  for (std::size_t i = 0; i < tag_size; ++i) expected[i] = static_cast<unsigned char>(tag[i]);
  require_openssl(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_TAG,
                                      static_cast<int>(tag_size), expected.data()));
  std::array<unsigned char, 16> rest;
  return EVP_CipherFinal_ex(context_.get(), rest.data(), &size) == 1;
}

}  // namespace convoy::tcp
