#include "core/hmac.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

}  // namespace

std::string hmac(std::string_view key, std::initializer_list<std::string_view> pieces) {
  const std::unique_ptr<EVP_MAC, Release<EVP_MAC_free>> algorithm(
      EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  const std::unique_ptr<EVP_MAC_CTX, Release<EVP_MAC_CTX_free>> context(
      EVP_MAC_CTX_new(algorithm.get()));
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest_name, 0),
                                   OSSL_PARAM_construct_end()};
  bool good = context != nullptr &&
              EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(key.data()),
                           key.size(), parameters) == 1;
  for (const std::string_view piece : pieces)
    good =
        good && EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(piece.data()),
                               piece.size()) == 1;
  std::string digest(hmac_size, '\0');
  std::size_t size = 0;
  good = good &&
         EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                       digest.size()) == 1 &&
         size == hmac_size;
  if (!good) throw Error("OpenSSL cannot compute HMAC-SHA256");
  return digest;
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace convoy
