#pragma once
// A dataset of an HDF5 file in memory, through libhdf5. To be used in a process of its own
// (data/formats/apart): the library crashes on some damaged files, and switches of it are set for
// the whole process.
#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// An object of libhdf5, closed with its owner.
class Hdf5Handle {
 public:
  using Id = std::int64_t;    // hid_t
  using Close = int (*)(Id);  // of the library
  Hdf5Handle(Id id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle();
  void reset(Id id) { id_ = id; }  ///< of a handle that has none
  Id get() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  Id id_;
  Close close_;
};

class Hdf5Dataset {
 public:
  /// Throws DataError naming `name` for what cannot be read.
  Hdf5Dataset(Hdf5Handle dataset, std::string name);

  ElementType type() const { return type_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  /// Of the whole array, in bytes.
  std::size_t size() const { return size_; }
  /// Where in the file the elements are, if they lie there as they are needed; else -1.
  std::int64_t offset() const;
  /// Reads all elements. Throws DataError.
  void read(std::span<std::byte> out) const;

 private:
  void find_type();
  void find_shape();
  void require_readable();
  void require_possible_size() const;

  std::string name_;
  Hdf5Handle dataset_;
  Hdf5Handle stored_;     // type of the elements in the file
  Hdf5Handle in_memory_;  // and as they are read
  ElementType type_ = ElementType::f32;
  std::vector<std::int64_t> shape_;
  std::size_t size_ = 0;
  bool contiguous_ = false;
  bool deflated_ = false;
};

class Hdf5Image {
 public:
  /// `bytes` must outlive this. Throws DataError when they are no file of HDF5.
  Hdf5Image(std::span<const std::byte> bytes, std::string name);

  /// Paths of all datasets, without the first '/', sorted.
  std::vector<std::string> names() const;

  /// The dataset of that path, or the only one. Throws as choose_array and Hdf5Dataset.
  Hdf5Dataset open(std::string wanted) const;

 private:
  std::string name_;
  Hdf5Handle file_;
};

}  // namespace convoy
