// Manifests: every flipped byte is found and located, and repaired where a good copy exists.
#include <gmock/gmock.h>

#include <fstream>
#include <random>

#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "convoy/data/load.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_manifest_test {

namespace fs = std::filesystem;
using test::error_of;
using test::idx_u8;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = FileProblem::Kind;

constexpr std::uint64_t chunk = manifest_chunk_bytes;

void flip(const fs::path& file, std::uint64_t byte, char mask = 1) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(byte));
  const char old = static_cast<char>(stream.get());
  stream.seekp(static_cast<std::streamoff>(byte));
  stream.put(static_cast<char>(old ^ mask));
}

class DataManifest : public ::testing::Test {
 protected:
  DataManifest() { fs::create_directories(folder_ / "sub"); }

  void write(const std::string& name, const std::string& content) const {
    directory_.write("data/" + name, content);
  }
  Manifest record() const {
    write_manifest(folder_, make_manifest(folder_));
    return read_manifest(folder_);
  }
  std::vector<FileProblem> problems() const {
    return verify_folder(folder_, read_manifest(folder_)).problems;
  }

  test::Directory directory_;
  fs::path folder_ = directory_.path() / "data";
};

TEST_F(DataManifest, AFolderIsAsItsManifestSays) {
  write("sub/b", "two");
  write("a", "");
  const Manifest manifest = record();
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[0].path, "a");
  EXPECT_TRUE(manifest.files[0].chunks.empty());
  EXPECT_EQ(manifest.files[1].path, "sub/b");
  EXPECT_EQ(manifest.files[1].bytes, 3u);
  const Verification result = verify_folder(folder_, manifest);
  EXPECT_EQ(result.files, 2u);
  EXPECT_EQ(result.bytes, 3u);
  EXPECT_TRUE(result.problems.empty());
  record();
  EXPECT_TRUE(problems().empty()) << "the manifest does not list itself";
}

TEST_F(DataManifest, AFlipAtAnyByteIsFound) {
  const std::string content = "0123456789abcdef0123456789";
  write("sub/b", content);
  record();
  for (std::size_t byte = 0; byte < content.size(); ++byte) {
    for (const char mask : {'\x01', '\x80'}) {
      flip(folder_ / "sub/b", byte, mask);
      const auto found = problems();
      ASSERT_EQ(found.size(), 1u) << byte;
      EXPECT_EQ(found[0].text(), "changed in bytes 0 to 25 of 26");
      flip(folder_ / "sub/b", byte, mask);
    }
  }
  EXPECT_TRUE(problems().empty());
}

TEST_F(DataManifest, DamageOfALargeFileIsLocated) {
  const std::uint64_t size = 2 * chunk + 100;
  write("large", std::string(size, 'x'));
  record();
  for (const std::uint64_t byte :
       {std::uint64_t{0}, chunk - 1, chunk, 2 * chunk - 1, 2 * chunk, size - 1}) {
    flip(folder_ / "large", byte);
    const auto found = problems();
    ASSERT_EQ(found.size(), 1u) << byte;
    EXPECT_EQ(found[0].kind, Kind::changed);
    EXPECT_LE(found[0].first_byte, byte);
    EXPECT_GE(found[0].last_byte, byte);
    EXPECT_LT(found[0].last_byte - found[0].first_byte, chunk);
    flip(folder_ / "large", byte);
  }
}

TEST_F(DataManifest, MissingAddedTruncatedAndLongFilesAreNamed) {
  for (const char* name : {"gone", "long", "short", "whole"}) write(name, "0123456789");
  record();
  fs::remove(folder_ / "gone");
  write("long", "0123456789+");
  fs::resize_file(folder_ / "short", 4);
  write("sub/new", "x");
  std::string text;
  for (const FileProblem& problem : problems()) text += problem.path + ": " + problem.text() + "\n";
  EXPECT_EQ(text,
            "gone: missing (10 bytes)\n"
            "long: too long: 11 bytes where 10 are expected\n"
            "short: truncated: bytes 4 to 9 of 10 are missing\n"
            "sub/new: added (1 bytes): the manifest does not name it\n");
  fs::remove(folder_ / "short");
  fs::create_directory(folder_ / "short");
  EXPECT_THAT(problems()[2].text(), AllOf(StartsWith("unreadable: "), HasSubstr("regular file")));
}

