// Which tasks pull against each other, as SVG: the cosines between their gradients, stage by stage.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weft {

/// A square a stage, rows and columns are tasks: red where a cosine is below 0, blue above.
/// cosines[stage][K K]; absent: an empty cell.
std::string draw_cosines(const std::vector<std::string>& tasks,
                         const std::vector<std::string>& stages,
                         const std::vector<std::vector<std::optional<double>>>& cosines);

}  // namespace weft
