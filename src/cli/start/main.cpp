// `convoy`: looks whether there is a libtorch, and one that Convoy was built for, then loads the
// command (convoy_command.so), which is linked with it. Linked with neither itself, it can say in a
// line what the loader would say by a missing symbol.
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int exit_failure = 1;
constexpr int exit_wrong_input = 2;
constexpr const char* torch_file = "libtorch_cpu.so";

int complain(const std::string& message, int status) {
  std::fprintf(stderr, "convoy: %s\n", message.c_str());
  return status;
}

bool is_there(const std::string& file) {
  return ::access(file.c_str(), R_OK) == 0;
}

std::vector<std::string> parts_of(std::string_view list, char separator) {
  std::vector<std::string> parts;
  std::istringstream text{std::string(list)};
  for (std::string part; std::getline(text, part, separator);) parts.push_back(part);
  return parts;
}

struct FoundTorch {
  std::string folder;  // of libtorch_cpu.so
  bool by_variable = false;
};

// As the loader looks for what libconvoy.so is linked with: LD_LIBRARY_PATH, the folder that is
// recorded in it, then the system's.
std::optional<FoundTorch> find_torch() {
  if (const char* variable = std::getenv("LD_LIBRARY_PATH")) {
    for (const std::string& part : parts_of(variable, ':')) {
      const std::string folder = part.empty() ? "." : part;
      if (is_there(folder + "/" + torch_file)) return FoundTorch{folder, true};
    }
  }
  if (is_there(std::string(CONVOY_TORCH_LIBRARIES "/") + torch_file))
    return FoundTorch{CONVOY_TORCH_LIBRARIES};
  if (void* small = ::dlopen("libc10.so", RTLD_LAZY | RTLD_LOCAL)) {  // the whole is large
    link_map* map = nullptr;
    if (::dlinfo(small, RTLD_DI_LINKMAP, &map) == 0) {
      const std::string file = map->l_name;
      const std::string folder = file.substr(0, file.rfind('/'));
      if (is_there(folder + "/" + torch_file)) return FoundTorch{folder};
    }
  }
  return std::nullopt;
}

// The first number with dots in it, such as 2.13.0, of `text`.
std::string number_in(std::string_view text) {
  const auto begin = text.find_first_of("0123456789");
  if (begin == text.npos) return {};
  text.remove_prefix(begin);
  std::string number(text.substr(0, text.find_first_not_of("0123456789.")));
  return number.find('.') == std::string::npos ? "" : number;
}

std::string version_of_header(std::istream& header) {
  std::string parts[3];
  constexpr std::string_view names[] = {"TORCH_VERSION_MAJOR ", "TORCH_VERSION_MINOR ",
                                        "TORCH_VERSION_PATCH "};
  for (std::string line; std::getline(header, line);) {
    for (int i = 0; i < 3; ++i) {
      const auto at = line.find(names[i]);
      if (line.starts_with("#define") && at != line.npos)
        parts[i] = line.substr(at + names[i].size());
    }
  }
  return number_in(parts[0] + "." + parts[1] + "." + parts[2]);
}

// Of a wheel, an unpacked archive, or what has the headers; empty: nothing says it.
std::string version_of(const FoundTorch& torch) {
  const std::string beside = torch.folder + "/../";
  std::ifstream python(beside + "version.py");
  for (std::string line; std::getline(python, line);) {
    if (line.starts_with("__version__")) return number_in(line);
  }
  std::string line;
  if (std::ifstream archive(beside + "build-version"); std::getline(archive, line))
    return number_in(line);
  std::ifstream header(beside + "include/torch/headeronly/version.h");
  return header ? version_of_header(header) : "";
}

// Its first two numbers: libraries of other ones do not fit.
std::string minor_of(const std::string& version) {
  const std::vector<std::string> numbers = parts_of(version, '.');
  return numbers.size() < 2 ? version : numbers[0] + "." + numbers[1];
}

std::string own_folder() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0) return ".";
  const std::string file(path, static_cast<std::size_t>(length));
  return file.substr(0, file.rfind('/'));
}

std::string first_line(const char* text) {
  const std::string_view all = text == nullptr ? "unknown reason" : text;
  return std::string(all.substr(0, all.find('\n')));
}

int no_torch() {
  return complain(std::string("there is no libtorch: no ") + torch_file +
                      " in LD_LIBRARY_PATH or in " CONVOY_TORCH_LIBRARIES
                      ", where it was when Convoy was "
                      "built; put the lib folder of a libtorch " +
                      minor_of(CONVOY_BUILT_FOR) + " into LD_LIBRARY_PATH, or build Convoy anew",
                  exit_failure);
}

int another_torch(const FoundTorch& torch, const std::string& version) {
  const std::string built_for = minor_of(CONVOY_BUILT_FOR);
  return complain("libtorch " + version + " was found in " + torch.folder +
                      (torch.by_variable ? " (LD_LIBRARY_PATH)" : "") +
                      ", and Convoy was built for " + built_for + "; " +
                      (torch.by_variable ? "take that folder out of LD_LIBRARY_PATH"
                                         : "put a libtorch " + built_for + " there") +
                      ", or build Convoy with this libtorch (CONVOY_TORCH)",
                  exit_wrong_input);
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<FoundTorch> torch = find_torch();
  if (!torch) return no_torch();
  const std::string version = version_of(*torch);
  if (!version.empty() && minor_of(version) != minor_of(CONVOY_BUILT_FOR))
    return another_torch(*torch, version);
  // By itself and lazily: to look up all that it calls would take longer than to start does. And
  // what was looked at is what is loaded.
  const std::string torch_path = torch->folder + "/" + torch_file;
  if (::dlopen(torch_path.c_str(), RTLD_LAZY | RTLD_GLOBAL) == nullptr)
    return complain("libtorch cannot be loaded: " + first_line(::dlerror()), exit_failure);

  std::string command;
  for (const std::string& place : parts_of(CONVOY_COMMAND_PLACES, ':')) {
    command = own_folder() + "/" + place;
    if (is_there(command)) break;
  }
  // RTLD_GLOBAL: libtorch's MKL and what plugins are linked with is looked for among all.
  void* const library = ::dlopen(command.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr)
    return complain("the command cannot be loaded: " + first_line(::dlerror()), exit_failure);
  const auto run = reinterpret_cast<int (*)(int, char**)>(::dlsym(library, "convoy_main"));
  if (run == nullptr) return complain(command + " is no part of Convoy", exit_failure);
  return run(argc, argv);
}
