// load_pretrained: what the model wishes for, what the file has, and where the two differ.
#include "train/run_folder/pretrained.h"

#include <algorithm>
#include <limits>
#include <set>

#include "train/run_folder/checkpoint.h"

namespace weft {
namespace {

/// The torchvision name of what `name` starts from; empty: it starts at random. A task's own trunk
/// ("trunks.seg.conv1.weight") and its own copy of a trunk's last layers
/// ("heads.seg.features.24.weight") take the same tensors as what is shared.
std::string pretrained_name(const std::string& name) {
  const auto begins = [](const std::string& text, const char* with) {
    return text.rfind(with, 0) == 0;
  };
  if (begins(name, "policy.") || begins(name, "sharing.")) return "";
  const bool head = begins(name, "heads.");
  if (!head && !begins(name, "trunks.")) return name;
  const std::string own = name.substr(name.find('.', name.find('.') + 1) + 1);  // of TASK
  return !head || begins(own, "features.") ? own : "";
}

/// Of a file: what a trunk does not have, whoever wrote it.
bool beside_the_trunk(const std::string& name) {
  for (const char* begin : {"fc.", "classifier.", "heads.", "policy.", "sharing.", "optim."})
    if (name.rfind(begin, 0) == 0) return true;
  const std::string counter = ".num_batches_tracked";
  return name.size() > counter.size() &&
         name.compare(name.size() - counter.size(), counter.size(), counter) == 0;
}

struct Wish {
  std::string name, source;  ///< the model's, the file's
  const Tensor* to;
  double least;
};

class Wishes {
 public:
  Wishes(const SafetensorsFile& file, Model& model) : file_(file), tasks_(model.task_names()) {
    constexpr double any = std::numeric_limits<double>::lowest();
    for (const Parameter& p : model.store().parameters()) add(p.name, p.value, any);
    for (const NamedStats& s : model.store().stats()) {
      add(s.name + ".running_mean", s.stats.running_mean, any);
      add(s.name + ".running_var", s.stats.running_var, 0);
    }
  }
  const std::vector<Wish>& all() const { return all_; }

 private:
  void add(const std::string& name, const Tensor& to, double least) {
    const std::string theirs = pretrained_name(name);
    if (theirs.empty()) return;
    std::string source = theirs;
    // A run of the same network has it under this very name; batch norm of a task's own starts
    // from the one set: "bn1.seg.weight" from "bn1.weight".
    for (const std::string& known : {name, theirs, of_all_tasks(theirs)})
      if (file_.contains(known)) {
        source = known;
        break;
      }
    all_.push_back({name, source, &to, least});
  }
  std::string of_all_tasks(const std::string& name) const {
    const size_t last = name.rfind('.'), before = name.rfind('.', last - 1);
    if (last == std::string::npos || before == std::string::npos) return name;
    const std::string task = name.substr(before + 1, last - before - 1);
    const bool own = std::find(tasks_.begin(), tasks_.end(), task) != tasks_.end();
    return own ? name.substr(0, before) + name.substr(last) : name;
  }

  const SafetensorsFile& file_;
  std::vector<std::string> tasks_;
  std::vector<Wish> all_;
};

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

Taken load_pretrained(const std::string& path, Model& model, bool partial) {
  const SafetensorsFile file(path);
  if (file.metadata().count("format_version") != 0 && file.metadata().at("format_version") != "1")
    require_checksums(file);  // a file of ours; of others none are asked for
  const Wishes wishes(file, model);
  std::vector<std::string> missing, over;
  std::set<std::string> used;
  Taken taken;
  taken.of = static_cast<int>(wishes.all().size());
  for (const Wish& wish : wishes.all()) {
    if (!file.contains(wish.source)) {
      add_once(missing, wish.source);
      continue;
    }
    used.insert(wish.source);
    taken.tensors += !partial || fits(file, wish.source, *wish.to);
  }
  for (const std::string& name : file.names())
    if (used.count(name) == 0 && !beside_the_trunk(name)) over.push_back(name);
  if (taken.tensors == 0)
    throw DataError(fmt::format(
        "{}: holds none of the trunk's tensors{}; expected torchvision's names, such as '{}'", path,
        partial ? " in their shapes" : "", wishes.all().empty() ? "" : wishes.all()[0].source));
  if (!partial && !(missing.empty() && over.empty()))
    throw DataError(fmt::format(
        "{}: its trunk is not this network's: {} of {} tensors are there{}{}; set model.trunk and "
        "its like as they were, or take what fits with model.init_partial = true",
        path, taken.tensors, taken.of, missing.empty() ? "" : "; missing: " + a_few(missing),
        over.empty() ? "" : "; over: " + a_few(over)));
  for (const Wish& wish : wishes.all())
    if (file.contains(wish.source) && (!partial || fits(file, wish.source, *wish.to)))
      load_into(file, wish.source, model.store().context(), *wish.to, wish.least);
  return taken;
}

}  // namespace weft
