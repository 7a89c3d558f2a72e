// The fingerprint of a data set: which samples, with which inputs and labels, in which order, so
// that a resumed run notices data that changed. Tables and image labels count by their values. Of
// files it takes the size, and the contents while all files of the set together have at most
// most_hashed_bytes; beyond that the ends of label files alone. Times and folders do not count:
// data may be copied.
#pragma once

#include "data/dataset.h"
#include "data/learned.h"

namespace weft {

inline constexpr int64_t most_hashed_bytes = int64_t{256} << 20;

/// `each`: samples to one hash; 0: as many as make at most 64 hashes. `hash_up_to`: see above.
Fingerprint fingerprint_of(const Dataset& data, int64_t each = 0,
                           int64_t hash_up_to = most_hashed_bytes);

/// The hashes of Fingerprint::samples alone, without a look at any file.
std::vector<uint64_t> sample_hashes(const Dataset& data, int64_t each);

/// In words, how the data differ from those that `was` was taken of; empty: they do not.
std::string difference(const Fingerprint& was, const Dataset& data);

}  // namespace weft
