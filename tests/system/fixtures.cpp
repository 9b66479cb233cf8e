#include "system/fixtures.hpp"

#include <stdlib.h>

#include <fstream>
#include <random>
#include <sstream>

namespace convoy::testing {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// 12 x 12 images whose class is the brightest quadrant.
void make_split(const Workplace& place, const std::string& name, int count, unsigned seed) {
  std::mt19937 random(seed);
  std::string images = big_endian(0x803) + big_endian(count) + big_endian(12) + big_endian(12);
  std::string labels = big_endian(0x801) + big_endian(count);
  for (int i = 0; i < count; ++i) {
    const int label = static_cast<int>(random() % 4);
    labels += static_cast<char>(label);
    for (int pixel = 0; pixel < 144; ++pixel) {
      const bool bright = pixel / 12 / 6 * 2 + pixel % 12 / 6 == label;
      images += static_cast<char>(random() % 128 + (bright ? 100 : 0));
    }
  }
  place.write(name + "-images", images);
  place.write(name + "-labels", labels);
}

void make_table(const Workplace& place) {
  std::mt19937 random(5);
  std::string csv = "width,colour,weight,kind\n";
  const char* colours[] = {"red", "green", "blue"};
  for (int i = 0; i < 60; ++i) {
    const int kind = static_cast<int>(random() % 2);
    const double width = static_cast<double>(random() % 100) / 50.0 + kind;
    csv += std::to_string(width) + "," + colours[random() % 3] + "," +
           (i % 10 == 9 ? "" : std::to_string(i % 7)) + "," + (kind == 1 ? "screw" : "nail") + "\n";
  }
  place.write("table.csv", csv);
}

constexpr const char* image_job = R"(name: NAME
seed: 4
data:
  train: {features: train-images, labels: train-labels}
  test: {features: test-images, labels: test-labels}
preprocess:
  - scale: 255
MODEL
train:
  epochs: 4
  batch: 30
  lanes: 8
  optimizer: {kind: sgd, rate: 0.05, momentum: 0.9}
  checkpoint: {every: 5}
)";

constexpr const char* table_job = R"(name: table
data:
  train: table.csv
  target: kind
  test_part: 0.2
preprocess:
  - impute: {with: mean}
  - one_hot: [colour]
  - standardise
model: {kind: mlp, hidden: [8]}
train: {epochs: 5, batch: 16, lanes: 4, optimizer: {kind: adam, rate: 0.01}}
)";

std::string job_of(const std::string& name, const std::string& model) {
  std::string job = image_job;
  job.replace(job.find("NAME"), 4, name);
  job.replace(job.find("MODEL"), 5, model);
  return job;
}

}  // namespace

Workplace::Workplace() {
  make_split(*this, "train", 400, 1);
  make_split(*this, "test", 100, 2);
  make_table(*this);
  write("mlp.yaml", job_of("mlp", "model: {kind: mlp, hidden: [32]}"));
  write("cnn.yaml", job_of("cnn", "model: {kind: cnn, channels: [4], hidden: [16], dropout: 0.3}"));
  write("table.yaml", table_job);
}

void Workplace::write(const std::string& file, const std::string& content) const {
  std::ofstream(path() / file, std::ios::binary) << content;
}

std::string Workplace::read(const std::string& file) const {
  std::ifstream in(path() / file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

nlohmann::json Workplace::summary(const std::string& run) const {
  return nlohmann::json::parse(read(run + "/summary.json"));
}

}  // namespace convoy::testing
