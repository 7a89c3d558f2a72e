// measured_device: the current's ends first, then what hangs together with them.
#include "train/export/circuit/measured_device.h"

#include <cctype>
#include <iterator>
#include <set>

#include "engine/error.h"
#include "train/export/circuit/reserved.h"

namespace weft {
namespace {

/// "vgs" -> {"g", "s"}
std::optional<std::pair<std::string, std::string>> ends_of(const std::string& column) {
  const std::string name = lower_case(column);
  const auto letter = [&](size_t i) { return std::isalpha(static_cast<unsigned char>(name[i])); };
  if (name.size() != 3 || name[0] != 'v' || !letter(1) || !letter(2) || name[1] == name[2])
    return {};
  return std::pair{name.substr(1, 1), name.substr(2, 1)};
}

/// Leaves the voltages that a chain of voltages leads from to `terminal`.
void keep_joined(MeasuredDevice* device, const std::string& terminal) {
  std::set<std::string> reached{terminal};
  for (size_t before = 0; before < reached.size();) {
    before = reached.size();
    for (const auto& [column, ends] : device->voltages)
      if (reached.count(ends.first) + reached.count(ends.second) == 1)
        reached.insert({ends.first, ends.second});
  }
  for (auto at = device->voltages.begin(); at != device->voltages.end();)
    at = reached.count(at->second.first) > 0 ? std::next(at) : device->voltages.erase(at);
}

std::vector<std::string> terminals_of(const MeasuredDevice& device,
                                      const LearnedFromData& learned) {
  std::string letters;
  for (const LearnedColumn& column : learned.columns)
    if (const auto at = device.voltages.find(column.name); at != device.voltages.end())
      for (const std::string& end : {at->second.first, at->second.second})
        if (letters.find(end) == std::string::npos) letters += end;
  for (const std::string usual : {"dgsb", "cbes"})
    if (letters.find_first_not_of(usual) == std::string::npos) {
      std::string ordered;
      for (const char c : usual)
        if (letters.find(c) != std::string::npos) ordered += c;
      letters = ordered;
      break;
    }
  std::vector<std::string> out;
  for (const char c : letters) out.emplace_back(1, c);
  return out;
}

}  // namespace

std::optional<MeasuredDevice> measured_device(const LearnedFromData& learned,
                                              const TaskSpec& spec) {
  const std::string y = lower_case(spec.column);
  if (y.size() != 2 || y[0] != 'i') return {};
  MeasuredDevice out;
  out.plus = y.substr(1);
  std::string to;  // the column that says where the current flows to
  for (const LearnedColumn& column : learned.columns) {
    const auto ends = ends_of(column.name);
    if (!ends) continue;
    out.voltages[column.name] = *ends;
    if (ends->first != out.plus) continue;
    if (!to.empty() && out.minus != ends->second)
      throw ConfigError(fmt::format(
          "export: column '{}' and column '{}' leave open to which terminal '{}' flows from {}: "
          "train on one of them in data.columns, and on a voltage from its other end",
          to, column.name, spec.column, out.plus));
    to = column.name;
    out.minus = ends->second;
  }
  if (to.empty()) return {};
  if (spec.unit.empty())
    throw ConfigError(fmt::format(
        "export: task '{0}' has no unit, and a circuit's currents are in A: task.{0}.unit = \"A\" "
        "in the run file says that they are, task.{0}.scale brings them there",
        spec.name));
  if (spec.unit != "A")
    throw ConfigError(fmt::format(
        "export: task '{0}' is in {1}, and a circuit's currents are in A: task.{0}.scale and unit "
        "bring them there",
        spec.name, spec.unit));
  keep_joined(&out, out.plus);
  out.terminals = terminals_of(out, learned);
  return out;
}

}  // namespace weft
