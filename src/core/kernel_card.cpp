#include "core/kernel_card.hpp"

#include <fmt/format.h>

#include "core/kernel_probe.hpp"
#include "core/machine.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of_card(const Json& card, const char* key) {
  const auto found = card.find(key);
  return found != card.end() && found->is_string() ? found->get<std::string>() : "unknown";
}

std::string worker_of(const Json& card) {
  return fmt::format("worker {} ({})", card.value("worker", 0), text_of_card(card, "host"));
}

std::string kernel_traits_of(const Json& card) {
  return fmt::format("{}, {}, libtorch {}", text_of_card(card, "cpu"), text_of_card(card, "isa"),
                     text_of_card(card, "libtorch"));
}

bool has_least_isa(const Json& card) {
  return text_of_card(card, "isa") == "avx2" && card.value("pinned", false);
}

std::string kernel_advice(const Json& card, const Json& first) {
  if (text_of_card(card, "libtorch") != text_of_card(first, "libtorch"))
    return "run them with the same libtorch";
  if (text_of_card(card, "settings") != text_of_card(first, "settings"))
    return fmt::format("their settings of libtorch differ: {} and {}",
                       text_of_card(card, "settings"), text_of_card(first, "settings"));
  if (!has_least_isa(card) || !has_least_isa(first)) return "set CONVOY_ISA=avx2 on all";
  return "take CPUs of one kind, or a strategy that does not promise the same bits";
}

}  // namespace

Json kernels_json(const Kernels& kernels) {
  return {{"cpu", kernels.cpu},
          {"isa", kernels.isa},
          {"libtorch", kernels.libtorch},
          {"kernels", kernels.digest}};
}

std::string kernel_card(int worker) {
  const Kernels own = kernels();
  Json card = kernels_json(own);
  card["worker"] = worker;
  card["host"] = host_name();
  card["pinned"] = own.pinned;
  card["settings"] = kernel_settings();
  return card.dump();
}

std::string kernel_difference(const std::string& card_text, const std::string& first_text) {
  const Json card = Json::parse(card_text);
  const Json first = Json::parse(first_text);
  if (text_of_card(card, "kernels") == text_of_card(first, "kernels") &&
      text_of_card(card, "libtorch") == text_of_card(first, "libtorch"))
    return {};
  return fmt::format("{} computes other bits than {}: {} and {}; {}", worker_of(card),
                     worker_of(first), kernel_traits_of(card), kernel_traits_of(first),
                     kernel_advice(card, first));
}

std::string kernel_difference_to(const Json& kept) {
  if (!kept.is_object()) return {};
  const Json own = kernels_json(kernels());
  if (text_of_card(kept, "kernels") == text_of_card(own, "kernels") &&
      text_of_card(kept, "libtorch") == text_of_card(own, "libtorch"))
    return {};
  return fmt::format(
      "was written with {}, and this is {}, which computes other bits: the result "
      "may differ from here on",
      kernel_traits_of(kept), kernel_traits_of(own));
}

}  // namespace convoy
