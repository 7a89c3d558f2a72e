// The study file's keys, once, and what must fit together.
#include <algorithm>
#include <filesystem>
#include <set>

#include "engine/error.h"
#include "train/run_file/tasks.h"
#include "train/run_file/toml/nearest.h"
#include "train/run_file/toml/printer.h"
#include "train/run_file/toml/toml_document.h"
#include "train/study/grid.h"

namespace weft {
void visit_fields(FieldVisitor& v, StudySet& s) {
  v.field("name", s.name, {"of its folder and of its tables", "must be given"});
  v.field("run", s.run, {"the run file", "must be given"});
  v.field("settings", s.settings, "overrides of the run file, \"data.batch=8\"");
}

void visit_fields(FieldVisitor& v, StudyMethod& m) {
  v.field("name", m.name, {"of its folder and of its column in tables", "must be given"});
  v.choice("sharing", m.sharing, {"the run files' sharing", "name"});
  v.field("settings", m.settings, "overrides of every set's run file");
  v.field("trials", m.trials, "lists of overrides to choose from, as many for each method");
}

void visit_fields(FieldVisitor& v, Study& study) {
  v.field("name", study.name, {"letters, digits, '-', '.' and '_'", "the file's name"});
  v.field("out", study.out, {"folder of the cells and tables", "runs/out/NAME"});
  v.field("seeds", study.seeds, "each makes a run of every method on every set");
  v.field("trial_seeds", study.trial_seeds, "how many of the seeds trials are compared on");
  v.field("parallel", study.parallel, "cells side by side; 0: as many as there is room for");
  v.field("threads", study.threads, "of each cell");
  v.choice("device", study.device, {"where cells run", "the run files'"});
  v.choice("grid_as", study.grid_as,
           "whether [grid] makes rows, or numbered trials: append to the first list, or a new out");
  v.list("set", study.sets, "a run file with its data, tasks and schedule, for all methods");
  v.list("method", study.methods, "what a method changes in every set's run file");
}

std::vector<KeyGroup> study_groups() {
  Study study;
  std::vector<KeyGroup> groups = key_groups("study", "at the top of a study file, before any table",
                                            [&](FieldVisitor& v) { visit_fields(v, study); });
  groups.push_back(
      {"grid",
       "[grid]",
       "Values of any keys of the run file, of which all combinations are run. Trials are "
       "numbered: "
       "append to the first list alone, or start a new out.",
       {{"grid.KEY", "list of values", "", "of a key: policy.sharing = [0.1, 0.5]", "", "", {}}}});
  return groups;
}

namespace {

class Checker {
 public:
  Checker(const Study& study, const std::map<std::string, std::string>& places)
      : study_(study), places_(places) {}

  void check() const {
    require(plain_name(study_.name), "name",
            fmt::format("is \"{}\"; it names a folder: {}", study_.name, plain_letters));
    require(!study_.seeds.empty(), "seeds", "is empty; give each its number, such as [1, 2, 3]");
    for (int64_t seed : study_.seeds) {
      require(seed >= 0, "seeds", fmt::format("has {}; a seed is at least 0", seed));
      require(std::count(study_.seeds.begin(), study_.seeds.end(), seed) == 1, "seeds",
              fmt::format("has {} twice", seed));
    }
    const int seeds = static_cast<int>(study_.seeds.size());
    require(study_.trial_seeds >= 1 && study_.trial_seeds <= seeds, "trial_seeds",
            fmt::format("is {}; it is 1 to {}, the number of seeds", study_.trial_seeds, seeds));
    require(study_.parallel >= 0, "parallel",
            fmt::format("is {}; 0 means as many as there is room for", study_.parallel));
    require(study_.threads >= 1, "threads", fmt::format("is {}; it is at least 1", study_.threads));
    require(!study_.sets.empty(), "set", "is missing; a study has at least one [[set]]");
    require(!study_.methods.empty(), "method", "is missing; a study has at least one [[method]]");
    names("set", study_.sets);
    names("method", study_.methods);
    for (const StudySet& set : study_.sets)
      require(!set.run.empty(), "set." + set.name + ".run", "is missing: the set's run file");
    for (const StudyMethod& method : study_.methods) {
      const size_t first = study_.trials(), own = method.trials.size();
      require(own == first, "method." + method.name + ".trials",
              fmt::format("has {} settings to try, and method '{}' {}; every method gets as many",
                          own, study_.methods[0].name, first));
    }
  }

  Sharing sharing_of(const StudyMethod& method) const {
    if (method.sharing) return *method.sharing;
    const auto table = words_of(Sharing{});
    const Words words(table.begin(), table.end());
    const std::string key = "method." + method.name + ".sharing";
    require(std::find(words.begin(), words.end(), method.name) != words.end(), key,
            fmt::format("is the method's name, \"{}\"; it is one of {}; did you mean \"{}\"?",
                        method.name, fmt::join(words, ", "), nearest(method.name, words)));
    return from_word<Sharing>("sharing", method.name);
  }

 private:
  /// Where the key stands, or what would hold it.
  std::string place(std::string key) const {
    for (; !key.empty(); key.resize(key.find_last_of('.') == key.npos ? 0 : key.find_last_of('.')))
      if (const auto found = places_.find(key); found != places_.end()) return found->second;
    return study_.source;
  }
  void require(bool ok, const std::string& key, const std::string& message) const {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", place(key), key, message));
  }
  template <class Item>
  void names(const std::string& list, const std::vector<Item>& items) const {
    std::set<std::string> seen;
    for (const Item& item : items) {
      const std::string key = list + "." + item.name;
      require(plain_name(item.name), key,
              fmt::format("has the name \"{}\"; it names a folder: {}", item.name, plain_letters));
      require(seen.insert(item.name).second, key, "is there twice; give each its name");
    }
  }

  const Study& study_;
  const std::map<std::string, std::string>& places_;
};

}  // namespace

Study parse_study_text(const std::string& text, const std::string& source) {
  Study study;
  study.source = source;
  TomlDocument document(text, source);
  const std::vector<ValueList> grid = document.take_lists("grid");
  const auto places = document.read([&](FieldVisitor& v) { visit_fields(v, study); });
  if (study.name.empty()) study.name = std::filesystem::path(source).stem().string();
  if (study.out.empty()) study.out = "runs/out/" + study.name;
  const Checker checker(study, places);
  checker.check();
  for (StudyMethod& method : study.methods) method.sharing = checker.sharing_of(method);
  expand_grid(study, grid);
  return study;
}

std::string print_study(const Study& study) {
  Study copy = study;
  return toml_text([&](FieldVisitor& v) { visit_fields(v, copy); });
}

Study parse_study_file(const std::string& path) {
  return parse_study_text(read_toml_text(path, "study file"), path);
}

}  // namespace weft
