// A program with extensions of its own: what registers itself in a source of the program is there
// for jobs as Convoy's own is.
//
//   extended JOB.yaml [replicas]
#include <convoy/core/error.hpp>
#include <convoy/data/load.hpp>
#include <convoy/job/job.hpp>
#include <convoy/model/model.hpp>
#include <convoy/schema/registry.hpp>
#include <convoy/train/trainer.hpp>
#include <cstdlib>
#include <iostream>

namespace {

// From a registration comes which file it is in; Convoy's own are in none.
void list_extensions() {
  for (const convoy::schema::AnyRegistry* registry : convoy::schema::registries()) {
    for (const convoy::schema::Registration* one : registry->registrations()) {
      if (!one->origin.empty()) std::cout << registry->noun << " " << one->name << "\n";
    }
  }
}

std::string train(const std::string& file, int replicas) {
  const convoy::Job job = convoy::load_job(file);
  const convoy::Splits data = convoy::load_splits(convoy::load_options(job));
  const convoy::DataSpec spec = data.whole_spec();
  convoy::RunOptions run;
  run.replicas = replicas;
  convoy::Trainer trainer(convoy::trainer_options(job), convoy::build_model(job.model, spec),
                          convoy::make_loss(job.loss, spec),
                          {data.train, data.validation, data.test, data.values}, run);
  return trainer.run().weights_sha256;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "extended: name a job\n";
    return 2;
  }
  try {
    list_extensions();
    const std::string digest = train(argv[1], argc > 2 ? std::atoi(argv[2]) : 1);
    std::cout << "weights_sha256 " << digest << "\n";
    return 0;
  } catch (const convoy::Error& error) {
    std::cerr << "extended: " << error.what() << "\n";
    return 1;
  }
}
