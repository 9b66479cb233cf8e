// Declared in convoy/infer/predict.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/nn/module.h>
#include <torch/serialize/archive.h>

#include <sstream>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/infer/predict.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
constexpr const char* meta_key = "convoy";

torch::serialize::InputArchive open_archive(const fs::path& file) {
  const std::string content = read_text_file(file);
  torch::serialize::InputArchive archive;
  try {
    archive.load_from(content.data(), content.size());
  } catch (const c10::Error&) {
    throw InputError(fmt::format("{}: is damaged, or not a model file", file.string()));
  }
  return archive;
}

// Reads what `module` expects under its own names, and complains in the user's terms where it
// differs.
void read_module(torch::serialize::InputArchive& archive, const fs::path& file,
                 torch::nn::Module& module, const std::string& prefix) {
  const torch::NoGradGuard no_grad;
  const auto read = [&](const std::string& name, torch::Tensor& into, bool is_buffer) {
    torch::Tensor stored;
    if (!archive.try_read(name, stored, is_buffer)) {
      throw InputError(
          fmt::format("{}: holds another model: it has no {}{}", file.string(), prefix, name));
    }
    if (stored.sizes() != into.sizes()) {
      throw InputError(fmt::format("{}: holds another model: {}{} is [{}] there and [{}] here",
                                   file.string(), prefix, name, fmt::join(stored.sizes(), ", "),
                                   fmt::join(into.sizes(), ", ")));
    }
    into.copy_(stored);
  };
  for (auto& item : module.named_parameters(false)) read(item.key(), item.value(), false);
  for (auto& item : module.named_buffers(false)) read(item.key(), item.value(), true);
  for (const auto& child : module.named_children()) {
    torch::serialize::InputArchive part;
    const bool empty = child.value()->parameters().empty() && child.value()->buffers().empty();
    if (!archive.try_read(child.key(), part)) {
      if (empty) continue;  // layers without weights leave nothing in the file
      throw InputError(fmt::format("{}: holds another model: it has no {}{}", file.string(), prefix,
                                   child.key()));
    }
    read_module(part, file, *child.value(), prefix + child.key() + ".");
  }
}

// As Module::save, but every tensor has a storage of its own: the file's bytes depend on the values
// alone, not on what memory the tensors share.
void write_module(torch::serialize::OutputArchive& archive, const torch::nn::Module& module) {
  for (const auto& parameter : module.named_parameters(/*recurse=*/false))
    archive.write(parameter.key(), parameter.value().detach().clone());
  for (const auto& buffer : module.named_buffers(/*recurse=*/false))
    archive.write(buffer.key(), buffer.value().clone(), /*is_buffer=*/true);
  for (const auto& child : module.named_children()) {
    if (!child.value()->is_serializable()) continue;
    torch::serialize::OutputArchive part(archive.compilation_unit());
    write_module(part, *child.value());
    archive.write(child.key(), part);
  }
}

}  // namespace

void save_model(const fs::path& file, torch::nn::Module& module,
                const nlohmann::ordered_json& meta) {
  torch::serialize::OutputArchive archive;
  write_module(archive, module);
  archive.write(meta_key, c10::IValue(meta.dump()));
  std::string content;
  archive.save_to([&](const void* data, std::size_t size) {
    content.append(static_cast<const char*>(data), size);
    return size;
  });
  write_file_atomically(file, content);
}

nlohmann::ordered_json read_model_meta(const fs::path& file) {
  torch::serialize::InputArchive archive = open_archive(file);
  c10::IValue value;
  if (!archive.try_read(meta_key, value) || !value.isString()) {
    throw InputError(
        fmt::format("{}: was not written by Convoy: it says nothing of its job", file.string()));
  }
  auto meta =
      nlohmann::ordered_json::parse(value.toStringRef(), nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object())
    throw InputError(fmt::format("{}: its description of the job is damaged", file.string()));
  return meta;
}

void load_weights(const fs::path& file, torch::nn::Module& module) {
  torch::serialize::InputArchive archive = open_archive(file);
  read_module(archive, file, module, "");
}

}  // namespace convoy
