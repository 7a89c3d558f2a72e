// expand_grid: combinations, the last list's value changing fastest, and what they are called.
#include "train/study/grid.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "engine/error.h"

namespace weft {
namespace {

constexpr size_t most_runs = 2000, longest_name = 200;

/// What may stand in a folder's name; one '-' for whatever else there is in a row, but for the sign of
/// 1e+20.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
    if (fits)
      out += c;
    else if (c == '+')
      continue;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

/// The last `words` words of a key: of "policy.optimizer.lr" "lr", "optimizer.lr".
std::string last_words(const std::string& key, int words) {
  size_t at = key.size();
  while (words-- > 0 && at != std::string::npos && at > 0) at = key.rfind('.', at - 1);
  return at == std::string::npos || at == 0 ? key : key.substr(at + 1);
}

/// Of each list what its key is called, so that no two are called the same.
Words names_of(const std::vector<ValueList>& grid) {
  Words names;
  for (const ValueList& list : grid) {
    std::string name;
    for (int words = 1; name != list.key; ++words) {
      name = last_words(list.key, words);
      if (std::count_if(grid.begin(), grid.end(), [&](const ValueList& other) {
            return last_words(other.key, words) == name;
          }) == 1)
        break;
    }
    names.push_back(name);
  }
  return names;
}

[[noreturn]] void refuse(const ValueList& list, const std::string& why) {
  throw ConfigError(fmt::format("{}: '{}' {}", list.place, list.key, why));
}

/// Of a setting KEY=VALUE, or of a key, its words.
Words key_words(const std::string& setting) {
  std::istringstream key(setting.substr(0, setting.find('=')));
  Words words;
  for (std::string word; std::getline(key, word, '.');) words.push_back(word);
  return words;
}

/// Whether one sets what the other does: task.*.weight is each task's, model={..} may be all of its keys.
bool overlap(const std::string& a, const std::string& b) {
  const Words x = key_words(a), y = key_words(b);
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    if (x[i] != y[i] && x[i] != "*" && y[i] != "*") return false;
  return true;
}

void check(const std::vector<ValueList>& grid) {
  for (const ValueList& list : grid) {
    for (const auto& [key, where] :
         {std::pair("seed", "the study's seeds say it"),
          {"name", "the study and its methods have it"},
          {"sharing", "each way of sharing is a [[method]] of a study file"},
          {"device", "the study's device says it"}})
      if (list.key == key) refuse(list, fmt::format("is no key of a grid: {}", where));
    for (const std::string& value : list.values)
      if (std::count(list.values.begin(), list.values.end(), value) > 1)
        refuse(list, fmt::format("has {} twice", value));
  }
}

/// A row is called by its values: nobody else may set them.
void check_swept_once(const Study& study, const std::vector<ValueList>& grid) {
  for (size_t i = 0; i < grid.size(); ++i) {
    const ValueList& list = grid[i];
    for (size_t before = 0; before < i; ++before)
      if (overlap(grid[before].key, list.key))
        refuse(list, fmt::format("sets what '{}' does ({}); one list of them has all values",
                                 grid[before].key, grid[before].place));
    for (const std::string& key : study.swept)
      if (overlap(key, list.key))
        refuse(list, fmt::format("sets what '{}' in the study's [grid] does; one list of them has "
                                 "all values",
                                 key));
    for (const StudyMethod& method : study.methods) {
      const auto check = [&](const Words& settings, const char* whose) {
        for (const std::string& setting : settings)
          if (overlap(setting, list.key))
            refuse(list, fmt::format("is set by {}method '{}' too ({}): rows are named by the "
                                     "grid's values; leave one of them out",
                                     whose, method.name, setting));
      };
      check(method.settings, "");
      for (const Words& trial : method.trials) check(trial, "a trial of ");
    }
  }
}

struct Combination {
  std::string name;  ///< "_sharing-0.1_width-0.5"
  Words settings;
};

std::vector<Combination> combinations(const std::vector<ValueList>& grid) {
  const Words names = names_of(grid);
  std::vector<Combination> all{{}};
  for (size_t i = 0; i < grid.size(); ++i) {
    std::vector<Combination> next;
    for (const Combination& before : all)
      for (const std::string& value : grid[i].values) {
        next.push_back(before);
        next.back().name += fmt::format("_{}-{}", plain(names[i]), plain(value));
        next.back().settings.push_back(grid[i].key + "=" + value);
      }
    all = std::move(next);
  }
  return all;
}

void check_size(const Study& study, const std::vector<ValueList>& grid) {
  // A number that no lists overflow.
  double runs = static_cast<double>(study.sets.size() * study.methods.size() * study.seeds.size());
  std::string factors;
  for (const ValueList& list : grid) {
    runs *= static_cast<double>(list.values.size());
    factors += fmt::format("{}{} of {}", factors.empty() ? "" : ", ", list.values.size(), list.key);
  }
  if (runs > static_cast<double>(most_runs))
    throw ConfigError(
        fmt::format("{}: the grid ({}) makes {:.0f} runs of {} method(s), {} set(s) and {} "
                    "seed(s); {} are the most",
                    grid[0].place, factors, runs, study.methods.size(), study.sets.size(),
                    study.seeds.size(), most_runs));
}

/// A run file as a study of itself.
Study study_of_run(const std::string& path) {
  const RunFile run = parse_run_file(path, {});
  Study study;
  study.source = path;
  study.name = plain(run.name) + "-sweep";
  study.out = "runs/out/" + study.name;
  study.seeds = {run.seed};
  study.sets = {{plain(run.name), path, {}}};
  study.methods = {{name_of(run.sharing), run.sharing, {}, {}}};
  return study;
}

/// `seed = [1, 2]` of a sweep.
std::vector<int64_t> seeds_of(const ValueList& list) {
  std::vector<int64_t> seeds;
  for (const std::string& text : list.values) {
    int64_t seed = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc() || end != text.data() + text.size() || seed < 0)
      refuse(list, fmt::format("has {}; a seed is a whole number, at least 0", text));
    if (std::count(seeds.begin(), seeds.end(), seed) > 0)
      refuse(list, fmt::format("has {} twice", seed));
    seeds.push_back(seed);
  }
  return seeds;
}

}  // namespace

