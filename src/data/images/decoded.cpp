// Declared in data/images/folder.hpp.
// The cache of decoded images.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "core/descriptor.hpp"
#include "core/machine.hpp"
#include "core/temporary_folder.hpp"
#include "data/images/folder.hpp"
#include "data/images/image.hpp"
#include "data/sources/cache.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* samples_name = "samples.npy";
constexpr const char* problems_name = "problems.json";
/// Checksums of more than this are compared no more: mapped files are read as they are needed.
constexpr std::uint64_t checked_bytes = 256 << 20;

/// What the decoded images depend on. Raise the number when decoding changes.
std::string key_of(const ImageFolder& images, ImageSize size, const ImageOptions& options) {
  Sha256 hash;
  const auto add = [&](const std::string& text) {
    hash.update(std::as_bytes(std::span(text.data(), text.size() + 1)));
  };
  add(fmt::format("images 1: {} {} {} {}", size.width, size.height, options.channels,
                  options.resize));
  add(fs::weakly_canonical(images.folder).string());
  for (const std::string& file : images.files) {
    std::error_code error;
    const fs::path path = images.folder / file;
    const auto bytes = fs::file_size(path, error);
    const auto changed = fs::last_write_time(path, error).time_since_epoch().count();
    add(fmt::format("{} {} {}", file, error ? 0 : bytes, error ? 0 : changed));
  }
  return hash.finish().substr(0, 32);
}

/// The size that the job gives, else that of the first image.
ImageSize sample_size(const ImageFolder& images, const ImageOptions& options) {
  if (options.width > 0)
    return {options.width, options.height > 0 ? options.height : options.width};
  const fs::path first = images.folder / images.files[0];
  return image_size(MappedFile(first).bytes(), first.string());
}

/// A new file of a fixed size, mapped for writing.
class NewArray {
 public:
  NewArray(const fs::path& path, std::string_view head, std::size_t bytes)
      : path_(path),
        size_(head.size() + bytes),
        head_(head.size()),
        file_(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
    if (file_.get() < 0) fail("create", errno);
    // Room for all of it now: a full disk would kill the process when the mapping is written.
    if (const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(size_)); error != 0)
      fail("write", error);
    data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (data_ == MAP_FAILED) fail("map", errno);
    std::memcpy(data_, head.data(), head.size());
  }
  ~NewArray() {
    if (data_ != MAP_FAILED) ::munmap(data_, size_);
  }
  NewArray(const NewArray&) = delete;
  NewArray& operator=(const NewArray&) = delete;

  std::uint8_t* values() const { return static_cast<std::uint8_t*>(data_) + head_; }
  void flush() const {
    if (::msync(data_, size_, MS_SYNC) != 0 || ::fsync(file_.get()) != 0) fail("write", errno);
  }

 private:
  [[noreturn]] void fail(const char* what, int error) const {
    throw IoError(fmt::format(
        "{}: cannot {} {} bytes of decoded images: {}; free some room, or set CONVOY_CACHE to a "
        "folder elsewhere",
        path_.parent_path().parent_path().string(), what, size_, std::strerror(error)));
  }

  fs::path path_;
  std::size_t size_;
  std::size_t head_;
  Descriptor file_;
  void* data_ = MAP_FAILED;
};

class DecodeRun {
 public:
  DecodeRun(const ImageFolder& images, const ImageOptions& options, ImageSize size,
            const std::function<void(const fs::path&)>& check, std::uint8_t* out)
      : images_(images), options_(options), size_(size), check_(check), out_(out) {}

  void run() {
    const auto wanted = static_cast<std::size_t>(usable_cores());
    {
      std::vector<std::jthread> threads;
      for (std::size_t t = 0; t < std::min(wanted, images_.files.size()); ++t)
        threads.emplace_back([this] { work(); });
    }
    if (failure_) std::rethrow_exception(failure_);
    std::sort(bad_.begin(), bad_.end(),
              [](const BadRow& a, const BadRow& b) { return a.row < b.row; });
  }
  const std::vector<BadRow>& bad() const { return bad_; }

 private:
  void work() {
    try {
      for (std::size_t i = next_++; i < images_.files.size(); i = next_++) decode(i);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_ = images_.files.size();
    }
  }

