// weft's steps and the peer's, each in a process of its own: neither memory nor threads of one are
// left for the next, and a size that does not fit ends its process alone.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>

#include "bench/growth.h"
#include "engine/error.h"

namespace weft::bench {
namespace {

struct Ended {
  int code;
  std::string text;  ///< stdout and stderr
};

Ended run(const Words& words) {
  std::string line;
  for (const std::string& word : words) {
    if (word.find('\'') != std::string::npos)
      throw ConfigError(fmt::format("no quotes in arguments, please: {}", word));
    line += "'" + word + "' ";
  }
  FILE* out = popen((line + "2>&1").c_str(), "r");
  if (out == nullptr) throw UserError("cannot start another process: " + words.at(0));
  Ended ended{0, ""};
  char bytes[4096];
  for (size_t n = 0; (n = fread(bytes, 1, sizeof bytes, out)) > 0;) ended.text.append(bytes, n);
  const int status = pclose(out);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return ended;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// The number behind "name=", however many spaces lie between.
std::optional<double> behind(const std::string& line, const std::string& name) {
  const size_t at = line.find(name + "=");
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(line.c_str() + at + name.size() + 1, nullptr);
}

void tell_failure(const char* side, const Words& arguments, const Ended& ended) {
  const std::vector<std::string> lines = split(ended.text, '\n');
  fmt::print(stderr, "{} {}: ended with {}: {}\n", side, fmt::join(arguments, " "), ended.code,
             lines.empty() ? "" : lines.back());
}

}  // namespace

Costs weft_costs(const Words& arguments) {
  Words words{std::filesystem::read_symlink("/proc/self/exe").string(), "steps"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Ended ended = run(words);
  if (ended.code != 0) tell_failure("weft", arguments, ended);
  Costs costs;
  std::vector<std::string> columns;
  for (const std::string& line : split(ended.text, '\n')) {
    const auto row = words_of(line);
    if (!row.empty() && row[0] == "phase")
      columns = row;
    else if (!columns.empty() && row.size() == columns.size()) {
      const auto number = [&](const char* name) {
        const auto at = std::find(columns.begin(), columns.end(), name) - columns.begin();
        return std::stod(row.at(static_cast<size_t>(at)));
      };
      const double ms = number("median_ms");
      costs[row[0]] = {ms, number("peak_MiB"), 1e-3 * ms * number("GFLOP/s")};
    }
  }
  return costs;
}

Costs peer_costs(const std::string& python, const std::string& peer, const Words& arguments) {
  Words words{python, peer};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Ended ended = run(words);
  Costs costs;
  for (const std::string& line : split(ended.text, '\n'))
    if (const auto ms = behind(line, "median_ms"))
      costs[words_of(line).at(0)] = {*ms, behind(line, "peak_MiB").value_or(0), 0};
    else if (line.find(" failed: ") != std::string::npos)  // a phase alone; the others go on
      fmt::print(stderr, "peer {}: {}\n", fmt::join(arguments, " "), line);
  if (ended.code != 0) tell_failure("peer", arguments, ended);
  return costs;
}

std::string missing_peer(const std::string& python) {
  return run({python, "-c", "import torch"}).code == 0 ? "" : python + " has no torch";
}

std::string own_peer() { return WEFT_SOURCE_DIR "/bench/peer/adashare_torch.py"; }

}  // namespace weft::bench
