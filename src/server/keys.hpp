#pragma once
// CURVE keys (curvezmq.org) of the servers' connections, in Z85 (40 characters).
#include <string>
#include <string_view>

#include "convoy/comm/secret.hpp"

namespace convoy::server {

struct CurveKeys {
  std::string public_key;
  std::string secret_key;
};

/// The same for all who know the job's secret: by them workers and servers recognise each other.
/// `role`: "worker" or "server".
CurveKeys derived_keys(const Secret& secret, std::string_view role);
/// New ones. Throws IoError where libzmq was built without CURVE.
CurveKeys random_keys();

}  // namespace convoy::server
