#include "comm/rendezvous/table.hpp"

#include <string_view>
#include <utility>

#include "convoy/core/error.hpp"

namespace convoy::rendezvous {
namespace {

// A key takes more memory than its bytes.
constexpr std::size_t entry_overhead = 128;

bool passing(std::string_view key) {
  return key.starts_with('~');
}

}  // namespace

Table::Table(const std::filesystem::path& journal) {
  journal_.emplace(journal, [&](std::string_view key, std::optional<std::string_view> value) {
    if (value)
      put(std::string(key), std::string(*value));
    else
      erase(std::string(key));
  });
  compact();
}

const std::string* Table::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void Table::set(const std::string& key, std::string value) {
  if (size_with(key, value) > max_bytes) throw InputError("the rendezvous is full (1 GiB)");
  const bool lasting = journal_ && !passing(key);
  if (lasting) journal_->set(key, value);
  put(key, std::move(value));
  if (lasting && journal_->overgrown()) try_compact();
}

bool Table::remove(const std::string& key) {
  if (find(key) == nullptr) return false;
  const bool lasting = journal_ && !passing(key);
  if (lasting) journal_->remove(key);
  erase(key);
  if (lasting && journal_->overgrown()) try_compact();
  return true;
}

// What it would be once the key has that value.
std::size_t Table::size_with(const std::string& key, const std::string& value) const {
  const std::string* before = find(key);
  return bytes_ + value.size() - (before != nullptr ? before->size() : 0) +
         (before != nullptr ? 0 : key.size() + entry_overhead);
}

void Table::put(const std::string& key, std::string value) {
  bytes_ = size_with(key, value);
  if (values_.insert_or_assign(key, std::move(value)).second) ++additions_;
}

void Table::erase(const std::string& key) {
  const auto found = values_.find(key);
  if (found == values_.end()) return;
  bytes_ -= key.size() + found->second.size() + entry_overhead;
  values_.erase(found);
}

void Table::compact() {
  journal_->rewrite([&](const Journal::Visit& visit) {
    for (const auto& [key, value] : values_)
      if (!passing(key)) visit(key, value);
  });
}

void Table::try_compact() {
  try {
    compact();
  } catch (const IoError&) {  // the change itself is safe; it is tried again later
  }
}

}  // namespace convoy::rendezvous
