// Declared in convoy/report/data_report.hpp.
#include "convoy/core/file.hpp"
#include "convoy/report/data_report.hpp"
#include "report/page_assets.hpp"
#include "report/page_parts.hpp"

namespace convoy {
namespace {

std::string names_of_records(const nlohmann::ordered_json& records) {
  std::string names;
  for (const auto& record : records)
    names += (names.empty() ? "" : ", ") + record.at("name").get<std::string>();
  return names;
}

}  // namespace

void write_data_page(const std::filesystem::path& file, const nlohmann::ordered_json& records) {
  const auto part = [&](std::string_view name) -> std::string {
    if (name == "title") return page::escape_html(names_of_records(records));
    if (name == "data") return page::json_for_script(records);
    if (name == "style") return std::string(page::style);
    if (name == "charts") return std::string(page::charts);
    return std::string(page::data_script);
  };
  write_file_atomically(file, page::fill(page::data_skeleton, part));
}

}  // namespace convoy
