#include "convoy/data/partition/partitioner.hpp"

namespace convoy {

schema::Registry<PartitionerKind>& partitioners() {
  static schema::Registry<PartitionerKind> all("partitioner", "partitioners", "partition.by");
  return all;
}

LooksAt looks_at(const PartitionOptions& partition) {
  return partitioners().get(partition.by).looks_at;
}

std::string column_looked_at(const PartitionOptions& partition) {
  const PartitionerKind& kind = partitioners().get(partition.by);
  return kind.column ? kind.column(partition.own) : "";
}

std::optional<std::int64_t> column_parts(const PartitionOptions& partition) {
  const PartitionerKind& kind = partitioners().get(partition.by);
  if (!kind.parts) return std::nullopt;
  return kind.parts(partition.own);
}

void read_in_blocks(PartitionOptions& partition, std::int64_t block) {
  const PartitionerKind& kind = partitioners().get(partition.by);
  if (kind.read_in_blocks) kind.read_in_blocks(partition.own, block);
}

}  // namespace convoy
