// Sentences below a study's tables: how long methods trained, and which may not have converged.
#pragma once

#include <string>

#include "train/study/tables.h"

namespace weft {

std::string steps_line(const StudyResult& result);
/// A method whose validation score was least at its very last step may not have converged.
std::string converged_line(const StudyResult& result);

}  // namespace weft
