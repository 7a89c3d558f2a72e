// The checkpoints of a run folder that stay: the last ones, checkpoint.keep of them (`last` is the
// newest, `last-1` the one before it, and so on), and the best ones, eval.keep of them (`best`,
// `best-1` ..). A new one is written whole before any other is moved, so that no moment is without a
// whole one; where `last` is damaged, the one before is offered.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/run_folder/checkpoint.h"

namespace weft {

/// FOLDER/checkpoints/NAME.safetensors.
std::string checkpoint_path(const std::string& folder, const std::string& name);

/// The file of a run's network: its best where there is one, else its last; DataError without either.
std::string network_file(const std::string& folder);

/// Whether there is any to go on from.
bool has_checkpoints(const std::string& folder);

/// Where this process writes a new one of STEM, STEM-1 .., by a name that says who is at it.
std::string next_checkpoint(const std::string& folder, const std::string& stem);
/// The file at next_checkpoint() becomes number `place` of them (0: STEM itself), and those from
/// there on one more each; those from `keep` on are removed.
void insert_checkpoint(const std::string& folder, const std::string& stem, size_t place,
                       size_t keep);

/// Number and run step of each whole one, in order.
std::vector<std::pair<int64_t, int64_t>> whole_checkpoints(const std::string& folder,
                                                           const std::string& stem);
/// Those of `numbers`, which ascend, become STEM, STEM-1 ..; the others are removed.
void keep_checkpoints(const std::string& folder, const std::string& stem,
                      const std::vector<int64_t>& numbers);

/// The checkpoint to go on from (`name`: last, last-1 ..), every byte of it checked. Where it is
/// damaged or gone, the DataError names it, and the newest whole one before it with its step.
Checkpoint read_resumable(const std::string& folder, const std::string& name);

/// The newest of them in which a stage is still under way: where a finished run goes on from that is
/// given more steps. DataError where there is none.
std::string newest_unfinished(const std::string& folder);

/// After a resume from another than `last`: it is the newest now.
void make_last(const std::string& folder, const std::string& name);

/// test.json and the picture that is drawn of it: this end of the run has none.
void remove_test_record(const std::string& folder);
/// What a run's end writes of its network: it goes on, and that is not so any more.
void remove_end(const std::string& folder);

}  // namespace weft
