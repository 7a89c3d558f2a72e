// DomainNet as AdaShare lays it out; see domainnet.h.
#include "data/sets/domainnet.h"

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/sets/adashare_index.h"
#include "data/sets/label_decode.h"
#include "engine/error.h"
#include "io/files.h"
#include "io/picture_io.h"

namespace weft {
namespace {

struct Line {
  std::string path;
  int label;
};

std::vector<Line> read_lines(const std::string& path) {
  std::istringstream text(read_text(path));
  std::vector<Line> lines;
  for (std::string line; std::getline(text, line);) {
    const size_t space = line.find_last_of(' ');
    Line entry{line.substr(0, std::min(space, line.size())), 0};
    std::istringstream number(space == std::string::npos ? "" : line.substr(space + 1));
    if (!(number >> entry.label)) {
      throw DataError(fmt::format("{}:{}: expected \"path class\", found \"{}\"", path,
                                  lines.size() + 1, line));
    }
    lines.push_back(std::move(entry));
  }
  return lines;
}

}  // namespace

DomainNet::DomainNet(const DataSpec& data, std::vector<TaskSpec> tasks)
    : root_(data.root), tasks_(std::move(tasks)) {
  std::map<std::string, int> task_of_domain;
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const TaskSpec& task = tasks_[k];
    if (task.kind != TaskKind::classification) {
      throw ConfigError(fmt::format("task '{}': domainnet has classification, not {}", task.name,
                                    name_of(task.kind)));
    }
    task_of_domain[task.column.empty() ? task.name : task.column] = static_cast<int>(k);
  }
  const std::string index = join_path(root_, "DomainNet.json");
  const std::vector<uint8_t> bytes = read_file(index);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) throw DataError(fmt::format("{}: is no JSON object of splits", index));
  const std::vector<Line> train = read_lines(join_path(root_, "train.txt"));
  const std::vector<Line> test = read_lines(join_path(root_, "test.txt"));
  std::map<size_t, size_t> training;  // line -> entry: train1 and train2 are parts of train
  std::map<int, int> samples_of_task;
  for (const auto& [key, domains] : json.items()) {
    const Split split = adashare_split(key, index);
    const std::vector<Line>& lines = split == Split::test ? test : train;
    for (const auto& [domain, numbers] : domains.items()) {
      const auto task = task_of_domain.find(domain);
      if (task == task_of_domain.end()) continue;
      for (const auto& number : numbers) {
        const size_t line = number.is_number_unsigned() ? number.get<size_t>() : lines.size();
        if (line >= lines.size()) {
          throw DataError(fmt::format("{}: {}.{} names line {}, of {} lines", index, key, domain,
                                      number.dump(), lines.size()));
        }
        const std::string place = fmt::format("{}: {}", root_, lines[line].path);
        decode_class(lines[line].label, tasks_[task->second], place);
        ++samples_of_task[task->second];
        if (split != Split::test && split != Split::val) {
          const auto [it, fresh] = training.emplace(line, entries_.size());
          if (!fresh) {
            entries_[it->second].split = split;
            continue;
          }
        }
        entries_.push_back({lines[line].path, lines[line].label, task->second, split});
      }
    }
  }
  for (const auto& [domain, task] : task_of_domain) {
    if (samples_of_task[task] > 0) continue;
    throw DataError(fmt::format("{}: no samples of the domain '{}' of task '{}'", index, domain,
                                tasks_[task].name));
  }
}

SampleContents DomainNet::contents(int64_t index) const {
  const Entry& entry = entries_[index];
  return {{join_path(root_, entry.path)}, {}, 0, static_cast<uint64_t>(entry.label)};
}

Sample DomainNet::load(int64_t index) const {
  const Entry& entry = entries_[index];
  const std::string path = join_path(root_, entry.path);
  Sample sample{read_image(path), std::vector<Picture>(tasks_.size())};
  sample.labels[entry.task] = scalar_picture(decode_class(entry.label, tasks_[entry.task], path));
  return sample;
}

}  // namespace weft
