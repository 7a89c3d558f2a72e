// "seg,depth" as its words: the value of options such as --task.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace weft::cli {

inline std::vector<std::string> comma_list(const std::string& list) {
  std::vector<std::string> out;
  for (size_t begin = 0; !list.empty() && begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    out.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

}  // namespace weft::cli
