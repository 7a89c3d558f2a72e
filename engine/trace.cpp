// Trace: one pointer for each thread.
#include "engine/trace.h"

#include <utility>

namespace weft {
namespace {

thread_local Trace* trace_here = nullptr;

}  // namespace

Trace::Trace() : before_(std::exchange(trace_here, this)) {}

Trace::~Trace() { trace_here = before_; }

Trace* current_trace() { return trace_here; }

}  // namespace weft
