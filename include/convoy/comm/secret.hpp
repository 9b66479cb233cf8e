#pragma once
// The secret that the workers of one job share, by which they recognise each other.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace convoy {

/// Text of at least `min_size` bytes. Never printed; wiped from memory when destroyed.
class Secret {
 public:
  static constexpr std::size_t min_size = 16;
  static constexpr std::size_t max_size = 4096;

  /// White space at the end is not part of it. Throws InputError when it is too short or too long;
  /// `origin` is where it came from, for that message.
  explicit Secret(std::string_view text, std::string_view origin = "the secret");
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();

  /// A new one: 32 bytes of the system's random numbers, as 64 hexadecimal digits.
  static Secret generate();
  /// Throws InputError when the file cannot be read or others than its owner may read or write it.
  static Secret from_file(const std::filesystem::path& file);
  /// From CONVOY_SECRET_FD (a descriptor of ours that holds it; how `convoy launch` passes it on),
  /// else CONVOY_SECRET (the secret itself), else CONVOY_SECRET_FILE. Nothing when none is set.
  /// Throws InputError when one is set and does not lead to a secret.
  static std::optional<Secret> from_environment();

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Writes a new secret to `file`, readable by its owner only. Throws InputError when the file is
/// there already, IoError when it cannot be written.
void make_secret_file(const std::filesystem::path& file);

}  // namespace convoy

#pragma GCC visibility pop
