#pragma once
// How a page is put together from its skeleton and its data.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace convoy::page {

/// JSON that may stand inside <script>: without '<' nothing in it can end the element or open a
/// comment.
std::string json_for_script(const nlohmann::ordered_json& json);

std::string escape_html(std::string_view text);

/// Each {{name}} of the text, a page's skeleton, becomes its part. One pass: what is put in is not
/// looked at again.
std::string fill(std::string_view text,
                 const std::function<std::string(std::string_view name)>& part);

}  // namespace convoy::page
