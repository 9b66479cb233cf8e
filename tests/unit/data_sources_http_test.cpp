// Files that are downloaded, from a server in this process.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "convoy/core/checksum.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/load.hpp"
#include "core/fault.hpp"
#include "data/sources/download.hpp"
#include "data_support.hpp"
#include "http_site.hpp"

namespace convoy {
namespace data_sources_http_test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::error_of;
using test::SitePage;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr DownloadPatience hasty{.tries = 3, .first_wait = 1ms, .longest_wait = 4ms, .stall = 1s};

std::string sha256_of(const std::string& text) {
  Sha256 hash;
  hash.update(test::bytes_of(text));
  return hash.finish();
}

/// A text that is not the same anywhere.
std::string long_text(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += fmt::format("{},", i * 7919);
  return text.substr(0, size);
}

class DataSourcesHttp : public ::testing::Test {
 protected:
  DataSourcesHttp() {
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
    ::setenv("NETRC", (directory_.path() / "netrc").c_str(), 1);
  }
  ~DataSourcesHttp() override {
    for (const char* name : {"CONVOY_CACHE", "no_proxy", "NETRC"}) ::unsetenv(name);
  }

  fs::path get(const std::string& path) { return download(web_download(site_.url(path)), hasty); }
  std::string content(const std::string& path) { return read_text_file(get(path)); }
  std::size_t cached_files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path() / "cache/http"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  test::Directory directory_;
  test::Site site_;
};

TEST_F(DataSourcesHttp, IsDownloadedOnceAndAskedForAfterwards) {
  site_.put("/a/x.csv", {.content = "one", .etag = "\"1\""});
  const fs::path file = get("/a/x.csv");
  EXPECT_EQ(file.filename(), "x.csv");
  EXPECT_EQ(read_text_file(file), "one");
  EXPECT_EQ(content("/a/x.csv"), "one");
  ASSERT_EQ(site_.requests().size(), 2u);
  EXPECT_EQ(site_.requests()[1].get_header_value("If-None-Match"), "\"1\"");
  site_.put("/a/x.csv", {.content = "two", .etag = "\"2\""});
  EXPECT_EQ(content("/a/x.csv"), "two");
  EXPECT_EQ(cached_files(), 2u);  // it and what is known about it
  EXPECT_NE(get("/a/x.csv?v=2"), file);
}

TEST_F(DataSourcesHttp, TheTimeOfTheLastChangeServesWhereThereIsNoTag) {
  const std::string time = "Wed, 21 Oct 2015 07:28:00 GMT";
  site_.put("/x", {.content = "one", .last_modified = time});
  get("/x");
  get("/x");
  EXPECT_EQ(site_.requests()[1].get_header_value("If-Modified-Since"), time);
  site_.put("/none", {.content = "one"});
  get("/none");
  site_.put("/none", {.content = "two"});
  EXPECT_EQ(content("/none"), "two");  // who says nothing is asked for everything
}

TEST_F(DataSourcesHttp, GoesOnWhereAConnectionWasCut) {
  const std::string text = long_text(300'000);
  site_.put("/x", {.content = text, .etag = "\"1\"", .cut_times = 2, .cut_after = 100'000});
  EXPECT_EQ(content("/x"), text);
  const auto requests = site_.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].get_header_value("Range"), "");
  EXPECT_EQ(requests[1].get_header_value("Range"), "bytes=100000-");
  EXPECT_EQ(requests[1].get_header_value("If-Range"), "\"1\"");
  EXPECT_EQ(requests[2].get_header_value("Range"), "bytes=200000-");
}

TEST_F(DataSourcesHttp, GoesOnInAnotherProcessToo) {
  const std::string text = long_text(200'000);
  const SitePage page{.content = text,
                      .last_modified = "Wed, 21 Oct 2015 07:28:00 GMT",
                      .cut_times = 3,
                      .cut_after = 50'000};
  site_.put("/x", page);
  const DownloadPatience once{.tries = 1};
  EXPECT_THAT(error_of([&] { download(web_download(site_.url("/x")), once); }),
              HasSubstr("cannot fetch: "));
  EXPECT_EQ(content("/x"), text);
  EXPECT_EQ(site_.requests()[1].get_header_value("Range"), "bytes=50000-");
  EXPECT_EQ(site_.requests()[1].get_header_value("If-Range"), page.last_modified);
}

TEST_F(DataSourcesHttp, AnotherFileMeanwhileIsTakenWhole) {
  const DownloadPatience once{.tries = 1};
  site_.put("/x", {.content = long_text(9000), .etag = "\"1\"", .cut_times = 1, .cut_after = 4000});
  error_of([&] { download(web_download(site_.url("/x")), once); });
  site_.put("/x", {.content = "a newer one", .etag = "\"2\""});
  EXPECT_EQ(content("/x"), "a newer one");
  // A weak tag does not say that the bytes are the same.
  site_.put("/y",
            {.content = long_text(9000), .etag = "W/\"1\"", .cut_times = 1, .cut_after = 4000});
  EXPECT_EQ(content("/y"), long_text(9000));
  EXPECT_EQ(site_.requests().back().get_header_value("Range"), "");
}

TEST_F(DataSourcesHttp, TriesAgainWhereThatMayHelp) {
  site_.put("/x", {.content = "there", .fail_times = 2, .fail_status = 503});
  EXPECT_EQ(content("/x"), "there");
  site_.put("/y", {.content = "there", .fail_times = 1, .fail_status = 429, .retry_after = "1"});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(content("/y"), "there");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
  site_.put("/z", {.content = "there", .fail_times = 99, .fail_status = 500});
  EXPECT_EQ(error_of([&] { get("/z"); }),
            site_.url("/z") + ": cannot fetch: the server answers 500 Internal Server Error");
  EXPECT_EQ(site_.requests().size(), 3u + 2u + 3u);
  site_.put("/w", {.content = "there", .fail_times = 9, .fail_status = 429, .retry_after = "3600"});
  EXPECT_THAT(error_of([&] { get("/w"); }),
              HasSubstr("429 Too Many Requests, try again in 3600 s"));
}

TEST_F(DataSourcesHttp, WhatIsNotThereIsAskedForOnce) {
  EXPECT_EQ(error_of([&] { get("/nothing.csv?key=secret"); }),
            site_.url("/nothing.csv") + ": the server answers 404 Not Found");
  EXPECT_EQ(site_.requests().size(), 1u);
  EXPECT_EQ(cached_files(), 0u);
}

TEST_F(DataSourcesHttp, AChecksumIsComparedAndSparesTheQuestion) {
  const std::string right = sha256_of("content");
  const std::string wrong = sha256_of("another");
  site_.put("/x", {.content = "content", .etag = "\"1\""});
  EXPECT_EQ(error_of([&] { get("/x#sha256=" + wrong); }), site_.url("/x") + ": its SHA-256 is " +
                                                              right + ", but the address says " +
                                                              wrong + "; nothing is kept");
  EXPECT_EQ(cached_files(), 0u);
  const fs::path file = get("/x#sha256=" + right);
  EXPECT_EQ(site_.requests().size(), 2u);
  site_.close();
  EXPECT_EQ(get("/x#sha256=" + right), file);
  std::ofstream(file) << "damaged";  // as long as before
  EXPECT_THAT(error_of([&] { get("/x#sha256=" + right); }), HasSubstr("cannot fetch"));
  EXPECT_THAT(error_of([&] { get("/x#sha256=123"); }), HasSubstr("64 hexadecimal digits"));
}

TEST_F(DataSourcesHttp, TheCopyServesWhileTheServerDoesNot) {
  site_.put("/x", {.content = "content", .etag = "\"1\""});
  get("/x");
  site_.put("/x", {.content = "newer", .fail_times = 99});
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(content("/x"), "content");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "convoy: " + site_.url("/x") +
                ": the server answers 503 Service Unavailable; the copy in the cache is used\n");
  site_.close();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(content("/x"), "content");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("the copy in the cache is used"));
}

TEST_F(DataSourcesHttp, RedirectsLeadToHttpOnly) {
  site_.put("/old", {.location = site_.url("/new.csv")});
  site_.put("/new.csv", {.content = "moved", .etag = "\"1\""});
  EXPECT_EQ(content("/old"), "moved");
  for (const std::string& target :
       {std::string("file:///etc/passwd"), std::string("ftp://127.0.0.1/x"),
        std::string("http://user:hidden@") + site_.host() + "/new.csv"}) {
    site_.put("/away", {.location = target});
    EXPECT_THAT(error_of([&] { get("/away"); }),
                AllOf(HasSubstr("/away: cannot fetch: "), Not(HasSubstr("hidden"))))
        << target;
  }
  site_.put("/round", {.location = site_.url("/round")});
  EXPECT_THAT(error_of([&] { get("/round"); }), HasSubstr("redirect"));
}

TEST_F(DataSourcesHttp, OneDownloadsAndTheOthersWait) {
  site_.put("/x", {.content = long_text(100'000), .etag = "\"1\"", .milliseconds = 300});
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(content("/x") == long_text(100'000) ? 0 : 1);
    children.push_back(child);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] { EXPECT_EQ(content("/x"), long_text(100'000)); });
  for (std::thread& thread : threads) thread.join();
  for (const pid_t child : children) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(site_.requests().size(), 1u);
}

TEST_F(DataSourcesHttp, PasswordsComeFromNetrcAndAreNeverPrinted) {
  site_.put("/x", {.content = "private", .password = "bWU6aGlkZGVu"});  // me:hidden
  EXPECT_EQ(error_of([&] { get("/x"); }),
            site_.url("/x") +
                ": the server answers 401 Unauthorized; a user and password for it "
                "are taken from ~/.netrc ($NETRC)");
  directory_.write("netrc", "machine 127.0.0.1 login me password hidden\n");
  EXPECT_EQ(content("/x"), "private");
  for (const std::string& userinfo : {"me:hidden@", "hidden@", "me:hid/den@", ":hidden@"}) {
    const std::string error =
        error_of([&] { web_download("http://" + userinfo + site_.host() + "/x"); });
    EXPECT_THAT(error, AllOf(HasSubstr("~/.netrc"), Not(HasSubstr("hid")), Not(HasSubstr("den@"))));
  }
}

TEST_F(DataSourcesHttp, AStalledTransferEnds) {
  site_.put("/x", {.content = long_text(1000), .stalls = true});
  const DownloadPatience once{.tries = 1, .stall = 1s};
  EXPECT_THAT(error_of([&] { download(web_download(site_.url("/x")), once); }),
              HasSubstr("cannot fetch: Timeout was reached"));
}

TEST_F(DataSourcesHttp, AFullDiskIsOneLineAndLeavesNothing) {
  site_.put("/x", {.content = long_text(1000), .etag = "\"1\""});
  {
    const ScopedFaults faults("write:enospc,path=.partial,after=1");
    try {
      get("/x");
      FAIL();
    } catch (const IoError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("No space left on device; make room, or set "
                                                "CONVOY_CACHE to another folder"),
                                      Not(HasSubstr("\n"))));
    }
  }
  EXPECT_EQ(cached_files(), 0u);
  EXPECT_EQ(content("/x"), long_text(1000));
}

TEST_F(DataSourcesHttp, ACacheThatCannotBeWrittenIsNamed) {
  ::setenv("CONVOY_CACHE", directory_.write("file", "").c_str(), 1);
  try {
    get("/x");
    FAIL();
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("set CONVOY_CACHE to a folder that can be written"));
  }
}

TEST_F(DataSourcesHttp, JobsTrainAndPredictOnAddresses) {
  std::string csv = "a,b,y\n";
  for (int i = 0; i < 50; ++i) csv += fmt::format("{},{},{}\n", i, i % 7, i % 2 ? "no" : "yes");
  site_.put("/data/t.csv", {.content = csv, .etag = "\"1\""});
  directory_.write("t.csv", csv);
  DataOptions data;
  data.target = {"y"};
  data.train.file = site_.url("/data/t.csv?token=hidden#sha256=" + sha256_of(csv));
  const Splits remote = load_splits({data, {}, 1, directory_.path()});
  data.train.file = "t.csv";
  const Splits local = load_splits({data, {}, 1, directory_.path()});
  EXPECT_EQ(remote.fingerprint, local.fingerprint);
  const auto samples = load_for_prediction(data, {.file = site_.url("/data/t.csv")}, local.fitted,
                                           directory_.path());
  EXPECT_EQ(samples->size(), 50);
  site_.put("/bad.csv", {.content = "a,b,y\n1,2\n"});
  data.train.file = site_.url("/bad.csv?token=hidden");
  EXPECT_EQ(error_of([&] {
              load_splits({data, {}, 1, directory_.path()});
            }),
            site_.url("/bad.csv") + ":2: 2 fields where 3 are expected");
}

}  // namespace data_sources_http_test
}  // namespace convoy
