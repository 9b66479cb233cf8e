#pragma once
// AES-256-GCM for one direction of one connection.
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace convoy::tcp {

/// Records are sealed and opened in the same order: the nonce is their number. A key is that of one
/// direction of one connection, so no nonce meets a key twice.
class RecordCipher {
 public:
  enum class Way { seal, open };
  static constexpr std::size_t key_size = 32;
  static constexpr std::size_t tag_size = 16;

  RecordCipher(Way way, std::string_view key);

  /// Encrypts the pieces, as one record, into `to`, which may be where they are if it is one;
  /// `tag` gets tag_size bytes.
  void seal(std::span<const std::span<const std::byte>> from, std::byte* to, std::byte* tag);
  /// Decrypts the pieces, as one record, where they are. False when it is not the peer's next
  /// record.
  bool open(std::span<const std::span<std::byte>> pieces, const std::byte* tag);

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  void begin();

  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
  Way way_;
  std::uint64_t number_ = 0;
};

}  // namespace convoy::tcp
