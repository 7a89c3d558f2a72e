// What messages advise exists: every --flag in a string of the library is an option of the command
// line.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/source_dir.h"

namespace fs = std::filesystem;

TEST_CASE("every flag that a message names is an option", "[lint]") {
  std::set<std::string> options{"--help", "--version"}, named;
  const std::regex option("\\.add\\(\"(--[a-z-]+)\""), text("\"(?:[^\"\\\\\\n]|\\\\.)*\""),
      flag("--[a-z][a-z-]*");
  const std::regex comment("^\\s*//");
  for (const char* folder : {"engine", "ops", "models", "train"})
    for (const auto& file : fs::recursive_directory_iterator(weft::source_dir() + "/" + folder)) {
      const std::string ending = file.path().extension().string();
      if (ending != ".cpp" && ending != ".h" && ending != ".cu") continue;
      std::ifstream in(file.path());
      for (std::string line; std::getline(in, line);) {
        if (std::regex_search(line, comment)) continue;
        for (std::sregex_iterator o(line.begin(), line.end(), option), end; o != end; ++o)
          options.insert((*o)[1]);
        for (std::sregex_iterator t(line.begin(), line.end(), text), end; t != end; ++t) {
          const std::string quoted = t->str();
          for (std::sregex_iterator f(quoted.begin(), quoted.end(), flag); f != end; ++f) {
            const auto at = static_cast<size_t>(f->position());
            if (at == 1 || quoted[at - 1] != '"') named.insert(f->str());  // else a style's name
          }
        }
      }
    }
  CHECK(options.size() > 15);
  CHECK(named.size() > 10);
  for (const std::string& name : named) {
    INFO(name << " is named in a message, and is no option");
    CHECK(options.count(name) == 1);
  }
}
