#include "convoy/report/html.hpp"

#include <array>

#include "convoy/core/file.hpp"
#include "report/page_assets.hpp"
#include "report/page_parts.hpp"
#include "report/run_data.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

std::string title_of(const Json& record) {
  const Json& summary = record.at("summary");
  const auto name = summary.find("name");
  const bool named =
      name != summary.end() && name->is_string() && !name->get<std::string>().empty();
  return named ? name->get<std::string>() : record.at("folder").get<std::string>();
}

std::string make_page(const Json& record) {
  return page::fill(page::skeleton, [&](std::string_view name) -> std::string {
    if (name == "title") return page::escape_html(title_of(record));
    if (name == "data") return page::json_for_script(record);
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
  write_file_atomically(run / "report.html", make_page(read_run_data(run)));
}

}  // namespace convoy
