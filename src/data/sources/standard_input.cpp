// The standard input as a source: it is spooled into a temporary file, which goes away with what
// reads it.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "convoy/core/error.hpp"
#include "convoy/data/sources/source.hpp"
#include "core/descriptor.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace {

class StandardInput {
 public:
  std::filesystem::path spool() {
    if (folder_)
      throw InputError("`-`, the standard input, is named twice, but can be read only once");
    if (::isatty(STDIN_FILENO) != 0) {
      throw InputError(
          "`-` is the standard input, which is a terminal here; pipe the data into it, "
          "`... | convoy ...`");
    }
    folder_ = std::make_unique<TemporaryFolder>();
    const std::filesystem::path file = folder_->path() / "standard-input";
    copy_to(file);
    return file;
  }

 private:
  static void copy_to(const std::filesystem::path& file) {
    const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.get() < 0) fail(file, errno);
    std::string buffer(1 << 18, '\0');
    while (true) {
      const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0)
        throw InputError(fmt::format("standard input: cannot read: {}", std::strerror(errno)));
      if (got == 0) return;
      for (ssize_t done = 0; done < got;) {
        const ssize_t written =
            ::write(out.get(), buffer.data() + done, static_cast<std::size_t>(got - done));
        if (written < 0 && errno != EINTR) fail(file, errno);
        if (written > 0) done += written;
      }
    }
  }

  [[noreturn]] static void fail(const std::filesystem::path& file, int error) {
    throw IoError(fmt::format(
        "{}: cannot keep the standard input there: {}; set TMPDIR to a folder with room",
        file.parent_path().string(), std::strerror(error)));
  }

  std::unique_ptr<TemporaryFolder> folder_;
};

SourceKind standard_input_kind() {
  SourceKind kind;
  kind.name = "standard_input";
  kind.doc = "the standard input, for jobs of one process";
  kind.schemes = {"-"};
  kind.address = "-";
  kind.shown = [](std::string_view) { return std::string("standard input"); };
  kind.files = [] {
    return
        [input = std::make_shared<StandardInput>()](const std::string&) { return input->spool(); };
  };
  kind.once = true;
  return kind;
}

const schema::Registered standard_input(sources(), standard_input_kind());

}  // namespace
}  // namespace convoy
