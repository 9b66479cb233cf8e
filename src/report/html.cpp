#include "convoy/report/html.hpp"

#include <array>

#include "convoy/core/file.hpp"
#include "report/page_assets.hpp"
#include "report/run_record.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// JSON that may stand inside <script>: without '<' nothing in it can end the element or open a
// comment.
std::string json_for_script(const Json& json) {
  std::string result;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
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

std::string title_of(const Json& record) {
  const Json& summary = record.at("summary");
  const auto name = summary.find("name");
  const bool named =
      name != summary.end() && name->is_string() && !name->get<std::string>().empty();
  return named ? name->get<std::string>() : record.at("folder").get<std::string>();
}

// Each {{name}} of the skeleton becomes its part. One pass: what is put in is not looked at again.
std::string fill(std::string_view skeleton,
                 const std::function<std::string(std::string_view)>& part) {
  std::string page;
  for (auto at = skeleton.find("{{"); at != skeleton.npos; at = skeleton.find("{{")) {
    const auto end = skeleton.find("}}", at);
    page += skeleton.substr(0, at);
    page += part(skeleton.substr(at + 2, end - at - 2));
    skeleton.remove_prefix(end + 2);
  }
  return page += skeleton;
}

std::string make_page(const Json& record) {
  return fill(page::skeleton, [&](std::string_view name) -> std::string {
    if (name == "title") return escape_html(title_of(record));
    if (name == "data") return json_for_script(record);
    const std::array<std::pair<std::string_view, std::string_view>, 8> assets = {
        {{"style", page::style},
         {"script", page::script},
         {"charts", page::charts},
         {"details", page::details},
         {"timeline", page::timeline},
         {"uplot_style", page::uplot_style},
         {"uplot_script", page::uplot_script},
         {"uplot_licence", page::uplot_licence}}};
    for (const auto& [asset, text] : assets) {
      if (asset == name) return std::string(text);
    }
    return "";
  });
}

}  // namespace

void write_html_report(const std::filesystem::path& run) {
  write_file_atomically(run / "report.html", make_page(read_run_record(run)));
}

}  // namespace convoy
