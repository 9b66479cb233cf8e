#include "core/kernel_info.hpp"

#include <fmt/format.h>

#include "core/kernel_probe.hpp"
#include "core/machine.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

std::string text_in(const Json& info, const char* key) {
  const auto found = info.find(key);
  return found != info.end() && found->is_string() ? found->get<std::string>() : "unknown";
}

std::string worker_of(const Json& info) {
  return fmt::format("worker {} ({})", info.value("worker", 0), text_in(info, "host"));
}

std::string kernel_traits_of(const Json& info) {
  return fmt::format("{}, {}, libtorch {}", text_in(info, "cpu"), text_in(info, "isa"),
                     text_in(info, "libtorch"));
}

bool has_least_isa(const Json& info) {
  return text_in(info, "isa") == "avx2" && info.value("pinned", false);
}

std::string kernel_advice(const Json& info, const Json& first) {
  if (text_in(info, "libtorch") != text_in(first, "libtorch"))
    return "run them with the same libtorch";
  if (text_in(info, "settings") != text_in(first, "settings"))
    return fmt::format("their settings of libtorch differ: {} and {}", text_in(info, "settings"),
                       text_in(first, "settings"));
  if (!has_least_isa(info) || !has_least_isa(first)) return "set CONVOY_ISA=avx2 on all";
  return "take CPUs of one kind, or a strategy that does not promise the same bits";
}

}  // namespace

Json kernels_json(const Kernels& kernels) {
  return {{"cpu", kernels.cpu},
          {"isa", kernels.isa},
          {"libtorch", kernels.libtorch},
          {"kernels", kernels.digest}};
}

std::string kernel_info(int worker) {
  const Kernels own = kernels();
  Json info = kernels_json(own);
  info["worker"] = worker;
  info["host"] = host_name();
  info["pinned"] = own.pinned;
  info["settings"] = kernel_settings();
  return info.dump();
}

std::string kernel_difference(const std::string& info_text, const std::string& first_text) {
  const Json info = Json::parse(info_text);
  const Json first = Json::parse(first_text);
  if (text_in(info, "kernels") == text_in(first, "kernels") &&
      text_in(info, "libtorch") == text_in(first, "libtorch"))
    return {};
  return fmt::format("{} computes other bits than {}: {} and {}; {}", worker_of(info),
                     worker_of(first), kernel_traits_of(info), kernel_traits_of(first),
                     kernel_advice(info, first));
}

std::string kernel_difference_to(const Json& kept) {
  if (!kept.is_object()) return {};
  const Json own = kernels_json(kernels());
  if (text_in(kept, "kernels") == text_in(own, "kernels") &&
      text_in(kept, "libtorch") == text_in(own, "libtorch"))
    return {};
  return fmt::format(
      "was written with {}, and this is {}, which computes other bits: the result "
      "may differ from here on",
      kernel_traits_of(kept), kernel_traits_of(own));
}

}  // namespace convoy
