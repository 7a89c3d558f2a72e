// Random change of a text: each of its characters becomes the unknown one with the chance
// augment.hide, so that a network does not lean on a few letters (dropout of inputs: Srivastava et al.,
// JMLR 2014; of whole words: Iyyer et al., ACL 2015). What is behind the text's end stays nothing.
#pragma once

#include "data/dataset.h"
#include "data/spec.h"
#include "engine/philox.h"

namespace weft {

/// `text`: 1 x L x 1, numbers of data/alphabet.h. Element 8 + i of `noise` is character i's.
void hide_characters(Picture& text, const AugmentSpec& augment, const Philox& noise);

}  // namespace weft
