// Whose code is at work on this thread, so that an error says "layer3.1.conv2 (conv2d): ...". A
// layer opens a LayerScope around its ops, and Tape::of() notes each op until it is recorded. Both
// keep pointers: no text is made before something is wrong.
#pragma once

#include <string>
#include <string_view>

namespace weft {

/// While it lives, ops of this thread belong to the layer; of nested ones the innermost counts.
class LayerScope {
 public:
  /// `name` is kept as it is, by nodes of the tape too: text that outlives them, such as a
  /// parameter's name or a part of it.
  explicit LayerScope(std::string_view name);
  ~LayerScope();
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  std::string_view before_;
};

std::string_view current_layer();  ///< empty: none

/// "layer3.1.conv2" of "layer3.1.conv2.weight": all before the last dot; empty where there is none.
std::string_view layer_of(std::string_view name);

/// "LAYER (OP)", or the op alone where `layer` is empty.
std::string in_layer(std::string_view layer, const char* op);
/// The same for the current layer.
std::string in_layer(const char* op);

/// The op whose code runs from now on; null: none.
void enter_op(const char* op);
/// "LAYER (OP): " for a message about to be thrown out of the op at work, which so ends; "" where
/// none is.
std::string leave_op();

}  // namespace weft