TEST_F(DataManifest, SizesAloneAreCheap) {
  write("a", "0123456789");
  const Manifest manifest = record();
  flip(folder_ / "a", 3);
  EXPECT_FALSE(check_file(folder_, manifest.files[0], false));
  EXPECT_TRUE(check_file(folder_, manifest.files[0]));
  fs::resize_file(folder_ / "a", 9);
  EXPECT_TRUE(check_file(folder_, manifest.files[0], false));
}

TEST_F(DataManifest, AFlipInTheManifestNeverGoesUnnoticed) {
  write("a", "0123456789");
  write("sub/b", "two");
  const Manifest manifest = record();
  const fs::path file = folder_ / manifest_name;
  const std::string good = read_text_file(file);
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    flip(file, byte, static_cast<char>(1 << byte % 8));
    try {
      // What is read in spite of the flip (of a blank) must be what was written.
      const Manifest read = read_manifest(folder_);
      ASSERT_EQ(read.files.size(), manifest.files.size()) << byte;
      for (std::size_t i = 0; i < read.files.size(); ++i) {
        EXPECT_EQ(read.files[i].path, manifest.files[i].path) << byte;
        EXPECT_EQ(read.files[i].bytes, manifest.files[i].bytes) << byte;
        EXPECT_EQ(read.files[i].chunks, manifest.files[i].chunks) << byte;
      }
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("is damaged ("));
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
    flip(file, byte, static_cast<char>(1 << byte % 8));
  }
}

TEST_F(DataManifest, PathsThatLeaveTheFolderAreRefused) {
  for (const char* path : {"../a", "/etc/passwd", "sub/../../a", "", ".", "sub/"}) {
    Manifest manifest;
    manifest.files.push_back({path, 0, {}});
    write_manifest(folder_, manifest);
    EXPECT_THAT(error_of([&] { read_manifest(folder_); }), HasSubstr("a path that leaves")) << path;
  }
  write(manifest_name, std::string(100000, '['));
  EXPECT_THAT(error_of([&] { read_manifest(folder_); }), HasSubstr("is damaged"));
  fs::remove(folder_ / manifest_name);
  EXPECT_THAT(error_of([&] { read_manifest(folder_); }), HasSubstr("convoy data manifest"));
}

TEST_F(DataManifest, RepairTakesGoodFilesOfACopyOnly) {
  write("a", "0123456789");
  write("b", "0123456789");
  write("sub/c", "0123456789");
  const Manifest manifest = record();
  const fs::path copy = directory_.path() / "copy";
  fs::copy(folder_, copy, fs::copy_options::recursive);
  flip(folder_ / "a", 3);
  flip(folder_ / "b", 3);
  flip(copy / "b", 7);
  fs::remove_all(folder_ / "sub");
  auto found = problems();
  ASSERT_EQ(found.size(), 3u);
  repair_folder(folder_, manifest, found);
  EXPECT_THAT(found[0].outcome, HasSubstr("--from"));
  repair_folder(folder_, manifest, found, copy);
  EXPECT_TRUE(found[0].repaired);
  EXPECT_FALSE(found[1].repaired);
  EXPECT_THAT(found[1].outcome, HasSubstr("not what the manifest says either"));
  EXPECT_TRUE(found[2].repaired);
  EXPECT_EQ(read_text_file(folder_ / "sub/c"), "0123456789");
  ASSERT_EQ(problems().size(), 1u);
}

/// A package in a cache of its own, from a stand-in for npm.
class DataManifestPackage : public DataManifest {
 protected:
  DataManifestPackage() : path_(std::getenv("PATH")) {
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
    fs::create_directories(directory_.path() / "bin");
    ::setenv("PATH", ((directory_.path() / "bin").string() + ":" + path_).c_str(), 1);
    fs::create_directories(directory_.path() / "package/data");
    directory_.write("package/data/images", idx_u8({8, 1, 2}, "0123456789abcdef"));
    directory_.write("package/data/labels", idx_u8({8}, test::bytes("\0\1\2\0\1\2\0\1")));
    npm("echo call >> " + calls().string() + "; tar -czf numbers-1.0.0.tgz -C " +
        directory_.path().string() + " package");
    data_.fetch = "npm:numbers@1.0.0";
    data_.train = {"", "data/images", "data/labels"};
    package_ = fetch_package(data_.fetch);
  }
  ~DataManifestPackage() override {
    ::setenv("PATH", path_.c_str(), 1);
    ::unsetenv("CONVOY_CACHE");
  }
  void npm(const std::string& script) const {
    const fs::path file = directory_.write("bin/npm", "#!/bin/sh\n" + script + "\n");
    fs::permissions(file, fs::perms::owner_all);
  }
  fs::path calls() const { return directory_.path() / "calls"; }
  std::string times_fetched() const { return read_text_file(calls()); }
  Splits load() const { return load_splits({data_, {}, 1, "."}); }

