#include "data/formats/hdf5_dataset.hpp"

#define H5_USE_110_API
#include <fmt/format.h>
#include <hdf5.h>

#include "convoy/core/error.hpp"
#include "data/formats/archive.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/gzip.hpp"

namespace convoy {
namespace {

constexpr int most_hdf5_dimensions = 32;
constexpr std::size_t most_hdf5_names = 100'000;
constexpr std::uint64_t most_hdf5_inflation = 1032;  // of deflate: 258 bytes in two bits

/// What the library says of the last failure, its deepest cause.
std::string hdf5_reason() {
  std::string reason;
  const auto take = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& text = *static_cast<std::string*>(out);
    if (text.empty() && error->desc != nullptr) text = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take, &reason);
  for (char& c : reason) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return reason.empty() ? "no reason given" : reason;
}

[[noreturn]] void throw_damaged(const std::string& name) {
  throw DataError(name, fmt::format("truncated or damaged ({})", hdf5_reason()));
}

Hdf5Handle checked(hid_t id, Hdf5Handle::Close close, const std::string& name) {
  if (id < 0) throw_damaged(name);
  return {id, close};
}

// The file is read where it is in memory: the library asks for memory and a copy, and gets the same
// bytes each time.
void* same_bytes(size_t, H5FD_file_image_op_t, void* image) {
  return image;
}
void* same_copy(void* to, const void*, size_t, H5FD_file_image_op_t, void*) {
  return to;
}
void* no_growth(void*, size_t, H5FD_file_image_op_t, void*) {
  return nullptr;
}
herr_t keep_bytes(void*, H5FD_file_image_op_t, void*) {
  return 0;
}
void* same_user(void* image) {
  return image;
}
herr_t keep_user(void*) {
  return 0;
}

Hdf5Handle open_image(std::span<const std::byte> bytes, const std::string& name) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);  // a file may ask for filters, but not have code loaded
  const Hdf5Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, name);
  void* const image = const_cast<std::byte*>(bytes.data());
  H5FD_file_image_callbacks_t callbacks{same_bytes, same_copy, no_growth, keep_bytes,
                                        same_user,  keep_user, image};
  constexpr std::size_t growth = 1 << 20;  // never: the file is only read
  if (H5Pset_fapl_core(access.get(), growth, /*backing_store=*/0) < 0 ||
      H5Pset_file_image_callbacks(access.get(), &callbacks) < 0 ||
      H5Pset_file_image(access.get(), image, bytes.size()) < 0)
    throw_damaged(name);
  return checked(H5Fopen("image", H5F_ACC_RDONLY, access.get()), H5Fclose, name);
}

herr_t take_dataset(hid_t, const char* name, const H5O_info_t* info, void* out) {
  auto& names = *static_cast<std::vector<std::string>*>(out);
  if (info->type == H5O_TYPE_DATASET) names.emplace_back(name);
  return names.size() > most_hdf5_names ? 1 : 0;
}

/// IEEE 754 binary16 in this machine's order.
Hdf5Handle half_type(hid_t like, const std::string& name) {
  Hdf5Handle type = checked(H5Tcopy(like), H5Tclose, name);
  if (H5Tset_fields(type.get(), 15, 10, 5, 0, 10) < 0 || H5Tset_size(type.get(), 2) < 0 ||
      H5Tset_ebias(type.get(), 15) < 0)
    throw_damaged(name);
  return type;
}

struct KnownType {
  ElementType type;
  hid_t native;
};

std::optional<KnownType> integer_type(std::size_t size, bool is_signed) {
  if (size == 1)
    return is_signed ? KnownType{ElementType::i8, H5T_NATIVE_INT8}
                     : KnownType{ElementType::u8, H5T_NATIVE_UINT8};
  if (size == 2)
    return is_signed ? KnownType{ElementType::i16, H5T_NATIVE_INT16}
                     : KnownType{ElementType::u16, H5T_NATIVE_UINT16};
  if (size == 4)
    return is_signed ? KnownType{ElementType::i32, H5T_NATIVE_INT32}
                     : KnownType{ElementType::u32, H5T_NATIVE_UINT32};
  if (size == 8)
    return is_signed ? KnownType{ElementType::i64, H5T_NATIVE_INT64}
                     : KnownType{ElementType::u64, H5T_NATIVE_UINT64};
  return std::nullopt;
}

std::string filter_text(H5Z_filter_t filter, const char* name) {
  if (filter == H5Z_FILTER_SZIP) return "szip";
  return name[0] != '\0' ? in_quotes(name) : fmt::format("filter {}", filter);
}

}  // namespace

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) close_(id_);
}

Hdf5Dataset::Hdf5Dataset(Hdf5Handle dataset, std::string name)
    : name_(std::move(name)),
      dataset_(std::move(dataset)),
      stored_(checked(H5Dget_type(dataset_.get()), H5Tclose, name_)),
      in_memory_(-1, H5Tclose) {
  find_type();
  find_shape();
  require_readable();
  require_possible_size();
}

