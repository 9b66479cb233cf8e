#include "report/page_parts.hpp"

namespace convoy::page {

std::string json_for_script(const nlohmann::ordered_json& json) {
  std::string result;
  for (const char c : json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

std::string escape_html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string fill(std::string_view text, const std::function<std::string(std::string_view)>& part) {
  std::string page;
  for (auto at = text.find("{{"); at != text.npos; at = text.find("{{")) {
    const auto end = text.find("}}", at);
    page += text.substr(0, at);
    page += part(text.substr(at + 2, end - at - 2));
    text.remove_prefix(end + 2);
  }
  return page += text;
}

}  // namespace convoy::page
