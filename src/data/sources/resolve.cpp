#include "data/sources/resolve.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "convoy/core/error.hpp"
#include "core/descriptor.hpp"
#include "core/temporary_folder.hpp"
#include "data/sources/address.hpp"
#include "data/sources/download.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

class StandardInput {
 public:
  fs::path spool() {
    if (folder_)
      throw InputError("`-`, the standard input, is named twice, but can be read only once");
    if (::isatty(STDIN_FILENO) != 0) {
      throw InputError(
          "`-` is the standard input, which is a terminal here; pipe the data into it, "
          "`... | convoy ...`");
    }
    folder_ = std::make_unique<TemporaryFolder>();
    const fs::path file = folder_->path() / "standard-input";
    copy_to(file);
    return file;
  }

 private:
  static void copy_to(const fs::path& file) {
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

  [[noreturn]] static void fail(const fs::path& file, int error) {
    throw IoError(fmt::format(
        "{}: cannot keep the standard input there: {}; set TMPDIR to a folder with room",
        file.parent_path().string(), std::strerror(error)));
  }

  std::unique_ptr<TemporaryFolder> folder_;
};

}  // namespace

Resolve with_sources(Resolve files, const Peers* peers) {
  const bool alone = peers == nullptr || peers->size() == 1;
  const auto input = std::make_shared<StandardInput>();
  return [files = std::move(files), alone, input](const std::string& path) -> Located {
    const auto one = [&path](const fs::path& file) -> Located {
      return {shown_address(path), {{file, "", shown_address(path)}}};
    };
    switch (source_kind(path)) {
      case SourceKind::web:
        return one(download(web_download(path)));
      case SourceKind::s3:
        return one(download(s3_download(path)));
      case SourceKind::standard_input:
        if (!alone) refuse_standard_input();
        return one(input->spool());
      case SourceKind::sqlite:
      case SourceKind::postgresql:
        throw InputError(fmt::format("{} is a database, whose rows are a table; give it as `file`",
                                     shown_address(path)));
      case SourceKind::file:
        break;
    }
    return files(path);
  };
}

}  // namespace convoy
