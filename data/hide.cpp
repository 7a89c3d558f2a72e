// Random change of a text; see hide.h.
#include "data/hide.h"

#include "data/alphabet.h"

namespace weft {

void hide_characters(Picture& text, const AugmentSpec& augment, const Philox& noise) {
  if (augment.hide == 0) return;
  for (size_t i = 0; i < text.pixels.size(); ++i)
    if (text.pixels[i] != 0 && noise.uniform(8 + i) < augment.hide)
      text.pixels[i] = static_cast<float>(Alphabet::unknown);
}

}  // namespace weft
