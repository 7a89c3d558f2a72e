// What a run folder's lines and measurements are written as and read from: JSON objects that are
// sealed (json_text.h), so that a flipped bit is an error that names file and line, and read as
// strictly as a run file. The records themselves: run_folder.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/run_folder/run_folder.h"

namespace weft {

std::string to_line(const MetricsLine& line);
std::string to_line(const SearchLine& line, const std::vector<std::string>& tasks);
std::string to_line(const BalanceLine& line, const std::vector<std::string>& tasks);
std::string to_text(const Measured& measured);

/// Of a line of metrics.jsonl, search.jsonl or balance.jsonl: its run step, and whether it is of the final test.
std::pair<int64_t, bool> place_of_line(const std::string& line, const std::string& path,
                                       size_t number);

/// Only what is not there is absent; what cannot be looked at is an error.
bool is_there(const std::string& path);

}  // namespace weft
