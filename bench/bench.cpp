// Arguments: --name value.
#include "bench/bench.h"

#include <sstream>

#include "engine/error.h"

namespace weft::bench {

Arguments::Arguments(int argc, char** argv) {
  for (int i = 0; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--quick") {
      values_["quick"] = "1";
      --i;
      continue;
    }
    if (name.rfind("--", 0) != 0 || i + 1 >= argc)
      throw ConfigError(fmt::format("expected --name value, got '{}'", name));
    values_[name.substr(2)] = argv[i + 1];
  }
}

int64_t Arguments::number(const std::string& name, int64_t otherwise) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return otherwise;
  try {
    return std::stoll(it->second);
  } catch (const std::exception&) {
    throw ConfigError(fmt::format("--{} is a number, not '{}'", name, it->second));
  }
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto it = values_.find(name);
  return it == values_.end() ? otherwise : it->second;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

}  // namespace weft::bench
