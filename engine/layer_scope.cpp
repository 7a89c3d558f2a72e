// LayerScope: two pointers for each thread.
#include "engine/layer_scope.h"

#include <fmt/format.h>

#include <utility>

namespace weft {
namespace {

thread_local std::string_view layer_here;
thread_local const char* op_here = nullptr;

}  // namespace

LayerScope::LayerScope(std::string_view name) : before_(std::exchange(layer_here, name)) {}

LayerScope::~LayerScope() {
  layer_here = before_;
  op_here = nullptr;  // left by an exception
}

std::string_view current_layer() { return layer_here; }

std::string_view layer_of(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string in_layer(std::string_view layer, const char* op) {
  return layer.empty() ? std::string(op) : fmt::format("{} ({})", layer, op);
}

std::string in_layer(const char* op) { return in_layer(layer_here, op); }

void enter_op(const char* op) { op_here = op; }

std::string leave_op() {
  const char* op = std::exchange(op_here, nullptr);
  return op == nullptr ? std::string() : in_layer(op) + ": ";
}

}  // namespace weft