  void decode(std::size_t i) {
    const fs::path path = images_.folder / images_.files[i];
    const auto values = static_cast<std::size_t>(size_.width * size_.height * options_.channels);
    try {
      {
        const std::lock_guard lock(check_mutex_);
        check_(path);
      }
      put(read(path), out_ + i * values);
    } catch (const DataError& error) {
      const std::lock_guard lock(mutex_);
      bad_.push_back({static_cast<std::int64_t>(i), error.what()});
    }
  }

  Image read(const fs::path& path) const {
    const MappedFile file(path);
    if (options_.width > 0) {
      return fit_image(decode_image(file.bytes(), path.string(), options_.channels,
                                    options_.resize == "pad" ? ImageSize{} : size_),
                       size_, options_.resize);
    }
    Image image = decode_image(file.bytes(), path.string(), options_.channels);
    if (image.size != size_) {
      throw DataError(path.string(),
                      fmt::format("is {} x {} pixels where the first image, {}, is {} x {}; set "
                                  "data.images.width and height to bring all to one size",
                                  image.size.width, image.size.height, images_.files[0],
                                  size_.width, size_.height));
    }
    return image;
  }

  /// Channel by channel, as models take it.
  static void put(const Image& image, std::uint8_t* out) {
    const auto channels = static_cast<std::size_t>(image.channels);
    const std::size_t pixels = image.pixels.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < pixels; ++i) *out++ = image.pixels[i * channels + c];
    }
  }

  const ImageFolder& images_;
  const ImageOptions& options_;
  ImageSize size_;
  const std::function<void(const fs::path&)>& check_;
  std::uint8_t* out_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::mutex check_mutex_;
  std::vector<BadRow> bad_;
  std::exception_ptr failure_;
};

/// What an earlier run decoded, if it is whole.
std::optional<DecodedImages> read_decoded(const fs::path& place) {
  if (!fs::exists(place)) return std::nullopt;
  try {
    for (const ManifestFile& file : read_manifest(place).files) {
      if (check_file(place, file, file.bytes <= checked_bytes)) return std::nullopt;
    }
    DecodedImages decoded;
    decoded.samples = read_npy(place / samples_name);
    for (const Json& problem : Json::parse(read_text_file(place / problems_name)))
      decoded.bad.push_back({problem.at("row").get<std::int64_t>(), problem.at("problem")});
    return decoded;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void write_decoded(const fs::path& place, const ImageFolder& images, const ImageOptions& options,
                   ImageSize size, const std::function<void(const fs::path&)>& check) {
  const auto count = static_cast<std::int64_t>(images.files.size());
  fmt::print(stderr, "decoding {} images of {} ...\n", count, images.folder.string());
  const TemporaryFolder temporary(place.parent_path(), ".decode-");
  const fs::path fresh = temporary.path() / "fresh";
  make_directories(fresh);
  Array shape;
  shape.shape = {count, options.channels, size.height, size.width};
  shape.type = ElementType::u8;
  {
    const NewArray array(fresh / samples_name, format_npy(shape),
                         static_cast<std::size_t>(count * options.channels) *
                             static_cast<std::size_t>(size.height * size.width));
    DecodeRun run(images, options, size, check, array.values());
    run.run();
    Json problems = Json::array();
    for (const BadRow& bad : run.bad())
      problems.push_back({{"row", bad.row}, {"problem", bad.problem}});
    write_file_atomically(fresh / problems_name, problems.dump());
    array.flush();
  }
  write_manifest(fresh, make_manifest(fresh));
  std::error_code error;
  fs::remove_all(place, error);
  fs::rename(fresh, place, error);
  if (error && !fs::exists(place)) {
    throw IoError(fmt::format("{}: cannot move the decoded images into place: {}", place.string(),
                              error.message()));
  }
}

}  // namespace

DecodedImages decode_images(const ImageFolder& images, const ImageOptions& options,
                            const std::function<void(const fs::path&)>& check) {
  const ImageSize size = sample_size(images, options);
  const fs::path folder = cache_directory() / "images";
  const fs::path place = folder / key_of(images, size, options);
  if (auto decoded = read_decoded(place)) return std::move(*decoded);
  const fs::path locks = cache_directory() / "locks";
  require_writable_cache(folder);
  require_writable_cache(locks);
  const CacheLock lock(locks / ("images-" + place.filename().string()), images.folder.string());
  if (auto decoded = read_decoded(place)) return std::move(*decoded);
  write_decoded(place, images, options, size, check);
  if (auto decoded = read_decoded(place)) return std::move(*decoded);
  throw IoError(fmt::format("{}: the decoded images cannot be read back", place.string()));
}

}  // namespace convoy
