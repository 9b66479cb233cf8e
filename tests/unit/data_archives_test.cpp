// NPZ, HDF5 and files of PyTorch, as NumPy 1.24, h5py 3.7 and PyTorch 1.13 wrote them
// (fuzz/corpus), and as libhdf5 and libtorch write them here.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <hdf5.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <cstring>

#include "convoy/core/file.hpp"
#include "convoy/data/inspect/inspect.hpp"
#include "convoy/data/load.hpp"
#include "data/formats/array.hpp"
#include "data/formats/content.hpp"
#include "data/formats/hdf5.hpp"
#include "data/formats/npz.hpp"
#include "data/formats/pickle.hpp"
#include "data/formats/torch_file.hpp"
#include "data/sources/location.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"
#include "paths.hpp"

namespace convoy {
namespace data_archives_test {

using test::bytes_of;
using test::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string stored_file(const std::string& name) {
  return convoy::testing::source_folder() + "/fuzz/corpus/" + name;
}

Array stored_array(const std::string& file, const std::string& array = "") {
  const Content content = read_content(stored_file(file), array);
  return detect_format(content, "auto").array(content);
}

std::vector<double> numbers_of(const Array& array) {
  std::vector<double> numbers(array.bytes.size() / size_of(array.type));
  to_doubles(array, 0, numbers);
  return numbers;
}

/// "float32 3x2: 0 0.25 0.5 ..."
std::string text_of(const Array& array) {
  return fmt::format("{} {}: {}", name_of(array.type), shape_text(array.shape),
                     fmt::join(numbers_of(array), " "));
}

std::string stored_text(const std::string& file, const std::string& array = "") {
  return text_of(stored_array(file, array));
}

std::string stored_error(const std::string& file, const std::string& array = "") {
  const std::string error = error_of([&] { stored_array(file, array); });
  const std::string folder = stored_file("");
  std::string text = error;
  for (std::size_t at = 0; (at = text.find(folder)) != std::string::npos;)
    text.erase(at, folder.size());
  return text;
}

const char* const x_text = "float32 3x2: 0 0.25 0.5 0.75 1 1.25";

TEST(DataNpz, ReadsWhatNumpyWrites) {
  EXPECT_EQ(stored_text("npz/savez.npz", "x_train"), x_text);
  EXPECT_EQ(stored_text("npz/savez.npz", "y_train.npy"), "int64 3: 0 1 2");
  EXPECT_EQ(stored_text("npz/one.npz"), "uint8 3: 1 0 1");
  EXPECT_EQ(stored_text("npz/compressed.npz", "images"),
            "uint8 2x2x2x2: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
  EXPECT_EQ(stored_text("npz/compressed.npz", "big"), "int32 3: 1 -2 3");
  EXPECT_EQ(stored_text("npz/compressed.npz", "fortran"), "uint16 2x3: 0 1 2 3 4 5");
  EXPECT_EQ(stored_text("npz/compressed.npz", "long"), "uint64 1: 9.223372036854776e+18");
  EXPECT_EQ(stored_text("npz/compressed.npz", "half"),
            "float16 4: 0.5 -2 65504 5.960464477539063e-08");
}

TEST(DataNpz, SaysWhichArraysThereAre) {
  EXPECT_EQ(stored_error("npz/savez.npz"),
            "npz/savez.npz: holds 2 arrays, x_train, y_train; name the one to read: "
            "npz/savez.npz#x_train");
  EXPECT_EQ(stored_error("npz/savez.npz", "x"),
            "npz/savez.npz: has no array 'x'; it has x_train, y_train");
}

TEST(DataNpz, FindsDamage) {
  const std::string whole = read_text_file(stored_file("npz/savez.npz"));
  const auto error = [](const std::string& text, const std::string& array = "x_train") {
    return error_of([&] { parse_npz(bytes_of(text), "d.npz", array); });
  };
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THAT(error(whole.substr(0, size)), HasSubstr("d.npz: is not a zip archive")) << size;
  std::string flipped = whole;
  const std::size_t data = whole.find("NUMPY") + 130;
  flipped[data] = static_cast<char>(flipped[data] ^ 1);
  EXPECT_EQ(error(flipped), "d.npz, member 'x_train.npy': truncated or damaged (CRC error)");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0xff);
    error(changed);  // and no crash
  }
  // The directory's sizes of the first member, 20 bytes behind its mark: 4 GB in an archive of 562.
  std::string claim = whole;
  const std::size_t sizes = claim.find("PK\x01\x02") + 20;
  for (std::size_t i = 0; i < 8; ++i) claim[sizes + i] = i % 4 == 3 ? '\x7f' : '\xf0';
  EXPECT_THAT(error(claim), HasSubstr("d.npz"));
  EXPECT_NE(error(claim), "no error");
  const test::Directory folder;
  const auto zip = folder.write("a.zip", "PK\x05\x06" + std::string(18, '\0'));
  const Content content = read_content(zip);
  EXPECT_THAT(error_of([&] { detect_format(content, "auto").array(content); }),
              HasSubstr("is a zip archive, but holds neither arrays (.npy) nor tensors"));
}

TEST(DataTorch, ReadsWhatPyTorchWrites) {
  EXPECT_EQ(stored_text("torch/tensor.pt"), x_text);
  EXPECT_EQ(stored_text("torch/protocol4.pt", "x"), x_text);
  const auto tensor = [](const char* name) { return stored_text("torch/dict.pt", name); };
  EXPECT_EQ(tensor("x"), x_text);
  EXPECT_EQ(tensor("y"), "int64 3: 0 1 2");
  EXPECT_EQ(tensor("transposed"), "int64 3x2: 0 3 1 4 2 5");
  EXPECT_EQ(tensor("row"), "int64 3: 3 4 5");
  EXPECT_EQ(tensor("half"), "float16 2: 0.5 -2");
  EXPECT_EQ(tensor("bfloat"), "float32 2: 0.5 -2");
  EXPECT_EQ(tensor("mask"), "uint8 2: 1 0");
  EXPECT_EQ(tensor("i/1"), "int16 1: 7");
  EXPECT_EQ(tensor("scalar"), "uint8 scalar: 5");
  EXPECT_EQ(tensor("empty"), "float32 0x3: ");
  EXPECT_EQ(stored_text("torch/tuple.pt", "0"), "uint8 2x2: 0 0 0 0");
  EXPECT_EQ(stored_text("torch/tuple.pt", "1"), "int64 2: 1 0");
  EXPECT_EQ(stored_array("torch/state_dict.pt", "weight").shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(stored_array("torch/module.pt", "_parameters/bias").shape,
            (std::vector<std::int64_t>{1}));
}

TEST(DataTorch, SaysWhatItCannotRead) {
  EXPECT_EQ(stored_error("torch/old.pt"),
            "torch/old.pt: is in the format of PyTorch before 1.6; load it there and save it again "
            "with torch.save");
  EXPECT_THAT(stored_error("torch/sparse.pt"),
              HasSubstr("a tensor made by 'torch._utils._rebuild_sparse_tensor' cannot be read"));
  EXPECT_EQ(stored_error("torch/dict.pt", "c"),
            "torch/dict.pt#c: elements of type 'torch.ComplexFloatStorage' are not supported; save "
            "them as bool, an integer or a float of up to 64 bits");
  EXPECT_EQ(stored_error("torch/dict.pt", "wide"),
            "torch/dict.pt#wide: a tensor of 4 shares the 1 elements of its storage; save it with "
            ".contiguous()");
  EXPECT_THAT(stored_error("torch/tuple.pt"), HasSubstr("holds 2 arrays, 0, 1; name the one"));
  EXPECT_THAT(stored_error("torch/dict.pt", "n"), HasSubstr("has no array 'n'"));
}

/// The same tensors through libtorch's own reader.
TEST(DataTorch, ReadsWhatLibtorchWrites) {
  const test::Directory folder;
  const torch::Tensor x = torch::arange(12, torch::kFloat).view({3, 4});
  c10::Dict<std::string, torch::Tensor> dict;
  dict.insert("x", x);
  dict.insert("columns", x.t());
  dict.insert("y", torch::arange(3));
  const std::vector<char> pickled = torch::pickle_save(dict);
  const auto read = [&](const char* array) {
    return parse_torch(std::as_bytes(std::span(pickled)), "d.pt", array);
  };
  const torch::IValue back = torch::pickle_load(pickled);
  for (const char* name : {"x", "columns", "y"}) {
    const Array array = read(name);
    const torch::Tensor expected = back.toGenericDict().at(name).toTensor().contiguous();
    EXPECT_EQ(array.shape, expected.sizes().vec());
    EXPECT_EQ(std::memcmp(array.bytes.data(), expected.data_ptr(), array.bytes.size()), 0) << name;
    EXPECT_EQ(array.bytes.size(), expected.nbytes());
  }
  const std::vector<char> lone = torch::pickle_save(x);
  EXPECT_EQ(parse_torch(std::as_bytes(std::span(lone)), "x.pt").shape,
            (std::vector<std::int64_t>{3, 4}));
  const std::vector<char> list = torch::pickle_save(std::vector<torch::Tensor>{x, x + 1});
  EXPECT_EQ(numbers_of(parse_torch(std::as_bytes(std::span(list)), "l.pt", "1"))[0], 1);

  const std::string saved = (folder.path() / "saved.pt").string();
  torch::save(x, saved);  // a TorchScript archive
  const Content content = read_content(saved);
  EXPECT_EQ(detect_format(content, "auto").name, "pt");
  EXPECT_EQ(numbers_of(formats().get("pt").array(content))[11], 11);
}

TEST(DataTorch, FindsDamage) {
  const std::string whole = read_text_file(stored_file("torch/tensor.pt"));
  const auto error = [](const std::string& text) {
    return error_of([&] { parse_torch(bytes_of(text), "d.pt"); });
  };
  for (std::size_t size = 0; size < whole.size(); size += 7)
    EXPECT_NE(error(whole.substr(0, size)), "no error") << size;
  const auto pickle_error = [](const std::string& text) {
    return error_of([&] { parse_pickle(bytes_of(text), "p"); });
  };
  EXPECT_EQ(pickle_error(""), "p, byte 0: damaged or not a pickle: it ends too early");
  EXPECT_EQ(pickle_error("."), "p, byte 0: damaged or not a pickle: values are missing");
  EXPECT_EQ(pickle_error("(t(R."), "p, byte 3: damaged or not a pickle: values are missing");
  EXPECT_EQ(pickle_error("h\x01."),
            "p, byte 0: damaged or not a pickle: it refers to a value that it does not have");
  EXPECT_EQ(pickle_error("\xff."),
            "p, byte 0: damaged or not a pickle: operation 0xff is not known");
  EXPECT_THAT(pickle_error("X\xff\xff\xff\x7f."), HasSubstr("it ends too early"));
  // A list that holds itself.
  const Pickle circle = parse_pickle(bytes_of("]q\x01h\x01"
                                              "a."),
                                     "p");
  EXPECT_THAT(circle.at(circle.root).items, ElementsAre(circle.root));
}

TEST(DataHdf5, ReadsWhatH5pyWrites) {
  const auto dataset = [](const char* name) { return stored_text("hdf5/types.h5", name); };
  EXPECT_EQ(dataset("f4"), x_text);
  EXPECT_EQ(dataset("/f8_big"), "float64 3x2: 0 0.25 0.5 0.75 1 1.25");
  EXPECT_EQ(dataset("i4_big"), "int32 3: 1 -2 3");
  EXPECT_EQ(dataset("i2"), "int16 3: 1 -2 3");
  EXPECT_EQ(dataset("u2"), "uint16 3: 1 65535 3");
  EXPECT_EQ(dataset("u8"), "uint64 1: 9.223372036854776e+18");
  EXPECT_EQ(dataset("f2"), "float16 4: 0.5 -2 65504 5.960464477539063e-08");
  EXPECT_EQ(dataset("bool"), "uint8 3: 1 0 1");
  EXPECT_EQ(dataset("scalar"), "float32 scalar: 3");
  EXPECT_EQ(dataset("train/x"),
            "int32 6x4: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23");
  EXPECT_EQ(dataset("train/y"), "uint8 6: 0 1 2 3 4 5");
  EXPECT_EQ(stored_text("hdf5/one.h5"), x_text);
  EXPECT_EQ(stored_text("hdf5/user_block.h5"), x_text);
}

TEST(DataHdf5, SaysWhatItCannotRead) {
  EXPECT_THAT(stored_error("hdf5/types.h5"),
              HasSubstr("hdf5/types.h5: holds 12 arrays, bool, f2, f4"));
  EXPECT_THAT(stored_error("hdf5/types.h5", "train"), HasSubstr("has no array 'train'; it has"));
  EXPECT_EQ(stored_error("hdf5/types.h5", "text"),
            "hdf5/types.h5#text: its elements are text, which is not supported; save them as "
            "integers or floats");
  EXPECT_EQ(stored_error("hdf5/lzf.h5"),
            "hdf5/lzf.h5: is compressed with 'lzf', which is not supported; use gzip (h5repack -f "
            "GZIP=4)");
  EXPECT_THAT(stored_error("hdf5/elsewhere.h5", "raw"),
              HasSubstr("hdf5/elsewhere.h5#raw: its elements are in other files"));
  EXPECT_THAT(stored_error("hdf5/elsewhere.h5", "virtual"),
              HasSubstr("its elements are in other files"));
  EXPECT_THAT(stored_error("hdf5/elsewhere.h5", "never"),
              HasSubstr("is 1000000000, of which only 0 bytes were ever written"));
  EXPECT_THAT(stored_error("hdf5/elsewhere.h5", "link"), HasSubstr("has no array 'link'"));
}

TEST(DataHdf5, IsAViewOfTheFileWhereItCanBe) {
  const Content content = read_content(stored_file("hdf5/types.h5"), "f4");
  const Array array = formats().get("hdf5").array(content);
  EXPECT_GE(array.bytes.data(), content.bytes.data());
  EXPECT_LE(array.bytes.data() + array.bytes.size(), content.bytes.data() + content.bytes.size());
}

TEST(DataHdf5, FindsDamage) {
  const std::string whole = read_text_file(stored_file("hdf5/one.h5"));
  const auto error = [](const std::string& text) {
    return error_of([&] { parse_hdf5(bytes_of(text), "d.h5"); });
  };
  EXPECT_EQ(error("not at all"), "d.h5: has no signature of HDF5: not an HDF5 file");
  EXPECT_THAT(error(whole.substr(0, whole.size() - 1)),
              AllOf(HasSubstr("d.h5: "), HasSubstr("truncated")));
  EXPECT_THAT(error(whole.substr(0, 100)), HasSubstr("truncated"));
  for (std::size_t at = 8; at < whole.size(); at += 151) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0xff);
    error(changed);  // and no crash
  }
}

