// What is special to etcd: its loss, its guards, and what strangers may write there.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "comm/rendezvous/etcd_client.hpp"
#include "comm/rendezvous/etcd_seal.hpp"
#include "comm/rendezvous/etcd_store.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/base64.hpp"
#include "core/temporary_folder.hpp"
#include "unit/etcd_support.hpp"
#include "unit/rendezvous_support.hpp"

namespace convoy {
namespace store_etcd_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::unique_ptr<Store> open(const std::string& url, Store::Duration patience = 30s) {
  return open_store(url, secret, patience);
}

// Somebody who may use etcd but does not know the secret.
etcd::Client stranger(const EtcdServer& server) {
  return etcd::Client(etcd::options_of(server.endpoint(), false, 30s));
}

std::int64_t count_of_keys(etcd::Client& client) {
  const Json all = {{"key", encode_base64("convoy/")},
                    {"range_end", encode_base64("convoy0")},
                    {"count_only", true}};
  return std::stoll(client.call("/v3/kv/range", all).value("count", "0"));
}

TEST(Etcd, KilledAndStartedAnewItGoesOn) {
  EtcdServer server;
  const auto store = open(server.url());
  auto waiting = std::async(std::launch::async, [&] { return store->get("late", 60s); });
  std::atomic<int> acknowledged{0};
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; !enough; ++n, ++acknowledged) store->set(fmt::format("{}/{}", i, n), "");
    });
  }
  for (int restart = 0; restart < 2; ++restart) {
    for (const int before = acknowledged; acknowledged < before + 10;)
      std::this_thread::sleep_for(1ms);
    server.kill();
    EXPECT_THROW(store->get("never", 20ms), TimeoutError) << "its own time counts";
    server.start();
  }
  for (const int before = acknowledged; acknowledged < before + 10;)
    std::this_thread::sleep_for(1ms);
  enough = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(store->list("").size(), static_cast<std::size_t>(acknowledged));
  open(server.url())->set("late", "here");
  EXPECT_EQ(waiting.get(), "here");

  const auto impatient = open(server.url(), 100ms);
  server.kill();
  EXPECT_THAT(message_of<PeerError>([&] { impatient->set("key", "value"); }),
              HasSubstr("no etcd at etcd://127.0.0.1:"));
  auto setting = std::async(std::launch::async, [&] { store->set("key", "value"); });
  EXPECT_EQ(setting.wait_for(30ms), std::future_status::timeout);
  store->interrupt();
  EXPECT_THROW(setting.get(), PeerError);
}

TEST(Etcd, EachEndpointIsTried) {
  const EtcdServer server;
  const std::string dead = fmt::format("127.0.0.1:{}", free_port());
  const auto store = open(fmt::format("etcd://{},{}/job", dead, server.endpoint()));
  store->set("key", "value");
  EXPECT_EQ(open(server.url() + "/job")->get("key", 0ms), "value");
  EXPECT_THROW(open("etcd://" + dead, 50ms), PeerError);
}

TEST(Etcd, JobsDoNotMeetAndStrangersFeedNobody) {
  const EtcdServer server;
  const auto store = open(server.url() + "/job");
  store->set("key", "value");
  EXPECT_EQ(open(server.url() + "/other")->get_if_present("key"), std::nullopt);
  EXPECT_EQ(open_store(server.url() + "/job", other_secret, 30s)->get_if_present("key"),
            std::nullopt);

  auto client = stranger(server);
  const etcd::Seal seal(secret, "job");
  const Json forged = {{"key", encode_base64(seal.name_of("key"))},
                       {"value", encode_base64("forged")}};
  client.call("/v3/kv/put", forged);
  EXPECT_THAT(message_of<AuthenticationError>([&] { store->get("key", 1s); }),
              AllOf(HasSubstr("'key'"), HasSubstr("not written by a worker of this job")));
  EXPECT_THROW(store->get_if_present("key"), AuthenticationError);
  EXPECT_THROW(store->compare_set("key", "", "mine"), AuthenticationError);
  EXPECT_THROW(store->list("k"), AuthenticationError);
  store->set("key", "again");
  EXPECT_EQ(store->get("key", 1s), "again");
  auto waiting = std::async(std::launch::async, [&] { return store->get("late", 30s); });
  EXPECT_EQ(waiting.wait_for(30ms), std::future_status::timeout);
  client.call("/v3/kv/put",
              {{"key", encode_base64(seal.name_of("late"))}, {"value", encode_base64("forged")}});
  EXPECT_THROW(waiting.get(), AuthenticationError);
}

TEST(Etcd, PiecesOfLongValues) {
  const EtcdServer server;
  const auto store = open(server.url() + "/job");
  auto client = stranger(server);
  const std::string value(2'000'000, 'x');
  for (int i = 0; i < 3; ++i) store->set("key", value + std::to_string(i));
  EXPECT_EQ(count_of_keys(client), 1 + 4) << "those of the values before are gone";
  EXPECT_TRUE(store->compare_set("key", "no", value) == value + "2");
  EXPECT_TRUE(store->compare_set("key", value + "2", value) == value);
  EXPECT_EQ(count_of_keys(client), 1 + 4);
  store->set("key", "short");
  EXPECT_EQ(count_of_keys(client), 1);
  store->set("key", value);
  store->delete_key("key");
  EXPECT_EQ(count_of_keys(client), 0);

  store->set("key", value);
  const etcd::Seal seal(secret, "job");
  const std::string pieces = seal.prefix() + "p/";
  client.call("/v3/kv/deleterange",
              {{"key", encode_base64(pieces)}, {"range_end", encode_base64(etcd::end_of(pieces))}});
  EXPECT_THAT(message_of<Error>([&] { store->get("key", 1s); }), HasSubstr("are gone"));
}