void Hdf5Dataset::find_type() {
  const H5T_class_t kind = H5Tget_class(stored_.get());
  const std::size_t size = H5Tget_size(stored_.get());
  const auto use = [&](ElementType type, hid_t native) {
    type_ = type;
    in_memory_.reset(H5Tcopy(native));
    if (!in_memory_.valid()) throw_damaged(name_);
  };
  if (kind == H5T_INTEGER) {
    const auto known = integer_type(size, H5Tget_sign(stored_.get()) == H5T_SGN_2);
    if (known) return use(known->type, known->native);
  }
  if (kind == H5T_FLOAT) {
    const Hdf5Handle little = half_type(H5T_IEEE_F32LE, name_);
    const Hdf5Handle big = half_type(H5T_IEEE_F32BE, name_);
    if (H5Tequal(stored_.get(), little.get()) > 0 || H5Tequal(stored_.get(), big.get()) > 0)
      return use(ElementType::f16, half_type(H5T_NATIVE_FLOAT, name_).get());
    return size <= sizeof(float) ? use(ElementType::f32, H5T_NATIVE_FLOAT)
                                 : use(ElementType::f64, H5T_NATIVE_DOUBLE);
  }
  if (kind == H5T_ENUM && size == 1 && H5Tget_nmembers(stored_.get()) == 2)
    return use(ElementType::u8, H5T_NATIVE_UINT8);  // as h5py writes booleans
  if (kind == H5T_BITFIELD && size == 1)
    return use(ElementType::u8, H5T_NATIVE_B8);  // as PyTables does
  throw DataError(name_,
                  fmt::format("its elements are {}, which is not supported; save them as "
                              "integers or floats",
                              kind == H5T_STRING     ? "text"
                              : kind == H5T_COMPOUND ? "compounds"
                              : kind == H5T_INTEGER  ? fmt::format("integers of {} bytes", size)
                                                     : "neither integers nor floats"));
}

void Hdf5Dataset::find_shape() {
  const Hdf5Handle space = checked(H5Dget_space(dataset_.get()), H5Sclose, name_);
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL)
    throw DataError(name_, "is a dataset without a shape");
  const int dimensions = H5Sget_simple_extent_ndims(space.get());
  if (dimensions < 0 || dimensions > most_hdf5_dimensions) throw_damaged(name_);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(dimensions));
  if (dimensions > 0 && H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr) < 0)
    throw_damaged(name_);
  for (const hsize_t size : sizes) shape_.push_back(static_cast<std::int64_t>(size));
  const auto count = element_count(shape_, type_);
  if (!count) throw DataError(name_, fmt::format("impossible shape {}", shape_text(shape_)));
  size_ = *count * size_of(type_);
}

void Hdf5Dataset::require_readable() {
  const Hdf5Handle made = checked(H5Dget_create_plist(dataset_.get()), H5Pclose, name_);
  const H5D_layout_t layout = H5Pget_layout(made.get());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(made.get()) > 0) {
    throw DataError(name_, "its elements are in other files; copy them into this one (h5repack)");
  }
  contiguous_ = layout == H5D_CONTIGUOUS;
  const int filters = H5Pget_nfilters(made.get());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    unsigned config = 0;
    std::size_t values = 0;
    char filter_name[64] = "";
    const H5Z_filter_t filter =
        H5Pget_filter2(made.get(), static_cast<unsigned>(i), &flags, &values, nullptr,
                       sizeof filter_name, filter_name, &config);
    filter_name[sizeof filter_name - 1] = '\0';
    deflated_ = deflated_ || filter == H5Z_FILTER_DEFLATE;
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
        filter != H5Z_FILTER_FLETCHER32) {
      throw DataError(name_, fmt::format("is compressed with {}, which is not supported; use gzip "
                                         "(h5repack -f GZIP=4)",
                                         filter_text(filter, filter_name)));
    }
  }
}

void Hdf5Dataset::require_possible_size() const {
  if (size_ == 0) return;
  const std::uint64_t stored = H5Dget_storage_size(dataset_.get());
  const std::uint64_t needed = size_ / size_of(type_) * H5Tget_size(stored_.get());
  if (needed > (deflated_ ? stored * most_hdf5_inflation : stored)) {
    throw DataError(name_, fmt::format("is {}, of which only {} bytes were ever written",
                                       shape_text(shape_), stored));
  }
  if (size_ > largest_unpacked && offset() < 0)
    throw DataError(name_, fmt::format("unpacks to more than {} bytes", largest_unpacked));
}

std::int64_t Hdf5Dataset::offset() const {
  if (!contiguous_ || size_ == 0 || H5Tequal(stored_.get(), in_memory_.get()) <= 0) return -1;
  const haddr_t offset = H5Dget_offset(dataset_.get());
  return offset == HADDR_UNDEF ? -1 : static_cast<std::int64_t>(offset);
}

void Hdf5Dataset::read(std::span<std::byte> out) const {
  if (out.empty()) return;
  if (H5Dread(dataset_.get(), in_memory_.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0)
    throw_damaged(name_);
}

Hdf5Image::Hdf5Image(std::span<const std::byte> bytes, std::string name)
    : name_(std::move(name)), file_(open_image(bytes, name_)) {}

std::vector<std::string> Hdf5Image::names() const {
  std::vector<std::string> names;
  const herr_t status =
      H5Ovisit2(file_.get(), H5_INDEX_NAME, H5_ITER_INC, take_dataset, &names, H5O_INFO_BASIC);
  if (status < 0) throw_damaged(name_);
  if (status > 0)
    throw DataError(name_, fmt::format("holds more than {} datasets", most_hdf5_names));
  return names;
}

Hdf5Dataset Hdf5Image::open(std::string wanted) const {
  if (wanted.starts_with('/')) wanted.erase(0, 1);
  const std::vector<std::string> all = names();
  const std::string& path = all[choose_array(all, wanted, name_)];
  const std::string label = wanted.empty() ? name_ : fmt::format("{}#{}", name_, path);
  return {checked(H5Dopen2(file_.get(), path.c_str(), H5P_DEFAULT), H5Dclose, label), label};
}

}  // namespace convoy