/// Written with the C API: what h5py does not write by itself.
TEST(DataHdf5, ReadsWhatTheLibraryWrites) {
  const test::Directory folder;
  const std::string file = (folder.path() / "c.data").string();
  const hid_t id = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t sizes[2] = {100, 50};
  const hsize_t chunk[2] = {30, 20};
  const hid_t space = H5Screate_simple(2, sizes, nullptr);
  const hid_t made = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(made, 2, chunk);
  H5Pset_deflate(made, 9);
  const hid_t dataset = H5Dcreate2(id, "big", H5T_STD_U32BE, space, H5P_DEFAULT, made, H5P_DEFAULT);
  std::vector<unsigned> values(100 * 50);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<unsigned>(i * 860'000);
  H5Dwrite(dataset, H5T_NATIVE_UINT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(dataset);
  H5Pclose(made);
  H5Sclose(space);
  H5Fclose(id);
  const Content content = read_content(file);
  ASSERT_EQ(detect_format(content, "auto").name, "hdf5") << "by its content";
  const Array array = formats().get("hdf5").array(content);
  ASSERT_EQ(array.type, ElementType::u32);
  ASSERT_EQ(array.shape, (std::vector<std::int64_t>{100, 50}));
  EXPECT_EQ(std::memcmp(array.bytes.data(), values.data(), array.bytes.size()), 0);
}

TEST(DataLocation, SplitsFileAndName) {
  const test::Directory folder;
  const auto path = [&](const char* name) { return folder.path() / name; };
  folder.write("a.npz", "x");
  folder.write("b#c", "x");
  folder.write("b#c.npz", "x");
  const auto split = [&](const char* name) {
    const Location location = split_location(path(name));
    return fmt::format("{} {}", location.file.filename().string(), location.array);
  };
  EXPECT_EQ(split("a.npz#x/y"), "a.npz x/y");
  EXPECT_EQ(split("a.npz"), "a.npz ");
  EXPECT_EQ(split("b#c"), "b#c ");
  EXPECT_EQ(split("b#c.npz#d"), "b#c.npz d");
  EXPECT_EQ(split("a.npz#x#y"), "a.npz x#y");
  EXPECT_EQ(split("not there.h5#x"), "not there.h5 x");
  EXPECT_EQ(split("not there#x"), "not there#x ");
  EXPECT_EQ(split("[a].npz#x"), "[a].npz x");
  EXPECT_TRUE(is_there(path("a.npz#anything")));
  EXPECT_TRUE(is_there(path("?.npz#anything")));
  EXPECT_FALSE(is_there(path("x.npz#anything")));
}

class DataArchiveJobs : public ::testing::Test {
 protected:
  DataArchiveJobs() {
    for (const char* name : {"npz/savez.npz", "torch/dict.pt", "hdf5/types.h5"}) {
      const std::filesystem::path from = stored_file(name);
      std::filesystem::copy_file(from, directory_.path() / from.filename());
    }
  }
  Splits load(const std::string& features, const std::string& labels, Peers* peers = nullptr) {
    data_.train = {"", features, labels};
    return load_splits({data_, {}, 1, directory_.path()}, peers);
  }
  test::Directory directory_;
  DataOptions data_;
};

TEST_F(DataArchiveJobs, FeaturesAndLabelsComeFromArchives) {
  data_.classes = 3;
  const Splits npz = load("savez.npz#x_train", "savez.npz#y_train");
  EXPECT_EQ(npz.train->size(), 3);
  EXPECT_EQ(npz.train->spec().outputs, 3);
  const Splits torch_file = load("dict.pt#x", "dict.pt#y");
  EXPECT_EQ(torch_file.fingerprint, npz.fingerprint);
  const Splits mixed = load("types.h5#f4", "savez.npz#y_train");
  EXPECT_EQ(mixed.fingerprint, npz.fingerprint);
  test::run_workers(3, [&](Peers& peers) {
    DataOptions data = data_;
    data.train = {"", "types.h5#f4", "dict.pt#y"};
    EXPECT_EQ(load_splits({data, {}, 1, directory_.path()}, &peers).fingerprint, npz.fingerprint);
  });
  const auto again =
      load_for_prediction(data_, {"", "dict.pt#x", ""}, npz.fitted, directory_.path());
  EXPECT_EQ(again->size(), 3);
}

TEST_F(DataArchiveJobs, InspectLooksAtEveryArray) {
  const auto npz = inspect_file(directory_.path() / "savez.npz", {}, 2);
  ASSERT_EQ(npz["files"].size(), 2);
  EXPECT_EQ(npz["files"][0]["part"], "x_train");
  EXPECT_EQ(npz["files"][0]["array"]["max"], 1.25);
  EXPECT_EQ(npz["files"][1]["columns"][0]["max"], 2);
  const auto one = inspect_file(directory_.path() / "types.h5#train/x", {}, 2);
  EXPECT_EQ(one["files"][0]["array"]["type"], "int32");
  const auto all = inspect_file(directory_.path() / "types.h5", {}, 2);
  EXPECT_EQ(all["files"].size(), 10) << "the text and the scalar are not samples";
  EXPECT_THAT(all["notes"].dump(), HasSubstr("types.h5#text: its elements are text"));
}

TEST_F(DataArchiveJobs, WrongUseIsExplained) {
  directory_.write("y.csv", "y\n0\n1\n2\n");
  EXPECT_THAT(error_of([&] { load("savez.npz#x_train", "y.csv#y"); }),
              HasSubstr("y.csv#y: " + (directory_.path() / "y.csv").string() +
                        " is CSV, which has no named arrays; leave #y out"));
  EXPECT_THAT(error_of([&] { load("savez.npz#x", "savez.npz#y_train"); }),
              HasSubstr("has no array 'x'; it has x_train, y_train"));
  data_.train = {"savez.npz", "", ""};
  EXPECT_THAT(error_of([&] {
                load_splits({data_, {}, 1, directory_.path()});
              }),
              HasSubstr("data.train.file: "));
  data_.format = "hdf5";
  EXPECT_THAT(error_of([&] { load("savez.npz#x_train", "y.csv"); }),
              HasSubstr("has no signature of HDF5"));
}

}  // namespace data_archives_test
}  // namespace convoy
