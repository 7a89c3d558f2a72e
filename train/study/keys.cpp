// The groups of both files, and what stands above their tables.
#include "train/study/keys.h"

#include "train/run_file/keys.h"
#include "train/study/study.h"

namespace weft {

std::vector<KeyGroup> all_key_groups() {
  std::vector<KeyGroup> groups = run_file_groups();
  for (KeyGroup& group : study_groups()) groups.push_back(std::move(group));
  return groups;
}

std::string keys_page() {
  return R"(# Every key of the run file

Written by `weft keys --markdown > docs/run_file.md` from what reads the file (`train/run_file/keys.cpp`): change it
there. `weft keys` prints the same on a terminal, `weft keys policy` a part of it, `weft keys policy.draws` one key.

A run file is TOML; it says all of a run, and a key that is not here is an error. `[table]` stands once, `[[table]]`
as often as there are tasks or columns. On the command line a setting `KEY=VALUE` comes after the file and wins:
`policy.sharing=0.1`, `data.size=[96,128]`, `warmup.optimizer.lr=1e-3`; of a task `task.NAME.weight=2`, with its name.
A string or word needs no quotes there. `2 numbers` are written `[a, b]`, `strings` `["a", "b"]`. Defaults in `code` are
values; the others say where a value comes from. A study file (the last four tables: `study`, `[[set]]`, `[[method]]`, `[grid]`)
has keys of its own, and the run file's as settings.

)" + keys_markdown(all_key_groups());
}

}  // namespace weft