void expand_grid(Study& study, const std::vector<ValueList>& grid) {
  if (grid.empty()) return;
  check(grid);
  check_swept_once(study, grid);
  check_size(study, grid);
  for (const ValueList& list : grid) study.swept.push_back(list.key);
  std::vector<StudyMethod> methods;
  std::set<std::string> taken;
  for (const StudyMethod& method : study.methods) {
    StudyMethod chooses = method;
    if (chooses.trials.empty()) chooses.trials = {{}};
    std::vector<Words> trials;
    for (const Combination& one : combinations(grid)) {
      for (Words trial : chooses.trials) {
        trial.insert(trial.end(), one.settings.begin(), one.settings.end());
        trials.push_back(trial);
      }
      StudyMethod row = method;
      row.name += one.name;
      row.settings.insert(row.settings.end(), one.settings.begin(), one.settings.end());
      if (study.grid_as == GridAs::trials) continue;
      if (row.name.size() > longest_name)
        throw ConfigError(fmt::format(
            "{}: the grid makes a row of a name of {} letters, which is a folder's: {}; "
            "{} are the most, so run it in parts",
            grid[0].place, row.name.size(), row.name, longest_name));
      if (!taken.insert(row.name).second)
        throw ConfigError(
            fmt::format("{}: the grid makes two rows '{}': values that differ in signs alone",
                        grid[0].place, row.name));
      methods.push_back(row);
    }
    chooses.trials = trials;
    if (study.grid_as == GridAs::trials) methods.push_back(chooses);
  }
  study.methods = methods;
}

void check_unswept(const Study& study, const Words& settings) {
  for (const std::string& setting : settings) {
    for (const char* key : {"sharing", "seed"})
      if (overlap(setting, key))
        throw ConfigError(fmt::format(
            "command line: '{}': cells are named by their method and seed; the study's file says "
            "what those are, [[method]] and seeds",
            setting));
    for (const std::string& key : study.swept)
      if (overlap(setting, key))
        throw ConfigError(
            fmt::format("command line: '{}': the grid sweeps '{}', and rows are named by its "
                        "values; change its list, or leave the setting out",
                        setting, key));
  }
}

Study swept_study(const std::string& path, const std::string& sweep) {
  TomlDocument document(read_toml_text(path, "study file"), path);
  const bool is_study = document.has("set") || document.has("method");
  Study study = is_study ? parse_study_file(path) : study_of_run(path);
  if (is_study) {  // the study's own folder has tables of other rows
    while (study.out.size() > 1 && study.out.back() == '/') study.out.pop_back();
    study.name += "-sweep";
    study.out += "-sweep";
  }
  std::vector<ValueList> grid = TomlDocument(read_toml_text(sweep, "sweep"), sweep).take_lists("");
  if (grid.empty())
    throw ConfigError(sweep + ": has no list of values, such as model.width = [0.5, 1]");
  const auto seed =
      std::find_if(grid.begin(), grid.end(), [](const ValueList& l) { return l.key == "seed"; });
  if (!is_study && seed != grid.end()) {
    study.seeds = seeds_of(*seed);
    grid.erase(seed);
  }
  expand_grid(study, grid);
  return study;
}

}  // namespace weft