  std::string path_;
  DataOptions data_;
  fs::path package_;
};

TEST_F(DataManifestPackage, FetchingWritesTheManifest) {
  const Manifest manifest = read_manifest(package_);
  EXPECT_EQ(manifest.source, "npm:numbers@1.0.0");
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_TRUE(verify_folder(package_, manifest).problems.empty());
  EXPECT_TRUE(load().repaired.empty());
  EXPECT_EQ(times_fetched(), "call\n");
}

TEST_F(DataManifestPackage, AJobRepairsDamagedFilesOfAPackage) {
  const std::string good = read_text_file(package_ / "data/images");
  for (std::size_t byte = 0; byte < good.size(); byte += 5) {
    flip(package_ / "data/images", byte);
    const Splits splits = load();
    ASSERT_EQ(splits.repaired.size(), 1u) << byte;
    EXPECT_THAT(splits.repaired[0], AllOf(HasSubstr("data/images: changed in bytes 0 to "),
                                          HasSubstr("fetched again from npm:numbers@1.0.0")));
    EXPECT_EQ(read_text_file(package_ / "data/images"), good);
  }
  fs::remove(package_ / "data/labels");
  EXPECT_THAT(load().repaired.at(0), HasSubstr("data/labels: missing"));
  flip(package_ / manifest_name, 30);
  EXPECT_THAT(load().repaired.at(0), HasSubstr("made anew from npm:numbers@1.0.0"));
  EXPECT_TRUE(load().repaired.empty());
}

TEST_F(DataManifestPackage, WhatCannotBeFetchedAgainStopsTheJob) {
  flip(package_ / "data/images", 20);
  npm("echo 'npm error no network' >&2; exit 1");
  EXPECT_THAT(error_of([&] { load(); }),
              AllOf(HasSubstr("data/images: changed in bytes 0 to 31 of 32; not repairable: cannot "
                              "fetch npm:numbers@1.0.0"),
                    HasSubstr("no network")));
  directory_.write("package/data/images", idx_u8({8, 1, 2}, "another version."));
  npm("tar -czf numbers-1.0.0.tgz -C " + directory_.path().string() + " package");
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("has another version of it by now"));
  data_.verify = "false";
  EXPECT_EQ(load().train->size(), 8);
}

TEST_F(DataManifestPackage, RepairFetchesAPackageOnceForAllFiles) {
  flip(package_ / "data/images", 20);
  fs::resize_file(package_ / "data/labels", 3);
  const Manifest manifest = read_manifest(package_);
  auto found = verify_folder(package_, manifest).problems;
  ASSERT_EQ(found.size(), 2u);
  repair_folder(package_, manifest, found);
  EXPECT_TRUE(found[0].repaired && found[1].repaired);
  EXPECT_TRUE(verify_folder(package_, manifest).problems.empty());
  EXPECT_EQ(times_fetched(), "call\ncall\n");
}

TEST_F(DataManifest, AJobChecksFilesOfAFolderWithAManifest) {
  write("images", idx_u8({8, 1, 2}, "0123456789abcdef"));
  write("sub/labels", idx_u8({8}, test::bytes("\0\1\2\0\1\2\0\1")));
  DataOptions data;
  data.train = {"", "data/images", "data/sub/labels"};
  const auto load = [&] { return load_splits({data, {}, 1, directory_.path()}); };
  EXPECT_EQ(load().train->size(), 8);
  record();
  EXPECT_EQ(load().train->size(), 8);
  flip(folder_ / "sub/labels", 10, 2);
  EXPECT_THAT(error_of(load), AllOf(HasSubstr("data/sub/labels: changed in bytes 0 to 15 of 16; "
                                              "repair it from a good copy"),
                                    HasSubstr("convoy data manifest")));
  flip(folder_ / manifest_name, 30);
  EXPECT_THAT(error_of(load), HasSubstr("is damaged"));
  fs::remove(folder_ / "sub/labels");
  record();
  write("sub/labels", idx_u8({8}, test::bytes("\0\1\2\0\1\2\0\1")));
  EXPECT_EQ(load().train->size(), 8) << "added later";
  data.verify = "true";
  EXPECT_THAT(error_of(load), HasSubstr("sub/labels: is not in "));
  data.verify = "yes";
  EXPECT_THAT(error_of(load), HasSubstr("data.verify: 'yes'"));
}

}  // namespace data_manifest_test
}  // namespace convoy
