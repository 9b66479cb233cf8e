// Packages of Python's index, from a server in this process.
#include <gmock/gmock.h>
#include <zip.h>

#include "convoy/core/checksum.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "convoy/data/sources/fetch.hpp"
#include "data/sources/pypi_index.hpp"
#include "data_support.hpp"
#include "http_site.hpp"

namespace convoy {
namespace data_pypi_test {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string sha256_of(const std::string& text) {
  Sha256 hash;
  hash.update(test::bytes_of(text));
  return hash.finish();
}

/// A zip archive of these members.
std::string zip_of(const test::Directory& directory,
                   const std::vector<std::pair<std::string, std::string>>& members) {
  const fs::path file = directory.path() / "made.zip";
  fs::remove(file);
  int error = 0;
  zip_t* const archive = zip_open(file.c_str(), ZIP_CREATE, &error);
  for (const auto& [name, content] : members) {
    zip_source_t* const source = zip_source_buffer(archive, content.data(), content.size(), 0);
    zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  }
  EXPECT_EQ(zip_close(archive), 0);
  return read_text_file(file);
}

class DataPypi : public ::testing::Test {
 protected:
  DataPypi() {
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
    ::setenv("NETRC", (directory_.path() / "netrc").c_str(), 1);
    ::setenv("PIP_INDEX_URL", site_.url("/simple/").c_str(), 1);
  }
  ~DataPypi() override {
    for (const char* name : {"CONVOY_CACHE", "no_proxy", "NETRC", "PIP_INDEX_URL"})
      ::unsetenv(name);
    if (before_) ::setenv("PIP_INDEX_URL", before_->c_str(), 1);
  }

  /// An archive of the package that the index has.
  void offer(const std::string& file, const std::string& content, const std::string& sha256 = "") {
    site_.put("/files/" + file, {.content = content});
    files_ += fmt::format(
        R"({}{{"filename": "{}", "url": "../../files/{}", "hashes": {{"sha256": "{}"}}}})",
        files_.empty() ? "" : ", ", file, file, sha256.empty() ? sha256_of(content) : sha256);
    site_.put(
        "/simple/num-bers/",
        {.content = fmt::format(R"({{"meta": {{"api-version": "1.0"}}, "files": [{}]}})", files_)});
  }

  /// Of a folder num_bers-VERSION with a file data/x.
  std::string tar_gz(const std::string& commands) const {
    const fs::path work = directory_.path() / "tar";
    fs::remove_all(work);
    fs::create_directories(work / "top");
    const std::string line = "cd " + work.string() + " && " + commands + " && tar -czf out.tgz top";
    EXPECT_EQ(std::system(line.c_str()), 0);
    return read_text_file(work / "out.tgz");
  }

