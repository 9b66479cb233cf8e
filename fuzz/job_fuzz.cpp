// Any text is either a job, which then survives printing and reading, or an InputError of one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  // What follows a line "%%" is an override.
  const std::size_t mark = input.find("\n%%\n");
  std::vector<std::string> overrides;
  if (mark != std::string_view::npos) overrides.emplace_back(input.substr(mark + 4));
  std::string printed;
  try {
    printed = convoy::print_job(
        convoy::parse_job(std::string(input.substr(0, mark)), "job.yaml", overrides));
  } catch (const convoy::InputError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
    return 0;
  }
  if (convoy::print_job(convoy::parse_job(printed, "printed.yaml")) != printed) std::abort();
  return 0;
}