TEST(Etcd, UserAndPassword) {
  const EtcdServer server;
  auto client = stranger(server);
  client.call("/v3/auth/user/add", {{"name", "root"}, {"password", "the password"}});
  client.call("/v3/auth/user/grant", {{"user", "root"}, {"role", "root"}});
  const Variable user("CONVOY_ETCD_USER", "root");
  {
    const Variable password("CONVOY_ETCD_PASSWORD", "the password");
    open(server.url())->set("before", "auth was enabled");
    client.call("/v3/auth/enable", Json::object());
    const auto store = open(server.url());
    store->set("key", "value");
    EXPECT_EQ(store->get("key", 1s), "value");
    auto waiting = std::async(std::launch::async, [&] { return store->get("late", 30s); });
    EXPECT_EQ(waiting.wait_for(30ms), std::future_status::timeout);
    store->set("late", "here");
    EXPECT_EQ(waiting.get(), "here");
  }
  const Variable wrong("CONVOY_ETCD_PASSWORD", "a guess");
  EXPECT_THAT(message_of<AuthenticationError>([&] { open(server.url()); }),
              AllOf(HasSubstr("refused us"), ::testing::Not(HasSubstr("a guess"))));
  const Variable nobody("CONVOY_ETCD_USER", "");
  EXPECT_THROW(open(server.url()), AuthenticationError);
}

TEST(Etcd, AnotherServiceIsToldApart) {
  const RendezvousServer rendezvous({"127.0.0.1", 0, secret, {}});
  EXPECT_THROW(open(fmt::format("etcd://127.0.0.1:{}", rendezvous.port()), 100ms), Error);
}

// A certificate that is its own CA, for 127.0.0.1; its files are FOLDER/NAME.crt and .key.
void make_certificate(const std::filesystem::path& folder, const std::string& name) {
  const std::string file = (folder / name).string();
  ASSERT_EQ(std::system(fmt::format("openssl req -x509 -newkey ec -pkeyopt "
                                    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={0} "
                                    "-addext subjectAltName=IP:127.0.0.1 -keyout {1}.key "
                                    "-out {1}.crt 2>/dev/null",
                                    name, file)
                            .c_str()),
            0);
}

TEST(Etcd, Tls) {
  const TemporaryFolder folder;
  for (const char* name : {"server", "client", "other"}) make_certificate(folder.path(), name);
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  // Its gateway calls itself as a client, with the server's certificate.
  std::ofstream(file("trusted.crt"))
      << read_text_file(file("client.crt")) << read_text_file(file("server.crt"));
  const EtcdServer server(true,
                          {"--cert-file=" + file("server.crt"), "--key-file=" + file("server.key"),
                           "--client-cert-auth=true", "--trusted-ca-file=" + file("trusted.crt")});
  const Variable ca("CONVOY_ETCD_CA", file("server.crt"));
  const Variable certificate("CONVOY_ETCD_CERT", file("client.crt"));
  const Variable key("CONVOY_ETCD_KEY", file("client.key"));
  const auto store = open(server.url());
  store->set("key", "value");
  EXPECT_EQ(store->get("key", 1s), "value");
  auto waiting = std::async(std::launch::async, [&] { return store->get("late", 30s); });
  EXPECT_EQ(waiting.wait_for(30ms), std::future_status::timeout);
  store->set("late", "here");
  EXPECT_EQ(waiting.get(), "here");

  EXPECT_THAT(message_of<PeerError>([&] { open("etcd://" + server.endpoint(), 50ms); }),
              HasSubstr("does it want TLS (etcds://)?"));
  {
    const Variable wrong("CONVOY_ETCD_CA", file("other.crt"));
    EXPECT_THROW(open(server.url()), AuthenticationError);
    const Variable missing("CONVOY_ETCD_CA", file("none.crt"));
    EXPECT_THAT(message_of<InputError>([&] { open(server.url()); }), HasSubstr("CONVOY_ETCD_CA="));
  }
  // Whether etcd's word reaches us before it hangs up is chance.
  const auto refused = HasSubstr("CONVOY_ETCD_CERT");
  {
    const Variable wrong_certificate("CONVOY_ETCD_CERT", file("other.crt"));
    EXPECT_THROW(open(server.url()), InputError) << "not of this key";
    const Variable wrong_key("CONVOY_ETCD_KEY", file("other.key"));
    EXPECT_THAT(message_of<Error>([&] { open(server.url(), 50ms); }), refused);
  }
  const Variable no_certificate("CONVOY_ETCD_CERT", "");
  EXPECT_THAT(message_of<InputError>([&] { open(server.url()); }), HasSubstr("belong together"));
  const Variable no_key("CONVOY_ETCD_KEY", "");
  EXPECT_THAT(message_of<Error>([&] { open(server.url(), 50ms); }), refused);
}

}  // namespace store_etcd_test
}  // namespace convoy
