// A study in its folder. Run files are copied word by word: with their keys resolved, a method's settings
// would no longer change what follows from them.
#include <filesystem>

#include "io/files.h"
#include "train/study/study.h"

namespace weft {
namespace {

/// By its own name, which a run takes that has none.
std::string kept_run(const StudySet& set) {
  return set.name + "/" + std::filesystem::path(set.run).filename().string();
}

}  // namespace

void keep_study(const Study& study) {
  Study kept = study;
  kept.out.clear();  // where it lies
  for (StudySet& set : kept.sets) {
    const std::string text = read_text(set.run);
    set.run = kept_run(set);
    make_folder(study.out + "/" + set.name);
    write_file(study.out + "/" + set.run, text);
  }
  write_file(study.out + "/study.toml", print_study(kept));
}

bool keeps_study(const std::string& folder) {
  return std::filesystem::exists(folder + "/study.toml");
}

Study kept_study(const std::string& folder) {
  Study study = parse_study_file(folder + "/study.toml");
  study.out = folder;
  for (StudySet& set : study.sets) set.run = folder + "/" + set.run;
  return study;
}

}  // namespace weft
