// In exported C, what turns a text into the network's input: NAME_encode(text, input) writes the ids of
// its first L characters and 0 behind its end, as Alphabet::encode does (data/alphabet.h).
#pragma once

#include <string>

namespace weft {

std::string c_encode_prototype(const std::string& name);
/// The function. `alphabet`: as data.alphabet; empty: of bytes.
std::string c_encode(const std::string& name, const std::string& alphabet, int64_t length);

}  // namespace weft
