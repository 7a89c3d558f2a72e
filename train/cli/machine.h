// The machine that weft runs on, as facts; diagnosis.h judges them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::cli {

struct Machine {
  std::string build;     ///< "weft 0.1.0: g++ 12.2.0, -march=native, CPU"
  std::string packages;  ///< what it was built with: "Eigen 3.4.0, .."

  std::string processor;            ///< its model's name
  std::vector<std::string> units;   ///< what it has, by the kernel's names; empty: unknown
  std::vector<std::string> needed;  ///< what this build needs of them
  int threads = 1;                  ///< that weft uses
  int cores = 1, logical = 1;

  int64_t memory = 0, memory_free = 0;  ///< bytes; free: what programs may still take
  bool memory_limited = false;          ///< by a container, below what the machine has
  std::string folder;                   ///< the current one
  int64_t disk_free = 0;                ///< bytes, for this user
  bool writable = true;                 ///< the folder

  bool cuda_built = false;
  std::string no_cuda;             ///< why there is no GPU to compute on; empty: there is one
  std::string gpu;                 ///< name, compute capability, memory, driver; empty: none
  std::vector<std::string> cards;  ///< NVIDIA's that the kernel shows, whatever the build
  std::string data;                ///< $WEFT_DATA; empty: not set
  bool data_there = false;         ///< it is a folder
};

Machine this_machine();

/// The value of the first "key : value" line of /proc/cpuinfo; "unknown" where there is none.
std::string cpu_field(const std::string& key);

}  // namespace weft::cli