  test::Directory directory_;
  test::Site site_;
  std::string files_;
  std::optional<std::string> before_ =
      std::getenv("PIP_INDEX_URL") ? std::optional<std::string>(std::getenv("PIP_INDEX_URL"))
                                   : std::nullopt;
};

TEST_F(DataPypi, AWheelIsUnpackedOnce) {
  offer("Num_Bers-1.0-py3-none-any.whl",
        zip_of(directory_, {{"numbers/data/x.csv", "a,b\n"}, {"numbers/y", ""}}));
  offer("num-bers-1.0.tar.gz", "never asked for");
  offer("num_bers-2.0-py3-none-any.whl", "another version");
  const fs::path folder = fetch_package("pypi:Num.bers@1.0");
  EXPECT_EQ(read_text_file(folder / "numbers/data/x.csv"), "a,b\n");
  const std::size_t asked = site_.requests().size();
  EXPECT_EQ(asked, 2u);
  EXPECT_EQ(site_.requests()[0].get_header_value("Accept"), "application/vnd.pypi.simple.v1+json");
  EXPECT_EQ(fetch_package("pypi:Num.bers@1.0"), folder);
  EXPECT_EQ(site_.requests().size(), asked);
  const Manifest manifest = read_manifest(folder);
  EXPECT_EQ(manifest.source, "pypi:Num.bers@1.0");
  EXPECT_THAT(manifest.archive, AllOf(HasSubstr("Num_Bers-1.0-py3-none-any.whl, sha256 ")));
  EXPECT_EQ(parse_manifest(format_manifest(manifest), "m").archive, manifest.archive);
}

TEST_F(DataPypi, ASourceArchiveLosesItsFirstFolder) {
  offer("num-bers-1.0.tar.gz", tar_gz("mkdir top/data && printf hi > top/data/x"));
  EXPECT_EQ(read_text_file(fetch_package("pypi:num-bers@1.0") / "data/x"), "hi");
  offer("num-bers-1.1.zip", zip_of(directory_, {{"num-bers-1.1/data/x", "zipped"}}));
  EXPECT_EQ(read_text_file(fetch_package("pypi:num-bers@1.1") / "data/x"), "zipped");
}

TEST_F(DataPypi, DamageAndAbsenceAreOneLine) {
  const auto error = [](const std::string& version) {
    return error_of([&] { fetch_package("pypi:num-bers@" + version); });
  };
  EXPECT_EQ(error_of([] { fetch_package("pypi:nothing@1.0"); }),
            "cannot fetch pypi:nothing@1.0: there is no such package in " +
                site_.url("/simple/nothing/"));
  offer("num-bers-1.0.tar.gz", "other bytes", std::string(64, 'a'));
  EXPECT_THAT(error("1.0"), AllOf(HasSubstr("pypi:num-bers@1.0: num-bers-1.0.tar.gz: its SHA-256"),
                                  HasSubstr("but the index says aaaa"), Not(HasSubstr("\n"))));
  EXPECT_EQ(error("3.0"), "cannot fetch pypi:num-bers@3.0: there is no version 3.0; there are 1.0");
  offer("num_bers-1.2-py3-none-any.whl", "PK\x03\x04 no archive");
  EXPECT_THAT(error("1.2"), AllOf(HasSubstr("pypi:num-bers@1.2: num_bers-1.2-py3-none-any.whl"),
                                  HasSubstr("truncated or damaged")));
  offer("num_bers-1.3-cp311-cp311-win_amd64.whl", "x");
  EXPECT_THAT(error("1.3"), HasSubstr("there is no archive that serves on Linux"));
  site_.put("/simple/num-bers/", {.content = "<html></html>"});
  EXPECT_THAT(error("1.0"), HasSubstr("is not JSON of the simple repository API (PEP 691)"));
  ::setenv("PIP_INDEX_URL", "ftp://h", 1);
  EXPECT_THAT(error("1.0"), HasSubstr("PIP_INDEX_URL is no address of an index"));
  EXPECT_FALSE(fs::exists(directory_.path() / "cache/pypi/num-bers@1.0"));
}

TEST_F(DataPypi, NothingIsWrittenOutsideItsFolder) {
  const std::vector<std::string> evil = {"../x", "/x", "a/../../x", "a\\x"};
  for (std::size_t i = 0; i < evil.size(); ++i) {
    offer(fmt::format("num_bers-1.{}-py3-none-any.whl", i), zip_of(directory_, {{evil[i], "x"}}));
    EXPECT_THAT(error_of([&] { fetch_package(fmt::format("pypi:num-bers@1.{}", i)); }),
                HasSubstr("which leads out of its folder; nothing is kept"))
        << evil[i];
  }
  offer("num-bers-2.0.tar.gz", tar_gz("ln -s /etc top/data"));
  EXPECT_THAT(error_of([] { fetch_package("pypi:num-bers@2.0"); }),
              HasSubstr("holds a link out of its folder"));
  EXPECT_FALSE(fs::exists(directory_.path() / "cache/pypi/num-bers@2.0"));
}

TEST_F(DataPypi, OnlyPackageNamesAreAskedFor) {
  for (const char* source : {"pypi:", "pypi:a", "pypi:a@", "pypi:@1", "pypi:../x@1", "pypi:a@../1",
                             "pypi:a b@1", "pypi:-a@1", "pypi:a@1@2", "pypi:a/b@1"}) {
    EXPECT_THAT(error_of([&] { fetch_package(source); }), HasSubstr("is not a package; write"))
        << source;
  }
  EXPECT_TRUE(site_.requests().empty());
}

TEST(DataPypiIndex, TheBestArchiveIsChosen) {
  const auto chosen = [](const std::vector<std::string>& files, const std::string& machine) {
    std::string list;
    for (const std::string& file : files) {
      list += fmt::format(R"({}{{"filename": "{}", "url": "x", "hashes": {{"sha256": "{}"}}}})",
                          list.empty() ? "" : ",", file, std::string(64, '0'));
    }
    return choose_pypi_archive("{\"files\": [" + list + "]}", "a.B", "1.0+x", machine,
                               "http://h/s/a-b/")
        .file;
  };
  const std::string any = "a_b-1.0+x-py3-none-any.whl";
  const std::string arm = "a_b-1.0+x-cp312-cp312-manylinux_2_17_aarch64.whl";
  const std::string intel = "a_b-1.0_x-cp312-cp312-manylinux_2_17_x86_64.whl";
  EXPECT_EQ(chosen({intel, any, "a-b-1.0+x.tar.gz"}, "x86_64"), any);
  EXPECT_EQ(chosen({intel, "a-b-1.0+x.tar.gz", arm}, "x86_64"), "a-b-1.0+x.tar.gz");
  EXPECT_EQ(chosen({arm, intel}, "x86_64"), intel);
  EXPECT_EQ(chosen({arm, intel}, "aarch64"), arm);
  EXPECT_EQ(pypi_name("A__b.-C"), "a-b-c");
  EXPECT_EQ(resolve_reference("https://h:1/s/p/", "../../f/x.whl#sha256=0"), "https://h:1/f/x.whl");
  EXPECT_EQ(resolve_reference("https://h/s/p/", "/f/x"), "https://h/f/x");
  EXPECT_EQ(resolve_reference("https://h/s/p/", "//g/x"), "https://g/x");
  EXPECT_EQ(resolve_reference("https://h/s/p/", "http://g/x"), "http://g/x");
}

}  // namespace data_pypi_test
}  // namespace convoy
