#pragma once
// Programs that fetch and unpack packages.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// Runs a program, without a shell, in `directory`. Throws InputError with its error line when it
/// fails: "cannot fetch SOURCE: PROGRAM: ...", and saying which Debian `package` has it where there
/// is none.
void run_tool(const std::vector<std::string>& command, const std::filesystem::path& directory,
              const std::string& source, const char* package);

/// The file of this ending that a tool left. Throws IoError when there is none.
std::filesystem::path only_file(const std::filesystem::path& directory, const std::string& ending,
                                const std::string& source);

/// Text of `allowed` characters that begins with one of `first`. Names of packages may reach a
/// command line and a path: the characters of the registries' own rules and nothing else.
bool consists_of(std::string_view text, std::string_view first, std::string_view allowed);

inline constexpr std::string_view small_letters_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";

}  // namespace convoy
