// A sheet of pictures in rows and columns, as one SVG that holds them all: names of the columns above,
// what is said of a row below its first picture; or, for who shows no SVG, as one picture.
#pragma once

#include <string>
#include <vector>

#include "io/picture.h"

namespace weft {

struct SheetRow {
  std::vector<Picture> pictures;  ///< RGB; empty: a gap
  std::string words;              ///< below the row; may be none
};

struct Sheet {
  std::string title;
  std::vector<std::string> columns;
  std::vector<SheetRow> rows;
};

/// Pictures of unlike sizes keep their shape within the largest one's; small ones are enlarged.
std::string draw_sheet(const Sheet& sheet);

/// The pictures alone, each as it is in a cell of the largest one's size, with white between; empty
/// where there are none.
Picture raster(const Sheet& sheet);

}  // namespace weft
